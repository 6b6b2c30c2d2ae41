-- Observation?code=http://loinc.org|1&date=ge2020  (count)
SELECT count(DISTINCT t2."key") AS count_1
FROM observation_code AS t2 JOIN observation AS t3 ON t3."key" = t2."key"
WHERE t2.code = ? AND t2.system = ? AND t3.effective_start >= coalesce(datetime(?, ('-' || coalesce((SELECT main_span.days
FROM main_span
WHERE main_span.type = ?), 1)) || ' days'), ?) AND (t3.effective_start >= ? OR t3.effective_end > ?) AND t2.main_date >= coalesce(datetime(?, ('-' || coalesce((SELECT main_span.days
FROM main_span
WHERE main_span.type = ?), 1)) || ' days'), ?);

-- Observation?code=http://loinc.org|1&date=ge2020
SELECT r.type, r.id, r.version, r.last_updated, page."key", v.method, v.content, page.s0
FROM (SELECT DISTINCT t2.main_date AS s0, t2."key" AS "key"
FROM observation_code AS t2 JOIN observation AS t3 ON t3."key" = t2."key"
WHERE t2.code = ? AND t2.system = ? AND t3.effective_start >= coalesce(datetime(?, ('-' || coalesce((SELECT main_span.days
FROM main_span
WHERE main_span.type = ?), 1)) || ' days'), ?) AND (t3.effective_start >= ? OR t3.effective_end > ?) AND t2.main_date >= coalesce(datetime(?, ('-' || coalesce((SELECT main_span.days
FROM main_span
WHERE main_span.type = ?), 1)) || ' days'), ?) ORDER BY s0 DESC, t2."key" DESC
 LIMIT ? OFFSET ?) AS page JOIN resource AS r ON r."key" = page."key" JOIN resource_version AS v ON v."key" = r."key" AND v.version = r.version ORDER BY page.s0 DESC, page."key" DESC;

-- Observation?code=http://loinc.org|1&date=ge2020
SELECT r.type, r.id, r.version, r.last_updated, page.key, v.method, v.content, page.s0
FROM (SELECT DISTINCT t2.main_date AS s0, t2.key AS key
FROM observation_code AS t2 JOIN observation AS t3 ON t3.key = t2.key
WHERE t2.code = %(p0)s::VARCHAR COLLATE "C" AND t2.system = %(p1)s::VARCHAR COLLATE "C" AND t3.effective_start >= CAST(%(p2)s::TIMESTAMP WITH TIME ZONE AS TIMESTAMP WITH TIME ZONE) - make_interval(%(make_interval_1)s::INTEGER, %(make_interval_2)s::INTEGER, %(make_interval_3)s::INTEGER, least(coalesce((SELECT main_span.days
FROM main_span
WHERE main_span.type = %(param_1)s::VARCHAR), 1), 1500000)) AND (t3.effective_start >= %(p2)s::TIMESTAMP WITH TIME ZONE OR t3.effective_end > %(p3)s::TIMESTAMP WITH TIME ZONE) AND t2.main_date >= CAST(%(p2)s::TIMESTAMP WITH TIME ZONE AS TIMESTAMP WITH TIME ZONE) - make_interval(%(make_interval_4)s::INTEGER, %(make_interval_5)s::INTEGER, %(make_interval_6)s::INTEGER, least(coalesce((SELECT main_span.days
FROM main_span
WHERE main_span.type = %(param_2)s::VARCHAR), 1), 1500000)) ORDER BY s0 DESC, t2.key DESC
 LIMIT %(limit)s) AS page JOIN resource AS r ON r.key = page.key JOIN resource_version AS v ON v.key = r.key AND v.version = r.version ORDER BY page.s0 DESC, page.key DESC;

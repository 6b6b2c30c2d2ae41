-- Observation?patient=1&_sort=-date
SELECT r.type, r.id, r.version, r.last_updated, page.key, v.method, v.content, page.s0
FROM (SELECT t2.effective_start AS s0, t2.key AS key
FROM observation AS t2
WHERE t2.subject_type IN (%(param_1)s::VARCHAR COLLATE "C") AND t2.subject_key IN (SELECT t3.key
FROM resource AS t3
WHERE t3.type IN (%(param_2)s::VARCHAR COLLATE "C", %(param_3)s::VARCHAR COLLATE "C") AND t3.id = %(p0)s::VARCHAR COLLATE "C") AND t2.effective_start IS NOT NULL ORDER BY s0 DESC, t2.key DESC
 LIMIT %(limit)s) AS page JOIN resource AS r ON r.key = page.key JOIN resource_version AS v ON v.key = r.key AND v.version = r.version ORDER BY page.s0 DESC, page.key DESC;

-- Patient?_has:Observation:patient:code=1
SELECT r.type, r.id, r.version, r.last_updated, page.key, v.method, v.content
FROM (SELECT t1.key AS key
FROM patient AS t1
WHERE t1.key IN (SELECT t4.subject_key
FROM observation_code AS t3 JOIN observation AS t4 ON t4.key = t3.key
WHERE t3.code = %(p0)s::VARCHAR COLLATE "C" AND t4.subject_type IN (%(param_1)s::VARCHAR COLLATE "C") AND t4.subject_key IS NOT NULL) ORDER BY t1.key ASC
 LIMIT %(limit)s) AS page JOIN resource AS r ON r.key = page.key JOIN resource_version AS v ON v.key = r.key AND v.version = r.version ORDER BY page.key ASC;

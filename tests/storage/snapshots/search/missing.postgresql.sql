-- Patient?phone:missing=true
SELECT r.type, r.id, r.version, r.last_updated, page.key, v.method, v.content
FROM (SELECT t1.key AS key
FROM patient AS t1
WHERE NOT (EXISTS (SELECT *
FROM patient_telecom AS t2
WHERE t2.key = t1.key AND t2.system IN (%(param_1)s::VARCHAR COLLATE "C") AND (t2.system IS NOT NULL OR t2.value IS NOT NULL OR t2.value_folded IS NOT NULL OR t2.use IS NOT NULL OR t2.rank IS NOT NULL))) ORDER BY t1.key ASC
 LIMIT %(limit)s) AS page JOIN resource AS r ON r.key = page.key JOIN resource_version AS v ON v.key = r.key AND v.version = r.version ORDER BY page.key ASC;

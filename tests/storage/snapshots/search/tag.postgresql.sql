-- Observation?_tag=urn:t|x
SELECT r.type, r.id, r.version, r.last_updated, page.key, v.method, v.content
FROM (SELECT DISTINCT t2.key AS key
FROM meta_tag AS t2
WHERE t2.type = %(type_1)s::VARCHAR COLLATE "C" AND t2.code = %(p0)s::VARCHAR COLLATE "C" AND t2.system = %(p1)s::VARCHAR COLLATE "C" ORDER BY t2.key ASC
 LIMIT %(limit)s) AS page JOIN resource AS r ON r.key = page.key JOIN resource_version AS v ON v.key = r.key AND v.version = r.version ORDER BY page.key ASC;

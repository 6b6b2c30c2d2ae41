-- ?_tag=urn:t|x&_lastUpdated=gt2026
SELECT r.type, r.id, r.version, r.last_updated, page.key, v.method, v.content
FROM (SELECT t3.key AS key
FROM resource AS t3
WHERE t3.last_updated >= %(p3)s::TIMESTAMP WITH TIME ZONE AND NOT t3.deleted AND (EXISTS (SELECT *
FROM meta_tag AS t4
WHERE t4.key = t3.key AND t4.code = %(p0)s::VARCHAR COLLATE "C" AND t4.system = %(p1)s::VARCHAR COLLATE "C")) ORDER BY t3.key ASC
 LIMIT %(limit)s) AS page JOIN resource AS r ON r.key = page.key JOIN resource_version AS v ON v.key = r.key AND v.version = r.version ORDER BY page.key ASC;

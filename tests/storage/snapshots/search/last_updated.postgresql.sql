-- Patient?_lastUpdated=gt2026
SELECT r.type, r.id, r.version, r.last_updated, page.key, v.method, v.content, page.s0
FROM (SELECT t2.last_updated AS s0, t2.key AS key
FROM resource AS t2
WHERE t2.type = %(type_1)s::VARCHAR COLLATE "C" AND t2.last_updated >= %(p1)s::TIMESTAMP WITH TIME ZONE AND NOT t2.deleted ORDER BY s0 DESC, t2.key DESC
 LIMIT %(limit)s) AS page JOIN resource AS r ON r.key = page.key JOIN resource_version AS v ON v.key = r.key AND v.version = r.version ORDER BY page.s0 DESC, page.key DESC;

-- ?_tag=urn:t|x&_lastUpdated=gt2026
SELECT r.type, r.id, r.version, r.last_updated, page."key", v.method, v.content
FROM (SELECT t3."key" AS "key"
FROM resource AS t3
WHERE t3.last_updated >= ? AND t3.deleted = 0 AND (EXISTS (SELECT *
FROM meta_tag AS t4
WHERE t4."key" = t3."key" AND t4.code = ? AND t4.system = ?)) ORDER BY t3."key" ASC
 LIMIT ? OFFSET ?) AS page JOIN resource AS r ON r."key" = page."key" JOIN resource_version AS v ON v."key" = r."key" AND v.version = r.version ORDER BY page."key" ASC;

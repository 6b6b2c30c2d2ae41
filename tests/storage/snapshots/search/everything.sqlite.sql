-- Patient?
SELECT r.type, r.id, r.version, r.last_updated, page."key", v.method, v.content
FROM (SELECT t1."key" AS "key"
FROM patient AS t1 ORDER BY t1."key" ASC
 LIMIT ? OFFSET ?) AS page JOIN resource AS r ON r."key" = page."key" JOIN resource_version AS v ON v."key" = r."key" AND v.version = r.version ORDER BY page."key" ASC;

-- Observation?code=1,2
SELECT r.type, r.id, r.version, r.last_updated, page."key", v.method, v.content, page.s0
FROM (SELECT DISTINCT t9.s0 AS s0, t9."key" AS "key"
FROM (SELECT t7.s0 AS s0, t7."key" AS "key"
FROM (SELECT DISTINCT t4.main_date AS s0, t4."key" AS "key"
FROM observation_code AS t4
WHERE t4.code = ? AND t4.main_date IS NOT NULL ORDER BY s0 DESC, t4."key" DESC
 LIMIT ? OFFSET ?) AS t7 UNION ALL SELECT t8.s0 AS s0, t8."key" AS "key"
FROM (SELECT DISTINCT t6.main_date AS s0, t6."key" AS "key"
FROM observation_code AS t6
WHERE t6.code = ? AND t6.main_date IS NOT NULL ORDER BY s0 DESC, t6."key" DESC
 LIMIT ? OFFSET ?) AS t8) AS t9 ORDER BY t9.s0 DESC, t9."key" DESC
 LIMIT ? OFFSET ?) AS page JOIN resource AS r ON r."key" = page."key" JOIN resource_version AS v ON v."key" = r."key" AND v.version = r.version ORDER BY page.s0 DESC, page."key" DESC;

-- Questionnaire?url=http://example.org/q
SELECT r.type, r.id, r.version, r.last_updated, page.key, v.method, v.content, page.s0
FROM (SELECT t2.date AS s0, t2.key AS key
FROM questionnaire AS t2
WHERE substr(t2.url, 1, 200) = %(p1)s AND t2.url >= %(p0)s::VARCHAR COLLATE "C" AND t2.url <= %(p0)s::VARCHAR COLLATE "C" AND t2.date IS NOT NULL ORDER BY s0 DESC, t2.key DESC
 LIMIT %(limit)s) AS page JOIN resource AS r ON r.key = page.key JOIN resource_version AS v ON v.key = r.key AND v.version = r.version ORDER BY page.s0 DESC, page.key DESC;

-- Encounter?status=planned  (compartment)
SELECT r.type, r.id, r.version, r.last_updated, page."key", v.method, v.content, page.s0
FROM (SELECT t2.period_start AS s0, t2."key" AS "key"
FROM encounter AS t2
WHERE t2.status = ? AND t2."key" IN (SELECT member."key"
FROM encounter AS member
WHERE member.subject_key = (SELECT owner."key"
FROM resource AS owner
WHERE owner.type = ? AND owner.id = ?) AND member.subject_type IN (?)) AND t2.period_start IS NOT NULL ORDER BY s0 DESC, t2."key" DESC
 LIMIT ? OFFSET ?) AS page JOIN resource AS r ON r."key" = page."key" JOIN resource_version AS v ON v."key" = r."key" AND v.version = r.version ORDER BY page.s0 DESC, page."key" DESC;

-- Patient?_has:Observation:patient:code=1  (restricted)
SELECT r.type, r.id, r.version, r.last_updated, page."key", v.method, v.content
FROM (SELECT t1."key" AS "key"
FROM patient AS t1
WHERE t1."key" IN (SELECT t4.subject_key
FROM observation_code AS t3 JOIN observation AS t4 ON t4."key" = t3."key"
WHERE t3.code = ? AND t3."key" IN (SELECT member."key"
FROM observation AS member
WHERE member.subject_key = (SELECT owner."key"
FROM resource AS owner
WHERE owner.type = ? AND owner.id = ?) UNION ALL SELECT member."key"
FROM observation_performer AS member
WHERE member.target_key = (SELECT owner."key"
FROM resource AS owner
WHERE owner.type = ? AND owner.id = ?)) AND t4.subject_type IN (?) AND t4.subject_key IS NOT NULL) AND t1."key" IN (SELECT owner."key"
FROM resource AS owner
WHERE owner.type = ? AND owner.id = ? AND owner.deleted = 0 UNION ALL SELECT member."key"
FROM patient_link AS member
WHERE member.other_key = (SELECT owner."key"
FROM resource AS owner
WHERE owner.type = ? AND owner.id = ?)) ORDER BY t1."key" ASC
 LIMIT ? OFFSET ?) AS page JOIN resource AS r ON r."key" = page."key" JOIN resource_version AS v ON v."key" = r."key" AND v.version = r.version ORDER BY page."key" ASC;

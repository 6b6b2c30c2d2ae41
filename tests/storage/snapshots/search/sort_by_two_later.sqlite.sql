-- Patient?_sort=family,-birthdate  (later)
SELECT r.type, r.id, r.version, r.last_updated, page."key", v.method, v.content, page.s0, page.s1
FROM (SELECT substr((SELECT min(t3.folded) AS v
FROM patient_name_part AS t3
WHERE t3."key" = t1."key" AND t3.part IN (?)), 1, 200) AS s0, t1.birth_date AS s1, t1.birth_date IS NULL AS n1, t1."key" AS "key"
FROM patient AS t1
WHERE substr((SELECT min(t3.folded) AS v
FROM patient_name_part AS t3
WHERE t3."key" = t1."key" AND t3.part IN (?)), 1, 200) IS NOT NULL AND (substr((SELECT min(t3.folded) AS v
FROM patient_name_part AS t3
WHERE t3."key" = t1."key" AND t3.part IN (?)), 1, 200) > ? OR substr((SELECT min(t3.folded) AS v
FROM patient_name_part AS t3
WHERE t3."key" = t1."key" AND t3.part IN (?)), 1, 200) = ? AND (t1.birth_date < ? OR t1.birth_date IS NULL) OR substr((SELECT min(t3.folded) AS v
FROM patient_name_part AS t3
WHERE t3."key" = t1."key" AND t3.part IN (?)), 1, 200) = ? AND t1.birth_date = ? AND t1."key" < ?) ORDER BY s0 ASC, n1 ASC, s1 DESC, t1."key" DESC
 LIMIT ? OFFSET ?) AS page JOIN resource AS r ON r."key" = page."key" JOIN resource_version AS v ON v."key" = r."key" AND v.version = r.version ORDER BY page.s0 ASC, page.n1 ASC, page.s1 DESC, page."key" DESC;

-- Patient?_sort=family,-birthdate
SELECT r.type, r.id, r.version, r.last_updated, page."key", v.method, v.content, page.s0, page.s1
FROM (SELECT DISTINCT substr(t3.folded, 1, 200) AS s0, t6.birth_date AS s1, t6.birth_date IS NULL AS n1, t3."key" AS "key"
FROM patient_name_part AS t3 JOIN patient AS t6 ON t6."key" = t3."key"
WHERE t3.part IN (?) AND substr(t3.folded, 1, 200) IS NOT NULL AND NOT (EXISTS (SELECT *
FROM patient_name_part AS t4
WHERE t4."key" = t3."key" AND t4.part IN (?) AND substr(t4.folded, 1, 200) < substr(t3.folded, 1, 200))) ORDER BY s0 ASC, n1 ASC, s1 DESC, t3."key" DESC
 LIMIT ? OFFSET ?) AS page JOIN resource AS r ON r."key" = page."key" JOIN resource_version AS v ON v."key" = r."key" AND v.version = r.version ORDER BY page.s0 ASC, page.n1 ASC, page.s1 DESC, page."key" DESC;

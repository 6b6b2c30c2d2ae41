-- Observation?subject:Patient.name=ann
SELECT r.type, r.id, r.version, r.last_updated, page."key", v.method, v.content, page.s0
FROM (SELECT t1.effective_start AS s0, t1."key" AS "key"
FROM observation AS t1
WHERE t1.subject_key IN (SELECT t3."key"
FROM patient_name_part AS t3
WHERE substr(t3.folded, 1, 200) >= ? AND substr(t3.folded, 1, 200) < ?) AND t1.effective_start IS NOT NULL ORDER BY s0 DESC, t1."key" DESC
 LIMIT ? OFFSET ?) AS page JOIN resource AS r ON r."key" = page."key" JOIN resource_version AS v ON v."key" = r."key" AND v.version = r.version ORDER BY page.s0 DESC, page."key" DESC;

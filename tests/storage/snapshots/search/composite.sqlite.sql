-- Observation?code-value-quantity=http://loinc.org|1$gt5
SELECT r.type, r.id, r.version, r.last_updated, page."key", v.method, v.content, page.s0
FROM (SELECT DISTINCT t2.main_date AS s0, t2."key" AS "key"
FROM observation_code AS t2
WHERE t2.code = ? AND t2.system = ? AND (EXISTS (SELECT *
FROM observation AS t3
WHERE t3."key" = t2."key" AND t3.value_quantity_high > ?)) AND t2.main_date IS NOT NULL ORDER BY s0 DESC, t2."key" DESC
 LIMIT ? OFFSET ?) AS page JOIN resource AS r ON r."key" = page."key" JOIN resource_version AS v ON v."key" = r."key" AND v.version = r.version ORDER BY page.s0 DESC, page."key" DESC;

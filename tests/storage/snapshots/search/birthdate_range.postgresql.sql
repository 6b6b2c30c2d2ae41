-- Patient?birthdate=ge1970&birthdate=lt1980
SELECT r.type, r.id, r.version, r.last_updated, page.key, v.method, v.content, page.s0
FROM (SELECT t2.birth_date AS s0, t2.key AS key
FROM patient AS t2
WHERE t2.birth_date > %(p2)s::TIMESTAMP WITH TIME ZONE AND (t2.birth_date >= %(p0)s::TIMESTAMP WITH TIME ZONE OR t2.birth_date_until > %(p1)s::TIMESTAMP WITH TIME ZONE) AND t2.birth_date < %(p4)s::TIMESTAMP WITH TIME ZONE ORDER BY s0 DESC, t2.key DESC
 LIMIT %(limit)s) AS page JOIN resource AS r ON r.key = page.key JOIN resource_version AS v ON v.key = r.key AND v.version = r.version ORDER BY page.s0 DESC, page.key DESC;

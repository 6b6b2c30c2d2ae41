-- Patient?name:contains=nn
SELECT r.type, r.id, r.version, r.last_updated, page.key, v.method, v.content
FROM (SELECT DISTINCT t2.key AS key
FROM patient_name_part AS t2
WHERE t2.folded LIKE %(p0)s::VARCHAR COLLATE "C" ESCAPE '\' ORDER BY t2.key ASC
 LIMIT %(limit)s) AS page JOIN resource AS r ON r.key = page.key JOIN resource_version AS v ON v.key = r.key AND v.version = r.version ORDER BY page.key ASC;

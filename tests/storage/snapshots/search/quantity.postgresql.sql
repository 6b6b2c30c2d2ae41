-- Observation?value-quantity=gt5.4|http://unitsofmeasure.org|mg
SELECT r.type, r.id, r.version, r.last_updated, page.key, v.method, v.content
FROM (SELECT t1.key AS key
FROM observation AS t1
WHERE t1.value_quantity_canonical_code = %(p0)s::VARCHAR COLLATE "C" AND t1.value_quantity_canonical_high > %(p1)s OR t1.value_sampled_data_canonical_code = %(p0)s::VARCHAR COLLATE "C" AND t1.value_sampled_data_canonical_high > %(p1)s ORDER BY t1.key ASC
 LIMIT %(limit)s) AS page JOIN resource AS r ON r.key = page.key JOIN resource_version AS v ON v.key = r.key AND v.version = r.version ORDER BY page.key ASC;

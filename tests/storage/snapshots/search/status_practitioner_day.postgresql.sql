-- Appointment?status=booked&practitioner=1&date=2026-11-20
SELECT r.type, r.id, r.version, r.last_updated, page.key, v.method, v.content, page.s0
FROM (SELECT DISTINCT t2.main_date AS s0, t2.key AS key
FROM appointment_participant AS t2 JOIN appointment AS t4 ON t4.key = t2.key
WHERE t2.actor_type IN (%(param_1)s::VARCHAR COLLATE "C") AND t2.actor_key = (SELECT t3.key
FROM resource AS t3
WHERE t3.type = %(type_1)s::VARCHAR COLLATE "C" AND t3.id = %(p1)s::VARCHAR COLLATE "C") AND t4.status = %(p0)s::VARCHAR COLLATE "C" AND t4.start_time >= %(p2)s::TIMESTAMP WITH TIME ZONE AND t4.start_time < %(p3)s::TIMESTAMP WITH TIME ZONE AND t2.main_date < %(p3)s::TIMESTAMP WITH TIME ZONE AND t2.main_date >= %(p2)s::TIMESTAMP WITH TIME ZONE ORDER BY s0 DESC, t2.key DESC
 LIMIT %(limit)s) AS page JOIN resource AS r ON r.key = page.key JOIN resource_version AS v ON v.key = r.key AND v.version = r.version ORDER BY page.s0 DESC, page.key DESC;

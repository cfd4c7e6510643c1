-- The views of the store (acstore(5)): the stable names for acreport's users,
-- `sqlite3 -readonly DB` and Grafana. Made by `accollect init` after
-- store.sql. No view shows an id or the time when something was received, so
-- the rows of all views are the content that `accollect check --hash` hashes:
-- the same records give the same rows, in whatever order they came.
--
-- Columns that are in many of them:
--   t, first, last, since ...  microseconds since 1970-01-01 UTC (integer)
--   time, first_time ...       the same as RFC 3339 text, UTC, six digits
--   vp target address af port proto question flow    the lane: everything is
--                              compared only within one; port -1: none
--   method, instance           how the name was learnt, and the name, each
--                              foreign byte as \DDD; null: no name
--   rtt_us                     round trip; null unless answered
--
-- In Grafana: SELECT t / 1000000 AS time, rtt_us / 1000.0 AS ms ...

-- Vantage points. batches: how many are stored; first, last: the earliest and
-- the latest beginning of one.
CREATE VIEW v_vp AS
SELECT v.name AS vp,
	v.batches, v.first, v.last,
	strftime('%Y-%m-%dT%H:%M:%SZ', v.first / 1000000, 'unixepoch')
	    AS first_time,
	strftime('%Y-%m-%dT%H:%M:%SZ', v.last / 1000000, 'unixepoch')
	    AS last_time
FROM (SELECT id, name,
	(SELECT ifnull(sum(batches), 0) FROM progress WHERE vp = vp.id)
	    AS batches,
	(SELECT min(t0) FROM batch WHERE vp = vp.id) AS first,
	(SELECT max(t0) FROM batch WHERE vp = vp.id) AS last
	FROM vp) v
ORDER BY v.id;

-- Where a vantage point was, and when: a row holds for valid_from <= t and
-- t < valid_to, so that
--   FROM v_record r JOIN v_place p
--     ON p.vp = r.vp AND r.t >= p.valid_from AND r.t < p.valid_to
-- gives every record its region. since is what the operator said; the first
-- row holds for the time before it too.
CREATE VIEW v_place AS
SELECT v.name AS vp,
	CASE WHEN lag(p.since) OVER w IS NULL THEN 0 ELSE p.since END
	    AS valid_from,
	coalesce(lead(p.since) OVER w, 9223372036854775807) AS valid_to,
	p.since,
	strftime('%Y-%m-%dT%H:%M:%S', p.since / 1000000, 'unixepoch')
	    || printf('.%06dZ', p.since % 1000000) AS since_time,
	p.lat, p.lon, p.region, p.country, p.city, p.asn, p.tags
FROM vp_place p JOIN vp v ON v.id = p.vp
WINDOW w AS (PARTITION BY p.vp ORDER BY p.since);

-- Keys that may sign for a vantage point. until null: still.
CREATE VIEW v_key AS
SELECT v.name AS vp, k.keyid, lower(hex(k.public)) AS public_hex,
	k.since, k.until
FROM vp_key k JOIN vp v ON v.id = k.vp;

-- Batches: one round each, or one imported result. revoked: its key (keyid) was
-- revoked since, and it was measured earlier than that time, or later (it came
-- before the revocation did). pruned: what retention took of it, 1 its raw
-- replies, 2 its paths, 4 its records; summed.
CREATE VIEW v_batch AS
SELECT v.name AS vp, s.name AS spool, b.number, lower(hex(b.sha256)) AS sha256,
	b.t0, b.t1,
	strftime('%Y-%m-%dT%H:%M:%S', b.t0 / 1000000, 'unixepoch')
	    || printf('.%06dZ', b.t0 % 1000000) AS time,
	b.rows, nullif(b.every_s, 0) AS every_s, b.questions, b.lost,
	b.skipped, b.too_late,
	printf('{"type":"head","round_at":"%s.%06dZ","every_s":%d,'
	    || '"questions":%d,"lost":%d,"skipped":%d,"clock":%s,'
	    || '"clock_offset_us":%s,"clock_max_error_us":%s,'
	    || '"clock_stepped":%s%s%s,%s',
	    strftime('%Y-%m-%dT%H:%M:%S', (b.t0 + b.round_us) / 1000000,
		'unixepoch'),
	    (b.t0 + b.round_us) % 1000000,
	    b.every_s, b.questions, b.lost, b.skipped,
	    CASE b.clock & 3 WHEN 1 THEN '"synced"' WHEN 2 THEN '"unsynced"'
		ELSE 'null' END,
	    ifnull(b.clock_offset_us, 'null'),
	    ifnull(b.clock_max_error_us, 'null'),
	    iif(b.clock & 4, 'true', 'false'),
	    ifnull(',"suspended_us":' || b.suspended_us, ''),
	    ifnull(',"attacked":' || b.attacked, ''),
	    substr(h.json, 2)) AS head,
	b.keyid,
	CASE WHEN b.t1 >= k.until THEN 'later' WHEN k.until IS NOT NULL
	    THEN 'earlier' END AS revoked,
	b.pruned
FROM batch b JOIN vp v ON v.id = b.vp JOIN spool s ON s.id = b.spool
JOIN host h ON h.id = b.host
LEFT JOIN vp_key k ON k.keyid = b.keyid;

-- Records: one question and what came of it. The way in is the batch: a
-- query over a time should say so twice, as in
--   WHERE vp = 'lon1' AND t >= :since AND t < :until
--     AND batch_t0 > :since - 3600000000 AND batch_t0 < :until
-- since a batch spans at most an hour and only its beginning is indexed.
-- detail and reply are JSON with the keys of acrecord(5): what belongs to the
-- lane (flow tuple, checks, counters, reason) and what the reply said (nsid,
-- answer, serial, flags), as in json_extract(detail, '$.flow.sport'). (The
-- view itself must work under trusted_schema=OFF, where SQLite 3.40 takes the
-- JSON functions for unsafe; hence the way in which reason is cut out.) hops
-- is the path of a trace and hop_rtts its round trips in microseconds, hop by
-- hop; reply_hex are the first bytes of a reply that was kept.
CREATE VIEW v_record AS
SELECT b.t0 + m.dt_us AS t,
	strftime('%Y-%m-%dT%H:%M:%S', (b.t0 + m.dt_us) / 1000000, 'unixepoch')
	    || printf('.%06dZ', (b.t0 + m.dt_us) % 1000000) AS time,
	v.name AS vp, l.target, l.address, l.af, l.port, l.proto, l.question,
	l.flow,
	CASE m.outcome WHEN 0 THEN 'answered' WHEN 1 THEN 'refused'
	    WHEN 2 THEN 'unreachable' WHEN 3 THEN 'timeout'
	    WHEN 4 THEN 'malformed' WHEN 5 THEN 'unsent' END AS outcome,
	CASE WHEN instr(d.json, '"reason":"') > 0
	    THEN substr(d.json, instr(d.json, '"reason":"') + 10,
		instr(substr(d.json, instr(d.json, '"reason":"') + 10), '"') - 1)
	    END AS reason,
	m.rtt_us,
	CASE m.stamp WHEN 1 THEN 'kernel' WHEN 2 THEN 'user' END AS stamp,
	nullif(i.method, '') AS method,
	nullif(i.text, '') AS instance,
	m.rcode, m.ttl AS reply_ttl, m.size,
	d.json AS detail, y.json AS reply,
	p.hops, tr.rtts AS hop_rtts,
	lower(hex(a.bytes)) AS reply_hex,
	s.name AS spool, b.number, b.t0 AS batch_t0
FROM vp v
CROSS JOIN batch b ON b.vp = v.id AND b.too_late = 0
CROSS JOIN spool s ON s.id = b.spool
CROSS JOIN measurement m
    ON m.id BETWEEN b.first_row AND b.first_row + b.rows - 1
CROSS JOIN lane l ON l.id = m.lane
LEFT JOIN instance i ON i.id = m.instance
LEFT JOIN detail d ON d.id = m.detail
LEFT JOIN detail y ON y.id = m.reply
LEFT JOIN trace tr ON tr.measurement = m.id
LEFT JOIN path p ON p.id = tr.path
LEFT JOIN answer_bytes a ON a.measurement = m.id;

-- Runs: a stretch of one instance in one lane within an hour (hour_t is its
-- beginning); first, then tie order the runs of a lane. What was not answered is one row with answered = 0: of asked
-- questions unsent never left the host. hist_hex is a sparse histogram of
-- rtt_us (acstore(5)).
CREATE VIEW v_run AS
SELECT r.hour * 3600000000 AS hour_t,
	v.name AS vp, l.target, l.address, l.af, l.port, l.proto, l.question,
	l.flow,
	nullif(i.method, '') AS method,
	nullif(i.text, '') AS instance,
	r.first, r.last,
	strftime('%Y-%m-%dT%H:%M:%S', r.first / 1000000, 'unixepoch')
	    || printf('.%06dZ', r.first % 1000000) AS first_time,
	strftime('%Y-%m-%dT%H:%M:%S', r.last / 1000000, 'unixepoch')
	    || printf('.%06dZ', r.last % 1000000) AS last_time,
	r.tie, r.answered, r.asked, r.unsent,
	lower(hex(r.hist)) AS hist_hex
FROM run r JOIN lane l ON l.id = r.lane JOIN vp v ON v.id = l.vp
LEFT JOIN instance i ON i.id = r.instance;

-- Intervals: maximal stretches of one instance in a lane. Silence does not
-- break one. instance null: answered without a name.
CREATE VIEW v_interval AS
SELECT v.name AS vp, l.target, l.address, l.af, l.port, l.proto, l.question,
	l.flow,
	nullif(i.method, '') AS method,
	nullif(i.text, '') AS instance,
	n.first, n.tie, n.last,
	strftime('%Y-%m-%dT%H:%M:%S', n.first / 1000000, 'unixepoch')
	    || printf('.%06dZ', n.first % 1000000) AS first_time,
	strftime('%Y-%m-%dT%H:%M:%S', n.last / 1000000, 'unixepoch')
	    || printf('.%06dZ', n.last % 1000000) AS last_time
FROM interval n JOIN lane l ON l.id = n.lane JOIN vp v ON v.id = l.vp
LEFT JOIN instance i ON i.id = n.instance;

-- Changes of instance within a lane and method: t is the first sight of the
-- new one, old_last the last sight of the old one, so the change happened in
-- between. Answers without a name and silence are no change. (acreport
-- changes shows changes of site, with round trips before and after.)
CREATE VIEW v_change AS
SELECT c.first AS t,
	strftime('%Y-%m-%dT%H:%M:%S', c.first / 1000000, 'unixepoch')
	    || printf('.%06dZ', c.first % 1000000) AS time,
	v.name AS vp, l.target, l.address, l.af, l.port, l.proto, l.question,
	l.flow,
	c.method, f.text AS from_instance, c.text AS to_instance,
	c.old_last, (c.first - c.old_last) / 1000000.0 AS uncertain_s
FROM (SELECT n.lane, n.first, i.method, i.text, n.instance,
	lag(n.instance) OVER w AS old, lag(n.last) OVER w AS old_last
	FROM interval n JOIN instance i ON i.id = n.instance
	WHERE n.instance > 1
	WINDOW w AS (PARTITION BY n.lane, i.method
	    ORDER BY n.first, n.tie)) c
JOIN instance f ON f.id = c.old
JOIN lane l ON l.id = c.lane JOIN vp v ON v.id = l.vp
WHERE c.old <> c.instance;

-- Instances: every name that was ever given.
CREATE VIEW v_instance AS
SELECT method, text AS instance, lower(hex(bytes)) AS instance_hex
FROM instance WHERE id > 1;

-- Sites of a service as the names themselves tell them: what a site map has
-- to cover. vantage_points: how many ever saw it.
CREATE VIEW v_site AS
SELECT l.target, l.address, l.af, i.method, i.text AS site,
	count(DISTINCT l.vp) AS vantage_points,
	min(n.first) AS first, max(n.last) AS last,
	strftime('%Y-%m-%dT%H:%M:%SZ', min(n.first) / 1000000, 'unixepoch')
	    AS first_time,
	strftime('%Y-%m-%dT%H:%M:%SZ', max(n.last) / 1000000, 'unixepoch')
	    AS last_time
FROM interval n JOIN lane l ON l.id = n.lane
JOIN instance i ON i.id = n.instance
WHERE n.instance > 1
GROUP BY l.target, l.address, l.af, n.instance;

-- The operator's notes.
CREATE VIEW v_note AS
SELECT t, strftime('%Y-%m-%dT%H:%M:%SZ', t / 1000000, 'unixepoch') AS time,
	text, target, site
FROM note;

-- The operator's lists of sites.
CREATE VIEW v_site_list AS
SELECT name, since,
	strftime('%Y-%m-%dT%H:%M:%SZ', since / 1000000, 'unixepoch')
	    AS since_time,
	lines
FROM site_list;

-- From version 1 to 2: heads of batches in pieces and names of spools, what
-- came of each spool, room taken by day, kinds of conflict, addresses of
-- vantage points, lists of sites, what notes are about, sums of all rows but
-- the measurements that are there, and blocks: hours whose raw rows are there
-- are settled once more for theirs. sha256 and row_sum are the program's own
-- functions.
DROP VIEW v_vp;
DROP VIEW v_batch;
DROP VIEW v_record;
CREATE TABLE host(
	id INTEGER PRIMARY KEY,
	hash BLOB NOT NULL UNIQUE,
	json TEXT NOT NULL
) STRICT;
-- A program wrote the heads: what is said of the host stands last.
INSERT INTO host(hash, json) SELECT sha256(json), json FROM
	(SELECT DISTINCT '{' || substr(head, instr(head, '"boot_id":')) AS json
	FROM batch ORDER BY 1);
CREATE TABLE spool(
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,	-- or "ripe-atlas:MSM" of an import
	sum INTEGER
) STRICT;
INSERT INTO spool(name) SELECT DISTINCT spool FROM batch ORDER BY 1;
ALTER TABLE batch RENAME TO old_batch;
CREATE TABLE batch(
	id INTEGER PRIMARY KEY,
	vp INTEGER NOT NULL REFERENCES vp(id),
	spool INTEGER NOT NULL REFERENCES spool(id),
	number INTEGER NOT NULL,
	sha256 BLOB NOT NULL,
	t0 INTEGER NOT NULL,	-- earliest record
	t1 INTEGER NOT NULL,	-- latest record; t1 - t0 <= one hour
	first_row INTEGER NOT NULL,
	rows INTEGER NOT NULL,
	every_s INTEGER NOT NULL DEFAULT 0,	-- 0: unknown
	questions INTEGER NOT NULL,		-- planned
	lost INTEGER NOT NULL DEFAULT 0,	-- batches evicted before it
	skipped INTEGER NOT NULL DEFAULT 0,	-- rounds skipped before it
	too_late INTEGER NOT NULL DEFAULT 0,	-- 1: beyond the raw horizon
	received INTEGER NOT NULL,
	keyid TEXT,		-- that signed it; null: an import
	-- what retention took: 1 raw replies, 2 paths, 4 measurements; summed
	pruned INTEGER NOT NULL DEFAULT 0,
	-- The rest of its head, which v_batch puts together again. Null: not said.
	round_us INTEGER NOT NULL DEFAULT 0,	-- its round_at, since t0
	clock INTEGER NOT NULL DEFAULT 0,	-- 1 synced, 2 unsynced; 4: stepped
	clock_offset_us INTEGER,
	clock_max_error_us INTEGER,
	suspended_us INTEGER,
	attacked INTEGER,
	host INTEGER NOT NULL REFERENCES host(id),
	sum INTEGER,
	UNIQUE(vp, spool, number)
) STRICT;
INSERT INTO batch SELECT b.id, vp, s.id, number, sha256, t0, t1, first_row, rows,
	every_s, questions, lost, skipped, too_late, received, keyid, pruned,
	unixepoch(substr(json_extract(head, '$.round_at'), 1, 19)) * 1000000
	    + substr(json_extract(head, '$.round_at'), 21, 6) - t0,
	CASE json_extract(head, '$.clock') WHEN 'synced' THEN 1
	    WHEN 'unsynced' THEN 2 ELSE 0 END
	    + iif(json_extract(head, '$.clock_stepped'), 4, 0),
	json_extract(head, '$.clock_offset_us'),
	json_extract(head, '$.clock_max_error_us'),
	json_extract(head, '$.suspended_us'),
	json_extract(head, '$.attacked'),
	h.id,
	NULL
	FROM old_batch AS b JOIN host AS h
	ON h.json = '{' || substr(head, instr(head, '"boot_id":'))
	JOIN spool AS s ON s.name = b.spool
	ORDER BY b.id;
DROP TABLE old_batch;
CREATE INDEX batch_by_time ON batch(vp, t0);

CREATE TABLE progress(
	vp INTEGER NOT NULL REFERENCES vp(id),
	spool INTEGER NOT NULL REFERENCES spool(id),
	batches INTEGER NOT NULL,
	rows INTEGER NOT NULL,		-- all that they had
	number INTEGER NOT NULL,	-- the highest
	t1 INTEGER NOT NULL,		-- the latest, and of those that have it
	latest INTEGER NOT NULL,	-- the highest number
	first INTEGER,	-- of those with rows the earliest t0
	last INTEGER,	-- and the latest t1
	lost INTEGER NOT NULL,		-- sums, as the next two
	skipped INTEGER NOT NULL,
	too_late INTEGER NOT NULL,
	received INTEGER NOT NULL,	-- the latest
	PRIMARY KEY(vp, spool)
) STRICT, WITHOUT ROWID;
INSERT INTO progress SELECT vp, spool, count(*), sum(rows), max(number), max(t1),
	(SELECT max(number) FROM batch WHERE vp = b.vp AND spool = b.spool
	    AND t1 = max(b.t1)),
	min(t0) FILTER (WHERE rows > 0), max(t1) FILTER (WHERE rows > 0),
	sum(lost), sum(skipped), sum(too_late), max(received)
	FROM batch AS b GROUP BY vp, spool;
CREATE TRIGGER batch_counted AFTER INSERT ON batch BEGIN
	INSERT INTO progress VALUES(new.vp, new.spool, 1, new.rows, new.number,
		new.t1, new.number, iif(new.rows > 0, new.t0, NULL),
		iif(new.rows > 0, new.t1, NULL), new.lost, new.skipped,
		new.too_late, new.received)
	ON CONFLICT(vp, spool) DO UPDATE SET
		batches = batches + 1,
		rows = rows + excluded.rows,
		number = max(number, excluded.number),
		latest = iif((excluded.t1, excluded.latest) > (t1, latest),
			excluded.latest, latest),
		t1 = max(t1, excluded.t1),
		first = min(ifnull(first, excluded.first),
			ifnull(excluded.first, first)),
		last = max(ifnull(last, excluded.last),
			ifnull(excluded.last, last)),
		lost = lost + excluded.lost,
		skipped = skipped + excluded.skipped,
		too_late = too_late + excluded.too_late,
		received = max(received, excluded.received);
END;

CREATE TABLE intake(
	day INTEGER NOT NULL,	-- of receipt: days since 1970-01-01 UTC
	vp INTEGER NOT NULL REFERENCES vp(id),
	batches INTEGER NOT NULL,
	records INTEGER NOT NULL,
	bytes INTEGER NOT NULL,
	sum INTEGER,
	PRIMARY KEY(day, vp)
) STRICT, WITHOUT ROWID;

CREATE TABLE conflict(
	vp INTEGER NOT NULL REFERENCES vp(id),
	spool TEXT NOT NULL,
	kind TEXT NOT NULL,	-- equivocation, clone or rollback
	count INTEGER NOT NULL,
	first INTEGER NOT NULL,	-- when the first came
	last INTEGER NOT NULL,	-- and the last
	number INTEGER NOT NULL,	-- of the last
	sum INTEGER,
	PRIMARY KEY(vp, spool, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE vp_address(
	vp INTEGER NOT NULL REFERENCES vp(id),
	af INTEGER NOT NULL,	-- 4, 6 of one that was seen; 0: reported
	day INTEGER NOT NULL,	-- of first: days since 1970-01-01 UTC
	addresses TEXT NOT NULL,	-- RFC 5952, blanks between
	first INTEGER NOT NULL,
	last INTEGER NOT NULL,
	sum INTEGER,
	PRIMARY KEY(vp, af, day, addresses)
) STRICT, WITHOUT ROWID;

CREATE TABLE site_list(
	name TEXT NOT NULL,
	since INTEGER NOT NULL,
	lines TEXT NOT NULL,	-- of a site map, acsitemap(5), all "listed"
	sum INTEGER,
	PRIMARY KEY(name, since)
) STRICT;

DROP VIEW v_note;
ALTER TABLE note RENAME TO old_note;
CREATE TABLE note(
	id INTEGER PRIMARY KEY,
	t INTEGER NOT NULL,
	text TEXT NOT NULL,
	target TEXT,	-- null: of all
	site TEXT,	-- null: of all
	sum INTEGER
) STRICT;
INSERT INTO note(id, t, text) SELECT id, t, text FROM old_note;
DROP TABLE old_note;

ALTER TABLE lane ADD COLUMN sum INTEGER;
ALTER TABLE instance ADD COLUMN sum INTEGER;
CREATE TABLE row_sum(
	first_row INTEGER PRIMARY KEY,	-- batch.first_row
	rows INTEGER NOT NULL,
	traces INTEGER,
	replies INTEGER
) STRICT;

CREATE TABLE block(
	vp INTEGER NOT NULL,
	hour INTEGER NOT NULL,
	lanes BLOB NOT NULL,
	sum INTEGER,
	PRIMARY KEY(vp, hour)
) STRICT, WITHOUT ROWID;
INSERT INTO setting(name, value) SELECT 'sums_from',
	ifnull(max(first_row + rows), 1) FROM batch;
INSERT INTO setting(name, value) SELECT 'block_horizon', value FROM setting
	WHERE name = 'raw_horizon';
INSERT OR IGNORE INTO unsettled SELECT hour, vp FROM
	(SELECT t0 / 3600000000 AS hour, vp FROM batch WHERE rows > 0
	UNION SELECT t1 / 3600000000, vp FROM batch WHERE rows > 0)
	WHERE hour * 3600000000 >= ifnull((SELECT CAST(value AS INTEGER)
		FROM setting WHERE name = 'raw_horizon'), -9223372036854775808);

ALTER TABLE vp ADD COLUMN sum INTEGER;
ALTER TABLE vp_place ADD COLUMN sum INTEGER;
ALTER TABLE vp_key ADD COLUMN sum INTEGER;
ALTER TABLE setting ADD COLUMN sum INTEGER;
ALTER TABLE refusal ADD COLUMN sum INTEGER;
ALTER TABLE run ADD COLUMN sum INTEGER;
ALTER TABLE interval ADD COLUMN sum INTEGER;
UPDATE vp SET sum = row_sum(name);
UPDATE vp_place SET sum =
	row_sum(vp, since, lat, lon, region, country, city, asn, tags);
UPDATE vp_key SET sum = row_sum(keyid, vp, public, since, until);
UPDATE spool SET sum = row_sum(name);
UPDATE batch SET sum = row_sum(vp, spool, number, sha256, t0, t1, first_row,
	rows, every_s, questions, lost, skipped, too_late, received, keyid,
	pruned, round_us, clock, clock_offset_us, clock_max_error_us,
	suspended_us, attacked, host);
UPDATE lane SET sum =
	row_sum(vp, target, address, af, port, proto, question, flow);
UPDATE instance SET sum = row_sum(method, bytes, text);
UPDATE setting SET sum = row_sum(name, value);
UPDATE refusal SET sum = row_sum(vp, reason, count, last);
UPDATE note SET sum = row_sum(t, text, target, site);
UPDATE run SET sum = row_sum_short(hour, lane, first, tie, instance, last, answered,
	asked, unsent, hist);
UPDATE interval SET sum = row_sum(lane, first, tie, last, instance);

-- From version 1 to 2: room taken by day, kinds of conflict, addresses of
-- vantage points, lists of sites, what notes are about, and blocks: hours whose
-- raw rows are there are settled once more for theirs.
CREATE TABLE intake(
	day INTEGER NOT NULL,	-- of receipt: days since 1970-01-01 UTC
	vp INTEGER NOT NULL REFERENCES vp(id),
	batches INTEGER NOT NULL,
	records INTEGER NOT NULL,
	bytes INTEGER NOT NULL,
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
	PRIMARY KEY(vp, spool, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE vp_address(
	vp INTEGER NOT NULL REFERENCES vp(id),
	af INTEGER NOT NULL,	-- 4, 6 of one that was seen; 0: reported
	day INTEGER NOT NULL,	-- of first: days since 1970-01-01 UTC
	addresses TEXT NOT NULL,	-- RFC 5952, blanks between
	first INTEGER NOT NULL,
	last INTEGER NOT NULL,
	PRIMARY KEY(vp, af, day, addresses)
) STRICT, WITHOUT ROWID;

CREATE TABLE site_list(
	name TEXT NOT NULL,
	since INTEGER NOT NULL,
	lines TEXT NOT NULL,	-- of a site map, acsitemap(5), all "listed"
	PRIMARY KEY(name, since)
) STRICT;

DROP VIEW v_note;
ALTER TABLE note RENAME TO old_note;
CREATE TABLE note(
	id INTEGER PRIMARY KEY,
	t INTEGER NOT NULL,
	text TEXT NOT NULL,
	target TEXT,	-- null: of all
	site TEXT	-- null: of all
) STRICT;
INSERT INTO note(id, t, text) SELECT id, t, text FROM old_note;
DROP TABLE old_note;

CREATE TABLE block(
	vp INTEGER NOT NULL,
	hour INTEGER NOT NULL,
	lanes BLOB NOT NULL,
	PRIMARY KEY(vp, hour)
) STRICT, WITHOUT ROWID;
INSERT INTO setting SELECT 'block_horizon', value FROM setting
	WHERE name = 'raw_horizon';
INSERT OR IGNORE INTO unsettled SELECT hour, vp FROM
	(SELECT t0 / 3600000000 AS hour, vp FROM batch WHERE rows > 0
	UNION SELECT t1 / 3600000000, vp FROM batch WHERE rows > 0)
	WHERE hour * 3600000000 >= ifnull((SELECT CAST(value AS INTEGER)
		FROM setting WHERE name = 'raw_horizon'), -9223372036854775808);

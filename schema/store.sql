-- The store (acstore(5)): what the collector keeps. Made by `accollect init`.
-- All times are microseconds since 1970-01-01 UTC. Raw tables hold what was
-- seen; run and interval are a pure function of them (settle.c) and can be
-- made again at any time. Read it through the views of views.sql.
--
-- A column sum is that of its row's other columns but id
-- (collector/row_sum.h): what `accollect check` finds damage by. It is signed,
-- so that SQLite never needs six bytes for it; of a run, of which there are
-- very many, it is folded to 16 bits, which miss one damage in 65,536.

PRAGMA application_id = 1094927170; -- "ACDB"
PRAGMA user_version = 2;

-- A vantage point by name. Facts that change are in vp_place and vp_key.
CREATE TABLE vp(
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	sum INTEGER
) STRICT;

-- Where a vantage point is, since when. The row with the latest since <= t
-- holds at t; before the first row, the first.
CREATE TABLE vp_place(
	vp INTEGER NOT NULL REFERENCES vp(id),
	since INTEGER NOT NULL,
	lat REAL, lon REAL,
	region TEXT, country TEXT, city TEXT,
	asn INTEGER,
	tags TEXT,
	sum INTEGER,
	PRIMARY KEY(vp, since)
) STRICT, WITHOUT ROWID;

-- Keys that may sign a vantage point's batches, of what it measured from since
-- on and before until (null: for good).
CREATE TABLE vp_key(
	keyid TEXT NOT NULL PRIMARY KEY,
	vp INTEGER NOT NULL REFERENCES vp(id),
	public BLOB NOT NULL,
	since INTEGER NOT NULL,
	until INTEGER,
	sum INTEGER
) STRICT, WITHOUT ROWID;

-- What heads of batches say of their host, as JSON with the keys of
-- acrecord(5) (boot_id, version, addresses, allow_special) and kept once.
CREATE TABLE host(
	id INTEGER PRIMARY KEY,
	hash BLOB NOT NULL UNIQUE,
	json TEXT NOT NULL
) STRICT;

-- Spools by name, kept once: each batch has one.
CREATE TABLE spool(
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,	-- or "ripe-atlas:MSM" of an import
	sum INTEGER
) STRICT;

-- One accepted batch. Its measurements are the ids first_row ..
-- first_row + rows - 1, in the order of the batch.
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
CREATE INDEX batch_by_time ON batch(vp, t0); -- the only way into raw rows

-- What came of each spool, over all of its batches: so that nobody need read
-- them for it, who are a hundred million after a year. batch_counted keeps it.
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

-- Everything is compared only within a lane.
CREATE TABLE lane(
	id INTEGER PRIMARY KEY,
	vp INTEGER NOT NULL REFERENCES vp(id),
	target TEXT NOT NULL,
	address TEXT NOT NULL,	-- RFC 5952
	af INTEGER NOT NULL,	-- 4, 6: of the address
	port INTEGER NOT NULL,	-- -1: none
	proto TEXT NOT NULL,
	question TEXT NOT NULL,
	flow INTEGER NOT NULL,
	sum INTEGER,
	UNIQUE(vp, target, address, port, proto, question, flow)
) STRICT;

-- An instance as it named itself: raw bytes, and their text form with every
-- foreign byte as \DDD. Methods are different name spaces. Id 1 stands for
-- "answered without a name" (method "", no bytes).
CREATE TABLE instance(
	id INTEGER PRIMARY KEY,
	method TEXT NOT NULL,	-- nsid hostname.bind id.server or a question
	bytes BLOB NOT NULL,
	text TEXT NOT NULL,
	sum INTEGER,
	UNIQUE(method, bytes)
) STRICT;
INSERT INTO instance(id, method, bytes, text, sum)
	VALUES(1, '', x'', '', -1547580896);

-- What a record says beside the columns of measurement, as JSON with the keys
-- of acrecord(5) and kept once, because it is nearly always the same in every
-- round. measurement.detail is what belongs to the lane (type, flow tuple,
-- name asked, checks, counters, reason); measurement.reply is what the reply
-- said (nsid, answer, serial, flags), which many lanes share.
CREATE TABLE detail(
	id INTEGER PRIMARY KEY,
	hash BLOB NOT NULL UNIQUE,
	json TEXT NOT NULL
) STRICT;

-- A path: hops without their times, as JSON.
CREATE TABLE path(
	id INTEGER PRIMARY KEY,
	hash BLOB NOT NULL UNIQUE,
	hops TEXT NOT NULL
) STRICT;

-- One question and what came of it. No index: rows of a batch lie together.
CREATE TABLE measurement(
	id INTEGER PRIMARY KEY,
	lane INTEGER NOT NULL,
	dt_us INTEGER NOT NULL,	-- time since the batch's t0
	outcome INTEGER NOT NULL,	-- enum outcome of lib/record.h
	rtt_us INTEGER,
	instance INTEGER,	-- null unless answered
	ttl INTEGER,
	rcode INTEGER,
	stamp INTEGER,		-- enum stamp_source
	size INTEGER,
	detail INTEGER NOT NULL,
	reply INTEGER	-- null where no DNS reply was taken
) STRICT;

-- The path of a trace, and its hops' times (JSON array of µs or null).
CREATE TABLE trace(
	measurement INTEGER PRIMARY KEY,
	path INTEGER NOT NULL,
	rtts TEXT NOT NULL
) STRICT;

-- A reply's first bytes, where they were kept. Can be aged out earlier.
CREATE TABLE answer_bytes(
	measurement INTEGER PRIMARY KEY,
	bytes BLOB NOT NULL
) STRICT;

-- Sums over rows that nothing else here says once more (collector/row_sum.h),
-- of each batch that has any: its measurements; its traces and its raw replies,
-- null where it had none. Goes with its measurements.
CREATE TABLE row_sum(
	first_row INTEGER PRIMARY KEY,	-- batch.first_row
	rows INTEGER NOT NULL,
	traces INTEGER,
	replies INTEGER
) STRICT;

-- (vp, hour) whose runs and intervals are not yet what the raw rows say.
-- hour = t / 3600000000, rounded down. By hour first: closed hours are
-- settled before live ones are looked at.
CREATE TABLE unsettled(
	hour INTEGER NOT NULL,
	vp INTEGER NOT NULL,
	PRIMARY KEY(hour, vp)
) STRICT, WITHOUT ROWID;
CREATE INDEX unsettled_by_vp ON unsettled(vp, hour);

-- A stretch of one instance in one lane within an hour. Losses belong to the
-- lane's hour: one row with instance 0 and tie -1, first = the earliest of
-- them. Samples are in the order (time, method, bytes of the instance); where
-- several runs of a lane begin in the same microsecond, tie is 0, 1, 2 ... in
-- that order and else 0, so that (first, tie) orders the runs of a lane.
CREATE TABLE run(
	hour INTEGER NOT NULL,
	lane INTEGER NOT NULL,
	first INTEGER NOT NULL,
	tie INTEGER NOT NULL,
	instance INTEGER NOT NULL,	-- 0: unanswered; 1: without a name
	last INTEGER NOT NULL,
	answered INTEGER NOT NULL,
	asked INTEGER NOT NULL,		-- answered, or of instance 0 all lost
	unsent INTEGER NOT NULL,	-- of instance 0: in asked, never sent
	hist BLOB,	-- sparse histogram of rtt_us (histogram.h)
	sum INTEGER,
	PRIMARY KEY(hour, lane, first, tie)
) STRICT, WITHOUT ROWID;

-- The same hours once more, each in one piece, with round trips as they were
-- and without times: for reports over very many of them (lib/block.h). A pure
-- function of the raw rows like runs, and taken out with them.
CREATE TABLE block(
	vp INTEGER NOT NULL,
	hour INTEGER NOT NULL,
	lanes BLOB NOT NULL,
	sum INTEGER,
	PRIMARY KEY(vp, hour)
) STRICT, WITHOUT ROWID;

-- The same over all time: maximal stretches of one instance in a lane.
-- Silence does not break one; how long a silence counts is for the reader.
-- An answer without a name does break one: it is an interval of instance 1,
-- and whether A, nameless, A is a change is for the reader. tie is that of
-- its first run: (first, tie) orders the intervals of a lane.
CREATE TABLE interval(
	lane INTEGER NOT NULL,
	first INTEGER NOT NULL,
	tie INTEGER NOT NULL,
	last INTEGER NOT NULL,
	instance INTEGER NOT NULL,
	sum INTEGER,
	PRIMARY KEY(lane, first, tie)
) STRICT, WITHOUT ROWID;

-- What the store itself remembers. "raw_horizon": batches that begin before
-- this time (µs, a whole hour) amend nothing; "run_horizon": runs before it were
-- taken but for the last of each lane; "interval_horizon": intervals that end
-- before it were; "block_horizon": hours before it were settled by a program
-- that did not know blocks; "sums_from": the first measurement that came to a
-- program that knew row_sum, where others had come before; "names_epoch": how often names were taken out, which others
-- may remember; "views": SHA-256 of the text that made the views, which are
-- made anew when the program's differs.
CREATE TABLE setting(
	name TEXT NOT NULL PRIMARY KEY,
	value TEXT NOT NULL,
	sum INTEGER
) STRICT, WITHOUT ROWID;

-- Batches that a vantage point's own key had signed and that were refused,
-- by reason: how many, and the last time.
CREATE TABLE refusal(
	vp INTEGER NOT NULL REFERENCES vp(id),
	reason TEXT NOT NULL,	-- a verdict of collector/ingest.h
	count INTEGER NOT NULL,
	last INTEGER NOT NULL,
	sum INTEGER,
	PRIMARY KEY(vp, reason)
) STRICT, WITHOUT ROWID;

-- The operator's notes, beside what the measurements show.
CREATE TABLE note(
	id INTEGER PRIMARY KEY,
	t INTEGER NOT NULL,
	text TEXT NOT NULL,
	target TEXT,	-- null: of all
	site TEXT,	-- null: of all
	sum INTEGER
) STRICT;

-- Lists of sites that the operator kept, since when. Of a list the row with the
-- latest since <= t holds at t; before the first row, none.
CREATE TABLE site_list(
	name TEXT NOT NULL,
	since INTEGER NOT NULL,
	lines TEXT NOT NULL,	-- of a site map, acsitemap(5), all "listed"
	sum INTEGER,
	PRIMARY KEY(name, since)
) STRICT;

-- What each vantage point sent on each of the last days, for quotas.
CREATE TABLE intake(
	day INTEGER NOT NULL,	-- of receipt: days since 1970-01-01 UTC
	vp INTEGER NOT NULL REFERENCES vp(id),
	batches INTEGER NOT NULL,
	records INTEGER NOT NULL,
	bytes INTEGER NOT NULL,
	sum INTEGER,
	PRIMARY KEY(day, vp)
) STRICT, WITHOUT ROWID;

-- Batches that came under a number that is stored with other content
-- (ingest.h tells the kinds).
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

-- Addresses of a vantage point, for its place and network. Reported: all the
-- global ones of the host, and the first and last measurement of the day whose
-- batch said so; '' where it has none. Seen: where an upload came from (of IPv6
-- the /64) when that was another than before; first is the time of receipt.
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

"""A store that has rows in every table, and what a reader sees of one, for
tests of accollect check; and copies of it to damage."""
import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import time

import uploads
from uploads import Batch, Key

SPOOL = "0e" * 16
START_US = 1700000000000000
OLD_US = START_US - 100 * 86400 * 10**6
HOUR_US = 3600 * 10**6
UPLOAD_US = START_US + 30 * HOUR_US
CONF = "vp_records_per_day = 1000000\n"  # so that what comes is counted


def trace(t_us, number):
    hop = {"ttl": 1, "addr": f"198.51.100.{number}", "rtt_us": 900,
           "icmp": "11/0", "quoted_ttl": 1, "mpls": None, "auth_bits": 16}
    row = uploads.record(t_us)
    row = {key: row[key] for key in list(row)[:list(row).index("retry_of") + 1]}
    return row | {"type": "trace", "question": "trace", "port": None,
                  "proto": "icmp", "reply_ttl": 50,
                  "flow": {"n": 0, "src": None, "icmp_id": 7, "cksum": 9,
                           "label": None}, "hops": [hop]}


def records(random, t_us, number, count=20):
    rows = [uploads.record(
        t_us + i * 1000, f"ams{random.randrange(3)}",
        question=f"{i % 4}.example", qname=f"{i % 4}.example.",
        rtt_us=random.randrange(500, 90000),
        raw="00ff" if i == 0 else None) for i in range(count)]
    return [*rows, trace(t_us + 30000, number)]


def schema_of(db):
    """Without comments and spaces."""
    return [(*row[:3], b" ".join(re.sub(rb"--.*", b"", row[3] or b"").split()))
            for row in db.execute("SELECT type, name, tbl_name, sql FROM"
                                  " sqlite_schema")]


def columns_of(db, table):
    """Without ids, which no reader knows, and sums."""
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})")
            if row[1] not in (b"id", b"sum")]


def through_index(db, table, index, has_rows):
    """The keys of an index in its own order, each beside the row it leads to.
    Of a table that is its own index, the keys alone."""
    keys = [row[2].decode() for row in
            db.execute(f"PRAGMA index_info({index})")]
    entries = (f"SELECT {', '.join(keys)}{', rowid AS at' * has_rows} FROM"
               f" {table} INDEXED BY {index} ORDER BY {', '.join(keys)}")
    if not has_rows:
        return db.execute(entries).fetchall()
    wanted = [f"e.{key}" for key in keys] + [
        f't."{name.decode()}"' for name in columns_of(db, table)]
    # Kept apart: or the keys would be the row's and not the index's.
    return db.execute(f"WITH e AS MATERIALIZED ({entries}) SELECT"
                      f" {', '.join(wanted)} FROM e LEFT JOIN {table} AS t NOT"
                      " INDEXED ON t.rowid = e.at").fetchall()


def indexes_of(db):
    """(name, what is read through it) of each index but the tables that are
    their own."""
    for table, has_rows in db.execute(
            "SELECT name, NOT wr FROM pragma_table_list WHERE schema = 'main'"
            " AND type = 'table' AND name NOT LIKE 'sqlite_%'").fetchall():
        table = table.decode()
        for row in db.execute(f"PRAGMA index_list({table})").fetchall():
            if has_rows or row[3] != b"pk":
                index = row[1].decode()
                yield row[1], through_index(db, table, index, has_rows)


def content_of(path):
    """What a reader that is not ours sees: all tables but for the ids of their
    rows, all views, and the rows once more through each index, in its order.
    What cannot be read is another content."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro",
                                                uri=True)) as db:
            db.text_factory = bytes
            schema, content = schema_of(db), []
            for kind, name, _, _ in schema:
                if kind not in (b"table", b"view"):
                    continue
                columns = ", ".join(
                    f'"{column.decode()}"'
                    for column in columns_of(db, name.decode()))
                content.append((name, sorted(db.execute(
                    f"SELECT {columns} FROM {name.decode()}"), key=repr)))
            return schema, content + list(indexes_of(db))
    except (sqlite3.Error, UnicodeError) as error:
        return str(error)


class Filler:
    def __init__(self, collector, random):
        self.collector, self.random = collector, random
        self.keys = {}

    def add_vp(self, name, **more):
        self.keys[name] = Key(self.collector.folder, name)
        self.collector.add_vp(name, self.keys[name], **more)

    def batch(self, vp, number, t_us, **more):
        addresses = ["198.51.100.7", f"2001:500::{number}"]
        rows = records(self.random, t_us, number)
        more = {"addresses": addresses} | more
        lines = [uploads.head(t_us, len(rows), **more), *rows]
        return Batch(self.keys[vp], vp, SPOOL, number, rows,
                     body=uploads.zstd_raw("".join(
                         uploads.json.dumps(line) + "\n"
                         for line in lines).encode()))

    def bring(self, vp, numbers, t_us, **more):
        paths = []
        for number in numbers:
            paths.append(os.path.join(self.collector.folder, "b"))
            paths[-1] += f"{vp}{number}"
            with open(paths[-1], "wb") as file:
                file.write(self.batch(vp, number, t_us + number * 900 * 10**6,
                                      **more).file)
        self.collector.run("import", *paths)

    def old(self):
        """Batches whose records are gone, and their runs, intervals and blocks
        are not."""
        self.add_vp("old1")
        self.bring("old1", range(1, 7), OLD_US)
        days = int(time.time() - START_US / 10**6) // 86400 + 30
        self.collector.run("prune", "--raw", str(days), "--runs",
                           str(days + 100), "--intervals", str(days + 200))

    def acts(self):
        run = self.collector.run
        run("vp", "add", "idle1")
        for n, region in enumerate(("eu", "na")):
            run("vp", "add", "par1", "--lat", "48.85", "--lon", "2.35",
                "--region", region, "--country", "FR", "--city", "Paris",
                "--asn", "64500", "--tags", "x", "--since",
                f"2023-1{n}-01T00:00:00Z")
        run("vp", "revoke", "par1", self.keys["par1"].keyid, "--at",
            "2025-01-01T00:00:00Z")
        run("note", "add", "--at", "2023-11-15T00:00:00Z", "--target", "test",
            "--site", "AMS", "a card was replaced")
        run("note", "add", "--at", "2023-11-16T00:00:00Z", "and again")
        path = os.path.join(self.collector.folder, "list.csv")
        with open(path, "w", encoding="ascii") as file:
            file.write("service,identity,site,city,country,lat,lon\n"
                       "test,ams1,NL-AMS,Amsterdam,NL,52.37,4.9\n")
        run("sites", "import", "--format", "csv", "--list", "own", path)

    def cloned(self):
        """As the second one of fra1, from another host."""
        return self.batch("fra1", 2, UPLOAD_US + HOUR_US + 5, boot_id="other")

    def refused(self):
        return Batch(self.keys["fra1"], "fra1", SPOOL, 3, [],
                     body=uploads.zstd_raw(b"no record\n"), count=1)

    def uploads(self):
        """Through the server: room taken, an address seen, a refusal, a
        conflict."""
        self.add_vp("fra1")
        if not self.collector.start():
            raise AssertionError(self.collector.log())
        said = [self.collector.upload(batch)[0] for batch in (
            self.batch("fra1", 1, UPLOAD_US),
            self.batch("fra1", 2, UPLOAD_US + HOUR_US),
            self.cloned(), self.refused())]
        self.collector.stop()
        if said[:3] != [201, 201, 409] or said[3] not in (400, 422):
            raise AssertionError(f"{said} {self.collector.log()}")

    def fill(self):
        """No file but the database itself has anything of it then."""
        self.old()
        self.add_vp("lon1")
        self.add_vp("par1")
        self.bring("lon1", range(1, 13), START_US)
        self.bring("par1", range(1, 2), START_US, clock="synced",
                   clock_offset_us=12, clock_max_error_us=100)
        self.acts()
        self.uploads()
        # As where a server was stopped before it settled: check does it.
        with contextlib.closing(sqlite3.connect(self.collector.db)) as db:
            db.execute("INSERT INTO unsettled(hour, vp) SELECT t0 / ?, vp FROM"
                       " batch WHERE vp = (SELECT id FROM vp WHERE name ="
                       " 'fra1') ORDER BY id LIMIT 1", (HOUR_US,))
            db.commit()
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for end in ("-wal", "-shm"):
            if os.path.exists(self.collector.db + end):
                os.unlink(self.collector.db + end)


class Copies:
    """Of a store: each begins as good as it is, in a folder inside its own."""

    def __init__(self, collector):
        self.collector, self.program = collector, collector.program
        self.folder = os.path.join(collector.folder, "copy")
        os.mkdir(self.folder)
        self.copy = os.path.join(self.folder, "anycast.db")

    def check(self):
        """How check ended; what it said is in .said."""
        done = subprocess.run([self.program, "check", "--db", self.copy],
                              capture_output=True, encoding="utf-8",
                              errors="backslashreplace", check=False)
        self.said = done.stdout + done.stderr
        return done.returncode

    @contextlib.contextmanager
    def life(self):
        for end in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.copy + end)
        shutil.copyfile(self.collector.db, self.copy)
        with contextlib.closing(sqlite3.connect(self.copy)) as db:
            db.text_factory = bytes
            yield db
            db.commit()

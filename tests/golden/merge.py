#!/usr/bin/env python3
# Databases of several collectors, merged in any order and repeated, have the content of one that received everything, and so has a rebuild of the merged one.
"""usage: merge.py; SEED chooses the batches, 1 by default."""
import os
import random
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import built  # noqa: E402
import uploads  # noqa: E402

ACCOLLECT = os.environ.get("ACCOLLECT") or os.path.join(uploads.BUILD,
                                                        "accollect")
START = 1767225600 * 1000000  # 2026-01-01
SPOOL = "0f" * 16
VPS = ("ams-1", "lax-1", "sin-1")
DATA = os.path.join(os.path.dirname(uploads.ROOT), "shared", "data", "atlas",
                    "sagan-tests.jsonl.gz")


def run(*words):
    return subprocess.run([ACCOLLECT, *words], capture_output=True, text=True,
                          check=False)


# --- records of every kind ---

def echo(t_us, **more):
    kept = {key: value for key, value in uploads.record(t_us).items()
            if key in ("t", "target", "addr", "af", "outcome", "reason",
                       "rtt_us", "stamp", "reply_ttl", "auth_bits", "late",
                       "dup", "unwanted", "conflict", "retry_of")}
    return kept | {"type": "echo", "port": None, "proto": "icmp",
                   "question": "echo", "flow": {
                       "n": 0, "src": "192.0.2.9", "icmp_id": 7, "cksum": 8,
                       "label": None}} | more


def hop(ttl, **more):
    return {"ttl": ttl, "addr": None, "rtt_us": None, "icmp": None,
            "quoted_ttl": None, "mpls": None, "auth_bits": 0} | more


def trace(t_us):
    return echo(t_us, type="trace", question="trace", hops=[
        hop(1, addr="10.0.0.1", rtt_us=900, icmp="11/0", quoted_ttl=1,
            auth_bits=32),
        hop(2), hop(3, addr="10.0.3.1", rtt_us=0, icmp="11/0", mpls=[
            {"label": 24001, "exp": 3, "s": 0, "ttl": 1},
            {"label": 3, "exp": 0, "s": 1, "ttl": 255}]),
        hop(4, addr="192.0.2.1", rtt_us=1234)])


def some_records(rng, t_us):
    site = rng.choice(("ams1", "lhr1", "\\195\\164\\092", ""))
    nsid, nsid_hex = rng.choice(((None, None), ("", ""), ("lhr", "6c6872"),
                                 ("\\000\\255", "00ff")))
    return [
        uploads.record(t_us, site),
        uploads.record(t_us + 1000, site, nsid=nsid,
                       nsid_hex=nsid_hex, edns=True, size=400, ra=True,
                       ad=False, cookie="0102030405060708", ede=[
                           {"code": 18, "text": "no"},
                           {"code": 3, "text": ""}]),
        uploads.record(t_us + 2000, site, proto="tcp", connect_us=77,
                       retry_of=1, late=2, dup=1, conflict=1,
                       raw="0001ff"),
        uploads.record(t_us + 3000, outcome="malformed", reason="dns count",
                       rtt_us=None, stamp=None, rcode=None, tc=None,
                       aa=None, edns=None, size=None, raw="ff") |
        {"answer": []},
        uploads.record(t_us + 4000, outcome="timeout", rtt_us=None,
                       stamp=None, reply_ttl=None, auth_bits=None,
                       rcode=None, tc=None, aa=None, edns=None,
                       size=None, unwanted=1000) | {"answer": []},
        echo(t_us + 5000, reply_ttl=rng.randrange(255)),
        echo(t_us + 6000, outcome="unsent", reason="no route", rtt_us=None,
             stamp=None, reply_ttl=None, auth_bits=None),
        trace(t_us + 7000)]


class World:
    """Batch files of three vantage points, and what the operator did."""

    def __init__(self, folder, rng):
        self.folder, self.rng = folder, rng
        self.keys = {vp: uploads.Key(folder, vp) for vp in VPS}
        self.files = []
        for vp in VPS:
            for number in range(1, 9):
                t_us = START + number * 300000000 + rng.randrange(10 ** 6)
                batch = uploads.Batch(
                    self.keys[vp], vp, SPOOL, number,
                    some_records(rng, t_us), t_us)
                path = os.path.join(folder, f"{vp}-{number}.acbatch")
                with open(path, "wb") as file:
                    file.write(batch.file)
                self.files.append(path)

    def path(self, name):
        return os.path.join(self.folder, name)

    def collector(self, name, archive=False):
        """A database that knows the vantage points."""
        words = ("--archive", self.path(name + ".archive")) if archive else ()
        assert run("init", "--db", self.path(name), *words).returncode == 0
        return self.path(name), words

    def know(self, db):
        for i, vp in enumerate(VPS):
            run("vp", "add", vp, "--db", db, "--lat", str(i + 0.5), "--lon",
                "4.9", "--country", "NL", "--region", "europe", "--asn",
                str(64500 + i), "--since", "2026-01-01", "--key",
                self.keys[vp].public_path)
        run("vp", "add", VPS[0], "--db", db, "--lat", "51.5", "--lon", "-0.1",
            "--country", "GB", "--since", "2026-01-01T00:20:00Z")

    def take(self, db, files):
        done = run("import", "--db", db, *files)
        assert done.returncode == 0, done.stdout + done.stderr
        if os.path.exists(DATA):
            run("import", "--db", db, "--format", "ripe-atlas", DATA)


def content(db):
    return run("check", "--hash", "--db", db).stdout


def rows(db):
    with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as connection:
        return connection.execute("SELECT count(*) FROM measurement"
                                  ).fetchone()[0]


def test_merge(tap, world):
    one, _ = world.collector("one.db")
    world.know(one)
    world.take(one, world.files)
    run("vp", "revoke", VPS[1], world.keys[VPS[1]].keyid, "--db", one, "--at",
        "2026-01-01T00:22:00Z")
    wanted = content(one)
    parts = []
    for i in range(3):
        db, _ = world.collector(f"part{i}.db")
        world.know(db)
        # Each third is in two of them.
        world.take(db, [f for n, f in enumerate(world.files)
                        if n % 3 in (i, (i + 1) % 3)])
        parts.append(db)
    run("vp", "revoke", VPS[1], world.keys[VPS[1]].keyid, "--db", parts[2],
        "--at", "2026-01-01T00:22:00Z")
    for turn in range(3):
        world.rng.shuffle(parts)
        # The one with the revocation may come first: then it must be last.
        order = sorted(parts, key=lambda p: p.endswith("part2.db"))
        merged, words = world.collector(f"merged{turn}.db", archive=True)
        done = run("import", "--db", merged, *words, "--format", "accollect",
                   *order, order[0])
        tap.check(done.returncode == 0 and content(merged) == wanted,
                  f"merge {turn + 1} has the content of one collector, "
                  f"{rows(merged)} records", done.stdout, done.stderr)
    tap.check(rows(merged) >= 8 * 24 and "0 in conflict, 0 without" in
              done.stdout, "of records of every kind", done.stdout)
    rebuilt = world.path("rebuilt.db")
    done = run("rebuild", *words, "--db", rebuilt)
    tap.check(done.returncode == 0 and content(rebuilt) == wanted,
              "rebuilt from its archive it is the same", done.stdout,
              done.stderr)
    with sqlite3.connect(parts[0]) as connection:
        connection.execute("UPDATE measurement SET rtt_us = 9999 WHERE id ="
                           " (SELECT max(id) FROM measurement WHERE rtt_us"
                           " = 1234)")
    other, _ = world.collector("other.db")
    run("import", "--db", other, "--format", "accollect", *parts)
    tap.check(content(other) != wanted, "one other round trip is noticed")


def test_refusals(tap, world):
    one = world.path("one.db")
    late, _ = world.collector("late.db")
    world.know(late)
    run("vp", "revoke", VPS[1], world.keys[VPS[1]].keyid, "--db", late, "--at",
        "2026-01-01T00:22:00Z")
    before = rows(late)
    done = run("import", "--db", late, "--format", "accollect", one)
    tap.check(done.returncode == 1 and "4 not taken" in done.stdout and
              rows(late) - before == rows(one) - 4 * 8 and
              run("check", "--db", late).returncode == 0,
              "what a revoked key signed later is not taken", done.stdout,
              done.stderr)
    with sqlite3.connect(one) as connection:
        connection.execute("DELETE FROM measurement WHERE id = "
                           "(SELECT first_row + 1 FROM batch WHERE keyid IS "
                           "NOT NULL ORDER BY id LIMIT 1)")
    fresh, _ = world.collector("fresh.db")
    done = run("import", "--db", fresh, "--format", "accollect", one)
    tap.check(done.returncode == 1 and "1 not taken" in done.stdout and
              "is missing" in done.stderr,
              "a batch that lacks a row is named and left out", done.stdout,
              done.stderr)
    for what, words, wanted in (
            ("the database itself", (fresh,), 2),
            ("no database", (world.files[0],), 2),
            ("a file that is missing", (world.path("none.db"),), 2)):
        done = run("import", "--db", fresh, "--format", "accollect", *words)
        tap.check(done.returncode >= wanted and done.stderr.count("\n") == 1,
                  f"{what} is refused in one line", done.returncode,
                  done.stdout, done.stderr)


# What a database that is not ours may hold; what import says to it.
HUGE = 1 << 62
ONE = "(SELECT min(id) FROM batch WHERE rows > 0)"
ROW = f"(SELECT first_row FROM batch WHERE id = {ONE})"
FOREIGN = (
    ("a note of no time", f"INSERT INTO note(t, text) VALUES({HUGE}, 'x')",
     "note x: no such time"),
    ("a note before time", "INSERT INTO note(t, text) VALUES(-1, 'x')",
     "note x: no such time"),
    ("a note of too much", "INSERT INTO note(t, text) VALUES(1, "
     "hex(zeroblob(400)))", "not printable ASCII, or too long"),
    ("a place of no time", f"UPDATE vp_place SET since = {HUGE} + since",
     "since: no such time"),
    ("a place that is none", "UPDATE vp_place SET lat = 1e300",
     "no such position"),
    ("a region of control bytes",
     "UPDATE vp_place SET region = char(27, 91)", "not printable ASCII"),
    ("a key of no time", f"UPDATE vp_key SET since = -{HUGE} WHERE vp ="
     " (SELECT min(vp) FROM vp_key)",
     "since: no such time"),
    ("an end of a key of no time", f"UPDATE vp_key SET until = {HUGE}",
     "until: no such time"),
    ("a vantage point that is no name", "UPDATE vp SET name = '../../etc'"
     " WHERE name = 'ams-1'", "vantage point: is no name"),
    ("a list of sites of no time", "INSERT INTO site_list(name, since,"
     " lines) VALUES('l', "
     f"{HUGE}, 'identity a loc')", "site list"),
    ("a batch of no time", f"UPDATE batch SET t0 = {HUGE} WHERE id = {ONE}",
     "t0: no such time"),
    ("a batch of less than nothing", "UPDATE batch SET rows = -1 WHERE id ="
     f" {ONE}", "rows: cannot be"),
    ("a batch of too much", f"UPDATE batch SET rows = {HUGE} WHERE id ="
     f" {ONE}", "rows: cannot be"),
    ("a batch at the end of numbers", f"UPDATE batch SET first_row = "
     f"{(1 << 63) - 2} WHERE id = {ONE}", "rows: cannot be"),
    ("a spool that is no name", "INSERT INTO spool(name) VALUES(char(10));"
     " UPDATE batch SET spool = (SELECT max(id) FROM spool) WHERE id ="
     f" {ONE}", "spool: is no name"),
    ("a hash that is none", f"UPDATE batch SET sha256 = x'00' WHERE id = {ONE}",
     "sha256: is none"),
    ("a record of no time", f"UPDATE measurement SET dt_us = {HUGE} WHERE"
     f" id = {ROW}", "no such time"),
    ("an outcome that is none", f"UPDATE measurement SET outcome = 99999 WHERE"
     f" id = {ROW}", "no such outcome"),
    ("a stamp that is none", f"UPDATE measurement SET stamp = -99999 WHERE"
     f" id = {ROW}", "no such stamp"),
    ("a port that is none", f"UPDATE lane SET port = {HUGE + 5} WHERE id ="
     f" (SELECT lane FROM measurement WHERE id = {ROW})", "no such port"),
    ("a TTL that is none", f"UPDATE measurement SET ttl = 65600 WHERE id ="
     f" {ROW}", "no such TTL"),
    ("a size that is none", f"UPDATE measurement SET size = {HUGE} WHERE id ="
     f" {ROW}", "no such size"),
    ("a detail that is no JSON", "UPDATE detail SET json = '[' WHERE id ="
     " (SELECT reply FROM measurement WHERE reply IS NOT NULL GROUP BY 1"
     " ORDER BY count(*) LIMIT 1)",
     "no JSON"),
)


def test_foreign(tap, world):
    """With undefined behaviour caught: nothing foreign is added up first."""
    global ACCOLLECT
    plain, whole = ACCOLLECT, world.path("part1.db")
    program, said = built.sanitized("accollect")
    tap.check(not said, "accollect is built with ASan and UBSan", said)
    ACCOLLECT = program if not said else plain
    os.environ["ASAN_OPTIONS"] = "detect_leaks=0"
    os.environ["UBSAN_OPTIONS"] = "halt_on_error=1"
    for what, sql, words in FOREIGN:
        with sqlite3.connect(f"file:{whole}?mode=ro", uri=True) as good:
            bad = sqlite3.connect(world.path("foreign.db"))
            good.backup(bad)
            bad.execute("PRAGMA foreign_keys = OFF")
            changed = min(bad.execute(statement).rowcount
                          for statement in sql.split(";"))
            bad.commit()
            bad.close()
        to, _ = world.collector("taker.db")
        done = run("import", "--db", to, "--format", "accollect",
                   world.path("foreign.db"))
        checked = run("check", "--db", to)
        tap.check(changed and done.returncode == 1 and words in done.stderr
                  and ", 0 not taken" not in done.stdout and rows(to) > 20
                  and "runtime error" not in done.stderr
                  and checked.returncode == 0,
                  f"{what} is named and left out, the rest is taken",
                  done.stdout, done.stderr, checked.stdout)
        for name in os.listdir(world.folder):
            if name.startswith(("foreign.db", "taker.db")):
                os.unlink(world.path(name))
    ACCOLLECT = plain


def main():
    tap = uploads.Tap()
    rng = random.Random(int(os.environ.get("SEED") or 1))
    with tempfile.TemporaryDirectory(prefix=f"merge{os.getpid()}.") as folder:
        world = World(folder, rng)
        test_merge(tap, world)
        test_refusals(tap, world)
        test_foreign(tap, world)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())

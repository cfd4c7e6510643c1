#!/usr/bin/env python3
# Proves that acreport prints what tests/golden/reports/ holds, refuses what it must, and survives a hostile database.
"""UPDATE=1 writes the expected results anew: look at the difference."""

import csv
import io
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../sim"))
# pylint: disable=wrong-import-position
from report_oracle_store import Batch, Record, make
from tap import BUILD, Tap, built

HERE = "tests/golden/reports"
SECOND = 10**6
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
T0 = 1_795_219_200 * SECOND  # 2026-11-21T00:00:00Z
NOBODY = 65534
WINDOW = ("--since", "2026-11-21T12:00:00Z", "--until", "2026-11-22")
DIFF = ("--from", "2026-11-21T12:30:00Z", "--to", "2026-11-21T23:30:00Z")
AT = ("--at", "2026-11-21T23:59:00Z")

# The names that a stranger may give.
HOSTILE = [b'=HYPERLINK("http://x")', b"@SUM(1+9)*cmd|' /C calc'!A0",
           b"\x1b[2J\x1b]0;owned\x07", b'a,"b"\r\nfake,row',
           b"<script>alert(1)</script>", b"\\009", b"\x00nul", b"-1+2",
           "\u202egnp.exe\uff1d1".encode(), b"' OR 1=1 --", b" lead ", b"%s%n"]


def stamp(hours):
    return T0 + int(hours * HOUR)


def soa(t, name, rtt=None, **rest):
    record = Record(t, "k-root", rest.pop("address", "192.0.2.1"), "soa",
                    rtt_us=rtt, stamp=1, rcode=0, ttl=57, size=120, **rest)
    record.detail = {"type": "dns", "flow": {
        "n": record.flow, "src": "198.51.100.1", "sport": 40000 + record.flow,
        "dport": 53}, "auth_bits": 31, "qname": ".", "qtype": "SOA",
        "qclass": "IN"}
    if name is None:
        return record
    record.name = ("nsid", name)
    text = "".join(chr(b) if 32 <= b < 127 and b != 92 else f"\\{b:03d}"
                   for b in name)
    record.reply = {"nsid": text, "nsid_hex": name.hex(), "serial": 20261121,
                    "tc": False, "aa": True, "edns": True}
    return record


def lost(t, outcome="timeout", **rest):
    record = soa(t, None, **rest)
    record.outcome, record.rtt_us = outcome, None
    record.columns = {}
    if outcome == "unsent":
        record.detail["reason"] = "no route"
    return record


def every_five_minutes(vp, hours, samples):
    """Rounds of a vantage point; samples(t, k) gives the k-th round's."""
    batches = []
    for k in range(int(hours[0] * 12), int(hours[1] * 12)):
        records = samples(T0 + k * 5 * MINUTE, k)
        if records:
            batches.append(Batch(vp, records, 300))
    return batches


def world():
    """One vantage point for each thing that can happen to one."""
    batches = every_five_minutes(
        "ams1", (12, 24), lambda t, k: [
            # Moves to another site at 18:00, after twenty silent minutes.
            soa(t, b"ns1.ams" if k < 212 else b"ns1.fra",
                10_000 + k % 7 * 100 if k < 212 else 25_000 + k % 5)
            if not 212 <= k < 216 else lost(t),
            # In IPv6 it alternates between two servers, for a while.
            soa(t + SECOND, b"ns%d.ams" % (1 + (k < 150 and k % 2)), 11_000 + k,
                address="2001:db8::1")])
    batches += every_five_minutes(
        "fra1", (12, 24), lambda t, k: [
            # Three flows, one of which ends elsewhere.
            *(soa(t + flow * SECOND, b"ns1.lhr" if flow == 2 else b"ns1.fra",
                  5_000 + 1_000 * flow, flow=flow) for flow in range(3)),
            Record(t + 9 * SECOND, "k-root", "192.0.2.1", "echo",
                   proto="icmp", port=-1, rtt_us=4_900),
        ] if k % 48 else [])  # a round missing every four hours
    batches += every_five_minutes(  # stops at 20:00
        "lon1", (12, 20), lambda t, k: [soa(t, b"ns1.lhr", 2_000 + k)])
    batches += every_five_minutes(  # hijacked by a nameless one at 22:00
        "nyc1", (12, 24), lambda t, k: [
            soa(t, b"ns1.jfk" if k < 264 else None, 3_000 + k)])
    batches += every_five_minutes(  # cut off at 23:00
        "tyo1", (12, 24), lambda t, k: [
            soa(t, b"ns1.nrt", 8_000) if k < 276
            else lost(t, "timeout" if k % 3 else "unsent")])
    batches += every_five_minutes(  # only asked for its echo
        "par1", (12, 24), lambda t, k: [
            Record(t, "k-root", "192.0.2.1", "echo", proto="icmp", port=-1,
                   rtt_us=7_000 + k)])
    batches += every_five_minutes(  # silent since before the window
        "sto1", (2, 11), lambda t, k: [soa(t, b"ns1.sto", 1_000)])
    batches += every_five_minutes(  # comes later than the time asked for
        "zrh1", (24, 25), lambda t, k: [soa(t, b"ns1.zrh", 1_500)])
    batches.append(Batch("ams1", [Record(
        stamp(12) + 30 * SECOND, "k-root", "192.0.2.1", "trace", port=53,
        rtt_us=10_100, detail={"type": "trace", "flow": {
            "n": 0, "src": "198.51.100.1", "sport": 40000, "dport": 53}})],
        300))
    places = [(vp, 0, region, country, asn) for vp, region, country, asn in (
        ("ams1", "europe", "NL", 64500), ("fra1", "europe", "DE", 64501),
        ("lon1", "europe", "GB", 64502), ("nyc1", "america", "US", 64503),
        ("tyo1", "asia", "JP", 64504), ("sto1", "europe", "SE", None))]
    places.append(("nyc1", stamp(21), "moved", "CA", 64505))
    return batches, places


def hostile_world():
    batches = []
    for n, name in enumerate(HOSTILE):
        batches += [Batch(f"vp{n:02}", [soa(stamp(20) + n, name, 1_000)], 300),
                    Batch(f"vp{n:02}", [soa(stamp(21) + n, HOSTILE[n - 1],
                                            2_000)], 300)]
    places = [(f"vp{n:02}", 0, name.decode("latin-1").replace("\0", ""), "XX",
               n) for n, name in enumerate(HOSTILE)]
    return batches, places


CASES = {  # result: words
    "latency-region.csv": ("latency", *WINDOW),
    "latency-region.txt": ("latency", *WINDOW),
    "latency-region.json": ("latency", *WINDOW),
    "latency-country-per-vp.csv": (
        "latency", "--by", "country", "--per", "vp", *WINDOW),
    "latency-asn-v6.csv": ("latency", "--by", "asn", "--af", "6", *WINDOW),
    "latency-site.csv": ("latency", "--by", "site", *WINDOW),
    "latency-site-map.csv": (
        "latency", "--by", "site", "--site-map", f"{HERE}/sites", *WINDOW),
    "latency-all-two.csv": (
        "latency", "--by", "all", "--vp", "ams1", "--vp", "nyc1",
        "--question", "soa", *WINDOW),
    "latency-step.csv": (
        "latency", "--by", "site", "--step", "4h", *WINDOW),
    "catchment-step.csv": (
        "catchment", "--by", "all", "--step", "6h", "--since",
        "2026-11-21T12:00:00Z", *AT),
    "diff.csv": ("diff", *DIFF),
    "diff.json": ("diff", *DIFF),
    "diff-matrix.txt": ("diff", "--matrix", *DIFF),
    "events.csv": ("events", *WINDOW),
    "events.txt": ("events", *WINDOW),
    "stability.csv": ("stability", *WINDOW),
    "stability.json": ("stability", *WINDOW),
    "vps.csv": ("vps", *WINDOW),
    "vps.txt": ("vps", *WINDOW),
    "sites.csv": ("sites", *WINDOW),
    "sites-map.txt": ("sites", "--site-map", f"{HERE}/sites", *WINDOW),
    "availability.csv": ("availability", *WINDOW),
    "availability-site.txt": ("availability", "--by", "site", *WINDOW),
    "congruence.csv": ("congruence", "--at", "2026-11-21T15:00:00Z"),
    "identities.csv": (
        "identities", "--site-map", f"{HERE}/sites", *WINDOW),
    "identities.txt": (
        "identities", "--site-map", f"{HERE}/sites", *WINDOW),
    "latency-later.csv": (
        "latency", "--since", "2026-11-25", "--until", "2026-11-26"),
    "catchment.csv": ("catchment", *AT),
    "catchment.txt": ("catchment", *AT),
    "catchment.json": ("catchment", *AT),
    "catchment-instance-map.csv": (
        "catchment", "--level", "instance", "--site-map", f"{HERE}/sites",
        *AT),
    "catchment-max-age.csv": ("catchment", "--max-age", "5h", *AT),
    "catchment-then.csv": ("catchment", "--at", "2026-11-21T12:01:00Z"),
    "catchment-region.csv": ("catchment", "--by", "region", *AT),
    "catchment-asn.json": ("catchment", "--by", "asn", "--af", "4", *AT),
    "catchment-all.txt": ("catchment", "--by", "all", "--af", "4", *AT),
    "changes.csv": ("changes", *WINDOW),
    "changes.txt": ("changes", *WINDOW),
    "changes-instance-map.csv": (
        "changes", "--level", "instance", "--site-map", f"{HERE}/sites",
        *WINDOW),
    "records.csv": (
        "records", "--since", "2026-11-21T23:00:00Z", "--until",
        "2026-11-21T23:07:00Z"),
    "records.txt": (
        "records", "--since", "2026-11-21T23:00:00Z", "--until",
        "2026-11-21T23:07:00Z"),
    "records-trace.json": ("records", "--question", "trace", *WINDOW),
    "nothing.csv": ("changes", "--target", "x", *WINDOW),
    "nothing.json": ("records", "--until", "2001-10-01"),
}
THEN = ("--at", "2026-11-21T21:05:00Z")
HOSTILE_CASES = {
    f"hostile-{report}.{end}": (report, *words)
    for report, words in (("changes", WINDOW), ("catchment", THEN),
                          ("records", WINDOW), ("latency", WINDOW),
                          ("identities", WINDOW))
    for end in ("csv", "txt", "json")
}

REFUSED = (  # words, status, what the line says
    ((), 2, "expected latency, catchment"),
    (("foo",), 2, "foo: expected latency"),
    (("latency", "changes"), 2, "changes: one report"),
    (("latency", "--bogus"), 2, "--bogus"),
    (("latency", "--since"), 2, "since"),
    (("changes", "--step", "1h"), 2, "changes does not take --step"),
    (("diff",), 2, "diff needs --from"),
    (("diff", "--from", "now", "--to", "1h"), 2, "--from now: not before"),
    (("diff", "--from", "1h", "--since", "2h"), 2, "diff does not take --si"),
    (("events", "--level", "site"), 2, "events does not take --level"),
    (("vps", "--max-age", "1h"), 2, "vps does not take --max-age"),
    (("availability", "--per", "vp"), 2, "availability does not take --per"),
    (("latency", "--from", "1h"), 2, "latency does not take --from"),
    (("latency", "--matrix"), 2, "latency does not take --matrix"),
    (("diff", "--from", "1h", "--weights", "/nonexistent"), 2,
     "--weights /nonexistent: No such"),
    (("diff", "--from", "1h", "--weights", f"{HERE}/sites"), 2,
     "--weights .*:2: expected vp, prefix, asn"),
    (("catchment", "--weights", f"{HERE}/sites"), 2,
     "catchment --weights needs --by"),
    (("congruence", "--of", "x"), 2, "--of x: expected family, transport"),
    (("latency", "--of", "icmp"), 2, "latency does not take --of"),
    (("locality", "--bloc", "Eu"), 2, "--bloc Eu: expected eu or countries"),
    (("locality", "--bloc", "region:Nowhere"), 2, "region:Nowhere: no country"),
    (("locality", "--bloc", "region:"), 2, "region:: no country"),
    (("locality", "--bloc", "DE,"), 2, "--bloc DE,: expected eu or countr"),
    (("latency", "--step", "0.5s"), 2, "--step 0.5s: expected a length"),
    (("latency", "--step", "1s", "--since", "2001-01-01"), 2,
     "--step: over 100000 steps"),
    (("latency", "--since", "tomorrowish"), 2, "--since tomorrowish"),
    (("latency", "--since", "2015"), 2, "--since 2015"),
    (("latency", "--until", "2026-13-01"), 2, "--until 2026-13-01"),
    (("latency", "--since", "2026-11-22", "--until", "2026-11-22"), 2,
     "--since 2026-11-22: not before"),
    (("latency", "--by", "city"), 2, "--by city"),
    (("catchment", "--by", "site"), 2, "catchment does not take --by site"),
    (("changes", "--by", "region"), 2, "changes does not take --by"),
    (("catchment", "--until", "now"), 2, "catchment does not take --until"),
    (("changes", "--at", "now"), 2, "changes does not take --at"),
    (("records", "--level", "site"), 2, "records does not take --level"),
    (("catchment", "--per", "vp"), 2, "catchment does not take --per"),
    (("latency", "--question", "trace"), 2, "latency does not take --quest"),
    (("latency", "--per", "target"), 2, "--per target"),
    (("catchment", "--max-age", "soon"), 2, "--max-age soon"),
    (("latency", "--level", "city"), 2, "--level city"),
    (("latency", "--af", "5"), 2, "--af 5"),
    (("latency", "--format", "xml"), 2, "--format xml"),
    (("latency", "--vp", "@/nonexistent"), 2, "/nonexistent: No such file"),
    (("latency", "--vp", ""), 2, "--vp"),
    (("latency", "--site-map", "/nonexistent"), 2, "/nonexistent: No such"),
    (("latency", "--db", "/nonexistent.db"), 4, "/nonexistent.db: No such"),
    (("latency", "--db", "/"), 4, "/: not a regular file"),
    (("latency", "-o", "/nonexistent/x"), 4, "/nonexistent/x: No such"),
)


class Suite:
    def __init__(self, folder):
        self.tap = Tap()
        self.folder = folder
        self.db = f"{folder}/world.db"
        self.program = f"{BUILD}/acreport"

    def run(self, *words, db=None, program=None, before=()):
        given = () if "--db" in words else ("--db", db or self.db)
        return subprocess.run(
            [*before, program or self.program, *given, *words],
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
            timeout=120)

    def one_line(self, said, status, pattern):
        """What is wrong with a refusal."""
        text = said.stderr.decode("utf-8", "replace")
        if said.returncode != status:
            return f"exit {said.returncode}, not {status}: {text}"
        if text.count("\n") != 1 or not re.search(pattern, text):
            return f"not one line with {pattern}: {text}"
        return ""

    def refuses(self, sentence, status, pattern, *words, **how):
        wrong = self.one_line(self.run(*words, **how), status, pattern)
        self.tap.ok(not wrong, sentence, wrong)

    def golden(self, cases, db):
        for name, words in cases.items():
            form = {"txt": "table"}.get(name[-3:], name.rsplit(".", 1)[1])
            said = self.run(*words, "--format", form, db=db)
            path = f"{HERE}/{name}"
            if os.environ.get("UPDATE"):
                with open(path, "wb") as file:
                    file.write(said.stdout)
            try:
                with open(path, "rb") as file:
                    wanted = file.read()
            except FileNotFoundError:
                wanted = None
            right = said.returncode == 0 and said.stdout == wanted
            self.tap.ok(right, f"acreport {' '.join(words)} as {form}",
                        said.stderr.decode(),
                        *difference(wanted or b"", said.stdout))


def difference(wanted, got):
    a, b = wanted.decode().splitlines(), got.decode().splitlines()
    lines = [f"{i + 1}: wanted {x!r}\n{i + 1}: got    {y!r}"
             for i, (x, y) in enumerate(zip(a, b)) if x != y]
    return [*lines[:5], f"{len(a)} lines wanted, {len(b)} came"]


# --- remarks ---

def test_window(s):
    """What was measured from 02:00 to 01:00 the next day."""
    outside = (("2026-11-25", "2026-11-26"), ("2026-11-20", "2026-11-21"))
    said = [s.run("events", "--since", since, "--until", until).stderr.decode()
            for since, until in outside]
    s.tap.ok(all(line.count("\n") == 1 and "outside what was measured: --since "
                 "2026-11-21T02:00:00Z --until 2026-11-22T01:00:00Z" in line
                 for line in said),
             "a report of a time without measurements says of when there are",
             *said)
    inside = (("2026-11-20", "2026-11-21T02:00:01Z"),
              ("2026-11-22T00:59:59Z", "2026-11-23"))
    said = [s.run("events", "--since", since, "--until", until).stderr.decode()
            for since, until in inside]
    s.tap.ok(said == ["", ""], "one that touches them does not", *said)


# --- output ---

def test_output(s):
    shown = b""
    for name in HOSTILE_CASES:
        with open(f"{HERE}/{name}", "rb") as file:
            shown += file.read().replace(b"\r\n", b"\n")
    bad = re.findall(rb"[^\x20-\x7e\n]", shown)
    s.tap.ok(not bad, "nothing but printable ASCII leaves a report of "
             "hostile names", bad[:10])
    bare = [line for name in HOSTILE_CASES if name.endswith(".csv")
            for line in open(f"{HERE}/{name}", encoding="ascii")
            if re.search(r'(^|,)"? *[=+@|]', line)]
    s.tap.ok(not bare, "no text cell of a CSV begins like a formula", *bare)

    out = f"{s.folder}/out.csv"
    with open(out, "w", encoding="ascii") as file:
        file.write("old")
    said = s.run("changes", *WINDOW, "-o", out)
    with open(out, "rb") as file, \
            open(f"{HERE}/changes.csv", "rb") as wanted:
        s.tap.ok(said.returncode == 0 and file.read() == wanted.read(),
                 "-o takes its format from the file's name and replaces it")
    link = f"{s.folder}/link.csv"
    os.symlink(out, link)
    s.refuses("-o refuses a symbolic link", 4, "symbolic link", "changes",
              "-o", link)
    s.refuses("a full disk is said", 4, "No space left", "records", *WINDOW,
              "-o", "/dev/full")
    said = subprocess.run(
        [s.program, "records", "--db", s.db, *WINDOW, "--format", "csv"],
        stdout=open("/dev/full", "wb"), stderr=subprocess.PIPE, check=False)
    s.tap.ok(said.returncode == 4 and b"No space left" in said.stderr,
             "so is one behind standard output", said)
    left = [name for name in os.listdir(s.folder) if "tmp" in name]
    s.tap.ok(not left, "no temporary file stays", left)
    said = s.run("latency", "--vp", "ams1", "--vp", "amz1", *WINDOW)
    s.tap.ok(said.returncode == 0 and
             b"1 of 2 vantage points not in the database: amz1" in said.stderr,
             "a name that is not in the database is said", said.stderr)
    for text in (s.run("latency", *WINDOW, "--format", "json").stdout,
                 s.run("records", *WINDOW, "--format", "json").stdout):
        rows = json.loads(text)
        wrong = [row for row in rows if not isinstance(row["af"], int)]
        s.tap.ok(rows and not wrong, "JSON is one array of typed objects")


# --- refusals ---

def copy_with(s, name, *statements):
    path = f"{s.folder}/{name}"
    for end in ("", "-wal"):
        if os.path.exists(s.db + end):
            shutil.copy(s.db + end, path + end)
    db = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        db.execute(statement.replace("UPDATE ", "UPDATE OR IGNORE "))
    db.close()
    return path


def test_refusals(s):
    for words, status, pattern in REFUSED:
        s.refuses(f"acreport {' '.join(words)}: exit {status}, one line",
                  status, pattern, *words)
    empty, text = f"{s.folder}/empty.db", f"{s.folder}/text.db"
    with open(empty, "w", encoding="ascii"):
        pass
    with open(text, "w", encoding="ascii") as file:
        file.write("no database\n" * 1000)
    os.mkfifo(f"{s.folder}/fifo")
    for path, what, pattern in (
            (empty, "an empty file", "not a database of accollect"),
            (text, "a text", "file is not a database"),
            (f"{s.folder}/fifo", "a FIFO", "not a regular file"),
            (copy_with(s, "foreign.db", "PRAGMA application_id=7"),
             "another program's database", "not a database of accollect"),
            (copy_with(s, "newer.db", "PRAGMA user_version=99"),
             "a newer schema", "schema version 99.*newer acreport"),
            (copy_with(s, "gone.db", "DROP TABLE measurement"),
             "a database without its samples", "no such table")):
        s.refuses(f"{what} is refused with 4", 4, pattern, "latency",
                  db=path)


# --- views ---

def test_views(s):
    db = sqlite3.connect(f"file:{s.db}?mode=ro", uri=True)
    db.execute("PRAGMA trusted_schema=OFF")
    views = [name for name, in db.execute(
        "SELECT name FROM sqlite_master WHERE type = 'view'")]
    ids = []
    for view in views:
        cursor = db.execute(f"SELECT * FROM {view}")
        cursor.fetchall()
        ids += [f"{view}.{column[0]}" for column in cursor.description
                if column[0] in ("id", "received")]
    s.tap.ok(len(views) > 8 and not ids,
             f"{len(views)} views can be read, and show no id", *ids)
    rows = csv.DictReader(io.StringIO(s.run(
        "changes", *WINDOW, "--format", "csv").stdout.decode()))
    told = sorted((r["time"], r["vp"], r["from_instance"], r["to_instance"],
                   float(r["uncertain_s"])) for r in rows)
    viewed = sorted(db.execute(
        "SELECT time, vp, from_instance, to_instance, uncertain_s "
        "FROM v_change WHERE t >= ? AND t < ?", (stamp(12), stamp(24))))
    s.tap.ok(told == viewed and told,
             "v_change and acreport changes see the same changes",
             told, viewed)
    rows = csv.DictReader(io.StringIO(s.run(
        "records", *WINDOW, "--format", "csv").stdout.decode()))
    told = sorted((r["time"], r["vp"], r["question"], r["outcome"],
                   r["rtt_ms"], r["instance"], r["reason"]) for r in rows)
    viewed = sorted((time, vp, question, outcome,
                     "" if rtt is None else f"{rtt / 1000:.3f}",
                     name or "", reason or "")
                    for time, vp, question, outcome, rtt, name, reason
                    in db.execute(
                        "SELECT time, vp, question, outcome, rtt_us, "
                        "instance, reason FROM v_record "
                        "WHERE t >= ? AND t < ?", (stamp(12), stamp(24))))
    s.tap.ok(told == viewed and told,
             "v_record and acreport records see the same records",
             f"{len(told)} and {len(viewed)}")
    db.close()


# --- other users ---

def test_users(s):
    if os.geteuid() != 0:
        s.tap.skip("another user can read", "needs root")
        return
    reader = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}",
              "--clear-groups")
    os.chmod(s.folder, 0o755)
    home = f"{s.folder}/store"
    os.mkdir(home, 0o755)
    program = shutil.copy(s.program, f"{home}/acreport")
    path = f"{home}/anycast.db"
    shutil.copy(s.db, path)
    words = ("changes", *WINDOW, "--format", "csv")
    with open(f"{HERE}/changes.csv", "rb") as file:
        wanted = file.read()

    def reads(sentence):
        said = s.run(*words, db=path, program=program, before=reader)
        s.tap.ok(said.returncode == 0 and said.stdout == wanted, sentence,
                 said.stderr.decode(), *difference(wanted, said.stdout))

    reads("a copy that nobody writes is read by another user")
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("INSERT INTO note(id, t, text) VALUES(1, 0, 'x')")
    for end in ("", "-wal", "-shm"):
        os.chmod(path + end, 0o644)
    reads("so is a database that a writer holds open")
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM interval")
    writer.execute("DELETE FROM batch")
    reads("what is not committed is not seen")
    writer.execute("ROLLBACK")
    os.chmod(path + "-shm", 0o600)
    s.refuses("files beside the database that may not be read are named", 3,
              "anycast.db-shm: Permission denied", *words, db=path,
              program=program, before=reader)
    os.chmod(path, 0o600)
    s.refuses("a database that may not be read: exit 3", 3,
              "anycast.db: Permission denied", *words, db=path,
              program=program, before=reader)
    writer.close()


# --- hostile databases (RELIABILITY A42) ---

HOSTILE_SQL = (
    ("a view in place of a table",
     ("ALTER TABLE measurement RENAME TO m2",
      "CREATE VIEW measurement AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
      "SELECT i+1 FROM n) SELECT i AS id, 1 AS lane, i AS dt_us, 0 AS outcome,"
      " 1 AS rtt_us, 2 AS instance, 1 AS ttl, 0 AS rcode, 1 AS stamp, 1 AS "
      "size, 1 AS detail, 1 AS reply FROM n"), 4),
    ("times beyond the clock",
     (f"UPDATE batch SET t0 = {2**63 - 5}, t1 = {2**63 - 1} WHERE id % 2",
      f"UPDATE interval SET first = {-2**63} WHERE lane % 2",
      f"UPDATE interval SET last = {-2**63} WHERE lane % 3 = 1",
      f"UPDATE vp_place SET since = {2**63 - 1}"), 0),
    ("lanes that belong to another vantage point",
     ("UPDATE lane SET vp = 1 + id % 3",), 0),
    ("every batch claiming every row",
     ("UPDATE batch SET first_row = 1, rows = 100000 WHERE id < 20",), 0),
    ("numbers beyond their meaning",
     (f"UPDATE measurement SET rtt_us = {2**62}, outcome = 77, stamp = 99, "
      "instance = 999999, lane = lane + 0 WHERE id % 5 = 0",
      f"UPDATE batch SET every_s = {2**62} WHERE id % 3 = 0",
      "UPDATE batch SET every_s = -7 WHERE id % 3 = 1",
      f"UPDATE lane SET flow = {2**40}, port = -9 "
      "WHERE id % 2"), 0),
    ("names that are no text form",
     ("UPDATE instance SET text = char(27) || '[2J' || char(10) || id",
      "UPDATE lane SET target = char(27) || 'x' || char(0) || 'y'",
      "UPDATE vp_place SET region = char(8238, 10, 13) || 'r'"), 0),
    ("JSON that is none",
     ("UPDATE detail SET json = '{\"a\":' WHERE id % 2",), None),
)


def all_reports(s, path, program):
    """Every report of a database: (status, output, errors)."""
    wide = ("--since", "2026-11-20", "--until", "2026-11-23")
    for words in (("latency", *wide), ("latency", "--by", "site", *wide),
                  ("changes", "--level", "instance", *wide),
                  ("catchment", *AT), ("records", *wide)):
        said = s.run(*words, "--format", "csv", db=path, program=program)
        yield said.returncode, said.stdout, said.stderr


def test_hostile_sql(s, program):
    for n, (what, statements, status) in enumerate(HOSTILE_SQL):
        path = copy_with(s, f"hostile{n}.db", *statements)
        wrong = []
        for code, out, err in all_reports(s, path, program):
            if code not in ((status,) if status is not None else (0, 4)):
                wrong.append(f"exit {code}: {err.decode()}")
            if re.search(rb"[^\x20-\x7e\r\n]", out + err):
                wrong.append("a control character came out")
        s.tap.ok(not wrong, f"{what}: read or refused, and escaped", *wrong)


def test_mutations(s, program):
    seed = int(os.environ.get("SEED") or 1)
    rng = random.Random(seed)
    small = f"{s.folder}/small.db"
    batches, places = hostile_world()
    make(small, batches, places, 1)
    db = sqlite3.connect(small)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    with open(small, "rb") as file:
        good = bytearray(file.read())
    wrong, refused = [], 0
    for _ in range(60):
        bad = bytearray(good)
        for _ in range(rng.choice((1, 4, 30))):
            bad[rng.randrange(100, len(bad))] = rng.randrange(256)
        path = f"{s.folder}/mutated.db"
        with open(path, "wb") as file:
            file.write(bad)
        for code, _, err in all_reports(s, path, program):
            refused += code == 4
            if code not in (0, 4) or code == 4 and not err:
                wrong.append(f"exit {code}: {err.decode('utf-8', 'replace')}")
    s.tap.ok(not wrong and refused > 10,
             f"60 damaged databases (seed {seed}): read or refused with 4",
             f"{refused} refused", *wrong[:3])


def sanitized(s):
    """acreport with sanitizers; None where it cannot be built."""
    path, said = built.sanitized("acreport")
    s.tap.ok(not said, "acreport builds with sanitizers", said)
    return s.program if said else path


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                          "../.."))
    with tempfile.TemporaryDirectory() as folder:
        s = Suite(folder)
        make(s.db, *world(), 1)
        make(f"{folder}/hostile.db", *hostile_world(), 1)
        s.golden(CASES, s.db)
        s.golden(HOSTILE_CASES, f"{folder}/hostile.db")
        test_window(s)
        test_output(s)
        test_refusals(s)
        test_views(s)
        test_users(s)
        program = sanitized(s)
        s.program = program
        test_hostile_sql(s, program)
        test_mutations(s, program)
    s.tap.done()


main()

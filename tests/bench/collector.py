#!/usr/bin/env python3
# Measures how fast the collector takes ten million records over HTTPS, how large its file gets and how fast reports are over it, beside SQLite and DuckDB.
# time limit: 3600 s
"""collector.py [PART...]   of: random peers reports (all of them)
collector.py --store DB [peers] [REPORT...]    the reports of a store that was
                           kept (BENCH_KEEP=FILE keeps it), or those whose
                           words begin like that, such as "latency --by";
                           peers: beside DuckDB over its rows

BENCH_ROUNDS (500) rounds of 20,000 records each; some 4 GB under TMPDIR. The
wanted figures are those of a machine with two processors and nothing else to
do, so what fails here is a wrong count and never a figure.
"""
import calendar
import contextlib
import csv
import glob
import math
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import uploads  # noqa: E402

ROUNDS = int(os.environ.get("BENCH_ROUNDS", 500))
VPS = 10
BATCH = 2000
RECORDS = ROUNDS * VPS * BATCH
MILLION = 1_000_000
HERE = os.path.dirname(os.path.abspath(__file__))
UNTIL = "2023-12-14T00:36:00Z"  # a minute after the last round
UNTIL_US = 1_702_514_160_000_000
MONTH = ["--since", "2023-11-14", "--until", UNTIL]
REPORTS = {  # its words, and the seconds that are wanted
    "latency": (MONTH, 2),
    "latency --by all": (MONTH, 2),
    "latency --by site": (MONTH, 2),
    "catchment": (["--at", UNTIL], 2),
    "catchment --by all": (["--at", UNTIL], 2),
    "changes": (MONTH, 2),
    "diff": (["--from", "2023-11-20", "--to", UNTIL], 2),
    "events": (MONTH, 2),
    "stability": (MONTH, 2),
    "inflation": (MONTH, 2),
    "availability": (MONTH, 2),
    "congruence": (["--at", UNTIL], 2),
    "locality": (MONTH, 2),
    "sites": (MONTH, 2),
    "vps": (MONTH, 2),
    "publication": (MONTH, 2),
    "rssac047": (MONTH, 2),
    "plausibility": (MONTH, 2),
    "html": (MONTH, 5),
}


def measured(tap, wanted, sentence):
    """A figure and whether it is the wanted one; a slow machine is no bug."""
    tap.note(f"{'as wanted' if wanted else 'NOT AS WANTED'}: {sentence}")


# --- ingest ---

def request(path):
    with open(path, "rb") as file:
        data = file.read()
    line, signature, _ = data.split(b"\n", 2)
    words = line.decode().split()
    return (f"PUT /v1/batch/{words[2]}/{words[4]}/{words[5]} HTTP/1.1\r\n"
            f"Host: collector\r\nContent-Length: {len(data)}\r\n"
            f"Acbatch: {line.decode()}\r\n"
            f"Acbatch-Signature: {signature.decode()}\r\n\r\n"
            ).encode() + data


class Load:
    """One connection for each vantage point, or as many for any order."""

    def __init__(self, collector, queues):
        self.collector, self.queues = collector, queues
        self.receipts, self.wrong = [], []

    def send(self, paths):
        with self.collector.connect(120) as s:
            for path in paths:
                s.sendall(request(path))
                status, body = uploads.read_answer(s)
                self.receipts.append(time.monotonic())
                if status not in (200, 201):
                    self.wrong.append((path, status, body))
                    return

    def run(self):
        """Seconds until nothing is unsettled."""
        threads = [threading.Thread(target=self.send, args=(q,))
                   for q in self.queues]
        self.begin = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        while unsettled(self.collector.db) > 0:
            time.sleep(0.02)
        self.seconds = time.monotonic() - self.begin
        self.receipts.sort()

    def rate(self, first, last):
        """Records a second between two counts of them."""
        at = [self.begin] + self.receipts
        span = at[last // BATCH] - at[first // BATCH]
        return (last - first) / span


def unsettled(db):
    with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as c:
        return c.execute("SELECT count(*) FROM unsettled").fetchone()[0]


def server_seconds(collector):
    with open(f"/proc/{collector.process.pid}/stat", encoding="ascii") as f:
        words = f.read().split()
    return (int(words[13]) + int(words[14])) / os.sysconf("SC_CLK_TCK")


def peak_mb(collector):
    with open(f"/proc/{collector.process.pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1)) // 1024


def new_collector(batches, folder):
    os.makedirs(folder)
    collector = uploads.Collector(folder=folder).make(
        "connections_per_address = 100\n")
    for i in range(VPS):
        collector.run("vp", "add", f"vp{i}", "--key", f"{batches}/vp{i}.pub",
                      f"--region=r{i % 5}", f"--lat={5 * i}",
                      f"--lon={7 * i}", "--since=2023-01-01")
    collector.start()
    return collector


def by_vp(paths):
    return [[p for p in paths if p.endswith(f"-vp{i}.acbatch")]
            for i in range(VPS)]


def shuffled(paths):
    draw = random.Random(7)
    mixed = paths + draw.sample(paths, len(paths) // 10)
    draw.shuffle(mixed)
    return [mixed[i::VPS] for i in range(VPS)]


# Rows that stay when retention has taken the records.
BATCH_BYTES = (
    "SELECT (SELECT sum(s.pgsize) FROM sqlite_schema AS t CROSS JOIN dbstat AS"
    " s ON s.name = t.name WHERE t.tbl_name IN ('batch', 'spool', 'host')) * 1.0"
    " / (SELECT count(*) FROM batch)")
ROUNDS_A_YEAR = 1000 * 288 * 365


def ingest(tap, collector, queues, wanted, what):
    load = Load(collector, queues)
    load.run()
    count = sum(map(len, queues)) * BATCH
    rate = count / load.seconds
    tap.check(not load.wrong and len(load.receipts) * BATCH == count,
              f"{what}: {count} records have their receipts", load.wrong[:2])
    measured(tap, rate >= wanted,
             f"{what}: {rate:,.0f} records/s until nothing is unsettled "
             f"(wanted {wanted:,}); {server_seconds(collector) / count * 1e6:.2f}"
             f" us of processor time each; {peak_mb(collector)} MB at most")
    if count >= 3 * MILLION:
        first = load.rate(0, MILLION)
        last = load.rate(count - MILLION, count)
        measured(tap, last > 0.8 * first,
                 f"{what}: {first:,.0f}/s in the first million, {last:,.0f}/s "
                 "in the last")
    with contextlib.closing(sqlite3.connect(f"file:{collector.db}?mode=ro",
                                            uri=True)) as db:
        rows = db.execute("SELECT count(*) FROM measurement").fetchone()[0]
        batch_bytes = db.execute(BATCH_BYTES).fetchone()[0]
    tap.check(rows == RECORDS, f"{what}: {rows} rows", RECORDS)
    collector.stop()
    with contextlib.closing(sqlite3.connect(collector.db)) as db:
        left = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    tap.check(left == (0, 0, 0), f"{what}: nothing is left in the WAL", left)
    size = os.path.getsize(collector.db) / rows
    measured(tap, size <= 45, f"{what}: {size:.1f} bytes a record in the file,"
             " runs, intervals and histograms included (wanted 45)")
    measured(tap, batch_bytes <= 200, f"{what}: {batch_bytes:.0f} bytes a batch"
             " beside its records, indexes included (wanted 200):"
             f" {batch_bytes * ROUNDS_A_YEAR / 1e9:.1f} GB a year of a thousand"
             " vantage points every five minutes")


# --- peers ---

def export(db, path):
    """Raw rows with their names, for the peers."""
    with open(path, "wb") as out:
        subprocess.run(
            ["sqlite3", "-readonly", "-csv", db,
             "SELECT b.vp, 'r' || ((b.vp - 1) % 5), l.target, l.address,"
             " l.question, m.lane, b.t0 + m.dt_us, m.outcome, m.rtt_us,"
             " m.instance FROM batch b CROSS JOIN measurement m ON m.id"
             " BETWEEN b.first_row AND b.first_row + b.rows - 1"
             " JOIN lane l ON l.id = m.lane"], stdout=out, check=True)


def sqlite_peer(tap, rows, db, index):
    create = ("CREATE TABLE m(vp, region, target, address, question, lane,"
              " t, outcome, rtt_us, instance);")
    if index:
        create += "CREATE INDEX i ON m(vp, target, t);"
    begin = time.monotonic()
    subprocess.run(["sqlite3", db, "PRAGMA synchronous=OFF", create,
                    f".import --csv {rows} m"], check=True,
                   stdout=subprocess.DEVNULL)
    rate = RECORDS / (time.monotonic() - begin)
    tap.note(f"sqlite3 .import of 10 columns, {index or 'no index'}: "
             f"{rate:,.0f} rows/s in one transaction without a flush, "
             f"{os.path.getsize(db) / RECORDS:.0f} bytes a row")
    os.unlink(db)


def duckdb(tap, rows, folder):
    """Seconds of each query, or nothing where it cannot be installed."""
    npm = os.path.join(uploads.BUILD, "duckdb")
    os.makedirs(npm, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(f"{HERE}/duckdb/{name}", npm)
    if not os.path.isdir(f"{npm}/node_modules/@duckdb/node-api"):
        done = subprocess.run(
            ["npm", "install", "--no-save", "--no-audit", "--no-fund",
             "--ignore-scripts"],
            cwd=npm, capture_output=True, text=True, check=False)
        if done.returncode:
            tap.skip("DuckDB answers", "npm install: " + done.stderr[-100:])
            return {}
    os.symlink(f"{npm}/node_modules", f"{folder}/node_modules")
    queries = ["node", f"{HERE}/duckdb/queries.mjs"]
    out = subprocess.run([*queries, rows, folder, str(UNTIL_US)],
                         check=True, capture_output=True, text=True).stdout
    tap.note("DuckDB over the raw rows, in a process that is up: " + "; ".join(
        "{} {} s ({} s of processor time), {} rows".format(*line.split())
        for line in out.splitlines()))
    took = {line.split()[0]: float(line.split()[1])
            for line in out.splitlines()}
    for name in ("changes_full", "catchment_full"):
        seconds, cpu, count = process_seconds(
            [*queries, "-", folder, str(UNTIL_US), name])
        took[f"{name} alone"], took[f"{name} processor"] = seconds, cpu
        tap.note(f"DuckDB {name}, its process and all, as of a report: "
                 f"{seconds:.2f} s ({cpu:.2f} s of processor time), "
                 f"{count} rows")
    return took


# --- reports ---

def process_seconds(words):
    """(seconds, processor seconds, lines) of a process from its start to its
    end: the median of five."""
    runs = []
    for _ in range(5):
        before = os.times()
        done = subprocess.run(words, capture_output=True, check=True)
        after = os.times()
        runs.append((after.elapsed - before.elapsed,
                     after.children_user - before.children_user +
                     after.children_system - before.children_system,
                     done.stdout.count(b"\n")))
    return sorted(runs)[2]


def report_seconds(db, words):
    """As process_seconds, but rows without the header's line."""
    form = [] if words[0] == "html" else ["--format", "csv"]
    seconds, cpu, lines = process_seconds(
        [f"{uploads.BUILD}/acreport", *words, "--db", db, *form])
    return seconds, cpu, lines - 1


def report_rows(db, words):
    out = subprocess.run(
        [f"{uploads.BUILD}/acreport", *words, "--db", db, "--format", "csv"],
        capture_output=True, check=True, text=True).stdout
    return list(csv.DictReader(out.splitlines()))


def us(text):
    """Microseconds of a time, or of milliseconds or seconds with a point."""
    if "T" not in text:
        return round(float(text) * 1000) if text else None
    seconds, fraction = text.rstrip("Z").split(".")
    return calendar.timegm(
        time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) * MILLION + int(fraction)


def median_us(text):
    """Of an even number of round trips the middle, rounded up."""
    return math.floor(float(text) + 0.5)


def same_as_duckdb(tap, db, folder):
    """What the full queries say is what the reports say."""
    with open(f"{folder}/changes_full.csv", encoding="ascii") as f:
        theirs = sorted((int(t), median_us(before), median_us(after),
                         (int(gap) + 500) // 1000)
                        for t, before, after, gap, *_ in csv.reader(f))
    ours = sorted((us(r["time"]), us(r["rtt_before_ms"]),
                   us(r["rtt_after_ms"]), us(r["uncertain_s"]))
                  for r in report_rows(db, ["changes", *MONTH]))
    tap.check(ours == theirs, f"changes: times, round trips and uncertainty "
              f"of {len(ours)} rows are DuckDB's",
              (len(theirs), list(set(ours) ^ set(theirs))[:4]))
    with open(f"{folder}/catchment_full.csv", encoding="ascii") as f:
        theirs = {(int(since), int(last), int(n), median_us(rtt))
                  for since, last, n, rtt, *_ in csv.reader(f) if int(n)}
    known = [r for r in report_rows(db, ["catchment", "--at", UNTIL])
             if r["state"] == "known"]
    ours = {(us(r["since"]), us(r["last_seen"]), int(r["samples"]),
             us(r["rtt_p50_ms"])) for r in known}
    tap.check(len(known) > 0 and ours <= theirs,
              f"catchment: since when, until when, samples and round trip of "
              f"{len(known)} known rows are DuckDB's",
              (len(theirs), list(ours - theirs)[:4]))


def compare(tap, took, peer):
    """Two reports in one row of the issue. What a timer of the operator starts
    is a process, so both sides are one for each answer; beside it what DuckDB
    takes in a process that is up."""
    ours = took["changes"] + took["catchment"]
    theirs = {kind: peer[f"changes_{kind}"] + peer[f"catchment_{kind}"]
              for kind in ("full", "simple")}
    alone = peer["changes_full alone"] + peer["catchment_full alone"]
    measured(tap, ours <= 0.1 * alone,
             f"changes of 30 days and catchment now: {ours:.2f} s, "
             f"{ours / alone:.2f} of DuckDB's time for the same columns, "
             f"process for process (wanted 0.1); {ours / theirs['full']:.2f} "
             "of its time in a process that is up")
    cpu = took["changes processor"] + took["catchment processor"]
    theirs_cpu = sum(peer[f"{name}_full processor"]
                     for name in ("changes", "catchment"))
    tap.note(f"changes and catchment: {cpu / theirs_cpu:.2f} of DuckDB's "
             "processor time, process for process")
    tap.note(f"changes and catchment: {ours / theirs['simple']:.2f} of "
             "DuckDB's time for which lane changed and where it is, without "
             "round trips or since when, over all questions")


def compare_latency(tap, took, peer):
    measured(tap, took["latency"] <= peer["latency"],
             f"p50 and p95 by region: {took['latency'] / peer['latency']:.2f} "
             "of DuckDB's time (wanted 1.0)")


def reports(tap, db, peer, only=("",)):
    took = {}
    for name, (words, wanted) in REPORTS.items():
        if not name.startswith(tuple(only)):
            continue
        seconds, cpu, rows = report_seconds(db, [*name.split(), *words])
        took[name], took[f"{name} processor"] = seconds, cpu
        measured(tap, seconds < wanted,
                 f"acreport {name}: {seconds:.2f} s ({cpu:.2f} s of processor"
                 f" time), {rows} rows (wanted under {wanted} s)")
    if peer and {"changes", "catchment"} <= took.keys():
        compare(tap, took, peer)
    if peer and "latency" in took:
        compare_latency(tap, took, peer)


def kept_store(tap, db, words):
    """A store that was kept, with peers if they are among the words."""
    only = [w for w in words if w != "peers"] or [""]
    folder = tempfile.mkdtemp(prefix=f"bench-{os.getpid()}-")
    peer = {}
    try:
        if "peers" in words:
            export(db, f"{folder}/rows.csv")
            peer = duckdb(tap, f"{folder}/rows.csv", folder)
        if peer:
            same_as_duckdb(tap, db, folder)
        reports(tap, db, peer, only)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tap.done()


def main():
    parts = sys.argv[1:] or ["random", "peers", "reports"]
    tap = uploads.Tap()
    if parts[0] == "--store":
        return kept_store(tap, parts[1], parts[2:])
    folder = tempfile.mkdtemp(prefix=f"bench-{os.getpid()}-")
    made = os.path.join(folder, "batches")
    try:
        os.makedirs(made)
        subprocess.run([f"{uploads.BUILD}/tests/bench/batches", made, str(VPS),
                        str(ROUNDS)], check=True)
        paths = sorted(glob.glob(f"{made}/*.acbatch"))
        collector = new_collector(made, f"{folder}/order")
        ingest(tap, collector, by_vp(paths), 150_000, "in order")
        if "random" in parts:
            other = new_collector(made, f"{folder}/random")
            ingest(tap, other, shuffled(paths), 60_000,
                   "in random order, a tenth repeated")
            other.remove()
        shutil.rmtree(made)
        rows, peer = f"{folder}/rows.csv", {}
        if "peers" in parts:
            export(collector.db, rows)
            for index in ("", "index (vp, target, t)"):
                sqlite_peer(tap, rows, f"{folder}/peer.db", index)
            peer = duckdb(tap, rows, folder)
        if peer:
            same_as_duckdb(tap, collector.db, folder)
        if "reports" in parts:
            reports(tap, collector.db, peer)
        if "BENCH_KEEP" in os.environ:
            shutil.copy(collector.db, os.environ["BENCH_KEEP"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# Proves that latency over more than a million records, which comes from runs, is what an independent reading of the raw rows says, within 1 %.
# time limit: 800 s
"""The load of the benchmark, imported; counts must be the same to the last
record, percentiles those of the rows within a histogram's 1 %, also where the
window cuts hours and where hours are not settled yet."""
import collections
import csv
import glob
import io
import os
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import built  # noqa: E402
import uploads  # noqa: E402

VPS, ROUNDS = 10, 60  # of 2,000 records each
WIDE = ("2023-11-14T00:00:00Z", "2023-12-15T00:00:00Z")
CUT = ("2023-11-14T23:17:30Z", "2023-12-08T23:47:10Z")
ANSWERED, UNSENT = 0, 5
NEAR = 0.0102  # a bucket's 1 %, and the microsecond of the last digit


def run(program, *words):
    return subprocess.run([f"{uploads.BUILD}/{program}", *words], check=True,
                          capture_output=True, text=True).stdout


def make(folder, db):
    program = built.made("tests/bench/batches")
    subprocess.run([program, folder, str(VPS), str(ROUNDS)], check=True)
    run("accollect", "init", "--db", db)
    for i in range(VPS):
        run("accollect", "vp", "add", f"vp{i}", "--db", db, "--key",
            f"{folder}/vp{i}.pub", f"--region=r{i % 3}",
            f"--country={'DE' if i % 2 else 'NL'}", "--since=2023-01-01")
    run("accollect", "import", "--db", db,
        *sorted(glob.glob(f"{folder}/*.acbatch")))


def raw_rows(db, window):
    with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as c:
        yield from c.execute(
            "SELECT v.name, l.target, l.address, l.question, l.proto,"
            " m.outcome, m.rtt_us FROM batch b"
            " CROSS JOIN measurement m ON m.id BETWEEN b.first_row"
            " AND b.first_row + b.rows - 1 JOIN lane l ON l.id = m.lane"
            " JOIN vp v ON v.id = b.vp WHERE b.t0 + m.dt_us"
            " >= unixepoch(?1) * 1000000 AND b.t0 + m.dt_us"
            " < unixepoch(?2) * 1000000", window)


def group_name(by, vp):
    number = int(vp[2:])
    return {"region": f"r{number % 3}", "vp": vp, "all": "",
            "country": "DE" if number % 2 else "NL"}[by]


class Group:
    def __init__(self):
        self.vps, self.asked, self.unsent, self.rtts = set(), 0, 0, []


def expected(db, window, bys):
    """The groups by each of bys."""
    all_groups = [collections.defaultdict(Group) for by in bys]
    for vp, target, address, question, proto, outcome, rtt in raw_rows(
            db, window):
        for by, groups in zip(bys, all_groups):
            group = groups[target, address, question, proto,
                           group_name(by, vp)]
            group.vps.add(vp)
            group.asked += 1
            group.unsent += outcome == UNSENT
            if outcome == ANSWERED:
                group.rtts.append(rtt)
    return all_groups


def rank(rtts, percent):
    return rtts[-(-len(rtts) * percent // 100) - 1]


def median(rtts):
    n = len(rtts)
    return (rtts[(n - 1) // 2] + rtts[n // 2]) / 2


def figures(group):
    rtts = sorted(group.rtts)
    n = len(rtts)
    return {"min_ms": rtts[0], "max_ms": rtts[-1], "p50_ms": median(rtts),
            "p90_ms": rank(rtts, 90) if n >= 10 else None,
            "p95_ms": rank(rtts, 95) if n >= 20 else None,
            "p99_ms": rank(rtts, 99) if n >= 100 else None}


def compare(db, window, by, groups):
    """(what is wrong, how many figures are not to the microsecond)"""
    text = run("acreport", "latency", "--db", db, "--by", by, "--since",
               window[0], "--until", window[1], "--format", "csv")
    wrong, rounded, seen = [], 0, set()
    for row in csv.DictReader(io.StringIO(text)):
        key = (row["target"], row["address"], row["question"], row["proto"],
               row[by])
        group = groups.get(key)
        seen.add(key)
        counts = group and (len(group.vps), group.asked, len(group.rtts),
                            group.unsent)
        if counts != tuple(int(row[name]) for name in (
                "vantage_points", "samples", "answered", "unsent")):
            wrong.append((key, counts, row))
            continue
        for name, exact in figures(group).items():
            got = float(row[name]) * 1000 if row[name] else None
            if (got is None) != (exact is None):
                wrong.append((key, name, exact, got))
            elif exact is not None:
                rounded += abs(got - exact) > 1
                if abs(got - exact) > NEAR * exact + 1:
                    wrong.append((key, name, exact, got))
    return wrong + [key for key in groups if key not in seen], rounded


def check(tap, db, window, bys, what):
    for by, groups in zip(bys, expected(db, window, bys)):
        wrong, rounded = compare(db, window, by, groups)
        tap.check(not wrong, f"{what}, by {by}: {len(groups)} groups are "
                  "those of the raw rows", *wrong[:3])
        tap.check(rounded > len(groups),
                  "and they came from histograms", rounded)


def main():
    tap = uploads.Tap()
    folder = f"{os.environ.get('TMPDIR', '/tmp')}/runs-{os.getpid()}"
    os.makedirs(folder)
    db = f"{folder}/anycast.db"
    try:
        make(folder, db)
        check(tap, db, WIDE, ("vp",), "all of it")
        check(tap, db, CUT, ("region", "all"), "hours cut")
        with sqlite3.connect(db) as c:
            c.execute("INSERT INTO unsettled(hour, vp) SELECT hour, 4 FROM run"
                      " LIMIT 1")
            # What is not settled is not believed.
            c.execute("UPDATE run SET answered = 7, asked = 9 WHERE lane IN"
                      " (SELECT id FROM lane WHERE vp = 4)")
        check(tap, db, WIDE, ("country",), "an hour not settled")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# Proves that two days of real RIPE Atlas results give the known catchments, changes and latencies, from their abuf alone, in any order, twice.
"""The publisher's own columns are taken out of the results first, so that only
the abuf can name the site. Needs ../shared/data (see its README.md).
"""
import base64
import collections
import csv
import gzip
import io
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import machine  # noqa: E402
import uploads  # noqa: E402

DATA = os.path.join(os.path.dirname(uploads.ROOT), "shared", "data", "atlas")
DAYS = ("2015-03-21", "2015-03-27")
BUILD = uploads.BUILD
ACCOLLECT = os.environ.get("ACCOLLECT") or os.path.join(BUILD, "accollect")
ACREPORT = os.environ.get("ACREPORT") or os.path.join(BUILD, "acreport")
TARGET = "cloudflare"
TOLD = ("dst_city", "dst_lat", "dst_lon", "answers")


def strip(result):
    """Without what names the site beside the abuf."""
    kept = {k: v for k, v in result.items()
            if k not in TOLD and not k.startswith("dist")}
    kept["result"] = {k: v for k, v in result["result"].items()
                      if k not in TOLD}
    return kept


def read_day(day):
    with gzip.open(os.path.join(
            DATA, f"cloudflare-idserver-{day}.json.gz")) as file:
        return json.load(file)


class Test:
    def __init__(self, folder):
        self.tap = uploads.Tap()
        self.folder = folder
        self.days = [[strip(r) for r in read_day(day)] for day in DAYS]
        text = json.dumps(self.days)
        assert '"dist' not in text and '"dst_city' not in text

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, results, lines=False):
        opener = gzip.open if name.endswith(".gz") else open
        with opener(self.path(name), "wt", encoding="ascii") as file:
            if lines:
                file.writelines(json.dumps(r) + "\n" for r in results)
            else:
                json.dump(results, file, indent=1)
        return self.path(name)

    def collect(self, *words):
        return subprocess.run([ACCOLLECT, *words], capture_output=True,
                              text=True, check=False)

    def import_files(self, db, files):
        """(what it said, seconds of its own)."""
        if not os.path.exists(db):
            self.collect("init", "--db", db)
        watch = machine.Watch()
        done = self.collect("import", "--db", db, "--format", "ripe-atlas",
                            "--target", TARGET, *files)
        seconds = watch.own_seconds()
        if done.returncode != 0:
            self.tap.note(f"exit {done.returncode}: {done.stderr[:500]}")
        return done.stdout, seconds

    def hash(self, db):
        return self.collect("check", "--hash", "--db", db).stdout.strip()

    def report(self, *words):
        done = subprocess.run([ACREPORT, *words, "--db", self.path("a.db"),
                               "--target", TARGET, "--format", "csv"],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.tap.note(f"acreport {words}: {done.stderr[:300]}")
        return list(csv.DictReader(io.StringIO(done.stdout)))


def sql(db, text):
    done = subprocess.run(["sqlite3", "-readonly", db, text],
                          capture_output=True, text=True, check=False)
    return done.stdout.strip()


def check_import(t):
    db = t.path("a.db")
    files = [t.write("day1.json.gz", t.days[0]),
             t.write("day2.jsonl", t.days[1], lines=True)]
    total = sum(map(len, t.days))
    said, seconds = t.import_files(db, files)
    t.tap.check(f"{total} results: {total} stored, 0 stored before, 0 in "
                "conflict" in said, "every result of both days is stored", said)
    t.tap.check(seconds < 5, f"in {seconds:.2f} s, settled", said)
    t.tap.check(sql(db, "SELECT count(*) FROM v_record") == str(total),
                f"as {total} records")
    t.tap.check(sql(db, "SELECT count(DISTINCT vp) FROM v_record") == "125",
                "of 125 vantage points")
    t.tap.check(sql(db, "SELECT count(*) FROM v_place WHERE lat IS NOT NULL "
                    "AND asn > 0 AND length(country) = 2") == "125",
                "whose position, network and country are known",
                sql(db, "SELECT * FROM v_place LIMIT 3"))
    first = t.hash(db)
    said, seconds = t.import_files(db, files)
    t.tap.check(f"{total} results: 0 stored, {total} stored before" in said,
                f"a second time nothing is stored, in {seconds:.2f} s", said)
    t.tap.check(t.hash(db) == first != "", "and the content is the same",
                first, t.hash(db))
    return first


def check_order(t, content):
    """Shuffled, in overlapping pieces, several runs of the program."""
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    t.tap.note(f"SEED={seed}")
    rng = random.Random(seed)
    results = t.days[0] + t.days[1]
    pieces = [rng.sample(results, len(results) // 2) for _ in range(2)]
    rng.shuffle(results)
    pieces.append(results)
    db = t.path("b.db")
    for i, piece in enumerate(pieces):
        t.import_files(db, [t.write(f"piece{i}.jsonl.gz", piece,
                                    lines=bool(i % 2))])
    t.tap.check(t.hash(db) == content != "",
                "shuffled and overlapping downloads give the same content",
                content, t.hash(db))


def check_rebuild(t, content):
    """From the archive that the imports wrote."""
    conf = t.path("c.conf")
    with open(conf, "w", encoding="ascii") as file:
        file.write(f'db = "{t.path("c.db")}"\n'
                   f'archive = "{t.path("archive")}"\n')
    t.collect("init", "-f", conf)
    for day in ("day2.jsonl", "day1.json.gz"):
        t.collect("import", "-f", conf, "--format", "ripe-atlas", "--target",
                  TARGET, t.path(day))
    done = t.collect("rebuild", "--archive", t.path("archive"), "--db",
                     t.path("d.db"))
    t.tap.check(t.hash(t.path("c.db")) == t.hash(t.path("d.db")) == content,
                "a database rebuilt from the archive has the same content",
                done.stdout, done.stderr)


def check_changes(t):
    rows = t.report("changes", "--since", DAYS[0], "--until", "2015-03-28")
    across = [r for r in rows if float(r["uncertain_s"]) > 86400]
    from_jnb = [r for r in across if r["from_instance"] == "JNB"]
    t.tap.check((len(rows), len({r["vp"] for r in rows}), len(across),
                 len(from_jnb)) == (87, 77, 74, 72),
                "changes: 87 of 77 vantage points, 74 across the gap, 72 of "
                "those from JNB", len(rows), len({r["vp"] for r in rows}),
                len(across), len(from_jnb), rows[:2])


def check_catchment(t):
    wanted = {"2015-03-21": (113, {"JNB": 73, "LHR": 28}),
              "2015-03-27": (116, {"JNB": 0, "LHR": 78, "HKG": 17})}
    for day, (known, sites) in wanted.items():
        rows = t.report("catchment", "--at", f"{day}T12:00:00Z",
                        "--max-age", "2h")
        rows = [r for r in rows if r["state"] == "known"]
        counts = {site: sum(r["site"] == site for r in rows) for site in sites}
        t.tap.check(len(rows) == known and counts == sites,
                    f"catchment at noon of {day}: {known} known, {sites}",
                    len(rows), counts)


def check_diff(t):
    """The last of each day. Two of the 72 went on from LHR to WAW."""
    rows = t.report("diff", "--matrix", "--from", "2015-03-21T23:59:59Z",
                    "--to", "2015-03-27T23:59:59Z", "--max-age", "24h")
    got = {r["to_site"]: r["vantage_points"] for r in rows
           if r["from_site"] == "JNB"}
    wanted = {"LHR": "44", "HKG": "17", "AMS": "8", "WAW": "3", "": "6"}
    truth = collections.Counter()
    last = [{}, {}]
    for day, results in zip(last, t.days):
        for r in sorted(results, key=lambda r: r["timestamp"]):
            day[r["prb_id"]] = answer(r).decode()
    for probe, site in last[0].items():
        if site == "JNB":
            truth[last[1].get(probe, "")] += 1
    truth = {site: str(count) for site, count in truth.items()}
    t.tap.check(got == wanted == truth,
                f"diff: from JNB to {wanted}, as by hand", got, truth)


def stays(t):
    """Per probe: stretches of (site, [(time, round trip)])."""
    held = {}
    for r in sorted(t.days[0] + t.days[1], key=lambda r: r["timestamp"]):
        mine = held.setdefault(r["prb_id"], [])
        site = answer(r).decode()
        if not mine or mine[-1][0] != site:
            mine.append((site, []))
        mine[-1][1].append((r["timestamp"], r["result"]["rt"]))
    return held


def check_events(t):
    """The loss of JNB, and its figures from the results themselves."""
    rows = t.report("events", "--since", DAYS[0], "--until", "2015-03-28")
    lost = [r for r in rows if r["site"] == "JNB"]
    row = lost[0] if lost else collections.defaultdict(str)
    t.tap.check((len(lost), row["kind"], row["vantage_points"],
                 row["to_sites"], row["not_seen_again"]) ==
                (1, "site lost", "72", "LHR 46, HKG 17, AMS 8, WAW 1", "6"),
                "events: one loss of JNB: 72 moved (LHR 46, HKG 17, AMS 8, "
                "WAW 1), 6 not seen again", lost)
    held = stays(t)
    moved = [(old, new) for mine in held.values()
             for old, new in zip(mine, mine[1:]) if old[0] == "JNB"]
    gone = sorted(f"atlas-{probe}" for probe, mine in held.items()
                  if mine[-1][0] == "JNB")
    before = [statistics.median(x for _, x in old[1][-10:])
              for old, _ in moved]
    after = [statistics.median(x for _, x in new[1][:10]) for _, new in moved]
    start = min(new[1][0][0] for _, new in moved)
    waits = sorted(new[1][0][0] - start for _, new in moved)
    known = sum(mine[0][1][0][0] < start for mine in held.values())
    wanted = (
        72, gone, statistics.median(before), statistics.median(after),
        statistics.median(b - a for a, b in zip(before, after)),
        statistics.median(waits), waits[-(-95 * len(waits) // 100) - 1],
        100 * 72 / known)
    got = (len(moved), row["not_seen_vps"].split(", "), *(
        float(row[name] or "nan") for name in (
            "rtt_before_ms", "rtt_after_ms", "rtt_change_ms",
            "convergence_p50_s", "convergence_p95_s", "share_pct")))
    t.tap.check(wanted[:2] == got[:2] and all(
        abs(a - b) < 0.006 for a, b in zip(wanted[2:], got[2:])),
        "its names, round trips, convergence and share are those by hand",
        wanted, got)


def check_latency(t):
    """The 72 that used JNB and answered on both days."""
    moved = {r["prb_id"] for r in t.days[0] if answer(r) == b"JNB"} & \
        {r["prb_id"] for r in t.days[1]}
    path = t.path("moved.txt")
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"atlas-{probe}\n" for probe in sorted(moved))
    t.tap.check(len(moved) == 72, "72 probes used JNB and answered on both "
                "days", len(moved))
    for day, until, median in ((DAYS[0], "2015-03-22", "35.901"),
                               (DAYS[1], "2015-03-28", "184.901")):
        rows = t.report("latency", "--by", "all", "--per", "vp", "--vp",
                        "@" + path, "--since", day, "--until", until)
        got = [r["p50_ms"] for r in rows]
        t.tap.check(len(got) == 1 and abs(float(got[0]) - float(median)) < 0.01,
                    f"the median over their medians on {day}: {median} ms",
                    got, rows[:3])


def answer(result):
    return base64.b64decode(result["result"]["abuf"])[-3:]


def check_truth(t):
    """The figures above again from the results, without the toolkit."""
    for i, median in ((0, 35.9), (1, 184.9)):
        times = {}
        for r in t.days[i]:
            times.setdefault(r["prb_id"], []).append(r["result"]["rt"])
        both = {r["prb_id"] for r in t.days[0] if answer(r) == b"JNB"} & \
            {r["prb_id"] for r in t.days[1]}
        got = statistics.median(statistics.median(times[p]) for p in both)
        t.tap.check(abs(got - median) < 0.05,
                    f"{DAYS[i]}: {median} ms by hand as well", got)


def main():
    if not os.path.isdir(DATA):
        print("1..0 # SKIP ../shared/data is absent")
        return 0
    with tempfile.TemporaryDirectory(prefix=f"cloudflare-{os.getpid()}-") as f:
        t = Test(f)
        content = check_import(t)
        check_order(t, content)
        check_rebuild(t, content)
        check_truth(t)
        if shutil.which(ACREPORT) is None:
            t.tap.skip("the reports", f"{ACREPORT} is not built")
        else:
            check_changes(t)
            check_catchment(t)
            check_diff(t)
            check_events(t)
            check_latency(t)
        return t.tap.done()


if __name__ == "__main__":
    sys.exit(main())

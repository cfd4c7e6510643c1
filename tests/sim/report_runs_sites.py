#!/usr/bin/env python3
# Proves that latency by site, vps and plausibility over more than a million records, which come from runs, are what an independent reading of the raw rows says.
# time limit: 600 s
"""The load of the benchmark, with stretches of losses, instances that change
within an hour and answers without a name put into its rows, settled again.
Counts must be the same to the last record, also where the window cuts hours;
the round trips on the page are those of the CSV;
what is impossible is that of windows which are short enough to be read row by
row, and by hand."""
import collections
import csv
import datetime
import io
import os
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import uploads  # noqa: E402
import plausibility  # noqa: E402
from page_data import data_of, points_of, printed, time_of  # noqa: E402
import report_runs  # noqa: E402
from report_runs import CUT, NEAR, UNSENT, WIDE, run  # noqa: E402

METHODS = {"soa": "nsid", "hostname.bind": "hostname.bind",
           "id.server": "id.server"}
TIMEOUT = 3
MIDDLE = "2023-11-29T00:00:00Z"
CITIES = {"lhr": (51.47, -0.45), "jnb": (-26.14, 28.25),
          "syd": (-33.95, 151.18)}


def trouble(db):
    """Losses, changes and answers without a name, in any order."""
    draw = "(m.id * 2654435761 >> 9)"
    with sqlite3.connect(db) as c:
        c.execute("UPDATE measurement AS m SET outcome = CASE WHEN"
                  f" {draw} % 7 = 0 THEN {UNSENT} ELSE {TIMEOUT} END,"
                  " rtt_us = NULL, instance = NULL, rcode = NULL"
                  f" WHERE lane % 5 < 2 AND {draw} % 4 = 0")
        c.execute("UPDATE measurement AS m SET instance = (SELECT min(id)"
                  " FROM instance i WHERE i.method = (SELECT method FROM"
                  " instance k WHERE k.id = m.instance))"
                  f" WHERE lane % 5 = 1 AND instance > 1 AND {draw} % 3 = 1")
        c.execute("UPDATE measurement AS m SET instance = 1"
                  " WHERE lane % 5 = 2 AND instance > 1"
                  f" AND {draw} % 9 = 0")
        c.execute("INSERT OR IGNORE INTO unsettled"
                  " SELECT DISTINCT r.hour, l.vp FROM run r"
                  " JOIN lane l ON l.id = r.lane")
    # Content is compared after it was settled; these rows were changed.
    subprocess.run([f"{uploads.BUILD}/accollect", "check", "--db", db],
                   check=False, capture_output=True)
    with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as c:
        return c.execute("SELECT count(*) FROM unsettled").fetchone()[0]


def lanes(db, window):
    """By lane its kind, and its samples in order."""
    of = collections.defaultdict(list)
    kinds = {}
    with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as c:
        for lane, vp, *kind, t, outcome, rtt, method, text in c.execute(
                "SELECT m.lane, b.vp, l.target, l.address, l.question,"
                " l.proto, b.t0 + m.dt_us, m.outcome, m.rtt_us, i.method,"
                " i.text FROM batch b CROSS JOIN measurement m ON m.id"
                " BETWEEN b.first_row AND b.first_row + b.rows - 1"
                " JOIN lane l ON l.id = m.lane"
                " LEFT JOIN instance i ON i.id = m.instance"
                " WHERE b.t0 + m.dt_us >= unixepoch(?1) * 1000000"
                " AND b.t0 + m.dt_us < unixepoch(?2) * 1000000", window):
            named = METHODS.get(kind[2]) == method and method
            of[lane].append((t, outcome, rtt, text if named else ""))
            kinds[lane] = (vp, tuple(kind))
    for lane, samples in of.items():
        samples.sort()
        yield *kinds[lane], samples


def by_site(db, window):
    groups = collections.defaultdict(report_runs.Group)
    for vp, kind, samples in lanes(db, window):
        before, waiting = "", []

        def count(site, samples):
            for _, outcome, rtt, _ in samples:
                group = groups[*kind, site]
                group.vps.add(vp)
                group.asked += 1
                group.unsent += outcome == UNSENT
                if outcome == 0:
                    group.rtts.append(rtt)

        for sample in samples:
            if sample[1] != 0:
                waiting.append(sample)
                continue
            count(before if before == sample[3] else "", waiting)
            count(sample[3], [sample])
            before, waiting = sample[3], []
        count("", waiting)
    return groups


def compare(db, window):
    text = run("acreport", "latency", "--db", db, "--by", "site", "--since",
               window[0], "--until", window[1], "--format", "csv")
    groups, wrong, rounded = by_site(db, window), [], 0
    rows = list(csv.DictReader(io.StringIO(text)))
    for row in rows:
        key = tuple(row[name] for name in ("target", "address", "question",
                                           "proto", "site"))
        group = groups.pop(key, None)
        counts = group and (len(group.vps), group.asked, len(group.rtts),
                            group.unsent)
        if counts != tuple(int(row[name]) for name in (
                "vantage_points", "samples", "answered", "unsent")):
            wrong.append((key, counts, row))
        elif group.rtts:
            for name, exact in report_runs.figures(group).items():
                got = float(row[name]) * 1000 if row[name] else None
                if (got is None) != (exact is None) or got is not None and \
                        abs(got - exact) > NEAR * exact + 1:
                    wrong.append((key, name, exact, got))
                rounded += got is not None and abs(got - exact) > 1
    return rows, wrong + list(groups), rounded


def check_sites(tap, db, window, what):
    rows, wrong, rounded = compare(db, window)
    tap.check(not wrong, f"{what}: {len(rows)} groups by site are those of "
              "the raw rows", *wrong[:3])
    tap.check(rounded > len(rows) > 1000, "and they came from histograms",
              rounded)


def check_vps(tap, db, window, what):
    with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as c:
        wanted = {name: counts for name, *counts in c.execute(
            "SELECT v.name, count(*), sum(m.outcome = 0), sum(m.outcome = 5)"
            " FROM batch b CROSS JOIN measurement m ON m.id BETWEEN"
            " b.first_row AND b.first_row + b.rows - 1"
            " JOIN vp v ON v.id = b.vp"
            " WHERE b.t0 + m.dt_us >= unixepoch(?1) * 1000000"
            " AND b.t0 + m.dt_us < unixepoch(?2) * 1000000 GROUP BY 1",
            window)}
    got = {row["vp"]: [int(row[n]) for n in ("asked", "answered", "unsent")]
           for row in plausibility.report(db, "--since", window[0], "--until",
                                          window[1], what="vps")}
    tap.check(got == wanted and len(got) == report_runs.VPS,
              f"{what}: vps counts what the raw rows are", got, wanted)


# --- the page ---

def page(db, window):
    """The data of the page; None where the build has none."""
    text = printed(subprocess.run(
        [f"{uploads.BUILD}/acreport", "html", "--db", db, "--since",
         window[0], "--until", window[1]], capture_output=True, text=True,
        check=False))
    return text and data_of(text)


def points_of_csv(db, window, by, data):
    """p50 and p95 of every row of latency with steps, in microseconds."""
    first, step = time_of(data)
    text = run("acreport", "latency", "--db", db, "--by", by, "--since",
               window[0], "--until", window[1], "--format", "csv", "--step",
               f"{step // 1000}s")
    points = {}
    for row in csv.DictReader(io.StringIO(text)):
        moment = datetime.datetime.fromisoformat(row["time"])
        at = int(moment.timestamp() * 1000) - first
        if row["p50_ms"]:
            points[tuple(row[name] for name in (
                "target", "address", "question", "proto", by)),
                at // step] = tuple(
                    row[name] and float(row[name])
                    for name in ("p50_ms", "p95_ms"))
    return points


def shown(points):
    """Of every address the question with the most points, and of every name
    the one with most of its points; the first of several."""
    of_kind, of_name = collections.Counter(), collections.Counter()
    for (*service, question, proto, name), _ in sorted(points):
        of_kind[*service, question, proto] += 1
        of_name[*service, name, question, proto] += 1

    def most(counter, of):
        best = {}
        for key, count in counter.items():  # in their order
            if count > best.get(of(key), (0,))[0]:
                best[of(key)] = (count, key[-2:])
        return {key: kind for key, (_, kind) in best.items()}
    kinds = most(of_kind, lambda key: key[:2])
    names = most(of_name, lambda key: key[:3])
    return {(key, at): point for (key, at), point in points.items()
            if key[2:4] in (kinds[key[:2]], names[*key[:2], key[4]])}


def check_page(tap, db, window, what):
    data = page(db, window)
    if data is None:
        tap.skip("round trips on the page", "this build has no page")
        return
    for by in ("site", "region"):
        want = shown(points_of_csv(db, window, by, data))
        got = {key: (p50, "" if p95 is None else p95)
               for key, (p50, p95) in points_of(data, by).items()}
        wrong = [(key, want.get(key), got.get(key))
                 for key in want.keys() | got.keys()
                 if want.get(key) != got.get(key)]
        tap.check(len(want) > 1000 and not wrong,
                  f"{what}: {len(want)} points of round trips by {by} on the "
                  "page are those of the CSV", *wrong[:3])


# --- what is impossible ---

def impossible(db, window, site_map):
    rows = plausibility.report(db, "--since", window[0], "--until", window[1],
                               "--site-map", site_map)
    return [tuple(row.values()) for row in rows
            if row["kind"] == "impossible"], rows


def check_impossible(tap, db, folder):
    site_map = f"{folder}/cities.map"
    with open(site_map, "w", encoding="ascii") as file:
        for code, (lat, lon) in CITIES.items():
            file.write(f"target00 regex ns\\d\\.({code})\\d\\..* {code} "
                       f"{lat} {lon}\n")
    all_of, rows = impossible(db, WIDE, site_map)
    halves = [impossible(db, window, site_map)[0]
              for window in ((WIDE[0], MIDDLE), (MIDDLE, WIDE[1]))]
    tap.check(len(halves[0]) > 0 < len(halves[1]) and
              sorted(all_of) == sorted(halves[0] + halves[1]),
              f"{len(all_of)} answers are impossible, as in two windows that "
              "are read row by row", len(all_of), list(map(len, halves)))
    wrong = [(plausibility.by_hand(row), row) for row in rows
             if row["site_lat"] and plausibility.by_hand(row)]
    tap.check(not wrong, "and by hand", *wrong[:2])


def main():
    tap = uploads.Tap()
    folder = f"{os.environ.get('TMPDIR', '/tmp')}/sites-{os.getpid()}"
    os.makedirs(folder)
    db = f"{folder}/anycast.db"
    try:
        report_runs.make(folder, db)
        with sqlite3.connect(db) as c:
            c.execute("UPDATE vp_place SET lat = 5 * (vp - 1),"
                      " lon = 7 * (vp - 1)")
        tap.check(trouble(db) == 0, "everything is settled again")
        check_sites(tap, db, WIDE, "all of it")
        check_sites(tap, db, CUT, "hours cut")
        check_vps(tap, db, WIDE, "all of it")
        check_vps(tap, db, CUT, "hours cut")
        check_impossible(tap, db, folder)
        with sqlite3.connect(db) as c:
            c.execute("INSERT INTO unsettled SELECT hour, 4 FROM run"
                      " WHERE hour % 3 = 0 LIMIT 1")
        check_page(tap, db, CUT, "hours cut and not settled")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# Proves that events says where paths part, finds another path to the same site once, and has the operator's notes and the load beside it.
import csv
import io
import os
import random
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
# pylint: disable=wrong-import-position
import mmdb
import taps
from report_oracle import SECOND, START, stamp
from report_oracle_store import Batch, Record, make

B = os.environ.get("B") or "build"
SEED = int(os.environ.get("SEED") or 1)
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
TARGET = "192.0.2.1"
VPS = [f"vp{n:02}" for n in range(12)]
LOST, OTHER = START + 5 * HOUR, START + 9 * HOUR  # what happens, and when


def hop(asn, number):
    return f"100.{asn}.0.{number}"


def path_of(vp, time):
    """Of a vantage point at a time: hops and site. vp00 to vp04 are at jnb
    until it is lost; of lhr's, vp06 and vp07 take another way at OTHER; vp11
    is balanced, packet by packet."""
    n = int(vp[2:])
    access = hop(1, n + 1)
    if n < 5 and time < LOST:
        return [access, hop(2, 1), hop(3, n % 2 + 1), TARGET], "jnb"
    if n < 5:
        return [access, hop(2, 1), hop(5, 1), hop(4, 9), TARGET], "lhr"
    if n in (6, 7) and time >= OTHER:
        return [access, hop(6, n), hop(4, 9), TARGET], "lhr"
    if n == 11:
        return [access, hop(6, 50 + time // MINUTE % 3), hop(4, 9),
                TARGET], "lhr"
    return [access, hop(2, 2), hop(4, 9), TARGET], "lhr"


def batches():
    rng = random.Random(SEED)
    held = []
    for vp in VPS:
        phase, traced, site_before = rng.randrange(5 * MINUTE), 0, None
        due = START + rng.randrange(HOUR)
        for time in range(START + phase, START + 12 * HOUR, 5 * MINUTE):
            hops, site = path_of(vp, time)
            name = ("nsid", f"s1.{site}".encode())
            records = [Record(time, "root", TARGET, "soa", name=name,
                              rtt_us=9000)]
            if site != site_before or time >= due:
                due = time + HOUR
                traced += 1
                records.append(Record(
                    time + 2 * SECOND, "root", TARGET, "trace", name=name,
                    rtt_us=1000 * len(hops),
                    hops=[{"ttl": i + 1, "icmp": "11/0", "addr":
                           None if rng.random() < 0.15 and 0 < i < 1 else one}
                          for i, one in enumerate(hops[:-1])] +
                    [{"ttl": len(hops), "addr": TARGET, "icmp": None}]))
            site_before = site
            held.append(Batch(vp, records, 300))
    return held


def taken(vp, time):
    """Of vp00 to vp02 in a store of their own: hops and site of flow 0, that
    is traced, and the site of flow 1. The first trace behind the change lost
    a hop in vp01; flow 0 of vp02 changes hours later."""
    access, target = hop(1, int(vp[2:]) + 1), TARGET
    if vp == "vp02" and LOST <= time < OTHER:
        return [access, hop(3, 1), target], "lhr", "evil"
    if time >= LOST:
        lossy = vp == "vp01" and time < LOST + 5 * MINUTE
        return [access, *([None] if lossy else []), target], "evil", "evil"
    if vp != "vp01" and time < START + HOUR:
        return [access, hop(5, 1), target], "cdg", "cdg"
    return [access, hop(3, 1), target], "lhr", "cdg"


def trace(time, hops, name):
    return Record(time, "root", TARGET, "trace", name=name, rtt_us=9000, hops=[
        {"ttl": i + 1, "addr": one, "icmp": one and one != TARGET and "11/0"
         or None} for i, one in enumerate(hops)])


def batches_elsewhere():
    for vp in ("vp00", "vp01", "vp02"):
        for time in range(START, START + 12 * HOUR, 5 * MINUTE):
            hops, *sites = taken(vp, time)
            first, second = (("nsid", f"s1.{site}".encode())
                             for site in sites)
            records = [Record(time + SECOND, "root", TARGET, "soa", flow=1,
                              name=second, rtt_us=9000),
                       trace(time + 2 * SECOND, hops, first)]
            if not LOST <= time < LOST + 5 * MINUTE:  # it moves after flow 1
                records.append(Record(time, "root", TARGET, "soa", name=first,
                                      rtt_us=9000))
            yield Batch(vp, records, 300)


def test_elsewhere(tap, folder, files):
    path = f"{folder}/b.db"
    make(path, list(batches_elsewhere()), [], SEED)
    rows = [row for row in report("events", path, "--mmdb", files)
            if row["to_sites"] == "s1.evil 3"]
    tap.ok([(row["paths_compared"], row["diverges"]) for row in rows] ==
           [("2", "64503 > 64500 2")],
           "paths part as those of the flow that is traced do, and behind a "
           "hop whose answer was lost; not by what another flow did at other "
           "times", *rows)
    rows = report("paths", path, "--vp", "vp01")
    tap.ok([(row["hops"], row["sites"]) for row in rows] ==
           [(f"{hop(1, 2)} {hop(3, 1)} {TARGET}", "s1.lhr 60"),
            (f"{hop(1, 2)} {TARGET}", "s1.evil 84")],
           "where nothing ended that ended elsewhere", *rows)


def events(path, *words):
    return report("events", path, *words)


def report(name, path, *words):
    said = subprocess.run(
        [f"{B}/acreport", name, "--db", path, "--format", "csv",
         "--since", stamp(START), "--until", stamp(START + 12 * HOUR), *words],
        capture_output=True, check=True, text=True)
    return list(csv.DictReader(io.StringIO(said.stdout)))


def note(db, time, text, target=None, site=None):
    db.execute("INSERT INTO note(t, text, target, site) VALUES(?,?,?,?)",
               (time, text, target, site))


def add_notes(path):
    with sqlite3.connect(path) as db:
        note(db, LOST - 10 * MINUTE, "JNB drained", "root", "s1.jnb")
        note(db, LOST + MINUTE, "and a beer")
        note(db, LOST, "not here", "root", "s1.lhr")
        note(db, LOST, "nor here", "other")
        note(db, LOST - 40 * MINUTE, "too early")
        note(db, OTHER + 2 * HOUR, "too late")
    db.close()


def test(tap, folder):
    path, files = f"{folder}/a.db", f"{folder}/asn.mmdb"
    make(path, batches(), [], SEED)
    add_notes(path)
    mmdb.write(files, {f"100.{n}.0.0/16": {
        "autonomous_system_number": 64500 + n} for n in range(1, 7)} | {
            f"{TARGET}/32": {"autonomous_system_number": 64500}})
    rows = events(path, "--mmdb", files)
    tap.ok([r["kind"] for r in rows] == ["site lost", "path only"],
           "a site is lost, two take another path, and nothing else",
           *rows)
    if len(rows) != 2:
        return
    lost, other = rows
    tap.ok((lost["vantage_points"], lost["paths_compared"],
            lost["diverges"]) == ("5", "5", "64503 > 64505 5"),
           "the paths around the loss part behind AS64502", lost)
    tap.ok((other["vantage_points"], other["site"], other["from_sites"],
            other["to_sites"], other["paths_compared"], other["diverges"]) ==
           ("2", "s1.lhr", "s1.lhr 2", "s1.lhr 2", "2", "64502 > 64506 2"),
           "the other path is one event of both", other)
    tap.ok(other["start_uncertain_s"] and
           float(other["start_uncertain_s"]) <= 3600 and
           other["end"] > stamp(OTHER) and
           other["rtt_before_ms"] == other["rtt_after_ms"] == "4.000",
           "as exactly as traces tell", other)
    tap.ok((lost["notes"], other["notes"]) ==
           (f"{stamp(LOST - 10 * MINUTE)[:19]}Z JNB drained; "
            f"{stamp(LOST + MINUTE)[:19]}Z and a beer", ""),
           "notes stand beside what they are about", lost["notes"],
           other["notes"])
    tap.ok("notes" == list(lost)[-1], "in the last column")
    plain = events(path)
    tap.ok([r["diverges"] for r in plain] ==
           ["100.3.0.1 > 100.5.0.1 3, 100.3.0.2 > 100.5.0.1 2",
            "100.2.0.2 > 100.6.0.6 1, 100.2.0.2 > 100.6.0.7 1"],
           "without networks they part at hops", *plain)
    with open(f"{folder}/load", "w", encoding="ascii") as file:
        file.write("vp vp00 50\nvp vp07 30\nvp vp09 20\n")
    loaded = events(path, "--weights", f"{folder}/load")
    tap.ok([(r["weight_pct"], r["weight_coverage_pct"]) for r in loaded] ==
           [("50.00", "100.00"), ("30.00", "100.00")],
           "and the load of those that went", *loaded)
    test_elsewhere(tap, folder, files)


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    tap = taps.Tap()
    with tempfile.TemporaryDirectory() as folder:
        test(tap, folder)
    sys.exit(tap.done())


if __name__ == "__main__":
    main()

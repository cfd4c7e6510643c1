#!/usr/bin/env python3
# Proves that events puts who slept through it with what happened meanwhile, names who is not seen again, and since when it was so before.
"""Each world says where the flows of its vantage points end: a list of
(minute, site), None where nothing is asked from then on, DARK where nothing
is answered. What must be reported stands beside it."""

import csv
import io
import os
import subprocess
import sys
import tempfile

from report_oracle import SECOND, START, stamp
from report_oracle_store import Batch, Record, make

B = os.environ.get("B") or "build"
MINUTE = 60 * SECOND
END = 300  # minutes, of which every fifth has a round
DARK = "dark"
COLUMNS = ("kind", "site", "start", "end", "vantage_points", "to_sites",
           "not_seen_vps", "seen_before")


def vps(first, count, *stays):
    """So many of one flow, that do the same."""
    return {f"vp{n:02}": [list(stays)] for n in range(first, first + count)}


def lost(site, end, count, to_sites, not_seen="", before=None):
    return ("site lost", site, 101, end, count, to_sites, not_seen, before)


STAY = vps(20, 4, (0, "lhr"))
WORLDS = (
    ("who slept while a site was lost, and woke elsewhere than the others",
     {**vps(0, 5, (0, "jnb"), (101, "lhr")), **STAY,
      **vps(5, 1, (0, "jnb"), (80, None), (170, "ams")),
      **vps(30, 2, (0, "ams"))},
     [lost("jnb", 170, 6, "lhr 5, ams 1")]),
    ("who slept while a site came, and had been elsewhere than the others",
     {**vps(0, 5, (0, "lhr"), (101, "nrt")), **STAY,
      **vps(5, 1, (0, "ams"), (80, None), (170, "nrt")),
      **vps(30, 2, (0, "ams"))},
     [("site gained", "nrt", 101, 170, 6, "nrt 6", "")]),
    ("that went where the others went, though a larger event left its site",
     {**vps(0, 3, (0, "jnb"), (101, "lhr")), **STAY,
      **vps(5, 1, (0, "jnb"), (80, None), (210, "lhr")),
      **vps(6, 5, (0, "jnb"), (141, "ams")), **vps(30, 2, (0, "jnb")),
      **vps(33, 2, (0, "ams"))},
     [("shift", "jnb", 101, 210, 4, "lhr 4", ""),
      ("shift", "jnb", 141, 141, 5, "ams 5", "")]),
    ("with the larger of two events that left its site",
     {**vps(0, 3, (0, "jnb"), (101, "lhr")), **STAY,
      **vps(5, 1, (0, "jnb"), (80, None), (210, "fra")),
      **vps(6, 5, (0, "jnb"), (141, "ams")), **vps(30, 2, (0, "jnb")),
      **vps(33, 2, (0, "ams")), **vps(36, 2, (0, "fra"))},
     [("shift", "jnb", 101, 101, 3, "lhr 3", ""),
      ("shift", "jnb", 141, 210, 6, "ams 5, fra 1", "")]),
    ("one of each is one event, too",
     {**vps(0, 1, (0, "jnb"), (101, "lhr")), **STAY,
      **vps(5, 1, (0, "jnb"), (80, None), (170, "ams")),
      **vps(30, 2, (0, "ams"))},
     [lost("jnb", 170, 2, "ams 1, lhr 1")]),
    ("more who slept than not are one event with them",
     {**vps(0, 2, (0, "jnb"), (101, "lhr")), **STAY,
      **vps(5, 4, (0, "jnb"), (80, None), (170, "ams")),
      **vps(10, 3, (0, "jnb"), (85, None), (165, "fra")),
      **vps(30, 2, (0, "ams")), **vps(33, 2, (0, "fra"))},
     [lost("jnb", 170, 9, "ams 4, fra 3, lhr 2")]),
    ("of many who slept all are one event, whoever moved to one of its sites",
     {**vps(0, 5, (0, "jnb"), (80, None), (170, "lhr")), **STAY,
      **vps(5, 2, (0, "jnb"), (80, None), (171, "ams")),
      **vps(30, 2, (0, "ams")), **vps(33, 2, (0, "fra")),
      **vps(36, 2, (0, "fra"), (101, "ams"))},
     [("shift", "fra", 101, 101, 2, "ams 2", ""),
      ("site lost", "jnb", 170, 171, 7, "lhr 5, ams 2", "")]),
    ("and who has nothing to do with what happened is an event of its own",
     {**vps(0, 5, (0, "jnb"), (101, "lhr")), **STAY,
      **vps(5, 1, (0, "ams"), (80, None), (170, "fra")),
      **vps(30, 2, (0, "ams")), **vps(33, 2, (0, "fra"))},
     [lost("jnb", 101, 5, "lhr 5"),
      ("shift", "ams", 170, 170, 1, "fra 1", "")]),
    ("who was last seen at a lost site is not seen again",
     {**vps(0, 5, (0, "jnb"), (101, "lhr")), **STAY,
      **vps(5, 2, (0, "jnb"), (90, None))},
     [lost("jnb", 101, 5, "lhr 5", "vp05, vp06")]),
    ("not who moved with another flow, or goes on being asked on it",
     {**vps(0, 5, (0, "jnb"), (101, "lhr")), **STAY,
      "vp05": [[(0, "jnb"), (101, "lhr")], [(0, "jnb"), (90, None)]],
      "vp06": [[(0, "lhr")], [(0, "jnb"), (90, None)]],
      "vp07": [[(0, "lhr"), (95, None)], [(0, "jnb"), (90, None)]]},
     [lost("jnb", 101, 6, "lhr 6", "vp07")]),
    ("it was so from the first on, not since somebody was silent",
     {**vps(0, 5, (0, "jnb"), (101, "lhr"), (201, "jnb")), **STAY,
      **vps(30, 1, (0, "ams"), (20, DARK), (40, "ams"))},
     [("outage", "ams", 20, 40, 1, "ams 1", ""), lost("jnb", 101, 5, "lhr 5"),
      ("site gained", "jnb", 201, 201, 5, "jnb 5", "", 0)]),
    ("or since somebody had moved, though others were silent meanwhile",
     {**vps(0, 5, (0, "lhr"), (51, "jnb"), (101, "lhr"), (201, "jnb")),
      **STAY, **vps(30, 1, (0, "ams"), (60, DARK), (80, "ams"))},
     [("site gained", "jnb", 51, 51, 5, "jnb 5", ""),
      ("outage", "ams", 60, 80, 1, "ams 1", ""),
      lost("jnb", 101, 5, "lhr 5", "", 0),
      ("site gained", "jnb", 201, 201, 5, "jnb 5", "", 51)]),
    ("also where most were asked after those who then slept",
     {**vps(0, 5, (0, "jnb"), (1, None), (21, "lhr"), (101, "jnb")),
      **vps(20, 8, (0, None), (2, "lhr"))},
     [("site lost", "jnb", 21, 21, 5, "lhr 5", ""),
      ("site gained", "jnb", 101, 101, 5, "jnb 5", "", 0)]),
    ("but not where few of all were known",
     {**vps(0, 5, (0, None), (20, "jnb"), (101, "lhr")),
      **vps(20, 4, (0, None), (20, "lhr")),
      **vps(30, 1, (0, "ams"), (11, "fra"), (101, "ams"))},
     [("site lost", "ams", 11, 11, 1, "fra 1", ""),
      lost("jnb", 101, 5, "lhr 5"), lost("fra", 101, 1, "ams 1")]),
)


def site_at(stays, minute):
    return [site for time, site in stays if time <= minute][-1]


def batches(world):
    """Each flow is asked every five minutes, and when it is elsewhere."""
    for vp, flows in sorted(world.items()):
        records = []
        for flow, stays in enumerate(flows):
            for minute in sorted({*range(0, END, 5), *(t for t, _ in stays)}):
                site = site_at(stays, minute)
                if site is None:
                    continue
                records.append(Record(
                    START + minute * MINUTE, "root", "192.0.2.1", "soa",
                    flow=flow, **(
                        {"outcome": "timeout"} if site == DARK else
                        {"name": ("nsid", site.encode()), "rtt_us": 20_000})))
        for hour in range(END // 60):
            held = [r for r in records
                    if hour <= (r.t - START) // (60 * MINUTE) < hour + 1]
            if held:
                yield Batch(vp, held, 300)


def reported(path):
    said = subprocess.run(
        [f"{B}/acreport", "events", "--db", path, "--format", "csv",
         "--since", stamp(START), "--until", stamp(START + END * MINUTE)],
        capture_output=True, check=True, text=True)
    return [tuple(row[name] for name in COLUMNS)
            for row in csv.DictReader(io.StringIO(said.stdout))]


def clock(minute):
    return "" if minute is None else stamp(START + minute * MINUTE)


def text(kind, site, start, end, count, to_sites, not_seen, before=None):
    return (kind, site, clock(start), clock(end), str(count), to_sites,
            not_seen, clock(before))


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (sentence, world, wanted) in enumerate(WORLDS):
            path = f"{folder}/{number}.db"
            make(path, list(batches(world)), [], number)
            got = reported(path)
            passed = got == [text(*one) for one in wanted]
            failed += not passed
            print(f"{'ok' if passed else 'not ok'} {number + 1} - {sentence}")
            for row in () if passed else got:
                print("#", row)
    print(f"1..{len(WORLDS)}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()

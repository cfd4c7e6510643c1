#!/usr/bin/env python3
# Proves that tables on a terminal, and only there, end with bars of shares and sparklines of medians that are those of the CSV.
import csv
import datetime
import io
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../sim"))
# pylint: disable=wrong-import-position
from report_oracle_store import Batch, Record, make
from tap import BUILD, Tap
import terminals

HOUR = 3600 * 10**6
T0 = 1_795_219_200 * 10**6  # 2026-11-21T00:00:00Z
DAY = ("--since", "2026-11-21", "--until", "2026-11-22")
LEFT = " ▏▎▍▌▋▊▉█"
LOW = "▁▂▃▄▅▆▇█"
LOW_ASCII = "_.-~=+*#"


def fill(path):
    """Four sites of uneven shares, a wave of round trips, and silent hours."""
    batches = []
    for n in range(11):
        name = ("ams", "lhr", "lhr", "nrt", "nrt", "nrt", "nrt", "nrt", "nrt",
                "nrt", "syd")[n]
        for hour in range(24):
            if n < 3 and hour in (7, 8):
                continue
            record = Record(
                T0 + hour * HOUR, "root", "192.0.2.1", "soa", stamp=1,
                rcode=0, ttl=57, size=90, name=("nsid", name.encode()),
                rtt_us=1000 * (20 + 10 * n + hour * (n % 3)))
            record.detail = {"type": "dns", "flow": {
                "n": 0, "src": "198.51.100.1", "sport": 40000, "dport": 53},
                "auth_bits": 31, "qname": ".", "qtype": "SOA", "qclass": "IN"}
            batches.append(Batch(f"vp{n:02}", [record], every_s=3600))
    make(path, batches, [(f"vp{n:02}", 0, "Europe" if n < 3 else "Asia",
                          "DE" if n < 3 else "JP", 64500) for n in range(11)],
         1)


def report(db, *words, locale="C.UTF-8", terminal=True, width=0):
    command = [f"{BUILD}/acreport", *words, "--db", db]
    env = dict(os.environ, LC_ALL=locale, NO_COLOR="1")
    if not terminal:
        return subprocess.run(command, stdout=subprocess.PIPE, env=env,
                              check=True).stdout.decode()
    return terminals.said_to(command, width, env=env)


def rows(db, *words):
    return list(csv.DictReader(io.StringIO(
        report(db, *words, "--format", "csv", terminal=False))))


def bar(share_pct):
    eighths = int(float(share_pct) / 100 * 160 + 0.5)
    return LEFT[8] * (eighths // 8) + LEFT[eighths % 8].strip()


def spark(values, signs):
    """values: by step; None: a gap."""
    known = [v for v in values if v is not None]
    least, span = min(known), max(known) - min(known)
    return "".join(" " if v is None else
                   signs[int((v - least) / span * 7 + 0.5) if span else 0]
                   for v in values).rstrip()


def hour_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).hour


def check_bars(tap, db):
    for words in (("sites", *DAY),
                  ("catchment", "--by", "all", "--at", "2026-11-21T23:30:00Z")):
        lines = report(db, *words).splitlines()[1:]
        table = rows(db, *words)
        wanted = [bar(r["share_pct"]) for r in table if r["share_pct"]]
        got = [line.rsplit("  ", 1)[-1]
               for line, row in zip(lines, table) if row["share_pct"]]
        tap.ok(got == wanted and len(wanted) == 4,
               f"{words[0]}: a bar per site", got, wanted)
        plain = report(db, *words, locale="C").splitlines()[1:]
        tap.ok([line.count("#") for line in plain] ==
               [int(float(r["share_pct"] or 0) / 5 + 0.5) for r in table],
               f"{words[0]}: of ASCII where the locale is not UTF-8", plain)


def check_sparks(tap, db):
    steps = {}
    for row in rows(db, "latency", *DAY, "--step", "1h"):
        steps.setdefault(row["region"], [None] * 24)[
            hour_of(row["time"])] = float(row["p50_ms"] or "nan")
    for locale, signs in (("C.UTF-8", LOW), ("C", LOW_ASCII)):
        lines = report(db, "latency", *DAY, locale=locale).splitlines()[1:]
        for region in ("Asia", "Europe"):
            wanted = spark([None if v is None or v != v else v
                            for v in steps[region]], signs)
            line = next(n for n in lines if region in n)
            tap.ok(line.endswith("  " + wanted) and len(set(wanted)) > 4,
                   f"{region}: a sparkline of its medians, {locale}", line,
                   wanted)
    tap.ok(" " in spark([None if v is None or v != v else v
                         for v in steps["Europe"]], LOW),
           "silent hours are a gap", steps["Europe"])


def narrow(tap, db, width, words, wanted):
    """A table on a narrow terminal: what is the same everywhere above, what
    is left out below, and between them fields of the CSV and a picture."""
    text = report(db, *words, width=width)
    table = rows(db, *words)
    lines = text.splitlines()
    head = next(i for i, line in enumerate(lines)
                if line.endswith(("  share", "  p50 over time")))
    names = lines[head].split()
    names = names[:-1] if names[-1] == "share" else names[:-3]
    fields = [re.split(" {2,}", line.strip())
              for line in lines[head + 1:head + 1 + len(table)]]
    wrong = [(mine, row) for mine, row in zip(fields, table)
             if mine[:len(names)] != [row[n].replace(".000000Z", "Z") or "-"
                                      for n in names]]
    tap.ok(not wrong and wanted <= set(names) and
           max(map(len, lines)) <= width and
           any(sign in line for line in lines[head:] for sign in LEFT[1:] + LOW),
           f"{words[0]}: fits in {width} characters with its pictures, and "
           f"shows {', '.join(names)}", wrong[:2], *lines)
    told = "  ".join(lines[:head]).split("  ")
    left_out = " ".join(lines[head + 1 + len(table):]).split()
    same = {f"{n} {table[0][n]}" for n in table[0] if n not in names and
            table[0][n] and len({row[n] for row in table}) == 1}
    empty = {n for n in table[0] if not any(row[n] for row in table)}
    tap.ok(set(told) == same and {*names, *left_out[2:], *empty,
                                  *(t.split()[0] for t in told)} ==
           set(table[0]),
           f"{words[0]}: in {width} characters every column is shown, said "
           "once, or named as left out", told, same, left_out)


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix=f"pictures-{os.getpid()}-") as f:
        db = os.path.join(f, "a.db")
        fill(db)
        check_bars(tap, db)
        check_sparks(tap, db)
        for width in (80, 40):
            narrow(tap, db, width, ("sites", *DAY), {"site", "vantage_points"})
            narrow(tap, db, width, ("latency", *DAY), {"region", "p50_ms"}
                   if width == 80 else {"region"})
        for words in (("latency", *DAY), ("sites", *DAY)):
            text = report(db, *words, terminal=False)
            tap.ok(re.search(r"[^\x00-\x7f]|  (share|p50 over time)$", text,
                             re.M) is None,
                   f"{words[0]}: nothing is drawn into a pipe", text)
    tap.done()


main()

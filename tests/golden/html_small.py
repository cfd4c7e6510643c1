#!/usr/bin/env python3
# Proves that the page of a noisy week of 500 vantage points is small, shows the largest events of every choice, and says how many it leaves out.
"""What a person is shown of the events is worked out of the CSV."""

import csv
import io
import os
import random
import re
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from html_browser import modules, read
from html_report import (HOUR, SECOND, T0, WEEK, acreport, milliseconds,
                         page_of, store)
from page_data import data_of, events_left, rows_of, sites_of
from report_oracle_store import Batch, Record, make
from tap import Tap

LIMIT = 560_000
SHOWN = 12  # events of a choice
EVERY, ROUNDS, SITES = 7200, 84, 14
# Of the server's own name, where no map has it; read from the end of a list.
SITE = b"s%02d, rack 4, port 7, blade 2"
ADDRESSES = [f"192.0.2.{i}" for i in range(1, 6)]


def moves(i, number, rng):
    """One or three vantage points move in every round, those of the next
    round between other sites."""
    turn = ((i if i < ROUNDS else 2 * i) + 17 * number) % ROUNDS
    pair = turn % (SITES // 2) * 2
    for k in range(ROUNDS):
        lost = rng.random() < 0.02
        yield Record(T0 + (k * EVERY + i) * SECOND, "svc", ADDRESSES[number],
                     "soa", stamp=1, rcode=0, ttl=57, size=120,
                     outcome="timeout" if lost else "answered",
                     rtt_us=None if lost else rng.randrange(1000, 300000),
                     name=None if lost else (
                         "nsid", SITE % (pair + (k >= turn))))


def eventful(path):
    rng = random.Random(7)
    batches = []
    for i in range(2 * ROUNDS):
        for records in zip(*(moves(i, number, rng)
                             for number in range(len(ADDRESSES)))):
            batches.append(Batch(f"vp{i:03d}", list(records), EVERY))
    places = [(f"vp{i:03d}", 0, None, ("DE", "ZA", "JP")[i % 3], 64500 + i)
              for i in range(2 * ROUNDS)]
    make(path, batches, places, 7)


def names_in(text):
    return set(re.findall(r"(s\d\d, rack 4, port 7, blade 2) \d+", text))


def concerns(row, site):
    return site == "" or site in {row["site"]} | names_in(
        row["to_sites"]) | names_in(row["from_sites"])


def order(row):
    return (-int(row["vantage_points"]), row["start"])


def key(row):
    return (row["kind"], row["address"], row["site"] or None,
            milliseconds(row["start"]), int(row["vantage_points"]),
            row["to_sites"] or None)


def chosen(data, address, site):
    """What the page says of a choice: the events that are shown, and how many
    more there are."""
    columns, *rows = rows_of(data, "events")
    rows = [dict(zip(columns, row)) for row in rows]
    mine = [row for row in rows if row["address"] == address and concerns(
        {name: row[name] or "" for name in ("site", "to_sites",
                                            "from_sites")}, site)]
    mine.sort(key=lambda row: (-row["vantage_points"], row["start"]))
    left, least = events_left(data, address, site)
    most = SHOWN if site == "" or left == 0 else min(SHOWN, least)
    return [tuple(row[name] for name in (
        "kind", "address", "site", "start", "vantage_points", "to_sites"))
            for row in mine[:most]], len(mine) - len(mine[:most]) + left


def rows_of_csv(db):
    return list(csv.DictReader(io.StringIO(acreport(
        db, "events", *WEEK, "--format", "csv").stdout)))


def events(tap, db, data):
    rows, there = rows_of_csv(db), len(rows_of(data, "events")) - 1
    sites = ["", *sites_of(data)]
    wrong, (_, least) = [], events_left(data, ADDRESSES[0], "")
    for address in ADDRESSES:
        for site in sites:
            want = sorted((row for row in rows if row["address"] == address and
                           concerns(row, site)), key=order)
            shown, more = chosen(data, address, site)
            if shown != [key(row) for row in want[:len(shown)]] or \
                    len(shown) + more != len(want) or \
                    len(shown) < min(SHOWN if site == "" else least,
                                     len(want)):
                wrong.append((address, site, len(want), len(shown), more))
    tap.ok(not wrong and len(rows) > 350 and least > 2,
           f"of {len(rows)} events the page has {there}"
           ": of every address and site the largest, and how many more",
           wrong[:3], len(rows), least)
    tap.ok(there <= 300 and there < len(rows), "there are at most 300 of them",
           there)


def words(tap, db, folder):
    """A browser shows as many, and says how many more there are."""
    rows = rows_of_csv(db)
    tools = modules(tap)
    seen, said = read(tools, os.path.join(folder, "page.html"),
                      script="read_events.mjs")
    wrong, cut = [], 0
    for address, site, lines in seen or []:
        mine = sorted((row for row in rows if row["address"] == address and
                       concerns(row, site)), key=order)
        want = len(mine)
        more = re.match(r"(?:and )?(\d+)(?: smaller ones)?: acreport events ",
                        lines[-1])
        shown = len(lines) - bool(more)
        cut += site != "" and shown < min(SHOWN, want)
        if shown + (int(more[1]) if more else 0) != want or \
                shown > SHOWN or site == "" and shown != SHOWN or any(
                    f" and {row['end'][:16].replace('T', ' ')}Z." not in line
                    or f" {row['vantage_points']} vantage" not in line
                    or " other sites" in line and len(names_in(
                        row["to_sites"] + row["from_sites"])) < 7
                    for row, line in zip(mine, lines[:shown])):
            wrong.append((address, site, want, shown, lines[-1]))
    tap.ok(seen and not wrong and cut > 0, f"of {len(seen or [])} choices a "
           "browser shows the largest events, and says how many more there "
           "are", said, wrong[:3], cut)


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        noisy, many = (os.path.join(folder, name) for name in ("n", "e"))
        store(noisy, 500, [b"s%02d" % i for i in range(40)], 168, 2 * HOUR)
        page = page_of(tap, noisy, *WEEK)
        tap.ok(len(page.encode()) < LIMIT, "a week of 40 sites between which "
               f"everybody changes all day: {len(page.encode())} bytes, under "
               f"{LIMIT}")
        eventful(many)
        page = page_of(tap, many, *WEEK)
        events(tap, many, data_of(page))
        tap.ok(len(page.encode()) < LIMIT, f"it has {len(page.encode())} "
               f"bytes, under {LIMIT}")
        with open(os.path.join(folder, "page.html"), "w",
                  encoding="utf-8") as file:
            file.write(page)
        words(tap, many, folder)
    tap.done()


if __name__ == "__main__":
    main()

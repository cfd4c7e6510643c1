#!/usr/bin/env python3
# Proves that what a person reads on the page, by eye, mouse and keyboard, filtered or not, are the numbers of the CSV, and that hostile names do nothing in a browser.
"""PICTURES=FOLDER leaves screenshots there."""

import contextlib
import csv
import io
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)),
                os.path.join(os.path.dirname(os.path.abspath(__file__)),
                             "../lib")]
# pylint: disable=wrong-import-position
import npm
from html_report import (DAY, HOSTILE, SECOND, T0, acreport, page_of, store)
from report_oracle_store import Batch, Record, make
from tap import BUILD, Tap

HERE = os.path.join("tests", "browser")
SERVICES = (("other", "198.51.100.1"), ("svc", "192.0.2.1"),
            ("svc", "2001:db8::1"))
AT = ("--at", "2026-11-21T23:59:59.999999Z", "--since", "2026-11-21")


def modules(tap):
    """The folder in which playwright-core is, or the end of the test."""
    folder = os.path.join(os.path.abspath(BUILD), "npm-browser")
    absent = npm.missing("chromium")
    if absent:
        tap.skip("a browser reads the page", f"no {absent}")
        tap.done()
    os.makedirs(folder, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(os.path.join(HERE, name), folder)
    why, said = npm.install(folder)
    if why:
        tap.skip("a browser reads the page", why)
        tap.done()
    if not tap.ok(said == "", "npm has the browser's driver", said):
        tap.done()
    return folder


def read(folder, page, *more, script="read_page.mjs"):
    """What the script saw, or what it said instead."""
    done = subprocess.run(
        ["node", os.path.join(HERE, script), folder, page,
         *more], capture_output=True, text=True, timeout=240, check=False,
        env={**os.environ, "CHROMIUM": shutil.which("chromium")})
    return (json.loads(done.stdout), "") if done.returncode == 0 else (
        None, done.stderr)


def rows_of(db, *words):
    done = acreport(db, *words, "--format", "csv")
    return [{key: value[1:] if value[:1] == "'" else value
             for key, value in row.items()}
            for row in csv.DictReader(io.StringIO(done.stdout))]


def digits(text, count):
    return f"{float(text):.{count}f}" if text else ""


def table_of_csv(shares, latency=None):
    """The table of sites as the CSV has it."""
    there = {row["site"]: row for row in latency or []}
    lines = []
    for row in shares:
        line = [row["site"] or "unknown", row["vantage_points"],
                digits(row["share_pct"], 2), digits(row["rtt_p50_ms"], 3)]
        if latency is not None:
            one = there.get(row["site"], {"p95_ms": "", "loss_pct": ""})
            line += [digits(one["p95_ms"], 3), digits(one["loss_pct"], 2)]
        lines.append(line)
    return sorted(lines)


def told_of_csv(row):
    """What the map tells of a vantage point."""
    if row["state"] != "known":
        return [row["vp"], row["state"].replace("_", " ")]
    name = row["site"] if row["instance"] == row["site"] else \
        f"{row['site']}: {row['instance']}"
    rtt = f"{float(row['rtt_p50_ms']):.3f} ms" if row["rtt_p50_ms"] else \
        "no round trip"
    since = row["since"][:16].replace("T", " ") + "Z"
    return [row["vp"], name, rtt, f"since {since}"]


def numbers(tap, db, seen, what):
    shares = rows_of(db, "catchment", "--by", "all", *AT)
    latency = rows_of(db, "latency", "--by", "site", *DAY)
    table = table_of_csv(shares, latency)
    tap.ok(len(table) > 2 and sorted(seen["table"]) == table,
           f"{what}: the table of sites is that of the CSV",
           sorted(seen["table"])[:3], table[:3])
    catchment = rows_of(db, "catchment", *AT)
    told = sorted("\n".join(told_of_csv(row)) for row in catchment)
    tap.ok(len(told) > 5 and sorted(seen["map"]) == told,
           f"{what}: the map tells vantage point, instance, RTT and since "
           "when", sorted(seen["map"])[:2], told[:2])


def arcs(tap, db, seen):
    """No site map was given: lon1, ams1 and jnb1 are guessed."""
    known = [row for row in rows_of(db, "catchment", *AT)
             if row["state"] == "known"]
    sites = {row["site"] for row in known}
    tap.ok(known and seen["arcs"] == len(known) and
           f"guess from the name: {len(sites)} of {len(sites)} sites" in
           seen["unplaced"] and "guess from its name" in seen["site_told"],
           f"without a site map too, an arc for each of {len(known)} vantage "
           "points goes to its site, and a guess is called one",
           seen["arcs"], seen["unplaced"], seen["site_told"])


def filters(tap, db, seen):
    group = seen["group"]
    mine = [row for row in rows_of(db, "catchment", "--by", group, *AT)
            if row[group] == seen["region"]]
    table = table_of_csv(mine)
    tap.ok(table and sorted(seen["table_of_region"]) == table,
           f"the table of {seen['region']} is that of the CSV",
           seen["table_of_region"], table)
    count = sum(row[group] == seen["region"]
                for row in rows_of(db, "vps", *DAY))
    tap.ok(seen["map_of_region"] == count and seen["window_of_region"]
           .endswith(f"{count} vantage points"),
           f"and has its {count} vantage points on map and strip",
           seen["map_of_region"], seen["window_of_region"])
    site = seen["table"][0][0]
    want = sorted("\n".join(told_of_csv(row))
                  for row in rows_of(db, "catchment", *AT)
                  if row["site"] == site)
    tap.ok(want and sorted(seen["map_of_site"]) == want and
           [row[0] for row in seen["table_of_site"]] == [site],
           "a site alone has its vantage points and its line",
           seen["map_of_site"], want)


def moved(tap, db, seen):
    """The strip's end is the catchment, whoever reads it."""
    catchment = {row["vp"]: row for row in rows_of(db, "catchment", *AT)}
    wrong = []
    for line in seen["strip"]:
        words = line.split(": ", 1)[1].split(", ")
        row = catchment.pop(words[0], None)
        if row is None or (row["state"] == "known" and
                           words[1] != row["site"]):
            wrong.append((line, row))
    tap.ok(not wrong and not catchment,
           "the arrow keys tell the site of every vantage point", wrong[:2],
           list(catchment)[:2])
    first = seen["strip"][0].split(": ", 1)[1].split(", ")
    tap.ok(seen["hover"].split("\n")[:2] == first[:2],
           "the mouse tells what the keys do", seen["hover"], first)


def asked(path):
    """Three addresses of two targets, each with sites and round trips of its
    own, and with questions of which only one names the site of record."""
    rng = random.Random(3)
    batches = []
    for i in range(6):
        for k in range(24):
            records = []
            for n, (target, address) in enumerate(SERVICES):
                name = b"%c%d" % (97 + n, (i + k // (8 + n)) % 3)
                records += [
                    Record(T0 + (k * 3600 + i) * SECOND, target, address,
                           question, stamp=1, rcode=0, ttl=57, size=120,
                           rtt_us=rng.randrange(low, low + 9000),
                           name=(method, name))
                    for question, method, low in (
                        ("soa", "nsid", 10000 * (n + 1)),
                        ("hostname.bind", "hostname.bind", 100000),
                        ("zone.version", "id.server", 200000))]
            batches.append(Batch(f"vp{i:03d}", records, 3600))
    make(path, batches, [(f"vp{i:03d}", 0, None, "DE", 64500 + i)
                         for i in range(6)], 3)


def of(rows, target, address):
    return [row for row in rows
            if (row["target"], row["address"]) == (target, address)]


def services(tap, db, seen):
    shares, latency, catchment, events = (rows_of(db, *words) for words in (
        ("catchment", "--by", "all", *AT), ("latency", "--by", "site", *DAY),
        ("catchment", *AT), ("events", *DAY)))
    families = {row["address"]: row["af"] for row in catchment}
    want = sorted((target, f"{address} (IPv{families[address]})")
                  for target, address in SERVICES)
    tap.ok(sorted((one["target"], one["label"]) for one in seen) == want,
           "each target offers its own addresses, with their family",
           [(one["target"], one["label"]) for one in seen], want)
    wrong = []
    for one in seen:
        mine = (one["target"], one["label"].split()[0])
        table = table_of_csv(of(shares, *mine), [
            row for row in of(latency, *mine) if row["question"] == "soa"])
        told = sorted("\n".join(told_of_csv(row))
                      for row in of(catchment, *mine))
        lines = {row["site"] for row in of(latency, *mine)}
        happened = of(events, *mine)
        if sorted(one["table"]) != table or len(table) < 3:
            wrong.append((mine, "table", one["table"], table))
        if sorted(one["map"]) != told or len(told) < 6:
            wrong.append((mine, "map", one["map"][:1], told[:1]))
        if set(one["lines"]) != lines or len(lines) != 3:
            wrong.append((mine, "lines", one["lines"], lines))
        if len(one["events"]) != len(happened) or not happened or any(
                not any(line.startswith(f"{row['site'] or 'several sites'}")
                        for line in one["events"]) for row in happened):
            wrong.append((mine, "events", one["events"], len(happened)))
        if not one["window"].startswith(", ".join(mine) + ":"):
            wrong.append((mine, "window", one["window"]))
    tap.ok(not wrong and len(seen) == 3, "the table, the map, the lines and "
           "the events of each are those of the CSV", wrong[:2])


def silent(tap, seen, what):
    tap.ok(not seen["errors"] and not seen["requests"] and
           not seen["dialogs"], f"{what}: no error, no request, no dialog",
           seen["errors"], seen["requests"], seen["dialogs"])


def scatter(db):
    """Everybody somewhere else on the map."""
    with contextlib.closing(sqlite3.connect(db)) as connection:
        connection.execute(
            "UPDATE vp_place SET lat = 10.0 + vp * 3, lon = 4.0 * vp")
        connection.commit()


def nothing(tap, tools, folder):
    """The page of a day on which nothing was measured."""
    page = os.path.join(folder, "nothing.html")
    done = acreport(os.path.join(folder, "plain"), "html", "--since",
                    "2020-01-01", "--until", "2020-01-02", "-o", page)
    tap.ok(done.returncode == 0 and "outside what was" in done.stderr,
           "a day without data has a page", done.stderr)
    seen, said = read(tools, page)
    tap.ok(seen is not None and not seen["errors"], "which opens", said)
    return seen


def main():
    tap = Tap()
    pictures = os.environ.get("PICTURES")
    with tempfile.TemporaryDirectory() as folder:
        seen = {}
        tools = modules(tap)
        for name, sites in (("plain", [b"lon1", b"ams1", b"jnb1"]),
                            ("hostile", HOSTILE), ("asked", None)):
            db = os.path.join(folder, name)
            if name == "asked":
                asked(db)
            else:
                store(db, 8, sites, 24)
            scatter(db)
            page = os.path.join(folder, name + ".html")
            with open(page, "w", encoding="utf-8") as file:
                file.write(page_of(tap, db, *DAY))
            seen[name], said = read(
                tools, page, *[pictures] if pictures and name == "plain"
                else [])
            tap.ok(seen[name] is not None, f"{name}: a browser reads it", said)
            if seen[name] is None:
                tap.done()
            silent(tap, seen[name], name)
            if name == "asked":
                services(tap, db, seen[name]["services"])
                continue
            numbers(tap, db, seen[name], name)
            if name == "plain":
                arcs(tap, db, seen[name])
                filters(tap, db, seen[name])
                moved(tap, db, seen[name])
        looks = seen["hostile"]["looks"]
        tap.ok(len(looks) > 8 and len(set(looks)) == len(looks),
               "every line of more sites than colours looks its own way",
               looks)
        tap.ok("No measurements" in nothing(tap, tools, folder)["events"],
               "a page without data says so")
        tap.ok(seen["plain"]["beyond"] <= 0, "nothing reaches out of a "
               "phone's screen", seen["plain"]["beyond"])
        plain, hostile = (seen[name]["markup"] for name in ("plain", "hostile"))
        tap.ok(set(hostile["names"]) <= set(plain["names"]) and
               plain["handlers"] == hostile["handlers"] == 0 and
               plain["scripts"] == hostile["scripts"],
               "hostile names make no element of another kind, no handler "
               "and no script", plain, hostile)
    tap.done()


if __name__ == "__main__":
    main()

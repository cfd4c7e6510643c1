#!/usr/bin/env python3
# Proves that what a person reads on the page, by eye, mouse and keyboard, filtered or not, are the numbers of the CSV, and that hostile names do nothing in a browser.
"""PICTURES=FOLDER leaves screenshots there."""

import contextlib
import csv
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from html_report import DAY, HOSTILE, acreport, page_of, store
from tap import BUILD, Tap

HERE = os.path.join("tests", "browser")
AT = ("--at", "2026-11-21T23:59:59.999999Z", "--since", "2026-11-21")


def modules(tap):
    """The folder in which playwright-core is, or the end of the test."""
    folder = os.path.join(os.path.abspath(BUILD), "npm-browser")
    for command in ("node", "npm", "chromium"):
        if shutil.which(command) is None:
            tap.skip("a browser reads the page", f"no {command}")
            tap.done()
    os.makedirs(folder, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(os.path.join(HERE, name), folder)
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder, capture_output=True, text=True, check=False)
    tap.ok(done.returncode == 0, "npm has the browser's driver", done.stderr)
    if done.returncode != 0:
        tap.done()
    return folder


def read(folder, page, *more):
    """What read_page.mjs saw, or what it said instead."""
    done = subprocess.run(
        ["node", os.path.join(HERE, "read_page.mjs"), folder, page,
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
                            ("hostile", HOSTILE)):
            db = os.path.join(folder, name)
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

#!/usr/bin/env python3
# Proves that the page holds the numbers of the CSV, is small, closed to scripts but its own, and not opened by a hostile name.
"""The page's own script is not run: what it is given is compared."""

import base64
import contextlib
import csv
import datetime
import hashlib
import io
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile

for folder_name in ("../sim", "../lib"):
    sys.path.insert(0, os.path.join(os.path.dirname(
        os.path.abspath(__file__)), folder_name))
# pylint: disable=wrong-import-position
from page_data import (Tree, data_of, points_of, printed, rows_of, sites_of,
                       time_of, vps_of)
from report_oracle_store import Batch, Record, make
from tap import BUILD, Tap

SECOND = 10**6
HOUR = 3600 * SECOND
T0 = 1_795_219_200 * SECOND  # 2026-11-21T00:00:00Z
DAY = ("--since", "2026-11-21", "--until", "2026-11-22")
WEEK = ("--since", "2026-11-21", "--until", "2026-11-28")
LIMIT = 600_000
HOSTILE = [b"</script><script>alert(1)</script>", b"<!--<script>", b"]]>",
           b"<img src=x onerror=alert(1)>", b'"><svg onload=alert(1)>',
           b"&lt;script&gt;", "\u2028\u202ealert(1)".encode(), b"\\u003c/script",
           b'"}];alert(1)//', b"</SCRIPT >", b"\x00\xff\r\n</script"]
REPORTS = {"catchment": ["catchment"],
           "shares": ["catchment", "--by", "all"],
           "shares_region": ["catchment", "--by", "region"],
           "events": ["events"],
           "latency": ["latency", "--by", "site"]}


def records(names, hours, rng, every, target):
    """Rounds of a vantage point, mostly at its first name."""
    here = rng.choice(names)
    for k in range(0, hours * HOUR, every):
        if rng.random() < 0.2:
            here = rng.choice(names)
        lost = rng.random() < 0.05
        yield Record(T0 + k + rng.randrange(SECOND), target, "192.0.2.1", "soa",
                     stamp=1, rcode=0, ttl=57, size=120,
                     outcome="timeout" if lost else "answered",
                     rtt_us=None if lost else rng.randrange(1000, 300000),
                     name=None if lost else ("nsid", here))


def store(path, vps, names, hours, every=HOUR, target="svc"):
    rng = random.Random(6)
    batches = []
    for i in range(vps):
        mine = list(records(names, hours, rng, every, target))
        batches += [Batch(f"vp{i:03d}", [r], every // SECOND) for r in mine]
    places = [(f"vp{i:03d}", 0, None, ("DE", "ZA", "JP")[i % 3], 64500 + i)
              for i in range(vps)]
    make(path, batches, places, 6)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE vp_place SET lat = -26.1449, lon = 28.2551")
        db.commit()


def acreport(db, *words):
    return subprocess.run([f"{BUILD}/acreport", *words, "--db", db],
                          capture_output=True, text=True, check=False)


def page_of(tap, db, *window):
    done = acreport(db, "html", *window)
    page = printed(done)
    if page is None:
        tap.skip("the page is made", "this build has no page (no nodejs, npm)")
        tap.done()
    tap.ok(done.stderr == "", "the page is made", done.stderr)
    return page


def same(cell, value):
    """A field of CSV and a value of JSON."""
    if value is None:
        return cell == ""
    if isinstance(value, str):
        return cell in (value, "'" + value)
    if cell.endswith("Z"):
        return milliseconds(cell) == value
    return float(cell) == value


def milliseconds(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (moment - epoch) // datetime.timedelta(milliseconds=1)


def numbers(tap, db, data):
    for part, words in REPORTS.items():
        end = ("--at", "2026-11-21T23:59:59.999999Z", "--since", "2026-11-21")
        window = end if words[0] == "catchment" else DAY
        rows = list(csv.reader(io.StringIO(
            acreport(db, *words, *window, "--format", "csv").stdout)))
        mine = rows_of(data, part)
        wrong = [(a, b) for a, b in zip(rows[1:], mine[1:])
                 if not all(map(same, a, b))]
        tap.ok(len(rows) > 1 and len(rows) == len(mine) and
               rows[0] == mine[0] and not wrong,
               f"{part} is what the CSV says", len(rows), len(mine), wrong[:2])


def series(tap, db, data):
    first, step = time_of(data)
    want = {}
    rows = csv.DictReader(io.StringIO(acreport(
        db, "latency", "--by", "site", "--step", f"{step // 1000}s", *DAY,
        "--format", "csv").stdout))
    for row in rows:
        at = (milliseconds(row["time"]) - first) // step
        if row["p50_ms"]:
            want[row["site"].lstrip("'"), at] = (row["p50_ms"], row["p95_ms"])
    have = {(names[-1].lstrip("'"), at): point
            for (names, at), point in points_of(data, "site").items()}
    tap.ok(step == HOUR // 1000,
           "steps of round trips hold a round of each vantage point", step)
    tap.ok(len(want) > 20 and want.keys() == have.keys() and
           all(same(w, h) for key in want
               for w, h in zip(want[key], have[key])),
           "round trips over time are what the CSV says",
           len(want), len(have))


def policy(tap, tree):
    metas = [dict(a) for t, a in tree.tags if t == "meta"]
    text = next(m["content"] for m in metas
                if m.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in text.split(";"))

    def digest(content):
        return "'sha256-" + base64.b64encode(hashlib.sha256(
            content.encode()).digest()).decode() + "'"
    tap.ok(rules["default-src"] == "'none'" and
           rules["script-src"] == digest(tree.scripts[1]) and
           rules["style-src"] == digest(tree.styles[0]) and
           "unsafe" not in text and "http:" not in text,
           "the policy allows this script and this style and nothing else",
           text)
    links = [v for _, a in tree.tags for k, v in a
             if k in ("src", "href", "srcset", "action") and v != "data:,"]
    handlers = [k for _, a in tree.tags for k, _ in a if k.startswith("on")]
    tap.ok(not links and not handlers, "nothing is loaded from elsewhere",
           links, handlers)


def places(tap, folder):
    """Towns as an atlas has them, to a quarter of a degree."""
    db, path = (os.path.join(folder, name) for name in ("k", "map"))
    towns = {"ns1.de-fra.k.ripe.net": (50.1, 8.7),
             "ns2.jp-tyo.k.ripe.net": (35.7, 139.7)}
    store(db, 4, [name.encode() for name in towns], 6,
          target="k.root-servers.net")
    with open(path, "w", encoding="ascii") as file:
        file.write("* exact ns1.de-fra.k.ripe.net FRA 12.3 45.6\n"
                   "* exact ns2.jp-tyo.k.ripe.net TYO\n")

    def sites(*words):
        return sites_of(data_of(page_of(tap, db, *DAY, *words)))

    found = sites()
    tap.ok(found.keys() == towns.keys() and all(
        abs(where - right) < .5 for name in towns
        for where, right in zip(found[name], towns[name])),
           "sites are placed without a site map, and keep their names", found)
    found = sites("--site-map", path)
    tap.ok(found.get("FRA", ())[:2] == (12.3, 45.6) and
           found.get("TYO") == (),
           "a site map that is given is the only one", found)


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        plain, hostile, big = (os.path.join(folder, name)
                               for name in ("plain", "hostile", "big"))
        store(plain, 8, [b"lon1", b"ams1", b"jnb1"], 24)
        store(hostile, 8, HOSTILE, 24)
        page = page_of(tap, plain, *DAY)
        tree = Tree(page)
        data = data_of(tree)
        numbers(tap, plain, data)
        series(tap, plain, data)
        policy(tap, tree)
        tap.ok({where for *_, where in vps_of(data)} == {(-26.1, 28.3)} and
               "26.14" not in tree.scripts[0] and
               "64500" not in str(vps_of(data)),
               "positions are rounded to a tenth of a degree")
        page = page_of(tap, hostile, *DAY)
        bad = Tree(page)
        told = data_of(bad)
        tap.ok(bad.tags == tree.tags and bad.scripts[1:] == tree.scripts[1:],
               "hostile names change no element of the page")
        tap.ok("alert(1)" in page and
               "<" not in bad.scripts[0] and bad.scripts[0].isascii() and
               len(sites_of(told)) == len(HOSTILE),
               "they are in it, as text", sites_of(told))
        numbers(tap, hostile, told)
        code = "".join(open(os.path.join("analysis/web", name),
                            encoding="utf-8").read()
                       for name in os.listdir("analysis/web")
                       if name.endswith(".js"))
        tap.ok(not re.search(r"innerHTML|outerHTML|insertAdjacent|\.write\(|"
                             r"eval\(|new Function", code),
               "the page's script makes no markup of text")
        places(tap, folder)
        store(big, 500, [b"s%02d" % i for i in range(12)], 168, 4 * HOUR)
        size = len(page_of(tap, big, *WEEK).encode())
        tap.ok(size < LIMIT, f"500 vantage points over 7 days: {size} bytes, "
               f"under {LIMIT}")
    tap.done()


if __name__ == "__main__":
    main()

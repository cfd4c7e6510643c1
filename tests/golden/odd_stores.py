#!/usr/bin/env python3
# Proves that every report of a store that is empty, alone, dark, of one family, of odd names or of odd times is well formed in every format, in any zone.
"""With STRICT the program is one with sanitizers."""

import contextlib
import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../sim"), os.path.join(HERE, "../lib")]
# pylint: disable=wrong-import-position
import built
import openmetrics
from report_oracle_store import Batch, Record, make
from strict import STRICT
from tap import BUILD, Tap

SECOND = 10**6
HOUR = 3600 * SECOND
T0 = 1_795_219_200 * SECOND  # 2026-11-21T00:00:00Z
V4, V6 = "192.0.2.1", "2001:db8::1"
NAMES = (b"a,b", b'q"uo"te', b"=1+1", b"new\nline\r", b"\xe2\x80\xaertl",
         b"x" * 255, b"\0\xff", b"@SUM", b"-1", b"\t tab", b"'ap", b"<script>",
         b"back\\slash", b'{a="b"}', b" lead ", b"%s%n", b"#x", b"NaN")
WINDOW = ("--since", "2026-11-20", "--until", "2026-11-22")
TIME = ("--since", "2026-11-20", "--at", "2026-11-21T23:59:00Z")
REPORTS = (
    ("latency", *WINDOW), ("latency", "--by", "all", *WINDOW),
    ("latency", "--by", "site", *WINDOW), ("latency", "--by", "vp", *WINDOW),
    ("latency", "--per", "vp", "--by", "country", *WINDOW),
    ("latency", "--step", "6h", *WINDOW), ("catchment", *TIME),
    ("catchment", "--by", "region", *TIME),
    ("catchment", "--by", "all", "--step", "6h", *TIME),
    ("changes", *WINDOW), ("events", *WINDOW), ("stability", *WINDOW),
    ("stability", "--by", "all", *WINDOW), ("vps", *WINDOW),
    ("sites", *WINDOW), ("availability", *WINDOW),
    ("availability", "--by", "site", *WINDOW),
    ("availability", "--by", "vp", "--step", "6h", *WINDOW),
    ("congruence", *TIME), ("congruence", "--of", "transport", *TIME),
    ("congruence", "--of", "icmp", *TIME), ("inflation", *WINDOW),
    ("inflation", "--by", "all", *WINDOW), ("locality", *WINDOW),
    ("locality", "--by", "country", "--bloc", "eu", *WINDOW),
    ("paths", *WINDOW), ("identities", *WINDOW), ("publication", *WINDOW),
    ("rssac047", *WINDOW), ("plausibility", *WINDOW, "--site-map", "MAP"),
    ("records", *WINDOW), *(("diff", "--from", "2026-11-21T06:00:00Z", "--to",
       "2026-11-21T20:00:00Z", *more) for more in ((), ("--matrix",))))
# As acreport(1) has it: lists of what happened are no gauges, and only what is
# of a vantage point or a site has a place.
NO_GAUGES = {"changes", "diff", "events", "identities", "paths",
             "plausibility", "records", "rssac047"}
NO_PLACES = {"congruence", "paths", "identities", "rssac047", "records"}
BY_DEFAULT = {"latency": "region", "availability": "all"}
TARGET = '=r,o"o\\t\n<i>'
# Everybody is far from all sites; and who is answered by "dead", by whom?
MAP = "* regex .* FAR -80.0 170.0\ndead canary\n"
ZONES = ("America/New_York", "Asia/Kathmandu", "Pacific/Apia", ":nowhere")


def has(words, form):
    """Whether a report has that form."""
    if form == "openmetrics":
        return words[0] not in NO_GAUGES
    if form == "geojson":
        by = words[words.index("--by") + 1] if "--by" in words else \
            BY_DEFAULT.get(words[0], "vp")
        return words[0] not in NO_PLACES and "--matrix" not in words and \
            by in ("vp", "site")
    return True


def record(t, name, address=V4, target="root", **rest):
    made = Record(t, target, address, "soa", stamp=1, **rest)
    made.detail = {"type": "dns", "flow": {
        "n": 0, "src": "198.51.100.1", "sport": 40000, "dport": 53},
        "auth_bits": 31, "qname": ".", "qtype": "SOA", "qclass": "IN"}
    if name is None:
        made.outcome = "timeout"
        return made
    made.name, made.rtt_us = ("nsid", name), 20_000
    made.columns.update(rcode=0, ttl=57, size=90)
    return made


def echo(t, target):
    return Record(t, target, V4, "echo", proto="icmp", port=-1,
                  rtt_us=30_000, detail={"type": "echo", "flow": {"n": 0}})


def trace(t, name, address=V4, target="root"):
    return Record(t, target, address, "trace", rtt_us=20_000,
                  name=("nsid", name), hops=[
                      {"ttl": 1, "addr": "2001:db8:f::1", "icmp": "3/0"},
                      {"ttl": 2, "addr": address, "icmp": None}])


def odd_names():
    """Each moves to the next name at noon, and says then of a new version;
    every report has something to say of them."""
    for n in range(len(NAMES)):
        for hour in range(24):
            name = NAMES[(n + (hour > 11)) % len(NAMES)]
            t = T0 + hour * HOUR
            serial = {"serial": 1 + (hour > 11), "aa": True}
            yield Batch(f"vp{n}", [
                *(record(t, name, address, TARGET, proto=proto, reply=serial)
                  for address in (V4, V6) for proto in ("udp", "tcp")),
                trace(t + SECOND, name, target=TARGET), echo(t, TARGET),
                *([record(t, name, target="dead")] if n == hour == 0 else [])],
                        every_s=3600)


def stores(folder):
    name, other = b"ns1.ams", b"ns1.lhr"
    worlds = {
        "nothing": [],
        "one record": [Batch("a", [record(T0, name)])],
        "one that was lost": [Batch("a", [record(T0, None)], 300)],
        "IPv6 alone": [
            Batch(vp, [record(T0 + n * HOUR, name if n < 9 else other, V6),
                       trace(T0 + n * HOUR + 1, name, V6)], 3600)
            for vp in "ab" for n in range(20)],
        "one vantage point": [
            Batch("a", [record(T0 + n * HOUR // 12 + k, name, proto=proto)
                        for k, proto in enumerate(("udp", "tcp"))], 300)
            for n in range(240)],
        "odd names": list(odd_names()),
        "odd times": [Batch("a", [record(-2**52, name)]),
                      Batch("b", [record(2**61, name)])],
    }
    for number, (what, batches) in enumerate(worlds.items()):
        path = f"{folder}/{number}.db"
        make(path, batches, [("vp1", 0, 'R,"e\ngion=', 'D"', None), *(
            (batch.vp, 0, None, None, None) for batch in batches
            if what == "odd names" and batch.vp != "vp1" and
            batch.t0 == T0)], 1)
        with contextlib.closing(sqlite3.connect(path)) as db, db:
            db.execute("UPDATE vp_place SET lat = 50.1, lon = 8.7")
        yield what, path


def refuse(word):
    raise ValueError(f"{word} is no JSON")


def rows_of(text):
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    if len({len(row) for row in rows}) != 1:
        raise ValueError("rows are not of one length")
    if any(field[:1] in ("=", "+", "@", "\t", "\r") and field
           for row in rows for field in row):
        raise ValueError("a formula")
    return rows


class Odd:
    def __init__(self, program, folder):
        self.program, self.wrong, self.done = program, [], 0
        self.empty = []  # reports without a row
        self.map = f"{folder}/map"
        with open(self.map, "w", encoding="ascii") as file:
            file.write(MAP)

    def run(self, words, db, form, zone="UTC"):
        self.done += 1
        words = [self.map if word == "MAP" else word for word in words]
        said = subprocess.run(
            [self.program, *words, "--db", db, "--format", form],
            capture_output=True, check=False, env=dict(os.environ, TZ=zone))
        return said.returncode, said.stdout, said.stderr.decode()

    def read(self, words, db, form):
        """Its text; None where the report has no such form, and says so."""
        code, out, error = self.run(words, db, form)
        if not has(words, form):
            if code != 2 or out or error.count("\n") != 1 or \
                    f"no --format {form}" not in error:
                raise ValueError(f"{form}: {code}: {error}")
            return None
        if code != 0 or "runtime error" in error:
            raise ValueError(f"{code}: {error}")
        return out.decode("ascii")

    def report(self, words, db):
        rows = rows_of(self.read(words, db, "csv"))
        held = json.loads(self.read(words, db, "json"),
                          parse_constant=refuse)
        if len(held) != len(rows) - 1 or any(
                list(one) != rows[0] for one in held):
            raise ValueError("JSON and CSV differ")
        if self.read(words, db, "table").split()[0] not in rows[0]:
            raise ValueError("no heading")
        text = self.read(words, db, "geojson")
        if text is not None and len(json.loads(
                text, parse_constant=refuse)["features"]) != len(held):
            raise ValueError("GeoJSON and CSV differ")
        text = self.read(words, db, "openmetrics")
        if text is not None and not text.endswith("# EOF\n"):
            raise ValueError("no end")
        if text is not None and openmetrics.families is not None:
            list(openmetrics.families(text))
        return len(held)

    def every(self, db):
        self.wrong, self.done, self.empty = [], 0, []
        for words in REPORTS:
            try:
                if self.report(words, db) == 0:
                    self.empty.append(" ".join(words))
            except ValueError as error:
                self.wrong.append(f"{' '.join(words)}: {error}")
        return not self.wrong


def program(tap):
    if not STRICT:
        return f"{BUILD}/acreport"
    path, said = built.sanitized("acreport")
    tap.ok(not said, "acreport is built with sanitizers", said)
    return path


def main():
    tap = Tap()
    built = program(tap)
    if openmetrics.families is None:
        tap.skip("OpenMetrics is read by Prometheus' parser",
                 openmetrics.MISSING)
    with tempfile.TemporaryDirectory() as folder:
        odd = Odd(built, folder)
        for what, db in stores(folder):
            tap.ok(odd.every(db), f"a store of {what}: {odd.done} reports "
                   "are well formed", *odd.wrong)
            if what == "odd names":
                tap.ok(not odd.empty, "in which every one of them has rows",
                       *odd.empty)
        # New York's clock went back on 2026-11-01, Apia's day is another. To
        # 06:15 are 75 rounds.
        words = ("records", "--since", "2026-10-31T22:00:00-04:00",
                 "--until", "2026-11-21T12:00:00+05:45")
        db = f"{folder}/4.db"
        said = {zone: odd.run(words, db, "csv", zone)
                for zone in ("UTC", *ZONES)}
        tap.ok(len(set(said.values())) == 1 and
               said["UTC"][0] == 0 and said["UTC"][1].count(b"\n") == 151,
               "times are the same wherever they are read", said)
    tap.done()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# Proves that GeoJSON and OpenMetrics hold the numbers of the CSV in forms that others read, and that --check answers as a monitoring plugin.
"""The metrics are read by Prometheus's own parser."""

import collections
import csv
import datetime
import io
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../sim"), os.path.join(HERE, "../lib")]
# pylint: disable=wrong-import-position
import openmetrics
from report_oracle_store import Batch, Record, make
from tap import BUILD, Tap

SECOND = 10**6
UTC = datetime.timezone.utc
HOUR = 3600 * SECOND
T0 = 1_795_219_200 * SECOND  # 2026-11-21T00:00:00Z
DAY = ("--since", "2026-11-21", "--until", "2026-11-22")
AT = ("--at", "2026-11-21T23:59:00Z")
V6 = "2001:db8::1"
MAP = "k-root prefix ns1.ams AMS 52.37 4.89\n" \
      "k-root prefix ns1.lhr LHR 51.4706 -0.461941\n"
HOME = {"berlin": (52.5251, 13.3694), "oslo": (59.9111, 10.7533)}
# Of a column's name: what it is called as a metric, and how many of it are one.
UNITS = (("_ms", "_seconds", 1000), ("_s", "_seconds", 1),
         ("_pct", "_ratio", 100), ("_km", "_meters", 0.001))
GAUGES = (("latency", "--by", "all", *DAY), ("latency", "--by", "vp", *DAY),
          ("latency", "--by", "site", "--step", "6h", *DAY),
          ("catchment", "--by", "all", *AT), ("catchment", *AT),
          ("stability", *DAY), ("vps", *DAY), ("sites", *DAY),
          ("availability", "--by", "region", *DAY), ("congruence", *AT),
          ("inflation", *DAY), ("locality", *DAY))
LISTS = ("changes", "events", "plausibility", "records", "html", "rssac047")
# As the Monitoring Plugins Development Guidelines have them: alert or not.
RANGES = (("10", (-1, 11), (0, 5, 10)), ("10:", (9,), (10, 11, 1e6)),
          ("~:10", (11,), (-5, 0, 10)), ("10:20", (9, 21), (10, 15, 20)),
          ("@10:20", (10, 15, 20), (9, 21)))


def record(t, name, rtt_ms, address="192.0.2.1"):
    made = Record(t, "k-root", address, "soa", stamp=1,
                  **({} if rtt_ms is None else
                     {"rtt_us": rtt_ms * 1000, "rcode": 0, "ttl": 57,
                      "size": 120, "name": ("nsid", name.encode())}))
    made.detail = {"type": "dns", "flow": {
        "n": made.flow, "src": "198.51.100.1", "sport": 40000, "dport": 53},
        "auth_bits": 31, "qname": ".", "qtype": "SOA", "qclass": "IN"}
    return made


def fill(path):
    batches = []
    for hour in range(24):
        t = T0 + hour * HOUR
        site = "ns1.ams" if hour < 12 else "ns1.lhr"
        batches.append(Batch("berlin", [record(t, site, 10 + hour),
                                        record(t, site, 9, V6)],
                             every_s=3600))
        batches.append(Batch("oslo", [
            record(t + 123_456, '=x"y\\z', None if hour == 5 else 50)],
            every_s=3600))
    places = [("berlin", 0, "Europe", "DE", 64500),
              ("oslo", 0, "Europe", "NO", 64501)]
    make(path, batches, places, 1)
    subprocess.run(["sqlite3", path, *(
        f"UPDATE vp_place SET lat = {lat}, lon = {lon} WHERE vp ="
        f" (SELECT id FROM vp WHERE name = '{vp}')"
        for vp, (lat, lon) in HOME.items())], check=True)


def wrong_geojson(text, count):
    """What RFC 7946 does not allow in a collection of points, or None."""
    def refuse(word):
        raise ValueError(f"{word} is no JSON")

    def once(pairs):
        if len(dict(pairs)) != len(pairs):
            raise ValueError(f"a name twice in {pairs}")
        return dict(pairs)

    try:
        all_ = json.loads(text, parse_constant=refuse, object_pairs_hook=once)
    except ValueError as error:
        return error
    if all_.keys() != {"type", "features"} or len(all_["features"]) != count \
            or all_["type"] != "FeatureCollection":
        return "the collection"
    for one in all_["features"]:
        where = one.get("geometry")
        if one.keys() != {"type", "geometry", "properties"} or \
                one["type"] != "Feature" or \
                not isinstance(one["properties"], dict):
            return one
        if where is None:
            continue
        if where.keys() != {"type", "coordinates"} or \
                where["type"] != "Point" or len(where["coordinates"]) != 2 or \
                not all(isinstance(x, (int, float)) and abs(x) <= most for
                        x, most in zip(where["coordinates"], (180, 90))):
            return where
    return None


class Formats:
    def __init__(self, tap, folder):
        self.tap = tap
        self.db = os.path.join(folder, "a.db")
        self.map = os.path.join(folder, "map")
        with open(self.map, "w", encoding="ascii") as file:
            file.write(MAP)
        fill(self.db)

    def run(self, *words):
        return subprocess.run(
            [f"{BUILD}/acreport", *words, "--db", self.db, "--site-map",
             self.map], capture_output=True, text=True, check=False)

    def rows(self, *words):
        done = self.run(*words, "--format", "csv")
        assert done.returncode == 0, done.stderr
        return list(csv.DictReader(io.StringIO(done.stdout)))

    def metrics(self):
        if openmetrics.families is None:
            self.tap.skip("OpenMetrics", openmetrics.MISSING)
            return
        for words in GAUGES:
            done = self.run(*words, "--format", "openmetrics")
            got = collections.Counter()
            for family in openmetrics.families(done.stdout):
                for s in family.samples:
                    got[s.name, round(s.value, 6), s.timestamp and
                        float(s.timestamp)] += 1
            wanted = self.wanted(words[0], self.rows(*words))
            missed = wanted - got
            self.tap.ok(done.returncode == 0 and not missed and
                        wanted,
                        f"{' '.join(words[:3])}: as OpenMetrics, all "
                        f"{sum(wanted.values())} numbers of the CSV",
                        done.stderr, list(missed.items())[:5],
                        done.stdout[:900])
        self.exact_times()
        for name in LISTS:
            done = self.run(name, "--format", "openmetrics", "-o", "/dev/null")
            self.tap.ok(done.returncode == 2 and "no gauges" in done.stderr,
                        f"{name} is no gauge, and says so", done)

    def exact_times(self):
        """To the microsecond, which a double of Python still tells apart."""
        words = ("sites", "--since", "2026-11-20T00:00:00.25Z", "--until",
                 "2026-11-22")
        wanted = collections.Counter(
            r["first_seen"] for r in self.rows(*words))
        got = collections.Counter()
        for line in self.run(*words, "--format",
                             "openmetrics").stdout.splitlines():
            if line.startswith("acreport_sites_first_seen_timestamp_seconds{"):
                whole, _, part = line.rsplit(" ", 1)[1].partition(".")
                at = datetime.datetime.fromtimestamp(int(whole), UTC)
                got[at.strftime("%Y-%m-%dT%H:%M:%S.") +
                    f"{part:0<6}Z"] += 1
        self.tap.ok(wanted == got and any(
            not time.endswith(".000000Z") for time in wanted),
                    "a time is exact as OpenMetrics", wanted, got)
        text = self.run("latency", "--by", "all", "--since",
                        "2026-11-21T00:00:00.125Z", "--until", "2026-11-22",
                        "--step", "6h", "--format", "openmetrics").stdout
        self.tap.ok(f" {T0 // SECOND}.125\n" in text and
                    f" {T0 // SECOND + 6 * 3600}\n" in text,
                    "also that of a sample", text[:900])

    @staticmethod
    def wanted(report, rows):
        """By name alone: what the parser checks is that labels tell apart."""
        numbers = collections.Counter()
        for row in rows:
            time = row.get("time")
            for column, text in row.items():
                unit = next((u for u in UNITS if column.endswith(u[0])), None)
                if unit is None or text == "":
                    continue
                name = f"acreport_{report}_{column[:-len(unit[0])]}{unit[1]}"
                numbers[name, round(float(text) / unit[2], 6),
                        time and float(stamp_of(time))] += 1
        return numbers

    def valid(self):
        """Every report that has places, against RFC 7946, member by member."""
        for words in (("latency", "--by", "vp", *DAY),
                      ("latency", "--by", "site", *DAY), ("catchment", *AT),
                      ("changes", *DAY), ("events", *DAY),
                      ("diff", "--from", "2026-11-21T06:00:00Z", "--to",
                       "2026-11-21T18:00:00Z"), ("stability", *DAY),
                      ("vps", *DAY), ("sites", *DAY), ("inflation", *DAY),
                      ("availability", "--by", "vp", *DAY),
                      ("locality", *DAY), ("publication", *DAY),
                      ("plausibility", *DAY)):
            done = self.run(*words, "--format", "geojson")
            rows = self.rows(*words)
            wrong = wrong_geojson(done.stdout, len(rows))
            self.tap.ok(done.returncode == 0 and not wrong,
                        f"{' '.join(words[:3])}: {len(rows)} features are "
                        "GeoJSON", wrong, done.stderr, done.stdout[:400])

    def features(self):
        for words, where in ((("catchment", *AT), HOME["oslo"]),
                             (("sites", *DAY), (51.4706, -0.461941))):
            done = self.run(*words, "--format", "geojson")
            features = json.loads(done.stdout)["features"]
            rows = self.rows(*words)
            plain = json.loads(self.run(*words, "--format", "json").stdout)
            self.tap.ok([f["properties"] for f in features] == plain and
                        len(plain) == len(rows),
                        f"{words[0]}: a feature has the columns of its row",
                        done.stdout[:600])
            spots = [f["geometry"] and tuple(f["geometry"]["coordinates"])
                     for f in features]
            self.tap.ok((round(where[1], 1), round(where[0], 1)) in spots,
                        f"{words[0]}: to a tenth of a degree, longitude first",
                        spots)
            full = self.run(*words, "--format", "geojson", "--full").stdout
            self.tap.ok(str(where[0]) in full and
                        str(where[0]) not in done.stdout,
                        f"{words[0]}: exact with --full alone", full[:600])
        done = self.run("sites", *DAY, "--format", "geojson")
        self.tap.ok("1 of 5 rows have no position" in done.stderr,
                    "rows without a position are counted", done.stderr)
        shared = json.loads(self.run("vps", *DAY, "--format",
                                     "geojson").stdout)["features"][0]
        self.tap.ok("city" in shared["properties"] and
                    not {"seen", "reported"} & set(shared["properties"]),
                    "addresses of vantage points are not shared", shared)
        for words in (("latency", *DAY), ("catchment", "--by", "all", *AT),
                      ("congruence", *AT)):
            done = self.run(*words, "--format", "geojson")
            self.tap.ok(done.returncode == 2 and "no places" in done.stderr,
                        f"{' '.join(words[:2])} has no place on a map", done)

    def check(self, *words):
        done = self.run("--check", *words)
        return done.returncode, done.stdout, done.stderr

    def plugin(self):
        self.one_vp()
        code, line, _ = self.check("latency", "--by", "vp", *DAY, "--warn",
                                   "30", "--crit", "60")
        head, _, tail = line.partition("|")
        slow = {r["vp"]: r["p50_ms"] for r in self.rows("latency", "--by",
                                                        "vp", *DAY)}
        self.tap.ok(code == 1 and head.startswith(
            f"latency WARNING: p50_ms {float(slow['oslo']):g}ms (") and
            "oslo" in head and all(f"={ms}ms;30;60" in tail
                                   for ms in slow.values()) and
            line.count("\n") == 1,
            "one line has the state, the worst row, and all as perfdata",
            code, line)
        code, line, _ = self.check("latency", "--by", "site", *DAY, "--warn",
                                   "1")
        self.tap.ok(line.count("|") == 1 and line.count("'") % 2 == 0 and
                    code == 1, "a hostile name does not end the line", line)
        for words, reason in (
                (("latency", *DAY), "needs --warn or --crit"),
                (("latency", "--warn", "0x10"), "expected a number"),
                (("latency", "--warn", "20:10"), "expected a number"),
                (("changes", *DAY, "--warn", "1"), "needs --column"),
                (("sites", *DAY, "--warn", "1", "--column", "x"),
                 "no column x"),
                (("sites", *DAY, "--warn", "1", "--column", "site"),
                 "no numbers in column site"),
                (("sites", *DAY, "--warn", "1", "--column", "last_seen"),
                 "no numbers in column last_seen"),
                (("html", *DAY, "--warn", "1"), "does not take --check"),
                (("latency", "--since", "2020-01-01", "--until", "2020-01-02",
                  "--warn", "1"), "of none of 0 rows")):
            code, line, said = self.check(*words)
            self.tap.ok(code == 3 and "UNKNOWN: " in line and reason in line
                        and said == "", f"unknown, and why: {reason}", code,
                        line, said)
        few = ("latency", "--since", "2026-11-21T23:00:00Z", "--until",
               "2026-11-22", "--warn", "80", "--crit", "150")
        code, line, _ = self.check(*few)
        self.tap.ok(code == 0 and line.startswith("latency OK: p50_ms "),
                    "one round is enough for a median", code, line)
        code, line, _ = self.check(*few, "--column", "p95_ms")
        self.tap.ok(code == 3 and "p95_ms of none of" in line,
                    "and not for the slowest twentieth", code, line)
        self.abbreviated()
        code, line, _ = self.check("events", "--since", "2020-01-01",
                                   "--until", "2020-01-02", "--crit", "0")
        self.tap.ok(code == 0 and line.startswith("events OK: nothing\n") and
                    "outside what was measured" in line,
                    "where nothing happened all is well, if it was measured",
                    code, line)

    def abbreviated(self):
        """getopt_long takes --chec for --check, and a value for a value."""
        whole = self.check("latency", "--by", "all", *DAY, "--warn", "1")
        for short in ("--chec", "--ch"):
            done = self.run(short, "latency", "--by", "all", *DAY, "--warn",
                            "1")
            self.tap.ok(whole[0] == 1 and whole ==
                        (done.returncode, done.stdout, done.stderr),
                        f"{short} is --check", whole, done)
        done = self.run("--chec", "latency", "--since", "someday", "--warn",
                        "1")
        self.tap.ok(done.returncode == 3 and done.stderr == "" and
                    done.stdout.startswith("acreport UNKNOWN: --since"),
                    "--chec says on standard output what is wrong", done)
        for words in (("--bogus",), ("-x",), ("-xz",), ("--c", "p50_ms"),
                      ("--db", self.db, "--warn")):
            done = subprocess.run([f"{BUILD}/acreport", "--check",
                                   "latency", *words],
                                  capture_output=True, text=True,
                                  check=False)
            name = words[-1] if "--warn" in words else words[0]
            name = name[:2 if name[1] != "-" else None]
            self.tap.ok(done.returncode == 3 and done.stderr == "" and
                        done.stdout.count("\n") == 1 and
                        done.stdout.startswith(
                            f"acreport UNKNOWN: {name}: no"),
                        f"a word that is no option is named: {name}", done)
        done = self.run("latency", *DAY, "--vp", "--check", "--format", "csv")
        self.tap.ok(done.returncode == 0 and "--check" in done.stderr and
                    done.stdout.startswith("target,"),
                    "a value that reads --check is a value", done)

    def one_vp(self):
        """flows: 24 rounds of oslo; answered 23."""
        words = ("latency", "--by", "all", "--vp", "oslo", *DAY)
        row = self.rows(*words)[0]
        for text, alert, calm in RANGES:
            bad = []
            for value in (*alert, *calm):
                moved = self.moved(text, value, float(row["p50_ms"]))
                code, line, _ = self.check(*words, "--column", "p50_ms",
                                           "--crit", moved)
                if code != (2 if value in alert else 0):
                    bad.append((value, moved, code, line))
            self.tap.ok(not bad, f"range {text}", bad)

    @staticmethod
    def moved(text, value, have):
        """The range, shifted so that `have` lies in it as `value` did."""
        at, body = ("@", text[1:]) if text[0] == "@" else ("", text)
        low, colon, high = body.rpartition(":")
        if not colon:
            low = "0"
        move = [x if x in ("", "~") else f"{float(x) - value + have:f}"
                for x in (low, high)]
        return f"{at}{move[0]}:{move[1]}"


def stamp_of(text):
    done = subprocess.run(["date", "-u", "-d", text, "+%s"],
                          capture_output=True, text=True, check=True)
    return int(done.stdout)


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix=f"formats-{os.getpid()}-") as f:
        formats = Formats(tap, f)
        formats.metrics()
        formats.features()
        formats.valid()
        formats.plugin()
    tap.done()


main()

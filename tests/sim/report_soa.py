#!/usr/bin/env python3
# Proves that the figures of publication and rssac047 are those of an independent reading of random days of several servers.
"""Servers of one zone answer, fail, refuse and lag behind; what acreport says
of them is compared with the samples. SEED=n repeats a run."""

import collections
import csv
import io
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile

import report_oracle as o
from report_oracle import HOUR, SECOND, START, stamp
from report_oracle_store import Batch, Record, make

B = os.environ.get("B") or "build"
SEED = int(os.environ.get("SEED") or 1)
SLOT = 300 * SECOND
SITES = ("ams", "lhr", "nrt")


def after(a, b):
    """RFC 1982, section 3.2, with SERIAL_BITS = 32."""
    return (a < b and b - a > 2**31) or (a > b and a - b < 2**31)


class Servers:
    def __init__(self, seed):
        self.rng = rng = random.Random(seed)
        self.targets = [f"{c}-root" for c in "abcdefg"[:rng.choice((1, 3, 5,
                                                                    7))]]
        self.no_v6 = rng.choice(self.targets)
        self.end = START + 8 * HOUR
        serial = rng.choice((2026112100, 2**32 - 3))
        self.versions = [(START - HOUR, serial)]
        time = START
        while time < self.end:
            time += rng.randrange(10 * 60, 3 * 3600) * SECOND
            serial = (serial + rng.choice((1, 1, 2))) % 2**32
            self.versions.append((time, serial))
        self.lag = {(target, site): rng.choice((0, 60, 400, 2000, 5000))
                    for target in self.targets for site in SITES}
        self.batches = []
        for n in range(5):
            self.add_vp(f"vp{n}")

    def serial(self, target, site, time):
        time -= self.lag[target, site] * SECOND
        held = [s for t, s in self.versions if t <= time]
        return held[-1] if held else self.versions[0][1]

    def add_vp(self, vp):
        rng = self.rng
        home = {target: rng.choice(SITES) for target in self.targets}
        every = rng.choice((300, 300, 600))
        time = START + rng.randrange(every) * SECOND
        bad = rng.choice((0.01, 0.3))
        while time < self.end:
            if rng.random() < 0.05:
                home[rng.choice(self.targets)] = rng.choice(SITES)
            dark = rng.random() < 0.05
            records = []
            for target in self.targets:
                if rng.random() < 0.02:
                    continue  # its address was not resolved, say
                for af in (4, 6)[:1 if target == self.no_v6 else 2]:
                    for proto in ("udp", "tcp"):
                        records.append(self.record(
                            (target, home[target], af, proto),
                            time + rng.randrange(20 * SECOND),
                            1 if dark else bad))
            if records:
                self.batches.append(Batch(vp, records, every))
            time += every * SECOND + rng.randrange(-2, 2) * SECOND

    def record(self, key, time, bad):
        rng = self.rng
        target, site, af, proto = key
        n = self.targets.index(target) + 1
        record = Record(time, target, f"192.0.2.{n}" if af == 4
                        else f"2001:db8::{n}", "soa", proto=proto, rcode=0)
        if rng.random() < bad:
            record.outcome = rng.choice(("timeout", "timeout", "unsent",
                                         "unreachable"))
            del record.columns["rcode"]
            return record
        record.rtt_us = rng.randrange(2000, 400000)
        if rng.random() < 0.9:
            record.name = ("nsid", f"{site}1.{target}".encode())
        if rng.random() < 0.03:
            record.columns["rcode"] = rng.choice((2, 5))
            record.reply = {"aa": False}
            return record
        record.reply = {"serial": self.serial(target, site, time)}
        if proto == "tcp":
            record.reply["connect_us"] = rng.randrange(1000, 200000)
        return record


def report(*words):
    said = subprocess.run([f"{B}/acreport", *words, "--format", "csv"],
                          capture_output=True, check=False)
    if said.returncode != 0:
        return [{"metric": said.stderr.decode()}]
    return list(csv.DictReader(io.StringIO(said.stdout.decode())))


def good(r):
    return r.outcome == "answered" and r.columns.get("rcode") == 0


def total_us(r):
    return r.rtt_us + r.reply.get("connect_us", 0)


def quorum(n):
    return math.ceil((n - 1) * 2 / 3)


def in_window(servers, since, until):
    return [(b.vp, b.t0 // SLOT, r) for b in servers.batches
            for r in b.records if since <= r.t < until]


def rssac(servers, since, until):
    """{(metric, scope, target, af, proto): (value, measurements)}."""
    rows = in_window(servers, since, until)
    asked = collections.defaultdict(set)
    for b in servers.batches:
        for r in b.records:
            asked[r.af, r.proto].add(r.target)
    out = {}
    cells = collections.defaultdict(lambda: collections.defaultdict(list))
    for vp, slot, r in rows:
        if r.outcome != "unsent":
            cells[r.af, r.proto, vp, slot][r.target].append(r)
    for target in servers.targets:
        for af, proto in asked:
            mine = [r for _, _, r in rows if r.outcome != "unsent" and
                    (r.target, r.af, r.proto) == (target, af, proto)]
            if not mine:
                continue
            key = ("server", target, str(af), proto)
            times = [total_us(r) / 1000 for r in mine if good(r)]
            out["availability", *key] = (
                100 * len(times) / len(mine), len(mine))
            out["latency", *key] = (
                statistics.median(times) if times else None, len(times))
    for af, proto in asked:
        k = quorum(len(asked[af, proto]))
        enough = needed = 0
        times = []
        for (a, p, _, _), heard in cells.items():
            if (a, p) != (af, proto) or len(heard) < k:
                continue
            least = sorted(min(total_us(r) for r in held if good(r))
                           for held in heard.values()
                           if any(map(good, held)))
            enough += min(k, len(least))
            needed += k
            times += [t / 1000 for t in least[:k]]
        if k:
            key = ("system", "", str(af), proto)
            out["availability", *key] = (
                100 * enough / needed if needed else None, needed)
            out["latency", *key] = (
                statistics.median(times) if times else None, len(times))
    out |= publication_of(servers, rows)
    return out


def publication_of(servers, rows):
    oldest = {}
    for vp, slot, r in rows:
        if good(r) and "serial" in r.reply:
            key = (vp, r.target, slot)
            if key not in oldest or after(oldest[key], r.reply["serial"]):
                oldest[key] = r.reply["serial"]
    newest, versions, first = None, {}, None
    for slot in sorted({key[2] for key in oldest}):
        seen = [s for key, s in oldest.items() if key[2] == slot]
        best = seen[0]
        for s in seen:
            best = s if after(s, best) else best
        if newest is None or after(best, newest):
            newest = best
            if first is not None:
                versions[best] = slot
        first = first or slot
    held = collections.defaultdict(list)
    for vp, target in {key[:2] for key in oldest}:
        mine = sorted((slot, s) for (v, t, slot), s in oldest.items()
                      if (v, t) == (vp, target))
        for version, published in versions.items():
            reached = [slot for slot, s in mine if not after(version, s)]
            if reached and after(version, mine[0][1]):
                held[target].append(5 * (min(reached) - published))
    out = {}
    for target in servers.targets:
        out["publication", "server", target, "", ""] = (
            statistics.median(held[target]) if held[target] else None,
            len(held[target]))
    everything = sum(held.values(), [])
    if len(servers.targets) > 1:
        out["publication", "system", "", "", ""] = (
            statistics.median(everything) if everything else None,
            len(everything))
    return out


LIMITS = {("availability", "server"): 96, ("availability", "system"): 99.999,
          ("publication", "server"): 65, ("publication", "system"): 35,
          ("latency", "server", "udp"): 250, ("latency", "server", "tcp"): 500,
          ("latency", "system", "udp"): 150, ("latency", "system", "tcp"): 300}


def compare_rssac(wanted, rows):
    wrong = []
    got = {(r.get("metric"), r.get("scope"), r.get("target"), r.get("af"),
            r.get("proto")): r for r in rows}
    for key in set(wanted) ^ set(got):
        wrong.append(f"{key} only in one: {got.get(key)}")
    for key in set(wanted) & set(got):
        value, count = wanted[key]
        row = got[key]
        limit = LIMITS.get(key[:2]) or LIMITS[*key[:2], key[4]]
        passed = "" if value is None else str(
            value >= limit if key[0] == "availability"
            else value <= limit).lower()
        right = row["value"] == "" if value is None else \
            row["value"] and abs(float(row["value"]) - value) < .00061
        if not right or int(row["measurements"]) != count or \
                row["passed"] != passed or float(row["threshold"]) != limit:
            wrong.append(f"{key}: {row} not {wanted[key]} {passed}")
    return wrong


# --- publication by site ---

def sites_of(servers, since, until, target):
    """{(address, site): cells}."""
    seen = sorted(((r.t, vp, r) for vp, _, r in in_window(servers, since,
                                                          until)
                   if r.target == target and good(r) and
                   "serial" in r.reply), key=lambda x: (x[0],
                                                        x[2].reply["serial"]))
    versions, newest = {}, None
    for t, _, r in seen:
        serial = r.reply["serial"]
        if newest is None:
            newest = serial
        elif after(serial, newest):
            versions[serial] = t
            newest = serial
    places = collections.defaultdict(list)
    for t, vp, r in seen:
        name = r.name[1].decode() if r.name else ""
        places[r.address, name].append((t, vp, r.reply["serial"]))
    out = {}
    for key, mine in places.items():
        latency, uncertain = [], []
        for version, published in versions.items():
            reached = [t for t, _, s in mine if not after(version, s)]
            if reached and after(version, mine[0][2]):
                latency.append((reached[0] - published) / 1e6)
                uncertain.append((reached[0] - max(
                    t for t, _, s in mine[:[t for t, _, _ in mine].index(
                        reached[0])])) / 1e6)
        last_t, _, last = mine[-1]
        missing = [t for s, t in versions.items() if after(s, last)]
        out[key] = {
            "vantage_points": len({vp for _, vp, _ in mine}),
            "answers": len(mine), "serials": len(latency),
            "latency_p50_s": statistics.median(latency) if latency else None,
            "latency_p95_s": o.nearest(latency, 95)
            if len(latency) >= 20 else None,
            "latency_max_s": max(latency, default=None),
            "uncertain_p50_s":
                statistics.median(uncertain) if uncertain else None,
            "serial": last, "newest_serial": newest,
            "behind_s": max(0, last_t - min(missing)) / 1e6
            if missing else 0}
    return out


def compare_sites(servers, since, until, rows):
    wrong = []
    count = 0
    for target in servers.targets:
        wanted = sites_of(servers, since, until, target)
        count += len(wanted)
        for row in rows:
            if row.get("target") != target:
                continue
            want = wanted.get((row["address"], row["site"]))
            if want is None:
                wrong.append(f"not wanted: {row}")
                continue
            for column, value in want.items():
                text = row[column]
                right = text == "" if value is None else \
                    text and abs(float(text) - value) < .00061
                if not right:
                    wrong.append(f"{row['address']} {row['site']} {column}: "
                                 f"{text}, not {value}")
    if count != len(rows):
        wrong.append(f"{len(rows)} rows, not {count}")
    return wrong


def compare_world(seed, folder, tests):
    servers = Servers(seed)
    db = f"{folder}/{seed}.db"
    make(db, servers.batches, [], seed)
    since = START + servers.rng.choice((0, HOUR, 2 * HOUR))
    until = servers.end - servers.rng.choice((0, HOUR))
    words = ("--db", db, "--since", stamp(since), "--until", stamp(until))
    wanted = rssac(servers, since, until)
    tests.rows += len(wanted)
    rows = report("rssac047", *words)
    wrong = compare_rssac(wanted, rows)
    tests.ok(not wrong, f"world {seed}: rssac047 agrees", wrong[:5])
    passed = [row["passed"] for row in rows if row["passed"] != ""]
    done = subprocess.run(
        [f"{o.B}/acreport", "--check", "rssac047", "--crit", "1:", *words],
        capture_output=True, text=True, check=False)
    tests.ok(done.returncode == (3 if not passed else 2 if "false" in passed
                                 else 0) and
             done.stdout.count("=0;;1:") == passed.count("false") and
             done.stdout.count("=1;;1:") == passed.count("true"),
             f"world {seed}: as a plugin, {passed.count('false')} failed",
             [done.stdout])
    wrong = compare_sites(servers, since, until,
                          report("publication", *words))
    tests.ok(not wrong, f"world {seed}: publication agrees", wrong[:5])


def intercept(servers):
    """Somebody answers one vantage point more for all: one name, at once, and
    with a zone of his own."""
    for base in [b for b in servers.batches if b.vp == "vp0"]:
        records = []
        for r in base.records:
            record = Record(r.t, r.target, r.address, "soa", proto=r.proto,
                            rcode=servers.rng.choice((0, 0, 0, 5)))
            record.rtt_us = 300
            record.name = ("nsid", b"box1.isp")
            record.reply = {"serial": (servers.versions[-1][1] + 1000) % 2**32}
            if r.proto == "tcp":
                record.reply["connect_us"] = 300
            records.append(record)
        servers.batches.append(Batch("vpx", records, base.every_s))


def compare_intercepted(seed, folder, tests):
    """What somebody else says changes no figure."""
    servers = Servers(seed)
    if len(servers.targets) < 3:
        return
    plain = servers.batches[:]
    intercept(servers)
    dbs = [f"{folder}/{seed}.{name}.db" for name in ("plain", "more")]
    make(dbs[0], plain, [], seed)
    make(dbs[1], servers.batches, [], seed)
    for what in ("rssac047", "publication"):
        a, b = (report(what, "--db", db, "--since", stamp(START), "--until",
                       stamp(servers.end)) for db in dbs)
        tests.ok(len(a) > 5 and a == b, f"world {seed}: {what} leaves out "
                 "what somebody else answered",
                 [pair for pair in zip(a, b) if pair[0] != pair[1]][:3] +
                 [(len(a), len(b))])


def main():
    tests = o.Tests()
    print(f"# SEED={SEED}")
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(SEED, SEED + int(os.environ.get("WORLDS") or 6)):
            compare_world(seed, folder, tests)
            compare_intercepted(seed, folder, tests)
    tests.ok(tests.rows > 100, f"{tests.rows} rows were compared")
    sys.exit(tests.done())


if __name__ == "__main__":
    main()

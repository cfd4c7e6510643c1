#!/usr/bin/env python3
# Proves that acreport identities is what an independent reading of the raw rows of random days says, from runs where they are settled.
"""Servers that call themselves one thing by NSID and another by CHAOS, serve
old zones, appear and go, seen by vantage points that move; SEED=n repeats a
run."""

import collections
import csv
import io
import math
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile

import report_oracle as o
from report_oracle import HOUR, SECOND, START, stamp
from report_oracle_store import Batch, Record, make, text_form

B = os.environ.get("B") or "build"
SEED = int(os.environ.get("SEED") or 1)
STALE = 65 * 60 * SECOND
MAP = """root regex ^s[0-9]+[.]([a-z]{3})$ \\1
root exact far.lhr.example lhr 51.5 -0.1 country=GB city=London confidence=77
root prefix heathrow hrw 51.4 -0.5
root prefix cdg cdg 49 2.5 country=FR
"""
# What the map says: site, country, confidence, position.
PLACED = {"far.lhr.example": ("lhr", "GB", "77", (51.5, -0.1)),
          "heathrow1": ("hrw", "", None, (51.4, -0.5)),
          "cdg-9": ("cdg", "FR", None, (49, 2.5))}
HINTED = "gpdns-nrt"


def after(a, b):
    """RFC 1982."""
    return (a < b and b - a > 2**31) or (a > b and a - b < 2**31)


def site_of(target, name):
    """(site, country, confidence, position) or None, for what has a rule."""
    if target != "root":
        return None
    match = re.fullmatch(r"s[0-9]+[.]([a-z]{3})", name.lower())
    if match:
        return (match[1], "", None, None)
    return PLACED.get(name.lower())


# --- a random world ---

class World:
    def __init__(self, seed):
        self.rng = rng = random.Random(seed)
        self.batches, self.places = [], []
        self.hours = rng.choice((9, 30))
        self.end = START + self.hours * HOUR
        names = [b"s1.lhr", b"s2.lhr", b"s1.ams", b"far.lhr.example",
                 b"heathrow1", b"cdg-9", b"lone", b"=1+1", b"\x01\xff,\"",
                 HINTED.encode(), b"lone.example", b"LONE"]
        self.servers = [self.server(name, names) for name in names]
        for n in range(rng.randrange(3, 8)):
            self.add_vp(f"vp{n}")

    def server(self, name, names):
        rng = self.rng
        versions, time = [], START - HOUR
        serial = 2**32 - 2 if rng.random() < 0.3 else 2026112100
        same = random.Random(self.hours)  # the same for all: publication
        while time < self.end:
            versions.append((time, serial))
            time += same.randrange(20 * 60, 9 * 3600) * SECOND
            serial = (serial + same.choice((1, 1, 7))) % 2**32
        # A version that was taken back.
        held = [s for t, s in versions if t <= START + 2 * HOUR][-1]
        versions += [(START + 2 * HOUR, (held + 90) % 2**32),
                     (START + 2 * HOUR + 20 * 60 * SECOND, held)]
        versions.sort(key=lambda version: version[0])
        return {"nsid": name, "chaos": rng.choice((name, rng.choice(names))),
                "from": START + rng.choice((0, 0, 0, 5)) * HOUR,
                "lag": rng.choice((0, 0, 100, 3000, 9000)),
                "versions": versions}

    def add_vp(self, vp):
        rng = self.rng
        since = START - HOUR
        for _ in range(rng.choice((0, 1, 1, 2))):
            self.places.append((vp, since, rng.choice(("eu", None)),
                                rng.choice(("GB", "DE", "JP")), None))
            since = START + rng.randrange(self.hours) * HOUR
        lanes = [(target, address, question, flow, rng.choice(self.servers))
                 for target, addresses in (
                     ("root", ("192.0.2.1", "2001:db8::1")),
                     ("other", ("192.0.2.9",)))
                 for address in addresses if rng.random() < 0.9
                 for question in ("soa", "hostname.bind", "id.server", "echo")
                 for flow in range(rng.choice((1, 2)))
                 if rng.random() < 0.8]
        time = START + rng.randrange(600) * SECOND
        every = rng.choice((300, 900))
        while time < self.end:
            self.round(vp, lanes, time, every)
            if rng.random() < 0.1:  # a second one meanwhile
                self.round(vp, lanes, time + rng.randrange(3), every)
            time += every * SECOND
            if rng.random() < 0.02:
                time += 3 * HOUR

    def round(self, vp, lanes, time, every):
        rng, records = self.rng, []
        for i, (target, address, question, flow, server) in enumerate(lanes):
            if rng.random() < 0.05:
                server = rng.choice(self.servers)
                lanes[i] = (target, address, question, flow, server)
            records.append(self.record(
                lanes[i], time + rng.randrange(20) * SECOND))
        if records:
            self.batches.append(Batch(vp, records, every))

    def record(self, lane, time):
        rng = self.rng
        target, address, question, flow, server = lane
        while time < server["from"]:
            server = rng.choice(self.servers)
        record = Record(time, target, address, question, flow=flow)
        if rng.random() < 0.1:
            record.outcome = "timeout"
            return record
        record.rtt_us = rng.randrange(1000, 90000)
        if question == "echo":
            return record
        record.columns["rcode"] = rng.choice((0,) * 9 + (2,))
        nsid = rng.random() < 0.9
        record.reply = {"nsid": text_form(server["nsid"])} if nsid else {}
        if question == "soa":
            if nsid:
                record.name = ("nsid", server["nsid"])
            if rng.random() < 0.95:
                at = time - server["lag"] * SECOND
                held = [s for t, s in server["versions"] if t <= at]
                record.reply["serial"] = held[-1] if held \
                    else server["versions"][0][1]
        elif rng.random() < 0.9:
            record.name = (question, server["chaos"])
        elif nsid:
            record.name = ("nsid", server["nsid"])
        return record

    def place(self, vp, time):
        return o.World.place(self, vp, time)[:2]


# --- what the rows say ---

def agreement(target, a, b):
    short, long = sorted((a.lower(), b.lower()), key=len)
    if long == short or long.startswith(short + "."):
        return 1, "same"
    one, two = site_of(target, a), site_of(target, b)
    if not one or not two:
        return 3, "unclear"
    if one[0] == two[0] or (one[3] and two[3] and math.dist(
            one[3], two[3]) < 1):
        return 2, "same site"
    return 4, "other site"


def of_window(world, since, until):
    rows = [(b.vp, r) for b in world.batches for r in b.records
            if r.outcome == "answered" and r.name]
    seen = collections.defaultdict(list)
    for vp, r in rows:
        if since <= r.t < until:
            seen[r.target, *r.name].append((vp, r))
    last = {}  # of every lane and name
    for vp, r in rows:
        if since <= r.t < until:
            key = (vp, r.lane, r.name)
            last[key] = max(last.get(key, r.t), r.t)
    serials, pairs = {}, collections.defaultdict(set)
    for vp, r in rows:
        if last.get((vp, r.lane, r.name)) != r.t:
            continue
        key = (r.target, *r.name)
        if r.name[0] != "nsid" and "nsid" in r.reply:
            chaos = text_form(r.name[1])
            pairs[key].add((chaos, r.reply["nsid"]))
            pairs[r.target, "nsid", r.reply["nsid"]].add(
                (chaos, r.reply["nsid"]))
        if r.question == "soa" and r.columns["rcode"] == 0 and \
                "serial" in r.reply:
            held = serials.get(key, (-1, None))
            serial = r.reply["serial"]
            if r.t > held[0] or (r.t == held[0] and after(serial, held[1])):
                serials[key] = (r.t, serial)
    return rows, seen, serials, pairs


def newest_of(target, serials):
    newest = None
    for key, (_, serial) in sorted(serials.items()):
        if key[0] == target and (newest is None or after(serial, newest)):
            newest = serial
    return newest


def behind(target, seen, serials, mine):
    """What was out at the time, and since when something newer."""
    newest = newest_of(target, serials)
    out, since = None, None
    said = sorted((r.t, r.reply["serial"]) for key, held in seen.items()
                  if key[0] == target for _, r in held
                  if r.question == "soa" and r.columns["rcode"] == 0 and
                  "serial" in r.reply)
    for t, serial in said:
        if t > mine[0] or after(serial, newest):
            continue
        if out is None or after(serial, out):
            out = serial
        if since is None and after(serial, mine[1]):
            since = t
    if out is None or not after(out, mine[1]):
        return mine[1], 0
    return out, mine[0] - since


def most_first(values):
    counts = collections.Counter(v for v in values if v)
    return "; ".join(sorted(counts, key=lambda v: (-counts[v], v)))


def expected(world, since, until):
    rows, seen, serials, pairs = of_window(world, since, until)
    wanted = {}
    for key, held in seen.items():
        target, method, name = key
        text = text_form(name)
        ever = [r.t for _, r in rows
                if (r.target, *r.name) == key and r.t < until]
        first = min(ever)
        older = any(r.target == target and r.t < since for _, r in rows)
        latest = {}
        for vp, r in held:
            latest[vp] = max(latest.get(vp, r.t), r.t)
        where = [world.place(vp, t) for vp, t in latest.items()]
        names = pairs[target, method, text if method == "nsid" else name]
        agree = max([agreement(target, *p) for p in names] or [(0, "")])
        row = {
            "first_seen": stamp(first),
            "last_seen": stamp(max(latest.values())),
            "vantage_points": str(len(latest)),
            "answers": str(len(held)),
            "addresses": str(len({r.address for _, r in held})),
            "regions": most_first(place[0] for place in where),
            "countries": most_first(place[1] for place in where),
            "other_names": sorted({p[0] if method == "nsid" else p[1]
                                   for p in names}),
            "agreement": agree[1],
        }
        notes = []
        if first >= since and older:
            notes.append("new")
        place = site_of(target, text)
        row["state"] = "known" if place else \
            "unknown"
        if place:
            row["site"], row["country"] = place[:2]
            if place[2]:
                row["confidence"] = place[2]
        else:
            row["site"] = row["rule"] = row["confidence"] = ""
        if not place and target == "root":
            notes.append("outside scheme")
        if agree[0] == 4:
            notes.append("names differ")
        if key in serials:
            newest, late = behind(target, seen, serials, serials[key])
            row["serial"] = str(serials[key][1])
            row["serial_at"] = stamp(serials[key][0])
            row["newest_serial"] = str(newest)
            row["behind"] = str((newest - serials[key][1]) % 2**32)
            row["behind_s"] = f"{late / SECOND:.3f}"
            if late >= STALE:
                notes.append("stale")
        else:
            row["serial"] = row["behind_s"] = row["newest_serial"] = ""
        row["note"] = "; ".join(notes)
        wanted[target, method, text] = row
    return wanted


# --- comparing ---

def spoil(path):
    """Runs of hours that are not settled: nobody may look at those."""
    db = sqlite3.connect(path)
    for vp, hour in db.execute("SELECT vp, hour FROM unsettled").fetchall():
        db.execute(
            "INSERT OR REPLACE INTO run(hour, lane, first, tie, instance,"
            " last, answered, asked, unsent) SELECT ?, id, ?, 0, 2, ?, 999,"
            " 999, 0 FROM lane WHERE vp = ?",
            (hour, hour * HOUR, hour * HOUR, vp))
    db.commit()
    db.close()


def report(*words):
    said = subprocess.run([f"{B}/acreport", "identities", *words, "--format",
                           "csv"], capture_output=True, check=False)
    if said.returncode != 0:
        return [collections.defaultdict(str, target=said.stderr.decode())], ""
    return (list(csv.DictReader(io.StringIO(said.stdout.decode()))),
            said.stderr.decode())


def compare(rows, wanted):
    wrong, seen = [], set()
    for row in rows:
        text = row["instance"][row["instance"][:1] == "'":]
        key = (row["target"], row["method"], text)
        seen.add(key)
        if key not in wanted:
            wrong.append(("not wanted", key))
            continue
        # Who was intercepted is for another test to say.
        row["note"] = "; ".join(note for note in row["note"].split("; ")
                                if note != "intercepted")
        row["other_names"] = sorted(filter(None, row["other_names"].split(
            "; ")))
        row["other_names"] = [name.lstrip("'") for name in row["other_names"]]
        wrong += [(key, name, value, row[name])
                  for name, value in wanted[key].items() if row[name] != value]
    return wrong + [("missing", key) for key in wanted if key not in seen]


def check_order(rows):
    keys = [(("unknown", "guess", "known").index(row["state"]), row["target"],
             row["method"]) for row in rows]
    return keys == sorted(keys)


def compare_world(seed, folder, tests):
    world = World(seed)
    rng = random.Random(seed)
    db, sites = f"{folder}/{seed}.db", f"{folder}/sites"
    settled = rng.choice((None, START, START + (world.hours - 2) * HOUR))
    make(db, world.batches, world.places, seed, settled,
         rng.choice((0, 5)))
    spoil(db)
    with open(sites, "w", encoding="ascii") as file:
        file.write(MAP)
    for since, until in ((START - HOUR, world.end + HOUR),
                         (START + 5 * HOUR + 1234567, world.end - 2000001),
                         (START + 6 * HOUR, START + 6 * HOUR + 40 * 60 *
                          SECOND)):
        wanted = expected(world, since, until)
        rows, said = report("--db", db, "--site-map", sites, "--since",
                            stamp(since), "--until", stamp(until))
        tests.rows += len(rows)
        for row in rows:
            tests.notes.update(row["note"].split("; "))
            tests.notes[row["agreement"]] += 1
        wrong = compare(rows, wanted)
        tests.ok(not wrong, f"world {seed}: {len(wanted)} identities agree",
                 wrong[:5])
        tests.ok(check_order(rows), "the unknown ones come first")
        unplaced = {(t, text) for t, m, text in wanted
                    if wanted[t, m, text]["state"] == "unknown"}
        words = f"{sum(r['state'] == 'unknown' for r in rows)} of {len(rows)}"
        tests.ok(not unplaced or f"{words} identities have no site" in said,
                 "how many have no place is said", [said, words])
    return db, sites, settled


def check_runs(db, sites, tests):
    """Settled hours come from runs."""
    words = ("--db", db, "--site-map", sites, "--since", stamp(START), "--until",
             stamp(START + 3 * HOUR))
    before = sum(int(row["answers"]) for row in report(*words)[0])
    base = sqlite3.connect(db)
    row = base.execute("SELECT hour, lane, first, tie FROM run WHERE instance"
                       " > 1 AND hour = ? LIMIT 1",
                       (START // HOUR + 1,)).fetchone()
    base.execute("UPDATE run SET answered = answered + 1000 WHERE (hour, lane,"
                 " first, tie) = (?, ?, ?, ?)", row)
    base.commit()
    base.close()
    later = sum(int(row["answers"]) for row in report(*words)[0])
    tests.ok(later == before + 1000, "settled hours are read from runs",
             [before, later])


def check_hints(db, sites, tests):
    """What only a hint places is a guess, after what nothing does."""
    with open(sites, "a", encoding="ascii") as file:
        file.write("hints\n")
    rows, said = report("--db", db, "--site-map", sites, "--since",
                        stamp(START), "--until", stamp(START + 9 * HOUR))
    if "npm" in said:
        print(f"ok {tests.count + 1} - a hint is a guess # SKIP {said}")
        tests.count += 1
        return
    states = {row["instance"]: row for row in rows}
    row = states.get(HINTED, {})
    tests.ok(row.get("state") == "guess" and row["site"] == "nrt" and
             row["rule"].startswith("hint:") and
             int(row["confidence"]) < 50 and
             states["LONE"]["state"] == "unknown" and check_order(rows),
             "a hint is a guess", [row, said])


def main():
    tests = o.Tests()
    tests.notes = collections.Counter()
    print(f"# SEED={SEED}")
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    ran = False
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(SEED, SEED + int(os.environ.get("WORLDS") or 6)):
            db, sites, settled = compare_world(seed, folder, tests)
            if settled is None and not ran:
                check_hints(db, sites, tests)
                check_runs(db, sites, tests)
                ran = True
    tests.ok(tests.rows > 100, f"{tests.rows} rows were compared")
    missing = [name for name in (
        "new", "outside scheme", "names differ", "stale", "same", "same site",
        "unclear", "other site") if not tests.notes[name]]
    tests.ok(not missing, "each thing to say was said", missing)
    sys.exit(tests.done())


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# Proves that acreport plausibility finds exactly what light cannot have done, on real days and for vantage points that were moved.
"""The real days need ../shared/data. SEED=n WORLDS=n repeat the simulated
worlds, or make more of them."""
import base64
import collections
import csv
import gzip
import io
import json
import math
import os
import random
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import uploads  # noqa: E402
from report_oracle_store import Batch, Record, make  # noqa: E402

DATA = os.path.join(os.path.dirname(uploads.ROOT), "shared", "data", "atlas")
DAYS = ("2015-03-21", "2015-03-27")
ACREPORT = os.path.join(uploads.BUILD, "acreport")
ACCOLLECT = os.path.join(uploads.BUILD, "accollect")
SEED = int(os.environ.get("SEED") or 1)
WORLDS = int(os.environ.get("WORLDS") or 50)
# As the manual says them.
FIBRE_KM_S = 199861.639
EARTH_KM = 6371.0
AT_LEAST = 0.994
MARGIN_KM = 75.0
SECOND = 10**6
START = 1_700_000_000 * SECOND // (86400 * SECOND) * 86400 * SECOND


def distance(a, b):
    """By the haversine, which is not how the program does it."""
    lat, lon = math.radians(b[0] - a[0]), math.radians(b[1] - a[1])
    h = math.sin(lat / 2) ** 2 + math.sin(lon / 2) ** 2 * \
        math.cos(math.radians(a[0])) * math.cos(math.radians(b[0]))
    return 2 * EARTH_KM * math.asin(min(1, math.sqrt(h)))


def reach(rtt_ms):
    return rtt_ms / 2000 * FIBRE_KM_S


def impossible(km, rtt_ms):
    return AT_LEAST * km - MARGIN_KM > reach(rtt_ms)


def report(db, *words, what="plausibility"):
    done = subprocess.run(
        [ACREPORT, what, "--db", db, "--format", "csv", *words],
        capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"# acreport: {done.stderr[:400]}")
        return []
    return list(csv.DictReader(io.StringIO(done.stdout)))


def by_hand(row):
    """What is wrong with the evidence of a row; "" where nothing is."""
    vp = float(row["vp_lat"]), float(row["vp_lon"])
    site = float(row["site_lat"]), float(row["site_lon"])
    rtt, least = float(row["rtt_ms"]), float(row["least_ms"])
    km = distance(vp, site)
    wanted = 2000 * (AT_LEAST * km - MARGIN_KM) / FIBRE_KM_S
    if abs(km - float(row["distance_km"])) > 0.002:
        return f"distance {km:.3f}"
    if abs(reach(rtt) - float(row["reach_km"])) > 0.001:
        return f"reach {reach(rtt):.3f}"
    if not -0.0001 < least - wanted < 0.0012:
        return f"least {wanted:.4f}"
    if not (rtt < least and impossible(km, rtt)):
        return "it is possible"
    return ""


# --- two real days ---

def answer(result):
    return base64.b64decode(result["result"]["abuf"])[-3:].decode()


def check_days(tap, folder):
    if not os.path.isdir(DATA):
        tap.skip("two real days", "../shared/data is absent")
        return
    db = os.path.join(folder, "days.db")
    files = [os.path.join(DATA, f"cloudflare-idserver-{day}.json.gz")
             for day in DAYS]
    subprocess.run([ACCOLLECT, "init", "--db", db], check=True)
    subprocess.run([ACCOLLECT, "import", "--db", db, "--format", "ripe-atlas",
                    "--target", "cloudflare", *files], check=True,
                   stdout=subprocess.DEVNULL)
    results = []
    for path in files:
        with gzip.open(path) as file:
            results += json.load(file)
    positions = {}
    for r in results:
        if "dst_lat" in r:
            positions.setdefault(r["dst_city"], (r["dst_lat"], r["dst_lon"]))
    wanted = collections.Counter(
        (r["prb_id"], r["timestamp"], answer(r)) for r in results
        if answer(r) in positions and impossible(
            distance((r["src_lat"], r["src_lon"]), positions[answer(r)]),
            r["result"]["rt"]))
    rows = report(db, "--since", DAYS[0], "--until", "2015-03-28")
    got = collections.Counter(
        (int(r["vp"].split("-")[1]), epoch(r["time"]), r["instance"])
        for r in rows)
    tap.check(len(rows) == 23 and {(r["kind"], r["vp"], r["instance"])
                                   for r in rows} ==
              {("impossible", "atlas-16421", "JNB")},
              "two days: 23 impossible rows, all of probe 16421 at JNB",
              len(rows), rows[:2])
    tap.check(got == wanted, "the same rows that a reading of the results "
              "finds, with the positions that their publisher gave",
              got - wanted, wanted - got)
    wrong = [(by_hand(r), r) for r in rows if by_hand(r)]
    tap.check(rows and not wrong, "each follows from its own numbers",
              wrong[:2])
    others = report(db, "--since", DAYS[0], "--until", "2015-03-28", "--vp",
                    "atlas-10855")
    tap.check(others == [], "--vp of another shows none", others[:2])
    left_out(tap, db)


def left_out(tap, db):
    """Nobody else's row is another one."""
    words = ("--at", "2015-03-21T23:59:00Z", "--site-map", "shipped")
    plain = report(db, *words, what="catchment")
    plausible = report(db, *words, "--plausible", what="catchment")
    differ = [(a["vp"], a["state"], a["site"], b["state"], b["site"])
              for a, b in zip(plain, plausible) if a != b]
    tap.check(len(plain) == len(plausible) and differ == [
        ("atlas-16421", "known", "jnb", "impossible", "")],
        "--plausible leaves that one out of the catchment", differ)
    words = ("--at", "2015-03-21T23:59:00Z", "--plausible")
    none = subprocess.run([ACREPORT, "catchment", "--db", db, *words],
                          capture_output=True, text=True, check=False)
    tap.check(none.returncode == 2 and none.stderr == "acreport: --plausible "
              "needs --site-map, or a list of sites in the database\n",
              "without places of sites it is refused in a line", none.stderr)
    path = f"{db}.list"
    with open(path, "w", encoding="ascii") as file:
        file.write("service,identity,site,city,country,lat,lon\n"
                   f"{plain[0]['target']},JNB,jnb,Johannesburg,ZA,-26.1,28.2\n")
    subprocess.run([ACCOLLECT, "sites", "import", "--db", db, "--format",
                    "csv", "--list", "own", path], check=True,
                   stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    kept = report(db, *words, what="catchment")
    tap.check([(r["vp"], r["site"]) for r in kept
               if r["state"] == "impossible"] == [("atlas-16421", "")] and
              any((r["state"], r["site"]) == ("known", "jnb") for r in kept),
              "a list that the database keeps has them",
              [r for r in kept if "jnb" in (r["site"], r["instance"].lower())])


def epoch(text):
    return int(subprocess.run(["date", "-ud", text, "+%s"], check=True,
                              capture_output=True, text=True).stdout)


# --- moved vantage points ---

def anywhere(rng):
    return (math.degrees(math.asin(rng.uniform(-1, 1))),
            rng.uniform(-180, 180))


def near(rng, point, km):
    """A point at most so far away."""
    lat = point[0] + rng.uniform(-1, 1) * km / 111.2 / 1.5
    lat = max(-89.9, min(89.9, lat))
    width = 111.2 * max(0.01, math.cos(math.radians(lat)))
    lon = point[1] + rng.uniform(-1, 1) * min(180, km / width / 1.5)
    lon = (lon + 180) % 360 - 180
    return (lat, lon) if distance(point, (lat, lon)) <= km else point


class World:
    """Sites of some targets, honest vantage points, and moved ones. What is
    said of a position is up to so much wrong; light goes at its speed from
    where things are."""

    def __init__(self, seed):
        self.rng = rng = random.Random(seed)
        self.sites = {}  # (target, code): (true, said)
        for t in range(rng.randrange(3, 7)):
            for s in range(rng.randrange(2, 9)):
                true = anywhere(rng)
                self.sites[f"t{t}", f"s{t}{s}"] = true, near(rng, true, 49)
        self.vps = {}  # name: (true, said)
        for v in range(rng.randrange(8, 30)):
            true = anywhere(rng)
            moved = rng.random() < 0.25
            self.vps[f"vp{v:02}"] = (
                true, anywhere(rng) if moved else near(rng, true, 24), moved)
        self.batches = [self.batch(name, n) for name in self.vps
                        for n in range(3)]

    def batch(self, name, n):
        rng = self.rng
        true = self.vps[name][0]
        records = []
        for target in sorted({t for t, _ in self.sites}):
            code = self.served_by(target, true)
            km = distance(true, self.sites[target, code][0])
            # At the equator a degree is longer than on the sphere.
            rtt = 2000 * km / FIBRE_KM_S * rng.uniform(1, 1.7) + \
                rng.uniform(0, 5)
            records.append(Record(
                START + n * 600 * SECOND + rng.randrange(20 * SECOND), target,
                f"192.0.2.{int(target[1:]) + 1}", "soa",
                rtt_us=math.ceil(rtt * 1000),
                name=("nsid", f"{code}.{target}".encode())))
        return Batch(name, records, 600)

    def served_by(self, target, true):
        mine = [c for t, c in self.sites if t == target]
        if self.rng.random() < 0.2:  # routing is not geography
            return self.rng.choice(mine)
        return min(mine, key=lambda c: distance(
            true, self.sites[target, c][0]))

    def write(self, db, site_map):
        make(db, self.batches, [(name, START, None, "ZZ", None)
                                for name in self.vps], 1)
        store = sqlite3.connect(db)
        for name, (_, said, _) in self.vps.items():
            store.execute("UPDATE vp_place SET lat = ?, lon = ? WHERE vp = "
                          "(SELECT id FROM vp WHERE name = ?)", (*said, name))
        store.commit()
        store.close()
        with open(site_map, "w", encoding="ascii") as file:
            for (target, code), (_, said) in self.sites.items():
                file.write(f"{target} exact {code}.{target} {code} "
                           f"{said[0]:.6f} {said[1]:.6f}\n")

    def violations(self):
        """Per vantage point: {target}, and all samples of them."""
        targets, rows = collections.defaultdict(set), []
        for batch in self.batches:
            for r in batch.records:
                code = r.name[1].decode().split(".")[0]
                km = distance(self.vps[batch.vp][1],
                              self.sites[r.target, code][1])
                if impossible(km, r.rtt_us / 1000):
                    targets[batch.vp].add(r.target)
                    rows.append((batch.vp, r.target, r.t))
        return targets, rows


def said_of_vps(world, vps, accused):
    """What is wrong with acreport vps: it accuses the same, and names those
    targets whose samples cannot be; [] where nothing is."""
    targets, _ = world.violations()
    count = len({t for t, _ in world.sites})
    wanted = {name: ("misplaced", f"violates {len(targets[name])} of {count} "
                     f"targets: {', '.join(sorted(targets[name]))}")
              if name in accused else ("", "") for name in world.vps}
    got = {r["vp"]: (r["finding"], r["evidence"]) for r in vps}
    return [(name, wanted[name], got.get(name)) for name in wanted
            if got.get(name) != wanted[name] or
            name in accused and len(targets[name]) < 2]


def claim_many(db):
    """The last batch says that it has a million rows: then whole hours are not
    read sample by sample."""
    store = sqlite3.connect(db)
    store.execute("UPDATE batch SET rows = rows + 1000000 WHERE first_row = "
                  "(SELECT max(first_row) FROM batch)")
    store.commit()
    store.close()


def check_worlds(tap, folder):
    moved = found = provable = false = wrong = unsaid = other = 0
    detail = []
    for k in range(WORLDS):
        world = World(SEED + k)
        db = os.path.join(folder, f"w{k}.db")
        site_map = os.path.join(folder, "world.map")
        world.write(db, site_map)
        words = ("--since", "2023-11-14T00:00:00Z", "--until", "2023-11-16",
                 "--site-map", site_map)
        rows, vps = report(db, *words), report(db, *words, what="vps")
        claim_many(db)
        if report(db, *words) != rows:
            other += 1
            detail.append((SEED + k, "other rows of many records"))
        os.unlink(db)
        said = {r["vp"] for r in rows if r["kind"] == "misplaced"}
        truth = {name for name, vp in world.vps.items() if vp[2]}
        targets, samples = world.violations()
        proven = {vp for vp, of in targets.items() if len(of) >= 2}
        got = sorted((r["vp"], r["target"]) for r in rows
                     if r["kind"] == "impossible")
        if got != sorted((vp, t) for vp, t, _ in samples) or \
                any(by_hand(r) for r in rows):
            wrong += 1
            detail.append((SEED + k, got[:3]))
        if not proven & truth <= said:
            detail.append((SEED + k, "missed", proven - said))
        differ = said_of_vps(world, vps, said)
        if differ:
            unsaid += 1
            detail.append((SEED + k, *differ[:2]))
        moved += len(truth)
        found += len(said & truth)
        provable += len(proven & truth)
        false += len(said - truth)
    tap.note(f"{WORLDS} worlds: {moved} moved, {provable} of them provable "
             f"against two targets, {found} found, {false} falsely accused")
    tap.check(wrong == 0, f"{WORLDS} worlds: the impossible rows are those "
              "of an independent reading, each by its numbers", *detail[:3])
    tap.check(other == 0, "and the same where there are very many records",
              *detail[:3])
    tap.check(unsaid == 0, "acreport vps accuses the same, and names the "
              "targets that it violates", *detail[:3])
    tap.check(moved > 0 and found >= 0.95 * provable,
              f"of {moved} moved vantage points {provable} violate two "
              f"targets, and {found} are found", *detail[:3])
    tap.check(false == 0, f"falsely accused of being elsewhere: {false}")
    return found, moved


def check_lone(tap, folder):
    """One answer of hundreds that is too quick, by a tenth: of a site that the
    map says and of one that is a guess, in an hour of few answers and of very
    many, among very many records."""
    here, there, window = (48.0, 2.0), (51.47, -0.45), (
        "--since", "2023-11-14T00:00:00Z", "--until", "2023-11-16")
    least = 2000 * (AT_LEAST * distance(here, there) - MARGIN_KM) / FIBRE_KM_S
    quick, slow = round(least * 900), round(least * 1100)
    name = "ns1.lhr3.t00.example"
    site_map = os.path.join(folder, "lone.map")
    with open(site_map, "w", encoding="ascii") as file:
        file.write(f"said exact {name} lhr {there[0]} {there[1]}\n")
    maps = {"said": ("--site-map", site_map), "guess": ()}
    wrong = []
    for target, kind in (("said", "impossible"), ("guess", "site"),
                         ("said", "none"), ("guess", "none")):
        for every in (100, 30):
            db = os.path.join(folder, f"{target}-{kind}-{every}.db")
            times = range(START + 7, START + 8 * 3600 * SECOND,
                          every * SECOND)
            lone = times[len(times) * 2 // 3]
            make(db, [Batch("vp0", [Record(
                t, target, "192.0.2.1", "soa", name=("nsid", name.encode()),
                rtt_us=quick if t == lone and kind != "none" else slow)
                for t in times if t // (3600 * SECOND) == hour], every)
                for hour in sorted({t // (3600 * SECOND) for t in times})],
                [("vp0", START, None, "ZZ", None)], 1)
            store = sqlite3.connect(db)
            store.execute("UPDATE vp_place SET lat = ?, lon = ?", here)
            store.commit()
            store.close()
            claim_many(db)
            got = [(r["kind"], r["time"][11:], r["rtt_ms"])
                   for r in report(db, *window, *maps[target])]
            at = lone % (86400 * SECOND)
            wanted = [] if kind == "none" else [(
                kind, f"{at // SECOND // 3600:02}:{at // SECOND // 60 % 60:02}"
                f":{at // SECOND % 60:02}.{at % SECOND:06}Z",
                f"{quick / 1000:.3f}")]
            if got != wanted:
                wrong.append((target, kind, every, got, wanted))
    tap.check(not wrong, "one answer among very many that is a tenth too "
              "quick is found, and none where none is", *wrong[:3])


def check_wrong_map(tap, folder):
    """Six who are near the site of two targets, which the map puts elsewhere;
    and one who is far from both."""
    rng = random.Random(SEED)
    true, said = (33.0, -96.7), (-33.9, 25.6)
    db, site_map = (os.path.join(folder, n) for n in ("m.db", "m.map"))
    batches, where = [], {}
    for v in range(7):
        where[f"vp{v}"] = at = near(rng, true, 300) if v < 6 else (50.0, 8.0)
        rtt = math.ceil(2e6 * distance(at, true) / FIBRE_KM_S * 1.3) + 500
        batches.append(Batch(f"vp{v}", [
            Record(START + v, t, f"192.0.2.{n}", "soa", rtt_us=rtt,
                   name=("nsid", b"plz1"))
            for n, t in enumerate(("one", "two"))], 600))
    make(db, batches, [(vp, START, None, "ZZ", None) for vp in where], 1)
    store = sqlite3.connect(db)
    for vp, at in where.items():
        store.execute("UPDATE vp_place SET lat = ?, lon = ? WHERE vp = (SELECT "
                      "id FROM vp WHERE name = ?)", (*at, vp))
    store.commit()
    store.close()
    window = "--since", "2023-11-14T00:00:00Z", "--until", "2023-11-16"
    with open(site_map, "w", encoding="ascii") as file:
        file.write(f"* exact plz1 plz {said[0]} {said[1]}\n")
    rows = report(db, *window, "--site-map", site_map)
    kinds = collections.Counter(r["kind"] for r in rows)
    told = {r["target"]: r["evidence"] for r in rows if r["kind"] == "site"}
    tap.check(told == {t: "too far for 6 of 7 vantage points"
                       for t in ("one", "two")},
              "a site that the map has elsewhere is told of, for each target",
              told)
    tap.check(kinds == {"site": 2, "impossible": 12},
              "and no vantage point is accused of it", kinds)


def main():
    tap = uploads.Tap()
    with tempfile.TemporaryDirectory(prefix=f"plausible-{os.getpid()}-") as f:
        check_days(tap, f)
        check_wrong_map(tap, f)
        check_lone(tap, f)
        check_worlds(tap, f)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())

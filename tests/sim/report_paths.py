#!/usr/bin/env python3
# Proves that acreport paths finds the paths that were taken, however silent their hops, with their times, networks and where they part; and that Graphviz draws them.
"""Random worlds in which it is known which path every trace took; of the rows
everything is calculated from the raw traces. SEED=n repeats a run."""

import csv
import io
import ipaddress
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
# pylint: disable=wrong-import-position
import mmdb
import taps
from report_oracle import SECOND, START, pct, stamp
from report_oracle_store import Batch, Record, make

B = os.environ.get("B") or "build"
SEED = int(os.environ.get("SEED") or 1)
WORLDS = int(os.environ.get("WORLDS") or 12)
MINUTE = 60 * SECOND
TARGET = {4: "192.0.2.1", 6: "2001:db8::1"}
SITES = ("ams", "fra", "jnb")
# Of the first one nobody knows the network.
NETWORKS = {4: ("10.0.%d.%d", "100.%d.0.%d", 32), 6: (
    "fd00:f%x::%x", "2001:db8:%x::%x", 128)}


def router(af, asn, number):
    return NETWORKS[af][asn > 0] % (asn, number)


class Lane:
    """A vantage point's flow: its true paths, and its traces in time."""

    def __init__(self, rng, vp, af, flow):
        self.vp, self.af, self.flow = vp, af, flow
        self.marker = rng.randrange(1, 4)
        self.paths = []
        base = [router(af, asn, rng.randrange(1, 200)) for asn in sorted(
            rng.choice((0, 1, 1, 2, 3, 4)) for _ in range(
                rng.randrange(5, 9)))]
        for number in range(rng.randrange(1, 5)):
            hops = list(base)
            hops[self.marker] = router(af, rng.choice((0, 5, 6)),
                                       200 + number)
            for i in range(self.marker + 1, len(hops)):
                if rng.random() < 0.4:
                    hops[i] = router(af, rng.randrange(1, 6),
                                     rng.randrange(1, 200))
            if rng.random() < 0.3:
                hops.insert(self.marker + 1, router(af, 2, 199))
            if rng.random() < 0.3 and len(hops) > self.marker + 3:
                del hops[self.marker + 2]
            self.paths.append((hops + [TARGET[af]], rng.choice(SITES)))
        self.never = rng.choice([i for i in range(6) if i != self.marker])
        self.traces = []
        time, number = START + rng.randrange(10 * MINUTE), 0
        for _ in range(rng.randrange(1, 40)):
            if rng.random() < 0.2:
                number = rng.randrange(len(self.paths))
            self.traces.append((time, number, *self.trace(rng, number)))
            time += rng.randrange(1, 60) * MINUTE

    def trace(self, rng, number):
        """(who answered at each distance, whether the target did)."""
        hops, _ = self.paths[number]
        seen = [None if i != self.marker and i + 1 < len(hops) and
                (i == self.never or rng.random() < 0.2) else hop
                for i, hop in enumerate(hops)]
        if rng.random() < 0.1:  # the packet that reached it first was lost
            return [*seen[:-1], None, seen[-1]], True
        if rng.random() < 0.15:
            return seen[:rng.randrange(self.marker + 1, len(hops))], False
        return seen, True

    def record(self, rng, trace):
        time, number, seen, answered = trace
        hops = []
        for i, hop in enumerate(seen):
            if rng.random() < 0.2:  # a packet before it was lost
                hops.append({"ttl": i + 1, "addr": None, "icmp": None})
            last = answered and i + 1 == len(seen)
            hops.append({"ttl": i + 1, "addr": hop,
                         "icmp": None if hop is None or last else
                         "3/0" if self.af == 6 else "11/0"})
        if not answered:
            hops += [{"ttl": len(seen) + 1 + i, "addr": None, "icmp": None}
                     for i in range(3)]
        return Record(time, "root", TARGET[self.af], "trace",
                      flow=self.flow, hops=hops,
                      outcome="answered" if answered else "timeout",
                      rtt_us=1000 * number + len(seen) if answered else None,
                      name=("nsid", f"s1.{self.paths[number][1]}".encode())
                      if answered else None)

    def classes(self):
        """The true paths in the order of first sight, each with what was
        known of it in the end."""
        rows = []
        for k, (time, number, seen, answered) in enumerate(self.traces):
            row = next((r for r in rows if r["number"] == number), None)
            if row is None:
                row = {"number": number, "known": {}, "end": None, "times": [],
                       "held": 0, "rtts": [],
                       "before": None if k == 0 else self.traces[k - 1][1]}
                rows.append(row)
            row["times"].append(time)
            if k + 1 < len(self.traces):
                row["held"] += self.traces[k + 1][0] - time
            row["known"].update({i + 1: hop for i, hop in enumerate(seen)
                                 if hop})
            if answered:
                row["rtts"].append(1000 * number + len(seen))
                row["end"] = min(len(seen), row["end"] or len(seen))
        for row in rows:
            row["known"] = {i: hop for i, hop in row["known"].items()
                            if row["end"] is None or i <= row["end"]}
        return rows


def hops_of(row):
    return [row["known"].get(i + 1) for i in range(max(row["known"]))]


def asn_of(address):
    if address is None or address in TARGET.values():
        return 64500 if address else None
    number = int(address.split(".")[1]) if "." in address else \
        int(address.split(":")[2 if address.startswith("2001") else 1], 16)
    private = address.startswith(("10.", "fd"))
    return None if private else 64500 + number


def networks(hops):
    """As a person would: what is unknown only counts between two."""
    known = [asn_of(hop) for hop in hops]
    while known and known[0] is None:
        known.pop(0)
    while known and known[-1] is None:
        known.pop()
    text, before = [], None
    for i, asn in enumerate(known):
        if asn is None:
            continue
        if asn != before:
            if i and known[i - 1] is None:
                text.append("*")
            text.append(str(asn))
        before = asn
    return " ".join(text)


def part(a, b):
    """Where the second parts from the first: distance, the hops there, the
    first known networks from there on."""
    one, other = hops_of(a), hops_of(b)
    for i in range(max(len(one), len(other))):
        x = one[i] if i < len(one) else "end" if a["end"] else None
        y = other[i] if i < len(other) else "end" if b["end"] else None
        if x and y and x != y:
            asns = [next((str(asn_of(hop)) for hop in hops[i:]
                          if asn_of(hop)), "") for hops in (one, other)]
            return [str(i + 1), *("" if z == "end" else z for z in (x, y)),
                    *asns]
    return ["0", "", "", "", ""]


def wanted_rows(lanes, against=None):
    rows = []
    reference = next((lane for lane in lanes if (lane.vp, lane.flow) ==
                      against), None)
    for lane in lanes:
        classes = lane.classes()
        by_number = {row["number"]: k for k, row in enumerate(classes)}
        for k, row in enumerate(classes):
            hops = hops_of(row)
            name, parts = "", [""] * 5
            if against is None and row["before"] is not None:
                before = by_number[row["before"]]
                name, parts = str(before + 1), part(classes[before], row)
            elif against is not None and reference.af == lane.af:
                others = reference.classes()
                newest = [r["number"] for r in others].index(
                    reference.traces[-1][1])
                name = f"{reference.vp}/{reference.flow}/{newest + 1}"
                parts = part(others[newest], row)
            rtt = ""
            if row["rtts"]:  # halves go up
                rtt = f"{int(statistics.median(row['rtts']) + 0.5) / 1000:.3f}"
            site = lane.paths[row["number"]][1]
            rows.append([
                "root", TARGET[lane.af], str(lane.af), lane.vp, "udp",
                str(lane.flow), str(k + 1),
                pct(len(row["times"]), len(lane.traces)),
                stamp(row["times"][0]), stamp(row["times"][-1]),
                f"{row['held'] / SECOND:.3f}", str(len(row["times"])),
                str(len(row["rtts"])), str(len(hops)), str(hops.count(None)),
                rtt, f"s1.{site} {len(row['rtts'])}" if row["rtts"] else "",
                name, *parts, networks(hops),
                " ".join(hop or "*" for hop in hops),
                " ".join(str(asn_of(hop) or "*") for hop in hops)
                if any(map(asn_of, hops)) else ""])
    return sorted(rows)


def acreport(*words):
    return subprocess.run([f"{B}/acreport", *words], capture_output=True,
                          check=False, text=True)


def report(path, *words):
    said = acreport("paths", "--db", path, "--format", "csv", "--since",
                    stamp(START), "--until", stamp(START + 3 * 24 * 3600 *
                                                   SECOND), *words)
    if said.returncode != 0:
        return [["", said.stderr]]
    rows = list(csv.reader(io.StringIO(said.stdout)))[1:]
    return sorted(rows)


def differences(wanted, got):
    return "\n".join(["wanted " + ",".join(r) for r in wanted
                      if r not in got] +
                     ["got    " + ",".join(r) for r in got
                      if r not in wanted])


def store(folder, number, lanes):
    rng = random.Random(number)
    path = f"{folder}/{number}.db"
    make(path, [Batch(lane.vp, [lane.record(rng, trace)], 300)
                for lane in lanes for trace in lane.traces], [], number)
    return path


def test_worlds(tap, folder, files):
    right = total = 0
    for number in range(WORLDS):
        rng = random.Random(SEED * 1000 + number)
        lanes = [Lane(rng, f"vp{vp}", af, flow) for vp in range(3)
                 for af in (4, 6) for flow in range(rng.randrange(1, 3))]
        path = store(folder, number, lanes)
        wanted = wanted_rows(lanes)
        got = report(path, "--mmdb", files)
        right += wanted == got
        total += len(wanted)
        if wanted != got:
            print("#", differences(wanted, got)[:3000].replace("\n", "\n# "))
        v4 = [lane for lane in lanes if lane.af == 4]
        wanted = wanted_rows(v4, ("vp1", 0))
        got = report(path, "--mmdb", files, "--af", "4", "--against", "vp1/0")
        right += wanted == got
        if wanted != got:
            print("#", differences(wanted, got)[:3000].replace("\n", "\n# "))
    tap.ok(right == 2 * WORLDS and total > 10 * WORLDS,
           f"{total} paths of {WORLDS} worlds: as they were taken, and "
           f"compared with another vantage point's",
           f"{right} of {2 * WORLDS} reports")


def fixed(paths):
    """A lane of traces that were so: texts of hops."""
    lane = Lane(random.Random(1), "vp1", 4, 0)
    lane.paths = [([None] * 5, "ams")]
    lane.traces = []
    for minute, text in enumerate(paths):
        hops = [None if word == "*" else f"100.1.0.{ord(word)}"
                for word in text.replace("!", "").split()]
        if text.endswith("!"):
            hops.append(TARGET[4])
        lane.traces.append((START + minute * MINUTE, 0, hops,
                            text.endswith("!")))
    return lane


SILENCES = (
    (["a b c !", "a * c !", "* b c !"], 1, "a hop that is silent"),
    (["a * c !", "a b c !", "a d c !"], 2, "one that speaks later"),
    (["a b c !", "a d c !", "a * c !", "a b c !"], 2,
     "one that could be either"),
    (["a b c !", "a b", "a"], 1, "a trace that ends early"),
    (["a b !", "a b c !", "a b"], 2, "another length"),
    (["a b !", "a b * !", "a b !"], 1, "a target that answers late"),
    (["a b * !", "a b !", "a b c !"], 2, "and then is behind another hop"),
    (["a b c !", "* * *"], 1, "silence all the way"),
    (["a b c !", "a b c d"], 2, "a hop behind where the target was"),
)


def test_silences(tap, folder):
    for number, (paths, count, sentence) in enumerate(SILENCES):
        path = store(folder, 100 + number, [fixed(paths)])
        got = report(path)
        tap.ok(len(got) == count, f"{sentence}: {count} of "
               f"{len(paths)} traces", got)


def labels(path, files, out, *more):
    """What Graphviz finds in the graph: labels of nodes, and complaints."""
    said = acreport("paths", "--db", path, "--mmdb", files, "--since",
                    stamp(START), "--format", "dot", "-o", out, *more)
    drawn = subprocess.run(["dot", "-Tjson", out], capture_output=True,
                           check=False, text=True)
    graph = json.loads(drawn.stdout or "{}")
    return {thing.get("label", "").split("\\n")[0]
            for thing in graph.get("objects", ())}, \
        said.stderr + drawn.stderr + "failed" * (said.returncode +
                                                 drawn.returncode)


def is_public(hop):
    return hop is not None and (ipaddress.ip_address(hop).is_global or
                                hop in TARGET.values())


def test_dot(tap, folder, files):
    if subprocess.run(["dot", "-V"], stderr=subprocess.DEVNULL,
                      check=False).returncode != 0:
        print(f"ok {tap.count + 1} - a picture # SKIP no Graphviz")
        tap.count += 1
        return
    rng = random.Random(7)
    lanes = [Lane(rng, f"vp{vp}", 4, 0) for vp in range(3)]
    path = store(folder, 200, lanes)
    vps = {lane.vp for lane in lanes}
    ways = [list(hops_of(row)) for lane in lanes for row in lane.classes()]
    every = {hop for way in ways for hop in way if hop}
    shared = {hop for way in ways for hop in
              itertools.dropwhile(lambda hop: not is_public(hop), way) if hop}
    drawn, said = labels(path, files, f"{folder}/p.dot", "--full")
    if os.environ.get("KEEP"):
        subprocess.run(["cp", f"{folder}/p.dot", os.environ["KEEP"]],
                       check=True)
    tap.ok(not said and vps | every <= drawn,
           "dot --full draws every vantage point and hop", said,
           sorted((vps | every) - drawn))
    drawn, said = labels(path, files, f"{folder}/q.dot")
    tap.ok(not said and vps | shared <= drawn and every - shared and
           not drawn & (every - shared),
           "and else none before the first public one", said,
           sorted((vps | shared) - drawn), sorted(drawn & (every - shared)))
    said = acreport("latency", "--db", path, "--format", "dot")
    tap.ok(said.returncode == 2, "which other reports do not do",
           said.stderr)


def main():
    print(f"# SEED={SEED}")
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    tap = taps.Tap()
    with tempfile.TemporaryDirectory() as folder:
        files = f"{folder}/asn.mmdb"
        records = {f"100.{n}.0.0/16": {"autonomous_system_number": 64500 + n}
                   for n in range(1, 7)}
        records.update({f"2001:db8:{n:x}::/48": {
            "autonomous_system_number": 64500 + n} for n in range(1, 7)})
        records.update({f"{address}/{bits}": {
            "autonomous_system_number": 64500} for address, bits in
            ((TARGET[4], 32), (TARGET[6], 128))})
        mmdb.write(files, records)
        test_worlds(tap, folder, files)
        test_silences(tap, folder)
        test_dot(tap, folder, files)
    sys.exit(tap.done())


if __name__ == "__main__":
    main()

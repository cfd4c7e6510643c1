#!/usr/bin/env python3
# Proves that acreport's figures are those of an independent reading of the same samples.
"""Random days are written into a store, and every report of it is compared,
cell by cell, with what is computed here from the samples themselves by the
rules of DESIGN.md 9. SEED=n repeats a run."""

import collections
import csv
import datetime
import io
import ipaddress
import math
import os
import random
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
# pylint: disable=wrong-import-position
import taps
from report_oracle_store import Batch, Record, make, text_form

B = os.environ.get("B") or "build"
# The same worlds in every run of make check; SEED=$RANDOM draws others.
SEED = int(os.environ.get("SEED") or 1)
SECOND = 10**6
HOUR = 3600 * SECOND
DAY = 24 * HOUR
START = 1_700_000_000 * SECOND // DAY * DAY
METHODS = ("nsid", "hostname.bind", "id.server")
QUESTIONS = ("soa", "hostname.bind", "id.server")
# No line that declares a scheme: whoever is outside it would be intercepted.
MAP = "* regex ^s[0-9]+[.]([a-z]{3})$ \\1\n" \
    "root exact x-1 Elsewhere\nroot exact x-2 Elsewhere\n"


def in_order(listed, value):
    """A key: the listed ones first, then the rest by name."""
    place = listed.index(value) if value in listed else len(listed)
    return place, value


def site_of(target, text):
    match = re.fullmatch(r"s[0-9]+[.]([a-z]{3})", text.lower())
    if match:
        return match[1]
    if target == "root" and text.lower() in ("x-1", "x-2"):
        return "Elsewhere"
    return text


# --- a random world ---

class World:
    def __init__(self, rng):
        self.rng = rng
        self.errors = random.Random(rng.random())
        self.batches = []
        self.places = []
        self.hours = rng.choice((30, 50))
        self.names = [f"s{n}.{site}".encode() for site in
                      ("lhr", "ams", "fra") for n in (1, 2)]
        self.names += [b"x-1", b"X-2", b"=cmd|'!A0", b"\x1b[31m,\"\n", b"lone"]
        for number in range(rng.randrange(4, 9)):
            self.add_vp(f"vp{number}")

    def add_vp(self, vp):
        rng = self.rng
        since = START - 10 * DAY
        for _ in range(rng.choice((0, 1, 1, 1, 2))):
            self.places.append((vp, since, rng.choice(("eu", "us", None)),
                                rng.choice(("GB", "DE")),
                                rng.choice((None, 64500, 9))))
            since = START + rng.randrange(self.hours) * HOUR
        every = rng.choice((600, 900, 900, 3600, 0))
        step = (every or 1200) * SECOND
        lanes = self.lanes(vp)
        time = START + rng.randrange(step)
        end = START + self.hours * HOUR
        if rng.random() < 0.2:
            end -= rng.randrange(self.hours) * HOUR
        while time < end:
            if rng.random() < 0.05:  # silence
                time += rng.randrange(1, 40) * step
            self.round(vp, lanes, time, every)
            if rng.random() < 0.1:  # a second one meanwhile
                self.round(vp, lanes, time + rng.randrange(5), every)
            time += step + rng.randrange(-5, 5) * SECOND

    def lanes(self, vp):
        rng = self.rng
        kinds = [("soa", "udp", 53), ("hostname.bind", "udp", 53),
                 ("id.server", "udp", 53), ("echo", "icmp", -1),
                 ("soa", "tcp", 53), ("trace", "udp", 53),
                 ("whoami.example", "udp", 53)]
        lanes = []
        for target, address in (("root", "192.0.2.1"), ("root", "2001:db8::1"),
                                ("other, \"dns\"", "192.0.2.2")):
            if rng.random() < 0.15:
                continue
            for kind in rng.sample(kinds, rng.randrange(1, 6)):
                for flow in range(rng.choice((1, 1, 3))):
                    lanes.append({
                        "target": target, "address": address, "kind": kind,
                        "flow": flow, "name": rng.choice(self.names),
                        "loss": rng.choice((0, 0.02, 0.3)),
                        "flap": rng.choice((0, 0.02, 0.4)),
                        "src": f"198.51.100.{1 + int(vp[2:]) % 5}",
                        "rtt": rng.randrange(1000, 200000)})
        return lanes

    def round(self, vp, lanes, time, every):
        rng = self.rng
        records = []
        for lane in lanes:
            question, proto, port = lane["kind"]
            offset = rng.choice((0, SECOND, rng.randrange(20 * SECOND)))
            record = Record(time + offset, lane["target"],
                            lane["address"], question, proto=proto, port=port,
                            flow=lane["flow"], detail={
                                "type": "dns", "flow": {
                                    "n": lane["flow"], "src": lane["src"]}})
            if rng.random() < lane["flap"]:
                lane["name"] = rng.choice(self.names)
            if rng.random() < lane["loss"]:
                record.outcome = rng.choice(
                    ("timeout", "timeout", "refused", "unreachable",
                     "malformed", "unsent"))
            else:
                record.rtt_us = lane["rtt"] + rng.randrange(3000)
                record.name = self.name(lane, question)
                if question not in ("echo", "trace"):
                    record.columns["rcode"] = self.errors.choice(
                        (0,) * 30 + (2, 3, 5))
            records.append(record)
        if records:
            self.batches.append(Batch(vp, records, every))

    def name(self, lane, question):
        if question in ("echo", "trace") or self.rng.random() < 0.03:
            return None
        if question == "soa":
            return "nsid", lane["name"]
        if self.rng.random() < 0.2:  # no TXT: the NSID is what there is
            return "nsid", lane["name"]
        return question, lane["name"] + b"."

    def samples(self, since, until, vps=None, traces=False):
        """(vp, record, every_s), of a window."""
        return [(b.vp, r, b.every_s) for b in self.batches for r in b.records
                if since <= r.t < until and (vps is None or b.vp in vps)
                and (traces or r.question != "trace")]

    def place(self, vp, time):
        rows = sorted(p[1:] for p in self.places if p[0] == vp)
        if not rows:
            return (None, None, None)
        held = [row for row in rows if row[0] <= time] or rows[:1]
        region, country, asn = held[-1][1:]
        return region or REGIONS.get(country), country, asn


# Of a country, where nobody named a region.
with open(os.path.join(os.path.dirname(__file__), "..", "..", "schema",
                       "regions"), encoding="ascii") as regions:
    REGIONS = dict(line.strip().split(None, 1) for line in regions
                   if line.strip() and line[0] != "#")


# --- arithmetic ---

def median(values):
    values = sorted(values)
    low, high = values[(len(values) - 1) // 2], values[len(values) // 2]
    return low + (high - low + 1) // 2


def nearest(values, percent):
    return sorted(values)[max(math.ceil(percent * len(values) / 100), 1) - 1]


def ms(us):
    return "" if us is None else f"{us / 1000:.3f}"


def pct(part, whole):
    return f"{math.floor(10000 * part / whole + 0.5) / 100:.2f}" \
        if whole else ""


def stamp(us):
    time = datetime.datetime.fromtimestamp(us // SECOND,
                                           datetime.timezone.utc)
    return f"{time:%Y-%m-%dT%H:%M:%S}.{us % SECOND:06d}Z"


def guarded(text):
    return "'" + text if text[:1] in "=+-@|" and text else text


def order(record):
    """Samples of a lane, in the order in which they are judged."""
    return (record.t, record.name or ("", b""))


# --- latency ---

def missed_rounds(world, vp, since, until, alive=None):
    """(came, missed) or None where the interval is not known."""
    mine = sorted((b.t0, b.every_s * SECOND) for b in world.batches
                  if b.vp == vp)
    inside = [b for b in mine if since <= b[0] < until]
    before = [b for b in mine if b[0] < since]
    if any(every == 0 for _, every in inside) or not (inside or before):
        return None
    missed = 0
    if inside:
        for (t, every), (later, _) in zip(inside, inside[1:]):
            missed += max((later - t + every // 2) // every - 1, 0)
        t, every = inside[-1]
        k = 1
        while t + k * every + every // 2 <= until:
            missed += 1
            k += 1
    if before:
        t, every = before[-1]
        if every == 0:
            return None if not inside else (len(inside), missed)
        end = inside[0][0] if inside else until
        if alive is None:
            alive = since - (until - since)
        if not inside and t < alive:
            return 0, 0
        k = 1
        while t + k * every + every // 2 <= end:
            missed += t + k * every >= since
            k += 1
    return len(inside), missed


def group_of(world, by, vp, time):
    region, country, asn = world.place(vp, time)
    return {"region": region, "country": country, "asn": asn, "vp": vp,
            "all": None}[by]


def lane_method(samples):
    """The method of each (target, address, question, proto)."""
    seen = collections.defaultdict(set)
    for _, r, _ in samples:
        if r.name:
            seen[r.target, r.address, r.question, r.proto].add(r.name[0])
    return {key: min(methods, key=lambda m: in_order(METHODS, m))
            for key, methods in seen.items()}


def by_site(samples, methods):
    """The site of every sample: of a loss, where both sides agree."""
    lanes = collections.defaultdict(list)
    for vp, r, _ in samples:
        lanes[vp, r.lane].append(r)
    site = {}
    for (_, _), records in lanes.items():
        records.sort(key=order)
        answered = {}
        for i, r in enumerate(records):
            if r.outcome == "answered":
                method = methods.get(
                    (r.target, r.address, r.question, r.proto))
                answered[i] = site_of(r.target, text_form(r.name[1])) \
                    if r.name and r.name[0] == method else None
                site[id(r)] = answered[i]
        for i, r in enumerate(records):
            if r.outcome != "answered":
                before = [answered[j] for j in answered if j < i]
                after = [answered[j] for j in answered if j > i]
                agree = before and after and before[-1] == after[0]
                site[id(r)] = before[-1] if agree else None
    return site


def latency(world, by, per_vp, since, until, vps=None, whole=None):
    """Of a window, which is a step of the whole one."""
    samples = world.samples(since, until, vps)
    whole = whole or (since, until)
    alive = whole[0] - (whole[1] - whole[0])
    sites = by_site(samples, lane_method(world.samples(*whole, vps))) \
        if by == "site" else None
    groups = collections.defaultdict(list)
    for vp, r, every in samples:
        what = sites[id(r)] if sites is not None \
            else group_of(world, by, vp, r.t)
        groups[r.target, r.address, r.af, r.question, r.proto,
               what].append((vp, r))
    rounds = {vp: missed_rounds(world, vp, since, until, alive)
              for vp in {b.vp for b in world.batches}
              if vps is None or vp in vps}
    heard = {vp for vp, _, _ in world.samples(since, until, vps, True)}
    if by != "site":
        for vp, held in rounds.items():
            if vp in heard or not held or not held[1]:
                continue
            last = max((b for b in world.batches
                        if b.vp == vp and b.t0 < since), key=lambda b: b.t0)
            for r in last.records:
                if r.question == "trace":
                    continue
                key = (r.target, r.address, r.af, r.question, r.proto,
                       group_of(world, by, vp, until - 1))
                groups[key].append((vp, None))
    rows = []
    for key, members in groups.items():
        rows.append(latency_row(key, members, by, per_vp, rounds))
    return sorted(rows)


def latency_row(key, members, by, per_vp, rounds):
    real = [(vp, r) for vp, r in members if r]
    rtts = collections.defaultdict(list)
    for vp, r in real:
        if r.rtt_us is not None:
            rtts[vp].append(r.rtt_us)
    values = [median(v) for v in rtts.values()] if per_vp \
        else [x for v in rtts.values() for x in v]
    answered = sum(r.outcome == "answered" for _, r in real)
    unsent = sum(r.outcome == "unsent" for _, r in real)
    sent = len(real) - unsent
    expected = 0
    if by == "site" or any(rounds[vp] is None for vp, _ in members):
        expected = None
    else:
        for vp, count in collections.Counter(
                vp for vp, _ in members).items():
            came, missed = rounds[vp]
            if any(r for v, r in members if v == vp):
                came = max(came, 1)
                expected += count * (came + missed) / came
            else:
                expected += count * missed
    enough = [len(values) >= n for n in (10, 20, 100)]
    target, address, af, question, proto, what = key
    return [
        guarded(target), address, str(af), question, proto,
        "" if what is None else guarded(str(what)),
        str(len({vp for vp, _ in real})), str(len(real)), str(answered),
        str(unsent), pct(sent - answered, sent),
        ms(min(values, default=None)),
        ms(median(values)) if values else "",
        *(ms(nearest(values, p)) if enough[i] else ""
          for i, p in enumerate((90, 95, 99))),
        ms(max(values, default=None)),
        "" if not expected else str(math.floor(expected + 0.5)),
        pct(len(real), expected) if expected else "",
        "vp" if per_vp else "sample", "" if all(enough) else "few"]


# --- what is compared ---

def compared(world, since, until):
    """Per (target, address): (method, question, proto, port)."""
    lanes = collections.defaultdict(set)
    for _, r, _ in world.samples(0, until):
        if r.t >= since or r.outcome == "answered":
            lanes[r.target, r.address].add((r.question, r.proto, r.port))
    chosen = {}
    for service, kinds in lanes.items():
        for begin in (since, 0):
            seen = {(r.name[0], r.question, r.proto, r.port)
                    for _, r, _ in world.samples(begin, until)
                    if r.name and (r.target, r.address) == service}
            if seen:
                break
        chosen[service] = min(
            seen or {(None, *kind) for kind in kinds},
            key=lambda s: (in_order(METHODS, s[0] or ""),
                           in_order(QUESTIONS, s[1]),
                           in_order(("udp", "tcp"), s[2]), s[3]))
    return chosen


def lanes_compared(world, chosen, until):
    """Samples of each lane that is compared, in order."""
    lanes = collections.defaultdict(list)
    for vp, r, every in world.samples(0, until):
        if chosen.get((r.target, r.address), ())[1:] == \
                (r.question, r.proto, r.port):
            lanes[vp, r.lane].append((r, every))
    for records in lanes.values():
        records.sort(key=lambda one: order(one[0]))
    return lanes


def sightings(records, method):
    """(record, text, site) of what names an instance in the method."""
    return [(r, text_form(r.name[1]),
             site_of(r.target, text_form(r.name[1])))
            for r in records if r.name and r.name[0] == method]


def stretches(seen, key):
    held = []
    for one in seen:
        if not held or key(held[-1][-1]) != key(one):
            held.append([])
        held[-1].append(one)
    return held


def mixed(seen):
    return "mixed {" + ",".join(sorted({text for _, text, _ in seen})) + "}"


def recurs(seen):
    order_seen = [s[0][1] for s in stretches(seen, lambda one: one[1])]
    return len(order_seen) != len(set(order_seen))


# --- changes ---

def units(seen, level, since):
    """(sightings, from-label, to-label). At instance level what was before
    the window counts as one sighting of its last instance."""
    if level == "site":
        return [(s, s[0][1], s[-1][1])
                for s in stretches(seen, lambda one: one[2])]
    past = [one for one in seen if one[0].t < since]
    tail = stretches(past, lambda one: one[1])[-1:]
    seen = [*(tail[0] if tail else []),
            *(one for one in seen if one[0].t >= since)]
    held = []
    for stretch in stretches(seen, lambda one: one[2]):
        parts = stretches(stretch, lambda one: one[1])
        if recurs(stretch):
            rest = [one for part in parts[1:] for one in part]
            held.append((parts[0], parts[0][0][1], parts[0][0][1]))
            held.append((rest, mixed(stretch), mixed(stretch)))
        else:
            held += [(part, part[0][1], part[0][1]) for part in parts]
    return held


def changes(world, level, since, until):
    chosen = compared(world, since, until)
    rows = []
    for (vp, lane), records in lanes_compared(world, chosen, until).items():
        method = chosen[lane[0], lane[1]][0]
        seen = sightings([r for r, _ in records], method)
        held = units(seen, level, since)
        for old, new in zip(held, held[1:]):
            last, first = old[0][-1], new[0][0]
            if first[0].t < since:
                continue
            region = world.place(vp, first[0].t)[0]
            rows.append([
                stamp(first[0].t), guarded(lane[0]), lane[1], str(lane[2]),
                vp, region or "", str(lane[6]), method, guarded(old[2]),
                guarded(last[2]), guarded(new[1]), guarded(first[2]),
                ms(median([one[0].rtt_us for one in old[0][-10:]])),
                ms(median([one[0].rtt_us for one in new[0][:10]])),
                f"{(first[0].t - last[0].t + 500) // 1000 / 1000:.3f}"])
    return sorted(rows)


# --- catchment ---

def age_of(world, vp, at, max_age):
    """How old a sample may be: three rounds, as the newest batch says."""
    if max_age is not None:
        return max_age
    every = max(((b.t0, b.every_s) for b in world.batches
                 if b.vp == vp and b.t0 <= at), default=(0, 0))[1]
    return 3 * every * SECOND if every else 2 * HOUR


def catchment(world, at, max_age, level, since, chosen=None):
    until = at + 1
    chosen = chosen or compared(world, since, until)
    lanes = lanes_compared(world, chosen, until)
    rows = []
    for (vp, lane), records in lanes.items():
        method = chosen[lane[0], lane[1]][0]
        last = records[-1][0]
        age = age_of(world, vp, at, max_age)
        fresh = at - last.t <= age
        seen = sightings([r for r, _ in records], method)
        # Losses alone, before the window, are forgotten.
        if last.t < since and not any(
                r.outcome == "answered" for r, _ in records):
            if at - last.t > age:
                continue
        state = "stale"
        if fresh:
            state = "no_answer" if last.outcome != "answered" else \
                "known" if last.name and last.name[0] == method else \
                "no_identity"
        row = {"vp": vp, "lane": lane, "state": state, "method": method,
               "last_seen": seen[-1][0].t if seen else None, "site": None,
               "label": "", "since": None, "rtts": []}
        inside = [r for r, _ in records
                  if r.t >= since and r.rtt_us is not None]
        if state == "known":
            row |= known(seen, level, inside, method, at, since)
        elif state == "no_identity":
            row["rtts"] = [r.rtt_us for r in inside
                           if not (r.name and r.name[0] == method)]
        rows.append(row)
    placed = {(row["vp"], row["lane"][:2]) for row in rows}
    for vp, r, _ in world.samples(0, until):
        service = (r.target, r.address)
        if (vp, service) in placed or service not in chosen:
            continue
        recent = min(since, at - age_of(world, vp, at, max_age))
        if r.t < recent and r.outcome != "answered":
            continue
        placed.add((vp, service))
        rows.append({"vp": vp, "lane": (*service, r.af), "state": "no_data",
                     "method": chosen[service][0], "last_seen": None,
                     "site": None, "label": "", "since": None, "rtts": []})
    return rows


def known(seen, level, inside, method, at, since):
    site = seen[-1][2]
    if level == "site":
        held = stretches(seen, lambda one: one[2])[-1]
        label = held[-1][1]
    else:
        part = units(seen, "instance", since)[-1]
        held, label = part[0], part[2]
    return {"site": site, "label": label, "since": held[0][0].t,
            "rtts": [r.rtt_us for r in inside
                     if r.name and r.name[0] == method and
                     site_of(r.target, text_form(r.name[1])) == site]}


def catchment_rows(world, rows, at):
    out = []
    for row in rows:
        region, country, asn = world.place(row["vp"], at)
        lane = row["lane"]
        out.append([
            guarded(lane[0]), lane[1], str(lane[2]), row["vp"], region or "",
            country or "", "" if asn is None else str(asn),
            str(lane[6]) if len(lane) > 3 else "", guarded(row["label"]),
            guarded(row["site"] or ""), row["method"] or "", row["state"],
            stamp(row["since"]) if row["since"] else "",
            stamp(row["last_seen"]) if row["last_seen"] else "",
            str(len(row["rtts"])),
            ms(median(row["rtts"])) if row["rtts"] else ""])
    return sorted(out)


def count_text(weight):
    whole = math.floor(weight * 100 + 0.5)
    return str(whole // 100) if whole % 100 == 0 else f"{whole / 100:.2f}"


def sources_of(world, vp, at):
    """Where it asked from in its newest round."""
    mine = [b for b in world.batches if b.vp == vp and b.t0 <= at]
    if not mine:
        return set()
    newest = max(mine, key=lambda b: b.t0)
    return {ipaddress.ip_address(r.detail["flow"]["src"])
            for r in newest.records if "src" in r.detail["flow"]}


def spread(world, lines, at):
    """The weight of each vantage point."""
    taken = {}
    for vp in sorted({b.vp for b in world.batches} |
                     {p[0] for p in world.places}):
        _, country, asn = world.place(vp, at)
        held = [(ipaddress.ip_network(net).prefixlen, net)
                for kind, net in lines if kind == "prefix" and any(
                    src in ipaddress.ip_network(net)
                    for src in sources_of(world, vp, at))]
        for key in (("vp", vp), ("prefix", max(held)[1] if held else None),
                    ("asn", str(asn)), ("country", country)):
            if key in lines:
                taken[vp] = key
                break
        else:
            taken[vp] = None
    counts = collections.Counter(taken.values())
    return {vp: lines[key] / counts[key] if key else 0
            for vp, key in taken.items()}


def loads(rng, folder):
    """A random file of weights: (path, {(kind, name): weight})."""
    lines = {("vp", "vp1"): 2.25, ("asn", "64500"): 40, ("asn", "7"): 3,
             ("country", "GB"): 100, ("country", "DE"): 10,
             ("prefix", "198.51.100.0/25"): 60,
             ("prefix", "198.51.100.0/30"): 7.5}
    lines = {key: rng.choice((value, value * 3))
             for key, value in lines.items() if rng.random() < 0.7} or lines
    path = f"{folder}/weights"
    with open(path, "w", encoding="ascii") as file:
        file.write("# load\n" + "".join(
            f"{kind} {name}\t{value}\n"
            for (kind, name), value in lines.items()))
    return path, lines


def shares(world, rows, at, by, level, weight=None):
    groups = collections.defaultdict(lambda: collections.defaultdict(list))
    for row in rows:
        what = group_of(world, by, row["vp"], at)
        groups[row["lane"][:3], what][row["vp"]].append(row)
    out = []
    for ((target, address, af), what), vps in groups.items():
        head = [guarded(target), address, str(af),
                "" if what is None else str(what)]
        weights, load = collections.Counter(), collections.Counter()
        rtts = collections.defaultdict(list)
        unknown = 0
        for vp, flows in vps.items():
            seen = [f for f in flows if f["state"] == "known"]
            unknown += not seen
            load["?"] += weight[vp] if weight and not seen else 0
            for flow in seen:
                key = (flow["site"],
                       flow["label"] if level == "instance" else "")
                weights[key] += 1 / len(seen)
                load[key] += weight[vp] / len(seen) if weight else 0
                rtts[key] += flow["rtts"]
        known_vps = len(vps) - unknown
        known_load = sum(load.values()) - load["?"]
        covered = pct(known_load, sum(load.values()))
        for (site, label), count in weights.items():
            held = rtts[site, label]
            out.append([*head, guarded(site), count_text(count),
                        f"{math.floor(100 * (100 * count / known_vps) + .5) / 100:.2f}",
                        ms(median(held)) if held else "", str(len(held)),
                        guarded(label), *([
                            count_text(load[site, label]),
                            pct(load[site, label], known_load),
                            covered] if weight else [])])
        out.append([*head, "", str(unknown), "", "", "0", "", *([
            count_text(load["?"]), "", covered] if weight else [])])
    return sorted(out)


# --- comparison ---

def known_then(world, path, at):
    """A store in which nothing came after a time."""
    batches = []
    for batch in world.batches:
        records = [r for r in batch.records if r.t <= at]
        if records:
            batches.append(Batch(batch.vp, records, batch.every_s))
    make(path, batches, world.places, at)
    return path


class Tests(taps.Tap):
    def __init__(self):
        super().__init__()
        self.rows = 0

    def ok(self, passed, sentence, said=()):
        return super().ok(passed, sentence, *said)


def acreport(*words):
    said = subprocess.run([f"{B}/acreport", *words], capture_output=True,
                          check=False)
    if said.returncode != 0:
        return [["exit", str(said.returncode), said.stderr.decode()]]
    rows = csv.reader(io.StringIO(said.stdout.decode(), newline=""))
    return sorted(list(rows)[1:])


def differences(wanted, got):
    """Up to a few rows that only one of them has."""
    missing = [row for row in wanted if row not in got]
    extra = [row for row in got if row not in wanted]
    return [*(f"wanted {row}" for row in missing[:3]),
            *(f"got    {row}" for row in extra[:3]),
            f"{len(missing)} missing, {len(extra)} too many"] \
        if missing or extra or len(wanted) != len(got) else []


def steps_of(since, until, step):
    """(begin, end) of the steps of a window."""
    held, begin = [], since // step * step
    while begin < until:
        held.append((max(begin, since), min(begin + step, until)))
        begin += step
    return held


def check_steps(world, rng, level, common, check):
    """latency and catchment, one set of rows a step."""
    step = rng.choice((HOUR // 4, HOUR, 5 * HOUR))
    since = START + rng.randrange(world.hours * HOUR)
    until = since + rng.randrange(1, 8 * HOUR)
    words = ("--step", f"{step // SECOND}s", "--since", stamp(since),
             "--level", level, *common)
    for by in ("region", "vp") if level == "instance" else ("site", "all"):
        wanted = [[stamp(a), *row] for a, b in steps_of(since, until, step)
                  for row in latency(world, by, False, a, b,
                                     whole=(since, until))]
        check(f"latency by {by} by step", sorted(wanted),
              acreport("latency", "--by", by, "--until", stamp(until),
                       *words[:-6], *common))
    chosen = compared(world, since, until)
    wanted, shared = [], []
    for begin, end in steps_of(since, until, step):
        rows = catchment(world, end - 1, None, level, begin, chosen)
        wanted += [[stamp(begin), *row]
                   for row in catchment_rows(world, rows, end - 1)]
        shared += [[stamp(begin), *row]
                   for row in shares(world, rows, end - 1, "country", level)]
    at = ("--at", stamp(until - 1))
    check(f"catchment {level} by step", sorted(wanted),
          acreport("catchment", *at, *words))
    check(f"shares {level} by step", sorted(shared),
          acreport("catchment", "--by", "country", *at, *words))


def compare_world(seed, folder, tests):
    rng = random.Random(seed)
    world = World(rng)
    path, sites = f"{folder}/{seed}.db", f"{folder}/sites"
    until = START + rng.randrange(10, world.hours) * HOUR
    since = until - rng.choice((3 * HOUR, 12 * HOUR, DAY))
    settled = rng.choice((None, since - HOUR * rng.randrange(-4, 9)))
    if settled is not None:
        settled = settled // HOUR * HOUR
    late = rng.choice((0, 0, 1, len(world.batches) // 10))
    make(path, world.batches, world.places, seed, settled, late)
    with open(sites, "w", encoding="ascii") as file:
        file.write(MAP)
    common = ("--db", path, "--site-map", sites, "--format", "csv")
    window = ("--since", stamp(since), "--until", stamp(until))
    wrong = []

    def check(what, wanted, got):
        tests.rows += len(wanted)
        wrong.extend(f"{what}: {line}" for line in differences(wanted, got))

    for by in ("region", "country", "asn", "site", "vp", "all"):
        for per_vp in (False, True):
            check(f"latency by {by} {per_vp}",
                  latency(world, by, per_vp, since, until),
                  acreport("latency", "--by", by, *common, *window,
                           *(("--per", "vp") if per_vp else ())))
    for level in ("site", "instance"):
        check(f"changes {level}", changes(world, level, since, until),
              acreport("changes", "--level", level, *common, *window))
        at = until + rng.randrange(HOUR)
        lasts = {(vp, r.lane): r.t for vp, r, _ in sorted(
            world.samples(0, at), key=lambda one: one[1].t)}
        last = rng.choice([*lasts.values(), at])
        max_age = rng.choice((None, None, 2 * HOUR, at - last,
                              max(0, at - last - 1)))
        words = ("--at", stamp(at), "--since", stamp(since), "--level", level,
                 *(("--max-age", f"{max_age / SECOND:.6f}s")
                   if max_age is not None else ()), *common)
        rows = catchment(world, at, max_age, level, since)
        got = acreport("catchment", *words)
        check(f"catchment {level} at {stamp(at)} age {max_age}",
              catchment_rows(world, rows, at), got)
        check(f"catchment {level} at {stamp(at)} known then", got,
              acreport("catchment", *words, "--db",
                       known_then(world, f"{path}.{level}", at)))
        check_steps(world, rng, level, common, check)
        for by in ("region", "country", "asn", "all"):
            check(f"shares by {by} {level}",
                  shares(world, rows, at, by, level),
                  acreport("catchment", "--by", by, *words))
        load_file, lines = loads(rng, folder)
        by = rng.choice(("region", "country", "asn", "all"))
        check(f"shares by {by} {level} of load",
              shares(world, rows, at, by, level, spread(world, lines, at)),
              acreport("catchment", "--by", by, "--weights", load_file,
                       *words))
    tests.ok(not wrong, f"world {seed}: all reports agree, and what came "
             "after a time changes nothing",
             [*wrong[:12],
              f"settled until {settled}, since {since}, {late} late"])


def main():
    tests = Tests()
    print(f"# SEED={SEED}")
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(SEED, SEED + int(os.environ.get("WORLDS") or 6)):
            compare_world(seed, folder, tests)
    tests.ok(tests.rows > 500, f"{tests.rows} rows were compared")
    sys.exit(tests.done())


if __name__ == "__main__":
    main()

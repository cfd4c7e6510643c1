#!/usr/bin/env python3
# Proves that the figures of diff, events and the other reports over time are those of an independent reading of random days.
"""As report_oracle.py, whose worlds and catchments are used. SEED=n repeats a
run."""

import collections
import itertools
import math
import os
import random
import sys
import tempfile

import report_oracle as o
from report_oracle import DAY, HOUR, SECOND, START, guarded, ms, pct, stamp
from report_oracle_store import make


def cell(value):
    return "" if value is None else str(value)


def place_cells(world, vp, time):
    return [cell(value) for value in world.place(vp, time)]


# --- diff ---

def is_known(row):
    return bool(row) and row["state"] == "known"


def pairs(world, since, start, end, max_age, level):
    """{(vp, service, flow): (row then, row now)}."""
    chosen = o.compared(world, since, end + 1)
    held = collections.defaultdict(lambda: [None, None])
    for i, (at, begin) in enumerate(
            ((start, since), (end, max(end + 1 - DAY, start + 1)))):
        for row in o.catchment(world, at, max_age, level, begin, chosen):
            flow = row["lane"][6] if len(row["lane"]) > 3 else -1
            held[row["vp"], row["lane"][:3], flow][i] = row
    for vp, service, flow in list(held):
        if flow == -1 and any(key[:2] == (vp, service) and key[2] != -1
                              for key in held):
            del held[vp, service, flow]
    return held


def where(row, level):
    if not is_known(row):
        return None
    return row["site"], row["label"] if level == "instance" else ""


def median_if(values):
    return ms(o.median(values)) if values else ""


def rtt(row):
    return o.median(row["rtts"]) if is_known(row) and row["rtts"] else None


def diff_rows(world, held, end, level):
    out = []
    for (vp, service, flow), (old, new) in held.items():
        if where(old, level) == where(new, level):
            continue
        before, after = rtt(old), rtt(new)
        change = "new" if not is_known(old) else \
            "moved" if is_known(new) else "gone"
        cells = []
        for row in (old, new):
            good = is_known(row)
            cells += [guarded(row["label"]) if good else "",
                      guarded(row["site"]) if good else "",
                      row["state"] if row else "no_data"]
        both = before is not None and after is not None
        out.append([
            guarded(service[0]), service[1], str(service[2]), vp,
            *place_cells(world, vp, end), str(flow), change, *cells,
            ms(before), ms(after), ms(after - before) if both else "",
            (old or new)["method"] or ""])
    return sorted(out)


def matrix_rows(held, level, weight):
    services = collections.defaultdict(lambda: collections.defaultdict(list))
    for (vp, service, _), pair in held.items():
        services[service][vp].append(pair)
    out = []
    for (target, address, af), vps in services.items():
        cells = collections.defaultdict(lambda: [0, 0, [], []])
        total = {"all": 0, "both": 0, "same": 0, "weight": 0}
        for vp, flows in vps.items():
            for old, new in flows:
                a, b = where(old, level), where(new, level)
                part = 1 / len(flows)
                held_cell = cells[a, b]
                held_cell[0] += part
                held_cell[1] += part * weight[vp]
                for row, values in ((old, held_cell[2]), (new, held_cell[3])):
                    if rtt(row) is not None:
                        values.append(rtt(row))
                total["all"] += part
                total["both"] += part * bool(a and b)
                total["same"] += part * bool(a and a == b)
                total["weight"] += part * weight[vp] * bool(a and b)
        for (a, b), (count, load, before, after) in cells.items():
            both = a and b
            out.append([
                guarded(a[0]) if a else "", guarded(b[0]) if b else "",
                o.count_text(count), guarded(target), address, str(af),
                pct(count, total["both"]) if both else "",
                median_if(before), median_if(after),
                pct(total["same"], total["all"]),
                pct(total["same"], total["both"]),
                pct(total["both"], total["all"]),
                guarded(a[1]) if a else "", guarded(b[1]) if b else "",
                o.count_text(load),
                pct(load, total["weight"]) if both else ""])
    return sorted(out)


def check_diff(world, rng, common, check, folder):
    start = START + rng.randrange(world.hours * HOUR)
    end = start + rng.randrange(1, 20 * HOUR)
    level = rng.choice(("site", "instance"))
    max_age = rng.choice((None, HOUR, DAY))
    held = pairs(world, start + 1 - DAY, start, end, max_age, level)
    words = ("--from", stamp(start), "--to", stamp(end), "--level", level,
             *(("--max-age", f"{max_age // SECOND}s") if max_age else ()),
             *common)
    check("diff", diff_rows(world, held, end, level),
          o.acreport("diff", *words))
    everybody = dict.fromkeys({b.vp for b in world.batches}, 1)
    check("diff --matrix",
          [row[:-2] for row in matrix_rows(held, level, everybody)],
          o.acreport("diff", "--matrix", *words))
    path, lines = o.loads(rng, folder)
    check("diff --matrix --weights",
          matrix_rows(held, level, o.spread(world, lines, end)),
          o.acreport("diff", "--matrix", "--weights", path, *words))


# --- stability ---

def stability_rows(world, since, until, max_age, level):
    chosen = o.compared(world, since, until)
    newest = {}
    for b in sorted(world.batches, key=lambda b: b.t0):
        if b.t0 < until:
            newest[b.vp] = b.every_s
    rows = []
    for (vp, lane), records in o.lanes_compared(world, chosen, until).items():
        method = chosen[lane[0], lane[1]][0]
        seen = [one for one in o.sightings([r for r, _ in records], method)
                if one[0].t >= since]
        if not seen:
            continue
        places = [one[2] if level == "site" else one[1] for one in seen]
        times = [one[0].t for one in seen]
        patience = max_age if max_age is not None else \
            3 * newest[vp] * SECOND or 2 * HOUR
        near = [i for i in range(1, len(seen))
                if times[i] - times[i - 1] <= patience]
        flips = sum(places[i] != places[i - 1] for i in near)
        counts = collections.Counter(places)
        shares = [n / len(places) for n in counts.values()]
        runs = [list(held) for _, held in itertools.groupby(
            zip(places, times), key=lambda one: one[0])]
        dwells = [run[-1][1] - run[0][1] for run in runs]
        rows.append({
            "vp": vp, "lane": lane, "flips": flips, "pairs": len(near),
            "main": min(counts, key=lambda p: (-counts[p], p.encode())),
            "sites": len(counts), "n": len(places), "method": method,
            "affinity": max(shares), "dwells": dwells,
            "entropy": -sum(p * math.log2(p) for p in shares),
            "chance": 1 - sum(p * p for p in shares)})
    return rows


def class_of(row, rows):
    flows = [r for r in rows if r["vp"] == row["vp"] and
             r["lane"][:2] == row["lane"][:2]]
    if all(r["sites"] == 1 for r in flows) and \
            len({r["main"] for r in flows}) > 1:
        return "per-flow"
    if not row["pairs"]:
        return ""
    if row["flips"] == 0:
        return "stable" if row["sites"] == 1 else "changed"
    rate = row["flips"] / row["pairs"]
    if row["flips"] <= 3 or rate < 0.05:
        return "changed"
    return "per-packet" if rate >= 0.5 * row["chance"] else "unstable"


def ratio(value):
    return f"{math.floor(value * 10000 + 0.5) / 10000:.4f}"


def seconds(us):
    return f"{(us + 500) // 1000 / 1000:.3f}"


def check_stability(world, rng, common, check, folder):
    since = START + rng.randrange(world.hours * HOUR)
    until = since + rng.randrange(HOUR, 30 * HOUR)
    level = rng.choice(("site", "instance"))
    max_age = rng.choice((None, None, HOUR // 2))
    rows = stability_rows(world, since, until, max_age, level)
    wanted = [[
        guarded(r["lane"][0]), r["lane"][1], str(r["lane"][2]), r["vp"],
        str(r["lane"][6]), str(r["flips"]),
        ratio(r["flips"] / r["pairs"]) if r["pairs"] else "",
        ratio(r["affinity"]), ratio(r["entropy"]), class_of(r, rows),
        guarded(r["main"]), str(r["sites"]), str(r["n"]), str(r["pairs"]),
        seconds(o.median(r["dwells"])), seconds(max(r["dwells"])),
        *place_cells(world, r["vp"], until - 1), r["method"]] for r in rows]
    check(f"stability {level}", sorted(wanted), o.acreport(
        "stability", "--since", stamp(since), "--until", stamp(until),
        "--level", level,
        *(("--max-age", f"{max_age // SECOND}s") if max_age else ()),
        *common))
    by = rng.choice(("region", "country", "asn", "all"))
    load = {vp: rng.choice((0, 1, 2.5, 40))
            for vp in sorted({b.vp for b in world.batches})}
    path = os.path.join(folder, "stable.load")
    with open(path, "w", encoding="ascii") as file:
        file.write("vp nobody 1\n" + "".join(
            f"vp {vp} {weight}\n" for vp, weight in load.items()))
    check(f"stability --by {by}", sorted(
        stability_groups(world, rows, by, until, load)), o.acreport(
        "stability", "--by", by, "--since", stamp(since), "--until",
        stamp(until), "--level", level, "--weights", path,
        *(("--max-age", f"{max_age // SECOND}s") if max_age else ()),
        *common))


CLASSES = ("", "stable", "changed", "unstable", "per-packet", "per-flow")


def stability_groups(world, rows, by, until, load):
    """Vantage points by the class of their least steady flow."""
    held = collections.defaultdict(lambda: collections.defaultdict(list))
    for row in rows:
        group = "" if by == "all" else \
            place_cells(world, row["vp"], until - 1)[
                ("region", "country", "asn").index(by)]
        held[(*row["lane"][:3], group)][row["vp"]].append(row)
    wanted = []
    for (target, address, af, group), vps in held.items():
        of = {vp: max((class_of(r, rows) for r in flows), key=CLASSES.index)
              for vp, flows in vps.items()}
        count = collections.Counter(of.values())
        flows = [r for one in vps.values() for r in one]
        flips, pairs = (sum(r[key] for r in flows) for key in
                        ("flips", "pairs"))
        known = sum(load[vp] for vp in vps if of[vp])
        middle = [o.median([math.floor(r[key] * 10000 + 0.5) for r in flows])
                  for key in ("affinity", "entropy")]
        wanted.append([
            guarded(target), address, str(af), group, str(len(vps)),
            str(len(flows)), *(str(count[name]) for name in (
                "stable", "changed", "unstable", "per-packet", "per-flow",
                "")),
            o.pct(count["stable"], len(vps) - count[""]), str(flips),
            str(pairs), ratio(flips / pairs) if pairs else "",
            *(f"{value / 10000:.4f}" for value in middle),
            seconds(o.median([o.median(r["dwells"]) for r in flows])),
            o.pct(sum(load[vp] for vp in vps if of[vp] == "stable"), known),
            o.pct(known, sum(load[vp] for vp in vps))])
    return wanted


# --- vantage points ---

def by_whom(place):
    """The operator's word, where there is one."""
    return ["configuration" if known else ""
            for known in (place[1], place[2] is not None)]


def check_vps(world, rng, common, check, _):
    since = START + rng.randrange(world.hours * HOUR)
    until = since + rng.randrange(HOUR, 30 * HOUR)
    wanted = []
    for vp in {b.vp for b in world.batches} | {p[0] for p in world.places}:
        mine = sorted((b for b in world.batches
                       if b.vp == vp and b.t0 < until), key=lambda b: b.t0)
        inside = [b for b in mine if b.t0 >= since]
        rounds = o.missed_rounds(world, vp, since, until)
        every = mine[-1].every_s if mine else 0
        asked = [r for _, r, _ in world.samples(since, until, [vp])]
        answered = sum(r.outcome == "answered" for r in asked)
        unsent = sum(r.outcome == "unsent" for r in asked)
        state = "ok"
        if not mine:
            state = "never"
        elif not every:
            state = "" if inside else "silent"
        elif until - mine[-1].t0 > 3 * every * SECOND:
            state = "silent"
        elif rounds and rounds[1]:
            state = "gaps"
        wanted.append([
            vp, state, *place_cells(world, vp, until - 1),
            stamp(mine[0].t0) if mine else "",
            stamp(mine[-1].t0) if mine else "", str(every or ""),
            str(len(inside)), str(rounds[1]) if rounds else "",
            pct(len(inside), len(inside) + rounds[1]) if rounds else "",
            "0", "0", str(len(asked)), str(answered), str(unsent),
            pct(len(asked) - unsent - answered, len(asked) - unsent),
            "", "", *by_whom(world.place(vp, until - 1)), "", "",
            "0", "", ""])
    check("vps", sorted(wanted), o.acreport(
        "vps", "--since", stamp(since), "--until", stamp(until), *common))


# --- sites ---

def check_sites(world, rng, common, check, folder):
    since = START + rng.randrange(world.hours * HOUR)
    until = since + rng.randrange(HOUR, 30 * HOUR)
    chosen = o.compared(world, since, until)
    path, lines = o.loads(rng, folder)
    weight = o.spread(world, lines, until - 1)
    held = collections.defaultdict(list)
    for (vp, lane), records in o.lanes_compared(world, chosen, until).items():
        method = chosen[lane[0], lane[1]][0]
        for r, text, site in o.sightings([r for r, _ in records], method):
            held[lane[:3]].append((vp, r, text, site, method))
    wanted = []
    for (target, address, af), seen in held.items():
        inside = [one for one in seen if one[1].t >= since]
        counts = collections.Counter((one[0], one[3]) for one in inside)
        totals = collections.Counter(one[0] for one in inside)
        load = sum(weight[vp] for vp in totals)
        for site in {one[3] for one in inside}:
            parts = {vp: counts[vp, site] / totals[vp] for vp in totals}
            mine = [one for one in inside if one[3] == site]
            rtts = [one[1].rtt_us for one in mine]
            share = sum(parts.values())
            part = sum(p * weight[vp] for vp, p in parts.items())
            wanted.append([
                guarded(target), address, str(af), guarded(site),
                str(len({one[2] for one in mine})), o.count_text(share),
                pct(share, len(totals)), str(len(mine)),
                ms(o.median(rtts)),
                ms(o.nearest(rtts, 95)) if len(rtts) >= 20 else "",
                stamp(min(one[1].t for one in seen if one[3] == site)),
                stamp(max(one[1].t for one in mine)), mine[0][4],
                o.count_text(part), pct(part, load)])
    words = ("--since", stamp(since), "--until", stamp(until), *common)
    check("sites", sorted(row[:-2] for row in wanted),
          o.acreport("sites", *words))
    check("sites --weights", sorted(wanted),
          o.acreport("sites", "--weights", path, *words))


# --- availability ---

def wilson(k, n):
    """The bounds are the roots of (p - k/n)^2 = z^2 p (1 - p) / n."""
    z = 1.959963984540054
    a, b, c = 1 + z * z / n, -(2 * k / n + z * z / n), (k / n) ** 2
    root = math.sqrt(max(b * b - 4 * a * c, 0))
    return [(-b - root) / 2 / a, (-b + root) / 2 / a]


def served(r):
    """Whether somebody answered, and not with an error."""
    rcode = r.columns.get("rcode", 0)
    return r.outcome == "answered" and \
        not (rcode and (r.question == "soa" or rcode == 2))


def outages(samples, key):
    """{group: (how many, microseconds, those of the longest)} of three or
    more failures in a row."""
    lanes = collections.defaultdict(list)
    for vp, r, _ in samples:
        lanes[vp, r.lane].append(r)
    found = collections.defaultdict(lambda: [0, 0, 0])
    for (vp, _), records in lanes.items():
        sent = sorted((r for r in records if r.outcome != "unsent"),
                      key=lambda r: (o.order(r), r.outcome != "answered"))
        for answered, run in itertools.groupby(sent, key=served):
            run = list(run)
            if not answered and len(run) > 2:
                held = found[key(vp, run[0])]
                held[0] += 1
                length = run[-1].t - run[0].t
                held[1:] = held[1] + length, max(held[2], length)
    return found


def check_availability(world, rng, common, check, _):
    since = START + rng.randrange(world.hours * HOUR)
    until = since + rng.randrange(HOUR, 30 * HOUR)
    by = rng.choice(("region", "vp", "all"))
    moved = {p[0] for p in world.places
             if since < p[1] < until}  # an outage in two places

    def key(vp, r):
        what = o.group_of(world, by, vp, r.t)
        return (guarded(r.target), r.address, str(r.af), r.question, r.proto,
                "" if what is None else guarded(str(what)))

    samples = world.samples(since, until)
    found = outages(samples, key)
    errors = collections.Counter(
        key(vp, r) for vp, r, _ in samples
        if r.outcome == "answered" and not served(r))
    wanted = []
    for row in o.latency(world, by, False, since, until):
        vps, asked, answered, unsent = map(int, row[6:10])
        answered -= errors[tuple(row[:6])]
        expected = row[17]
        sent = asked - unsent
        low_high = wilson(answered, sent) if sent else []
        # Expected is rounded in both reports: the share of it is compared
        # where it is whole enough.
        count, us, longest = found[tuple(row[:6])]
        wanted.append([
            *row[:6], str(vps), expected, str(asked), str(unsent),
            str(answered), pct(answered, sent),
            *([pct(x, 1) for x in low_high] or ["", ""]), row[18],
            str(count), seconds(us), "few" if sent < 30 else "",
            str(errors[tuple(row[:6])]), seconds(longest)])
    got = o.acreport("availability", "--by", by, "--since", stamp(since),
                     "--until", stamp(until), *common)
    shares = [(row[7], row[9], row[10], row.pop(14)) for row in got
              if len(row) > 14]
    if by == "region" and moved:
        for row in (*wanted, *got):
            row[15:17] = ["", ""]
            row[-1] = ""
    check(f"availability by {by}", sorted(wanted), sorted(got))
    wrong = [one for one in shares if one[0] and one[0] != one[1] and abs(
        float(one[3] or "nan") -
        100 * int(one[2]) / (int(one[0]) - int(one[1]))) >
             0.01 + 100 / int(one[0])]
    check("availability of what is expected", [], wrong)


# --- congruence ---

def likeness(world, lines, at, sides):
    """The cells from vantage_points on, of two sides: each {vp: rows}."""
    weight = o.spread(world, lines, at)
    all_, both, like = [], {}, {}
    first, second, change = [], [], []
    for vp in weight:
        a, b = (side.get(vp, []) for side in sides)
        if not a and not b:
            continue
        all_.append(vp)
        a, b = [r for r in a if is_known(r)], [r for r in b if is_known(r)]
        if not a or not b:
            continue
        both[vp] = weight[vp]
        pairs_of = [x["site"] == y["site"] for x in a for y in b]
        like[vp] = sum(pairs_of) / len(pairs_of)
        times = [sum((r["rtts"] for r in rows), []) for rows in (a, b)]
        if like[vp] < 1 and all(times):
            first.append(o.median(times[0]))
            second.append(o.median(times[1]))
            change.append(second[-1] - first[-1])
    return congruence_cells(weight, all_, both, like,
                            (first, second, change))


def congruence_cells(weight, all_, both, like, times):
    same = sum(like.values())
    return [str(len(all_)), str(len(both)), o.count_text(same),
            pct(same, len(both)), pct(len(both), len(all_)),
            *map(median_if, times), None,
            pct(sum(like[vp] * weight[vp] for vp in like),
                sum(both.values())),
            pct(sum(both.values()), sum(weight[vp] for vp in all_))]


def by_vp(rows, service):
    held = collections.defaultdict(list)
    for row in rows:
        if row["lane"][:3] == service:
            held[row["vp"]].append(row)
    return held


def check_both(check, what, wanted, words, path):
    """Without weights, and with."""
    check(what, sorted(row[:-2] for row in wanted), o.acreport(
        "congruence", *words))
    check(f"{what} --weights", sorted(wanted), o.acreport(
        "congruence", "--weights", path, *words))


def check_congruence(world, rng, common, check, folder):
    at = START + rng.randrange(world.hours * HOUR)
    since = at + 1 - DAY
    chosen = collections.defaultdict(lambda: (None,))
    chosen.update(o.compared(world, since, at + 1))
    rows = o.catchment(world, at, None, "site", since)
    path, lines = o.loads(rng, folder)
    four, six = ("root", "192.0.2.1", 4), ("root", "2001:db8::1", 6)
    lanes = {r.lane[:3] for _, r, _ in world.samples(0, 2**62)}
    cells = likeness(world, lines, at, [by_vp(rows, four), by_vp(rows, six)])
    cells[8] = "" if chosen[four[:2]][0] == chosen[six[:2]][0] \
        else "methods differ"
    wanted = [["root", four[1], six[1], *cells]] if {four, six} <= lanes \
        else []
    words = ("--at", stamp(at), *common)
    check_both(check, "congruence", wanted, words, path)
    check_transports(world, common, (at, lines, path, chosen), check)
    check_icmp(world, common, (at, lines, path, chosen), check)


def check_transports(world, common, given, check):
    at, lines, path, chosen = given
    since = at + 1 - DAY
    kinds = {(r.lane[:3], r.question, r.proto, r.port)
             for _, r, _ in world.samples(0, 2**62)}
    over = [{service: (choice[0], choice[1], proto, choice[3])
             for service, choice in chosen.items() if len(choice) > 1}
            for proto in ("udp", "tcp")]
    sides = [o.catchment(world, at, None, "site", since, one)
             for one in over]
    wanted = []
    for service in sorted({kind[0] for kind in kinds}):
        if service[:2] in over[0] and all(
                (service, *one[service[:2]][1:]) in kinds for one in over):
            cells = likeness(world, lines, at,
                             [by_vp(rows, service) for rows in sides])
            cells[8] = ""
            wanted.append([guarded(service[0]), service[1], str(service[2]),
                           *cells])
    check_both(check, "congruence of transports", wanted,
               ("--of", "transport", "--at", stamp(at), *common), path)


def check_icmp(world, common, given, check):
    at, lines, path, chosen = given
    weight = o.spread(world, lines, at)
    least = collections.defaultdict(lambda: [[], []])
    echoed = set()
    for vp, r, _ in world.samples(0, 2**62):
        if r.question == "echo":
            echoed.add(r.lane[:3])
        if not at + 1 - DAY <= r.t <= at or r.rtt_us is None:
            continue
        if r.question == "echo":
            least[r.lane[:3], vp][1].append(r.rtt_us)
        elif chosen[r.target, r.address][1:] == (r.question, r.proto, r.port):
            least[r.lane[:3], vp][0].append(r.rtt_us)
    wanted = []
    for service in sorted(echoed):
        all_, both, like = [], {}, {}
        times = [], [], []
        for vp in weight:
            dns, icmp = least[service, vp]
            if dns or icmp:
                all_.append(vp)
            if not dns or not icmp:
                continue
            both[vp] = weight[vp]
            a, b = min(dns), min(icmp)
            like[vp] = int(abs(a - b) <= max(2000, min(a, b) / 10))
            if not like[vp]:
                for held, value in zip(times, (a, b, b - a)):
                    held.append(value)
        cells = congruence_cells(weight, all_, both, like, times)
        cells[8] = "by round trips"
        wanted.append([guarded(service[0]), service[1], str(service[2]),
                       *cells])
    check_both(check, "congruence of DNS and ICMP", wanted,
               ("--of", "icmp", "--at", stamp(at), *common), path)


# --- comparison ---

CHECKS = [check_diff, check_stability, check_vps, check_sites,
          check_availability, check_congruence]


def compare_world(seed, folder, tests):
    rng = random.Random(seed)
    world = o.World(rng)
    path, sites = f"{folder}/{seed}.db", f"{folder}/sites"
    make(path, world.batches, world.places, seed)
    with open(sites, "w", encoding="ascii") as file:
        file.write(o.MAP)
    common = ("--db", path, "--site-map", sites, "--format", "csv")
    for one in CHECKS:
        wrong = []

        def check(what, wanted, got, wrong=wrong):
            tests.rows += len(wanted)
            wrong.extend(f"{what}: {line}"
                         for line in o.differences(wanted, got))

        one(world, rng, common, check, folder)
        tests.ok(not wrong, f"world {seed}: "
                 f"{one.__name__.removeprefix('check_')} agrees", wrong[:9])


def main():
    tests = o.Tests()
    print(f"# SEED={o.SEED}")
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(o.SEED,
                          o.SEED + int(os.environ.get("WORLDS") or 6)):
            compare_world(seed, folder, tests)
    tests.ok(tests.rows > 100, f"{tests.rows} rows were compared")
    sys.exit(tests.done())


if __name__ == "__main__":
    main()

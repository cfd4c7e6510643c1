"""What acreport events should say of a script in the lab: who changed is what
the forwarding tables say, when it was seen is what the records say."""

import collections
import math
import statistics

import probing
from event_script import BETWEEN, EVERY, EVIL, START, in_us, stamp

AROUND, SILENT = 10, 3  # samples on each side of a change, losses in a row
FLAP_CHANGES, FLAP_PAUSE = 4, 4 * 3 * EVERY
SAME_MODE = 0.9
BESIDE = 1800 * 10**6  # a note is no further off

# A stretch of one site in a lane: sights are (time, round trip in µs).
Stay = collections.namedtuple("Stay", "site sights")
# From stays[number - 1] to stays[number] of a lane.
Change = collections.namedtuple("Change", "lane old new last first number")


# Lost answers in a row of a lane: from the first of them until it answered
# again or to the last of them, and the answers around them.
Silence = collections.namedtuple(
    "Silence", "first end lane site again answer lost there")


class Wanted:
    """An event: which kinds and sites describe it, and its columns."""

    def __init__(self, kinds, time, vps, **columns):
        self.kinds, self.time, self.vps = kinds, time, set(vps)
        self.columns = {
            "target": "anycast-lab", "address": probing.SERVICE[4],
            "af": "4", "vantage_points": str(len(self.vps)),
            "not_seen_again": "0", "not_seen_vps": "", **columns}
        self.checks = []  # (column, sentence, question to a row)

    def check(self, column, sentence, question):
        self.checks.append((column, sentence, question))

    def set_times(self, begins, end, ends):
        """It began after begins; it ended at end, after ends."""
        self.begins, self.end = begins, end
        self.columns.update(start_uncertain_s=seconds(self.time - begins),
                            end_uncertain_s=seconds(end - ends))
        self.check("end", "ends at %d" % end,
                   lambda row: in_us(row["end"]) == end)

    def named(self):
        """All columns that it says something of."""
        return {"kind", "site", "start", *self.columns,
                *(column for column, *_ in self.checks)}

    def __str__(self):
        return "%s at %s: %s" % (sorted(self.kinds), self.time, self.columns)


def tally(pairs):
    """'lhr 2, cdg 1' of (vantage point, site)."""
    counts = collections.Counter(site for _, site in set(pairs))
    return ", ".join("%s %d" % one for one in sorted(
        counts.items(), key=lambda one: (-one[1], one[0])))


def ms(us):
    return "" if us is None else "%.3f" % (us / 1000)


def seconds(us):
    return "" if us is None else "%.3f" % (us / 1e6)


def median(values):
    return statistics.median(values) if values else None


def p95(values):
    return sorted(values)[math.ceil(0.95 * len(values)) - 1] \
        if len(values) >= 20 else None


class Oracle:
    def __init__(self, script):
        self.script = script
        self.lanes = sorted(lane for lane in script.world.sport
                            if lane[0] in script.world.hearing())
        # The tables at the end are those of all times without an act.
        self.now = script.world.truth()
        self.asked = {lane: [one for one in script.records(lane[0], "soa")
                             if one[1]["flow"]["n"] == lane[1]]
                      for lane in self.lanes}
        self.stays = {lane: self.stays_of(lane) for lane in self.lanes}

    def way(self, lane, time):
        """Where packets went at a time."""
        way = self.script.acts[0].before[lane] if self.script.acts else \
            self.now[lane]
        for act in self.script.acts:
            if act.time < time:
                way = act.after[lane]
        return way

    def stays_of(self, lane):
        stays = []
        for time, record in self.asked[lane]:
            if record["outcome"] != "answered":
                continue
            site = self.way(lane, time).site
            if not stays or stays[-1].site != site:
                stays.append(Stay(site, []))
            stays[-1].sights.append((time, record["rtt_us"]))
        return stays

    def changes(self):
        for lane, stays in self.stays.items():
            for i in range(1, len(stays)):
                yield Change(lane, stays[i - 1].site, stays[i].site,
                             stays[i - 1].sights[-1][0],
                             stays[i].sights[0][0], i)

    # --- sites ---

    def events(self):
        flapping, rest = self.take_flaps()
        wanted = [self.flapped(site, changes) for site, changes in flapping]
        for act, changes in rest:
            wanted.append(self.moved(self.kinds(act, changes), changes, act))
        self.begins = {one.end for one in wanted} | {min(
            stays[0].sights[0][0] for stays in self.stays.values() if stays)}
        wanted += [*self.paths(), *self.outages()]
        for one in wanted:
            self.add_beside(one)
        return wanted

    def add_beside(self, wanted):
        """What was noted about it, and of how many it is a share."""
        known = {lane[0] for lane, stays in self.stays.items()
                 if stays and stays[0].sights[0][0] < wanted.time}
        wanted.columns["share_pct"] = "%.2f" % (
            100 * len(wanted.vps) / len(known))
        notes = [note for note in self.script.notes if
                 wanted.begins - BESIDE <= note.time <= wanted.end + BESIDE
                 and note.target in ("", "anycast-lab")]
        wanted.check("notes", "of notes %s" % (notes,), lambda row: row[
            "notes"] == "; ".join("%s %s" % one for one in sorted(
                (stamp(note.time)[:19] + "Z", note.text) for note in notes
                if note.site in ("", row["site"]) or row["site"] == "")))

    def take_flaps(self):
        """Those that change four times and more in a row, by the site that
        they left first and by when (hours lie between two acts), and the
        others by act."""
        flapping = []
        rest = collections.defaultdict(list)
        by_lane = collections.defaultdict(list)
        for change in self.changes():
            held = by_lane[change.lane]
            if held and change.first - held[-1][-1].first <= FLAP_PAUSE:
                held[-1].append(change)
            else:
                held.append([change])
        rows = [row for held in by_lane.values() for row in held]
        for row in sorted(rows, key=len, reverse=True):
            if len(row) >= FLAP_CHANGES:
                self.put_flap(flapping, row)
                continue
            if len(row) == FLAP_CHANGES - 1 and \
                    self.goes_with(flapping, row):
                continue
            for change in row:
                act = [a for a in self.script.acts
                       if change.last < a.time < change.first][-1]
                rest[self.script.acts.index(act)].append(change)
        return flapping, [(self.script.acts[i], changes)
                          for i, changes in rest.items()]

    @staticmethod
    def goes_with(flapping, row):
        """With one change less: put to those of its site, if there are."""
        for site, changes in flapping:
            if site in (row[0].old, row[0].new) and \
                    abs(changes[0].first - row[0].first) < BETWEEN:
                changes += row
                return True
        return False

    @staticmethod
    def put_flap(flapping, row):
        for site, changes in flapping:
            if site == row[0].old and \
                    abs(changes[0].first - row[0].first) < BETWEEN:
                changes += row
                return
        flapping.append((row[0].old, list(row)))

    @staticmethod
    def kinds(act, changes):
        """The site that they all left, or came to; lost or gained first."""
        old, new = ({getattr(c, side) for c in changes}
                    for side in ("old", "new"))
        if len(old) > 1 and len(new) > 1:
            raise SystemExit("not one event: %s" % (changes,))
        held = {way.site for way in act.before.values()}
        holds = {way.site for way in act.after.values()}
        kinds = {("site lost", site) for site in old - holds
                 if len(old) == 1}
        kinds |= {("site gained", site) for site in new - held
                  if len(new) == 1}
        return kinds or {("shift", site) for site in
                         (old if len(old) == 1 else new)}

    def moved(self, kinds, changes, act):
        start = min(c.first for c in changes)
        vps = {c.lane[0] for c in changes}
        before = {c: median([rtt for _, rtt in self.stays[c.lane][
            c.number - 1].sights[-AROUND:]]) for c in changes}
        after = {c: median([rtt for _, rtt in self.stays[c.lane][
            c.number].sights[:AROUND]]) for c in changes}
        waits = [c.first - start for c in changes]
        returned = {vp for vp in vps if all(
            any(stay.site == c.old for stay in self.stays[c.lane][
                c.number + 1:]) for c in changes if c.lane[0] == vp and
            c.number == min(d.number for d in changes if d.lane == c.lane))}
        wanted = Wanted(
            kinds, start, vps,
            to_sites=tally((c.lane[0], c.new) for c in changes),
            from_sites=tally((c.lane[0], c.old) for c in changes),
            rtt_before_ms=ms(median(before.values())),
            rtt_after_ms=ms(median(after.values())),
            rtt_change_ms=ms(median([after[c] - before[c] for c in changes])),
            convergence_p50_s=seconds(median(waits)),
            convergence_p95_s=seconds(p95(waits)),
            returned=str(len(returned)), not_ours=str(len(
                {c.lane[0] for c in changes if c.new == EVIL})))
        wanted.set_times(max(c.last for c in changes if c.last < start),
                         max(c.first for c in changes),
                         max(c.last for c in changes))
        if act is not None:
            self.add_act(wanted, act, changes)
        return wanted

    def flapped(self, site, changes):
        """Of which flow paths are compared, and from which act on, is left
        open: a path is one of those before and after an act."""
        wanted = self.moved({("flap", site)}, changes, None)
        wanted.columns["seen_before"] = ""
        traced = {c.lane[0] for c in changes if c.lane[1] == 0}
        partings = {self.parting(act.before[vp, 0].hops,
                                 act.after[vp, 0].hops)
                    for act in self.script.acts for vp in wanted.vps}
        wanted.check("paths_compared", "paths of %s are compared" % traced,
                     lambda row: len(traced) <= int(row["paths_compared"]) <=
                     len(wanted.vps))
        wanted.check("diverges", "the paths part as in %s" % partings,
                     lambda row: self.read_partings(row["diverges"], partings)
                     == int(row["paths_compared"]))
        return wanted

    @staticmethod
    def read_partings(text, possible):
        """How many there are in all; None where one is not possible."""
        held = [one.rsplit(" ", 1) for one in text.split(", ") if one]
        return sum(int(count) for _, count in held) \
            if possible.issuperset(parting for parting, _ in held) else None

    def add_act(self, wanted, act, changes):
        """What is true of those that one act moved."""
        partings = collections.Counter(
            self.parting(act.before[vp, 0].hops, act.after[vp, 0].hops)
            for vp, flow in {c.lane for c in changes} if flow == 0)
        wanted.columns["paths_compared"] = str(sum(partings.values()))
        wanted.columns["diverges"] = self.list_partings(partings)
        wanted.check(
            "start", "begins at the act", lambda row: in_us(row["start"]) -
            float(row["start_uncertain_s"]) * 1e6 <= act.time <
            in_us(row["start"]))
        wanted.check("seen_before", "seen before", lambda row:
                     self.seen_before(act, row["seen_before"]))
        lost = {site for kind, site in wanted.kinds if kind == "site lost"}
        gone = {lane[0] for lane, stays in self.stays.items() if stays and
                stays[-1].site in lost} - wanted.vps - {
                    lane[0] for lane, stays in self.stays.items()
                    if stays and stays[-1].sights[-1][0] >= wanted.end}
        del wanted.columns["not_seen_again"], wanted.columns["not_seen_vps"]
        for column, said in (("not_seen_again", str(len(gone))),
                             ("not_seen_vps", ", ".join(sorted(gone)))):
            wanted.check(column, "not seen again: %s" % gone, lambda row,
                         column=column, said=said: row[column] == (
                             said if row["kind"] == "site lost" else
                             "0" if column == "not_seen_again" else ""))
        for column, back, some in (
                ("rtt_before_ms", 1, slice(-AROUND, None)),
                ("rtt_after_ms", 0, slice(AROUND))):
            least = median([median([
                self.way(c.lane, time).rtt_ms for time, _ in self.stays[
                    c.lane][c.number - back].sights[some]]) for c in changes])
            wanted.check(column, "%.3f and jitter" % least,
                         lambda row, column=column, least=least:
                         least - 1 < float(row[column]))

    def seen_before(self, act, said):
        """Whether the catchment of a time when somebody had moved, or of the
        first, was like the one after the act, and another in between; nothing
        where there was none such. The inside of a flap may count, or not."""
        acts = self.script.acts
        number = acts.index(act)
        if self.alike(act.before, act.after):
            return said == ""
        modes = [(START, acts[0].time, acts[0].before, False)] + [
            (a.time, b.time, a.after, a.kind == b.kind == "flap")
            for a, b in zip(acts, acts[1:number + 1])]
        alike = [mode for mode in modes if self.alike(mode[2], act.after)]
        if said == "":
            return all(in_flap for *_, in_flap in alike)
        return in_us(said) in self.begins and any(
            begin <= in_us(said) < end for begin, end, *_ in alike)

    @staticmethod
    def alike(a, b):
        return sum(a[lane].site == b[lane].site for lane in a) >= \
            SAME_MODE * len(a)

    # --- paths ---

    def parting(self, before, after):
        """The networks where two paths go apart."""
        i = next((i for i, (a, b) in enumerate(zip(before, after))
                  if a != b), None)
        if i is None:
            return "same"
        return "%d > %d" % tuple(self.script.world.networks[path[i]]
                                 for path in (before, after))

    @staticmethod
    def list_partings(partings):
        return ", ".join("%s %d" % one for one in sorted(
            partings.items(), key=lambda one: (-one[1], one[0])))

    def paths(self):
        """Who went another way to the same site, by where the ways part; not
        who was silent then, which is an outage."""
        for act in self.script.acts:
            groups = collections.defaultdict(list)
            for (vp, flow), old in act.before.items():
                new = act.after[vp, flow]
                if flow == 0 and old.site == new.site and \
                        old.hops != new.hops and not self.silent(vp, act):
                    groups[self.parting(old.hops, new.hops)].append(vp)
            for parting, vps in groups.items():
                yield self.path_only(act, parting, vps)

    def path_only(self, act, parting, vps):
        rows = {vp: [one for one in self.script.records(vp, "trace")
                     if any(hop["addr"] for hop in one[1]["hops"])]
                for vp in vps}
        last = {vp: [one for one in rows[vp] if one[0] < act.time][-1]
                for vp in vps}
        first = {vp: [one for one in rows[vp] if one[0] > act.time][0]
                 for vp in vps}
        start, end = (which(t for t, _ in first.values())
                      for which in (min, max))
        sites = {act.after[vp, 0].site for vp in vps}
        before, after = ({vp: record["rtt_us"] for vp, (_, record) in
                          rows.items() if record["outcome"] == "answered"}
                         for rows in (last, first))
        later = [a.after for a in self.script.acts if a.time > act.time]
        returned = sum(any(tables[vp, 0].hops == act.before[vp, 0].hops
                           for tables in later) for vp in vps)
        there = tally((vp, act.after[vp, 0].site) for vp in vps)
        waits = [t - start for t, _ in first.values()]
        wanted = Wanted(
            {("path only", sites.pop() if len(sites) == 1 else "")}, start,
            vps, to_sites=there, from_sites=there,
            diverges="%s %d" % (parting, len(vps)),
            paths_compared=str(len(vps)), returned=str(returned),
            rtt_before_ms=ms(median(before.values())),
            rtt_after_ms=ms(median(after.values())),
            rtt_change_ms=ms(median([after[vp] - before[vp] for vp in vps
                                     if vp in before and vp in after])),
            convergence_p50_s=seconds(median(waits)),
            convergence_p95_s=seconds(p95(waits)), seen_before="",
            not_ours="")
        old = max(t for t, _ in last.values())
        wanted.set_times(old, end, old)
        return wanted

    # --- silences ---

    def silent(self, vp, act):
        return any(one.first < act.time < one.end for one in self.silences()
                   if one.lane[0] == vp)

    def silences(self):
        """Three in a row that were sent, and then the same site, or none."""
        for lane, asked in self.asked.items():
            held, site, answer = [], "", None
            for time, record in asked:
                if record["outcome"] == "unsent":
                    continue
                if record["outcome"] != "answered":
                    held.append(time)
                    continue
                here = self.way(lane, time).site
                if len(held) >= SILENT and site in (here, ""):
                    yield Silence(held[0], time, lane, site, True, answer,
                                  held[-1], here)
                held, site, answer = [], here, time
            if len(held) >= SILENT and site:
                yield Silence(held[0], held[-1], lane, site, False, answer,
                              held[-1], "")

    def outages(self):
        chain, reach = [], 0
        for silence in sorted(self.silences(), key=lambda one: one[:3]):
            if chain and silence.first >= reach:
                yield self.outage(chain)
                chain = []
            reach = max(reach, silence.end) if chain else silence.end
            chain.append(silence)
        if chain:
            yield self.outage(chain)

    @staticmethod
    def outage(chain):
        sites = {one.site for one in chain}
        vps = {one.lane[0] for one in chain}
        returned = {vp for vp in vps if all(
            one.again for one in chain if one.lane[0] == vp)}
        start = chain[0].first
        blank = dict.fromkeys((
            "rtt_before_ms", "rtt_after_ms", "rtt_change_ms",
            "convergence_p50_s", "convergence_p95_s", "seen_before",
            "not_ours", "diverges"), "")
        wanted = Wanted(
            {("outage", sites.pop() if len(sites) == 1 else "")}, start, vps,
            returned=str(len(returned)), paths_compared="0", **blank,
            from_sites=tally((one.lane[0], one.site) for one in chain
                             if one.site),
            to_sites=tally((one.lane[0], one.there) for one in chain
                           if one.there))
        wanted.set_times(max((one.answer for one in chain if one.answer and
                              one.answer < start), default=start),
                         max(one.end for one in chain),
                         max(one.lost for one in chain))
        return wanted

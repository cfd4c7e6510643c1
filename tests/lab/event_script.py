"""Scripts of what may happen to a service in the lab: acts, and the rounds of
every vantage point around them, with what the kernels' forwarding tables said
all the while. See report_events.py."""

import collections
import csv
import datetime
import io
import json
import os
import random
import shutil
import subprocess
import sys
import time

import probing
import rounds
import truth
from labdir import LabDir

sys.path.insert(0, os.path.join(probing.ROOT, "tests", "lib"))
import mmdb  # noqa: E402
import uploads  # noqa: E402

BUILD = os.path.join(probing.ROOT, os.environ.get("B") or "build")
START = 1_795_219_200 * 10**6  # 2026-11-21T00:00:00Z
SECOND = 10**6
EVERY, BETWEEN = 300 * SECOND, 3 * 3600 * SECOND
SPOOL = "0e" * 16
ROUNDS_OF_BATCH = 6  # half an hour
FLOWS = 3  # of vantage points that hear: 21 together, of which there is a p95
CONF = """timeout = "0.4s"
trace_every = "0s"
target "anycast-lab" {
	address = { "%s" }
	zone = "%s"
	flows = %d
	echo = false
	trace = true
	questions = { "soa" }
}
""" % (probing.SERVICE[4], probing.ZONE, FLOWS)
LOSS_PERCENT, JITTER_MS = 1, 2  # each way
SILENT = "vp8"  # cut off all the time
EVIL = "ns1.evil.example"
KINDS = ("withdraw", "hijack", "flap", "announce", "prepend", "reroute",
         "latency", "loss", "dark", "silence", "unseen")

# Where packets of a flow go.
Way = collections.namedtuple("Way", "site hops rtt_ms")
# What was done at a time, before and after which the tables are known.
Act = collections.namedtuple("Act", "kind time before after")
# What another report than events is to show, and where and when.
Beside = collections.namedtuple("Beside", "kind vps begin time end")
# What the operator wrote down; about everything where target or site is "".
Note = collections.namedtuple("Note", "time text target site")


def in_us(text):
    return int(datetime.datetime.fromisoformat(text).timestamp() * 1e6 + 0.5)


def stamp(us):
    return uploads.utc(us)


def listed(ways):
    return sorted([*map(str, lane), *way] for lane, way in ways.items())


class World:
    """The lab, its vantage points, and what is known of each."""

    def __init__(self, lab, prober):
        self.lab, self.folder = lab, LabDir(lab.dir)
        nodes = self.folder.load()["nodes"]
        self.vps = [n for n in nodes if nodes[n]["kind"] == "vp"]
        self.codes = {n: nodes[n]["code"] for n in nodes
                      if nodes[n]["kind"] == "site"}
        self.rounds = {vp: rounds.Rounds(lab, prober, vp, "rounds-" + vp)
                       for vp in self.vps}
        for vp, held in self.rounds.items():
            held.configure(CONF if vp != SILENT else
                           CONF.replace("trace = true", "trace = false"))
            lab.event("loss", vp, nodes[vp]["access"], str(LOSS_PERCENT))
            lab.event("jitter", vp, nodes[vp]["access"], str(JITTER_MS))
        self.access = {vp: nodes[vp]["access"] for vp in self.vps}
        self.networks = self.list_networks(self.folder.load())
        lab.event("silent", SILENT)
        self.sport = {}

    @staticmethod
    def list_networks(state):
        """Address: AS number, of every hop that a trace may see."""
        held = {link["%s4" % side].split("/")[0]:
                state["nodes"][link[side]]["asn"]
                for link in state["links"] for side in "ab"}
        held[probing.SERVICE[4]] = state["service"]["asn"]
        return held

    def hearing(self):
        return [vp for vp in self.vps if vp != SILENT]

    def ask(self, vps):
        """A round of each: {vp: (real time, records)}."""
        done = dict(zip(vps, probing.in_parallel(
            lambda vp: self.rounds[vp].run(), vps, len(vps))))
        for vp, one in done.items():
            if one.head["questions"] is None:
                raise SystemExit("%s: %s" % (vp, one.done.stderr))
            for record in one.of("soa"):
                flow = record["flow"]
                self.sport.setdefault((vp, flow["n"]), flow["sport"])
        return {vp: (in_us(one.head["round_at"]), one.records)
                for vp, one in done.items()}

    def truth(self):
        """{(vp, flow): its way} of those who hear."""
        world = truth.World(self.folder, self.folder.load())
        try:
            rows = {lane: world.row(lane[0], 4, (17, sport, 53))
                    for lane, sport in self.sport.items()
                    if lane[0] != SILENT}
        finally:
            world.close()
        return {lane: Way(EVIL if row["site"] == "rogue" else row["site"],
                          (*row["hops"], probing.SERVICE[4]), row["rtt_ms"])
                for lane, row in rows.items()}

    def settled(self):
        """The truth, once it stays: a busy machine may take its time."""
        now = self.truth()
        for _ in range(30):
            time.sleep(1)
            before, now = now, self.truth()
            if now == before and all(way.site for way in now.values()):
                return now
        raise SystemExit("routing does not settle")

    def restore(self):
        """As it was, for the next script."""
        state = self.folder.load()
        if state["hijack"]:
            self.lab.event("unhijack")
        for site in self.codes:
            if state["nodes"][site]["withdrawn"]:
                self.lab.event("announce", site)
            if state["nodes"][site]["prepend"]:
                self.lab.event("prepend", site, "0")
        for link in state["links"]:
            if link["relation"] == "customer" and not link["up"] and \
                    "rogue" not in (link["a"], link["b"]):
                self.lab.event("link-up", link["a"], link["b"])


class Script:
    def __init__(self, world, seed, folder):
        self.world, self.rng = world, random.Random(seed)
        self.folder = folder
        self.clock = START
        self.segments = collections.defaultdict(lambda: [[]])
        self.acts, self.beside, self.notes = [], [], []
        self.done = []

    # --- time ---

    def round(self, count=1, without=()):
        for _ in range(count):
            vps = [vp for vp in self.world.vps if vp not in without]
            for vp, (real, records) in self.world.ask(vps).items():
                for record in records:
                    record["t"] = stamp(self.clock + in_us(record["t"]) -
                                        real)
                self.segments[vp][-1].append((self.clock, records))
            self.clock += EVERY

    def pause(self):
        self.clock += BETWEEN
        for held in self.segments.values():
            held.append([])

    def records(self, vp, question):
        """Of a vantage point in the order of time, with their times."""
        found = [(in_us(r["t"]), r) for held in self.segments[vp]
                 for _, records in held for r in records
                 if r["question"] == question]
        return sorted(found, key=lambda one: one[0])

    # --- acts ---

    def happen(self, kind, *words):
        """An act, between two rounds, and what is noted about it."""
        before = self.world.truth()
        self.world.lab.event(*words)
        time = self.clock - SECOND
        self.acts.append(Act(kind, time, before, self.world.settled()))
        for site in (self.world.codes.get(word) for word in words):
            self.notes += [Note(time, "for " + site, "anycast-lab",
                                site)] if site else []
        self.notes += [Note(time - 1200 * SECOND, " ".join(words), "", ""),
                       Note(time, "not of it", "another", ""),
                       Note(time - 2400 * SECOND, "too early", "", "")]

    def act(self, kind):
        """Whether it could be done as the world is."""
        self.round()
        if not getattr(self, kind)():
            return False
        self.done.append(kind)
        self.pause()
        return True

    def moved(self, *words):
        self.happen(words[0], *words)
        self.round(3)
        return True

    def draw_site(self):
        """One, whether it is announced, and how many are."""
        state = self.world.folder.load()
        announced = [s for s in self.world.codes
                     if not state["nodes"][s]["withdrawn"]]
        site = self.rng.choice(sorted(self.world.codes))
        return site, site in announced, len(announced)

    def withdraw(self):
        site, announced, count = self.draw_site()
        return announced and count > 2 and self.moved("withdraw", site)

    def announce(self):
        state = self.world.folder.load()
        gone = [s for s in sorted(self.world.codes)
                if state["nodes"][s]["withdrawn"]]
        return gone and self.moved("announce", self.rng.choice(gone))

    def prepend(self):
        site, announced, _ = self.draw_site()
        state = self.world.folder.load()
        times = 0 if state["nodes"][site]["prepend"] else 3
        return announced and self.moved("prepend", site, str(times))

    def hijack(self):
        if self.world.folder.load()["hijack"]:
            return self.moved("unhijack")
        where = self.world.access[self.rng.choice(self.world.vps)]
        more = ["--more-specific"] if self.rng.random() < 0.5 else []
        return self.moved("hijack", where, "--name", EVIL, "--af", "4", *more)

    def reroute(self):
        side = self.rng.choice(("right1", "right2"))
        up = next(link["up"] for link in self.world.folder.load()["links"]
                  if {link["a"], link["b"]} == {"right", side})
        return self.moved("link-down" if up else "link-up", "right", side)

    def flap(self):
        site, announced, count = self.draw_site()
        for _ in range(2 if announced and count > 1 else 0):
            for word in ("withdraw", "announce"):
                self.happen("flap", word, site)
                self.round(3)  # or lost answers would hide a change
        return announced and count > 1

    def latency(self):
        """It moves nobody: latency shows it, and events must not."""
        vp = self.rng.choice(self.world.hearing())
        begin = self.clock - EVERY
        self.round(2)
        time = self.clock - SECOND
        self.happen("latency", "latency", vp, self.world.access[vp],
                    str(self.rng.randrange(20, 60)))
        self.round(3)
        self.show(Beside("latency", {vp}, begin, time, self.clock))
        return True

    def show(self, beside):
        """What a rogue answers is in no other report."""
        if not self.world.folder.load()["hijack"]:
            self.beside.append(beside)

    def loss(self):
        return self.lose("loss", 30)

    def dark(self):
        return self.lose("dark", 100)

    def lose(self, kind, percent):
        vps = self.rng.sample(self.world.hearing(), 2)
        time = self.clock
        self.set_loss(vps, percent)
        self.round(4)
        self.set_loss(vps, LOSS_PERCENT)
        self.show(Beside(kind, set(vps), time, time, self.clock))
        self.round(2)
        return True

    def silence(self):
        self.round(4, without=self.rng.sample(self.world.vps, 2))
        self.round()
        return True

    def unseen(self):
        """Two miss it, asleep or in the dark, for longer than they are
        believed to be where they were."""
        site, announced, count = self.draw_site()
        vps = self.rng.sample(self.world.hearing(), 2)
        asleep = vps if self.rng.random() < 0.5 else []
        if announced and count < 3:
            return False
        self.set_loss(set(vps).difference(asleep), 100)
        self.round(without=asleep)
        self.happen("unseen", "withdraw" if announced else "announce", site)
        self.round(3, without=asleep)
        self.set_loss(set(vps).difference(asleep), LOSS_PERCENT)
        self.round(2)
        return True

    def set_loss(self, vps, percent):
        for vp in sorted(vps):
            self.world.lab.event("loss", vp, self.world.access[vp],
                                 str(percent))

    # --- reports ---

    def store(self):
        collector = uploads.Collector(folder=self.folder).make()
        for vp, segments in self.segments.items():
            key = uploads.Key(self.folder, vp)
            collector.add_vp(vp, key)
            parts = (s[i:i + ROUNDS_OF_BATCH] for s in segments
                     for i in range(0, len(s), ROUNDS_OF_BATCH))
            for number, held in enumerate(parts):
                records = [record for _, one in held for record in one]
                batch = uploads.Batch(key, vp, SPOOL, number + 1, records,
                                      held[0][0])
                path = os.path.join(self.folder, "batch")
                with open(path, "wb") as file:
                    file.write(batch.file)
                said = collector.run("import", path, check=False)
                if ": stored: " not in said.stdout:
                    raise SystemExit(said.stdout + said.stderr)
        collector.run("check", check=False)  # settles
        for note in self.notes:
            words = [word for name in ("target", "site") if
                     getattr(note, name) for word in (
                         "--" + name, getattr(note, name))]
            collector.run("note", "add", "--at", stamp(note.time), *words,
                          note.text)
        self.db = collector.db
        with open(os.path.join(self.folder, "sites"), "w",
                  encoding="ascii") as file:
            file.write(probing.run(probing.LAB, "--dir", self.world.lab.dir,
                                   "sitemap").stdout)
        mmdb.write(os.path.join(self.folder, "networks"), {
            address + "/32": {"autonomous_system_number": asn}
            for address, asn in self.world.networks.items()})

    def report(self, *words, since=START, until=None):
        said = subprocess.run(
            [BUILD + "/acreport", *words, "--db", self.db, "--format", "csv",
             "--site-map", os.path.join(self.folder, "sites"),
             "--mmdb", os.path.join(self.folder, "networks"), "--since",
             stamp(since), "--until", stamp(until or self.clock)],
            capture_output=True, text=True, check=True)
        return list(csv.DictReader(io.StringIO(said.stdout)))

    def keep(self, folder, amiss):
        """The evidence, for whoever wants to know why."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns(
            "*.sock", "*.key"))
        with open(os.path.join(folder, "script.json"), "w",
                  encoding="ascii") as file:
            json.dump({"done": self.done, "amiss": [str(x) for x in amiss],
                       "acts": [(a.kind, stamp(a.time), listed(a.before),
                                 listed(a.after)) for a in self.acts],
                       "now": listed(self.world.truth()),
                       "notes": self.notes, "networks": self.world.networks,
                       "records": self.segments}, file)

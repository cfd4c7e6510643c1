"""Rounds of acprobe -f in a lab, and what their batches hold."""

import collections
import json
import os
import subprocess

import probing


def batch(path):
    """(head, records) of a batch's file."""
    with open(path, "rb") as file:
        frame = file.read().split(b"\n", 2)[2]
    plain = subprocess.run(["zstd", "-dc"], input=frame, check=True,
                           capture_output=True).stdout
    head, *records = [json.loads(line) for line in plain.splitlines()]
    return head, records


def files(spool):
    """The batches of a spool."""
    return [os.path.join(spool, name) for name in os.listdir(spool)
            if name.endswith(".acb")]


class Round:
    """Of one that left no batch the head says None to everything."""

    def __init__(self, done, head, records):
        self.done, self.head, self.records = done, head, records

    def of(self, question, af=None):
        return [r for r in self.records if r["question"] == question and
                af in (None, r["af"])]

    def traced(self):
        """The families whose paths were traced, once for each trace."""
        return sorted(r["af"] for r in self.of("trace"))

    def whole(self):
        """It ended well, and every question that was planned has a record."""
        planned = [r for r in self.records if r["retry_of"] is None]
        return self.done.returncode == 0 and not self.done.stderr and \
            self.head["questions"] == len(planned)


class Rounds:
    """A vantage point with a configuration of its own."""

    def __init__(self, on, prober, vp, name="rounds"):
        self.on, self.prober, self.vp = on, prober, vp
        self.folder = os.path.join(on.dir, name)
        self.spool = os.path.join(self.folder, "spool")
        self.conf = os.path.join(self.folder, "acprobe.conf")
        os.mkdir(self.folder)
        key = os.path.join(self.folder, "vp.key")
        on.must(vp, prober.path, "keygen", key)
        self.top = ('vp = "lab1"\nkey = "%s"\nspool = "%s"\nsplay = "0s"\n'
                    'every = "10s"\nallow_special = { "203.0.113.0/24", '
                    '"2001:db8::/32" }\n' % (key, self.spool))

    def configure(self, text):
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(self.top + text)

    def command(self, *words):
        return self.on.command(self.vp, self.prober.path, "-f", self.conf,
                               *words)

    def run(self, *words):
        before = set(self.batches())
        done = probing.run(*self.command(*words))
        new = sorted(set(self.batches()) - before)
        if len(new) != 1:
            return Round(done, collections.defaultdict(lambda: None), [])
        return Round(done, *batch(os.path.join(self.spool, new[0])))

    def batches(self):
        return [name for name in os.listdir(self.spool)
                if name.endswith(".acb")] if os.path.isdir(self.spool) else []

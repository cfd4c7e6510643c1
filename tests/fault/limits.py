#!/usr/bin/env python3
# Proves that what a limit of file sizes or of descriptors (ulimit -f, -n) stops is said in one line with the documented status, at once, and costs nothing beside.
import contextlib
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lab"))
import chain  # noqa: E402
import machine  # noqa: E402
import mutant  # noqa: E402
import uploads  # noqa: E402
from uploads import Batch, Key  # noqa: E402

SPOOL = "1f" * 16
START_US = 1700000000000000
ACPROBE = os.path.join(uploads.BUILD, "acprobe")
ALLOW = ["--allow-special", "127.0.0.0/8"]
STORAGE = 4
AT_ONCE_S = 10  # the deadline of a look is 20 s and more
HEAD = 24  # bytes of a capture without packets
STANDARD = 3  # descriptors that every program has


def limited(what, most, *command, **more):
    """A command under a limit; what it says is piped, and so has none."""
    more.setdefault("stdout", subprocess.PIPE)
    return subprocess.run(
        command, text=True, stderr=subprocess.PIPE, check=False, timeout=120,
        preexec_fn=lambda: resource.setrlimit(what, (most, most)), **more)


def too_large(done, lines=1):
    """It ended by itself, and said why."""
    return done.returncode == STORAGE and done.stderr.count("\n") == lines \
        and "File too large" in done.stderr.splitlines()[0]


class Server:
    """Answers with a name on a port of 127.0.0.1."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1@%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                query, client = self.socket.recvfrom(65535)
                self.socket.sendto(chain.answer(query), client)


# --- files ---

def sizes_of_looks(tap, folder, server):
    def look(most, *words, **more):
        return limited(resource.RLIMIT_FSIZE, most, ACPROBE, "-q", "-j",
                       "--only", "dns", *ALLOW, *words, server.address, **more)

    with open(os.path.join(folder, "out"), "wb") as out:
        done = look(1000, stdout=out)
    tap.check(too_large(done), "a look whose output may not grow is exit 4 "
              "and one line", done)
    pcap = os.path.join(folder, "look.pcap")
    done = look(3000, "--write", pcap, "-c", "40", "-i", "0.02")
    kinds = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    tap.check(too_large(done) and kinds == ["dns"] * 42 + ["identity"] and
              pcap in done.stderr,
              "evidence that may not grow is exit 4 and one line, and every "
              "record is there", done)
    tap.check(os.path.getsize(pcap) == HEAD, "and no part of a packet is "
              "left in the file", os.path.getsize(pcap))


def sizes_of_rounds(tap, folder, server):
    key, conf = os.path.join(folder, "key"), os.path.join(folder, "conf")
    spool = os.path.join(folder, "spool")
    done = limited(resource.RLIMIT_FSIZE, 0, ACPROBE, "keygen", key)
    tap.check(too_large(done) and not os.path.exists(key) and
              not os.path.exists(key + ".pub"),
              "a key that cannot be written is exit 4, and leaves no half "
              "of it", done, os.listdir(folder))
    subprocess.run([ACPROBE, "keygen", key], check=True, capture_output=True)
    with open(conf, "w", encoding="ascii") as file:
        file.write('vp = "lon1"\nkey = "%s"\nspool = "%s"\nsplay = "0s"\n'
                   'allow_special = "127.0.0.0/8"\ntarget t { address = "%s"'
                   ' echo = false }\n' % (key, spool, server.address))

    def batches():
        return [name for name in os.listdir(spool) if name.endswith(".acb")]

    first = subprocess.run([ACPROBE, "-f", conf], text=True,
                           capture_output=True, check=False)
    done = limited(resource.RLIMIT_FSIZE, 300, ACPROBE, "-f", conf)
    tap.check(first.returncode == 0 and too_large(done) and
              len(batches()) == 1,
              "a round whose batch may not grow is exit 4, one line and no "
              "batch", first, done, os.listdir(spool))
    last = subprocess.run([ACPROBE, "-f", conf], text=True,
                          capture_output=True, check=False)
    tap.check((last.returncode, last.stderr) == (0, "") and
              len(batches()) == 2, "and the next one is stored", last)


def sizes_of_stores(tap, collector):
    """Imports and reports."""
    key = Key(collector.folder, "lon1")
    collector.add_vp("lon1", key)
    paths = []
    for number, rows in ((1, 9), (2, 3000)):
        t_us = START_US + number * 300000000
        rows = [uploads.record(t_us + i, f"ams{i}") for i in range(rows)]
        paths.append(os.path.join(collector.folder, f"batch{number}"))
        with open(paths[-1], "wb") as file:
            file.write(Batch(key, "lon1", SPOOL, number, rows, t_us).file)
    collector.run("import", paths[0])
    largest = os.path.getsize(collector.db)
    done = limited(resource.RLIMIT_FSIZE, largest, collector.program,
                   "import", "-f", collector.conf, paths[1])
    checked = collector.run("check", check=False)
    tap.check(done.returncode == STORAGE and done.stderr and
              checked.returncode == 0, "a store that may not grow is exit 4, "
              "and stays in order", done, checked)
    collector.run("import", paths[1])
    report = [os.path.join(uploads.BUILD, "acreport"), "records", "--db",
              collector.db, "--since", uploads.utc(START_US)[:19] + "Z",
              "--format", "csv"]
    whole = subprocess.run(report, capture_output=True, text=True,
                           check=False)
    with open(os.path.join(collector.folder, "out"), "wb") as out:
        done = limited(resource.RLIMIT_FSIZE, 200000, *report, stdout=out)
    tap.check(whole.returncode == 0 and len(whole.stdout) > 500000 and
              too_large(done), "a report whose output may not grow is exit 4 "
              "and one line", done, whole.stderr, len(whole.stdout))


def without_ignoring(tap):
    """The same with a program that the signal of the limit ends."""
    collector = uploads.Collector()
    try:
        collector.program = mutant.build(
            collector.folder, "accollect",
            [("lib/file.c", "(void)signal(SIGXFSZ, SIG_IGN);", "")])
        mutant.noticed(tap, "a program that SIGXFSZ ends",
                       "a store that may not grow",
                       lambda quiet: sizes_of_stores(quiet, collector.make()))
    finally:
        collector.remove()


# --- descriptors ---

def look_with(descriptors, server, *words):
    watch = machine.Watch()
    done = limited(resource.RLIMIT_NOFILE, descriptors, ACPROBE, "-j",
                   "--only", "dns", "--flows", "3", *ALLOW, *words,
                   server.address)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    seen = [(r["outcome"], r["reason"]) for r in lines if r["type"] == "dns"]
    return done, seen, watch.own_seconds()


def descriptors_of_looks(tap, server):
    """From none to enough: refused, unsent with the cause, all answered, in
    this order, and never slow."""
    stages, wrong = [], []
    for most in range(STANDARD + 1, 16):
        done, seen, seconds = look_with(most, server)
        said = done.stderr.splitlines()[1:]  # behind what is open
        if done.returncode == 127:  # not even its libraries
            continue
        if not seen:
            stage, good = "refused", done.returncode == 3 and \
                "Too many open files" in done.stderr
        elif set(seen) == {("answered", None)}:
            stage, good = "answered", done.returncode == 0 and not any(
                "descriptor" in line for line in said)
        else:
            stage, good = "unsent", done.returncode == 1 and \
                set(seen) == {("unsent", "no descriptor")} and sum(
                    "too few descriptors (ulimit -n)" in line
                    for line in said) == 1
        if not stages or stages[-1] != stage:
            stages.append(stage)
        if not good or seconds > AT_ONCE_S:
            wrong.append((most, seconds, done))
    tap.check(not wrong, "a look with few descriptors says at once that it "
              "has too few", *wrong)
    order = ["refused", "unsent", "answered"]
    tap.check("unsent" in stages and stages == [s for s in order if s in
                                                stages][:len(stages)] and
              stages[-1] == "answered", "with more it answers, over three "
              "flows that share one descriptor in turn", stages)


def main():
    tap = uploads.Tap()
    collector = uploads.Collector()
    server = Server()
    try:
        with tempfile.TemporaryDirectory() as folder:
            sizes_of_looks(tap, folder, server)
            sizes_of_rounds(tap, folder, server)
        sizes_of_stores(tap, collector.make())
        without_ignoring(tap)
        descriptors_of_looks(tap, server)
    finally:
        collector.remove()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())

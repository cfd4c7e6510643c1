#!/usr/bin/env python3
# Proves that a test of the lab, told to stop or left alone by who started it, leaves no namespace, no process and no lab.
"""A test below a shell that ignores SIGINT, as background jobs do, as make
starts it. usage: stopped.py [test]"""

import glob
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import labdir  # noqa: E402
import probing  # noqa: E402
from chain import Chain  # noqa: E402

sys.path.insert(0, os.path.join(probing.ROOT, "tests", "bench"))
import probe_net  # noqa: E402

INNER = "AC_ENDINGS"  # where what is to be ended runs, and its pid
WAYS = (
    ("up", "parent", signal.SIGKILL), ("up", "itself", signal.SIGTERM),
    ("command", "parent", signal.SIGINT), ("command", "itself", signal.SIGKILL),
    ("work", "parent", signal.SIGTERM), ("work", "itself", signal.SIGINT),
    ("bench", "itself", signal.SIGKILL), ("chain", "itself", signal.SIGKILL),
)


def inner(_):
    """A test that goes through all that tests do, slowly."""
    folder = os.environ[INNER]

    def now(what):
        with open(os.path.join(folder, what), "w", encoding="ascii"):
            pass

    with open(os.path.join(folder, "pid"), "w", encoding="ascii") as file:
        file.write("%d" % os.getpid())
    now("up")
    with probing.lab("--topology", "ecmp", "--seed", "1") as lab, \
            probing.started(lab, "vp1", "sleep", "1000"):
        now("command")
        lab.event("withdraw", "site1")
        now("work")
        time.sleep(3)
    with probe_net.chain([1, 1]) as net:
        now("bench")
        net.run("vp", "sleep", "3")
    with Chain(2) as chain:
        now("chain")
        chain.must("vp", "sleep", "1000")


def labs_of(pid):
    """Labs, chains and benchmarks: their folders are named after the test."""
    return [path for kind in ("aclab-probe", "acchain", "acbench")
            for path in glob.glob(os.path.join(
                tempfile.gettempdir(), "%s%d.*" % (kind, pid),
                labdir.MARKER))]


def left_of(pid, prefixes):
    """Namespaces, labs and processes that a test of that pid has made."""
    labs = labs_of(pid)
    spaces = [one for prefix in prefixes
              for one in glob.glob("/run/netns/%s-*" % prefix)]
    running = []
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            with open(path, "rb") as file:
                if ("%s=" % INNER).encode() in file.read():
                    running.append(int(path.split("/")[2]))
        except OSError:
            continue
    return labs, spaces, [p for p in running if labdir.process_start(p)]


def read(path):
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def wait_for(folder, stage):
    """The test's pid and what its namespaces begin with, once it is there;
    of `up`, once it is at work."""
    there = os.path.join(folder, stage)
    if not probing.wait_until(lambda: os.path.exists(there) and
                              read(os.path.join(folder, "pid")), 60):
        return None, []
    pid = int(read(os.path.join(folder, "pid")))
    if stage == "up":
        marks = os.path.join(tempfile.gettempdir(),
                             "aclab-probe%d.*" % pid, "links")
        probing.wait_until(lambda: glob.glob(marks), 30)
    return pid, [read(path) for path in labs_of(pid)]


def end(results, stage, who, number):
    with tempfile.TemporaryDirectory() as folder:
        parent = subprocess.Popen(
            ["sh", "-c", "trap '' INT; \"$@\" & wait", "sh",
             sys.executable, os.path.abspath(__file__), "test"],
            env={**os.environ, INNER: folder}, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)
        pid, prefixes = wait_for(folder, stage)
        sentence = "%s of %s while it does %s: nothing is left" % (
            number.name, "who started a test" if who == "parent" else
            "the test", stage)
        if not prefixes or not all(left_of(pid, prefixes)):
            results.ok(False, sentence, "it never came to that")
        else:
            # A shell that waits ends by a signal that it does not ignore.
            deadly = signal.SIGHUP if number == signal.SIGINT else number
            os.kill(parent.pid if who == "parent" else pid,
                    deadly if who == "parent" else number)
            clean = probing.wait_until(
                lambda: not any(left_of(pid, prefixes)), 60)
            results.ok(clean, sentence, str(left_of(pid, prefixes)))
        parent.kill()
        parent.wait()


def test(results):
    for stage, who, number in WAYS:
        end(results, stage, who, number)


if __name__ == "__main__":
    # As without nohup, below which a lost parent would not be heeded.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    sys.exit(probing.main(inner if sys.argv[1:] == ["test"] else test))

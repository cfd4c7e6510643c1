"""Namespaces for benchmarks: two hosts joined by veth, or a chain of routers
whose links have delays; programs run in them, timed and weighed."""

import contextlib
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LAB = os.path.join(os.path.dirname(HERE), "lab")
ROOT = os.path.dirname(os.path.dirname(HERE))
ACPROBE = os.path.join(ROOT, os.environ.get("B") or "build", "acprobe")
RESPONDER = os.path.join(HERE, "probe_responder.c")
sys.path.insert(0, LAB)
import lifecycle  # noqa: E402
import netns  # noqa: E402
from labdir import LabDir  # noqa: E402

PREFIX = "198.18.0.0/15"  # for benchmarks (RFC 2544)
ALLOWED = ["--allow-special", PREFIX]
COST_NS = 40000  # of a traversal of the relay and two kernels, by itself
IPV4_ONLY = {"ipv4/icmp_ratelimit": 0, "ipv4/icmp_msgs_per_sec": 1000000,
             "ipv4/icmp_msgs_burst": 1000000, "ipv4/conf/all/rp_filter": 0,
             "ipv4/conf/default/rp_filter": 0}


def addresses(count):
    """Of the target's host: 198.18.0.1 and so on, none ending in 0 or 255."""
    found = []
    number = 0
    while len(found) < count:
        number += 1
        if number % 256 not in (0, 255):
            found.append("198.18.%d.%d" % (number // 256, number % 256))
    return found


class Run:
    """What a program took and said. Memory is its peak, in KiB, where weighed
    was asked for."""

    def __init__(self, status, wall, cpu, memory, stdout, stderr):
        self.status, self.wall, self.cpu = status, wall, cpu
        self.memory, self.stdout, self.stderr = memory, stdout, stderr


class Net:
    """Namespaces of one benchmark; ended by close(), or by a watcher where
    this process is gone."""

    def __init__(self):
        self.prefix = "acb%d" % os.getpid()
        self.dir = tempfile.mkdtemp(prefix="acbench%d." % os.getpid())
        self.processes = []
        self.lab = LabDir(self.dir)  # by which it ends as labs do
        self.lab.create(self.prefix)
        lifecycle.watch_over(self.lab, os.getpid())

    def add(self, *names, values=None):
        netns.ip_batch("netns add %s-%s" % (self.prefix, n) for n in names)
        for name in names:
            with netns.inside(self.path(name)):
                netns.sysctl(IPV4_ONLY | (values or {}))
                netns.ip_batch(["link set lo up"])

    def path(self, name):
        return "/run/netns/%s-%s" % (self.prefix, name)

    def ip(self, name, *lines):
        with netns.inside(self.path(name)):
            netns.ip_batch(lines)

    def start(self, name, *command, ready=True, **options):
        """A process in a namespace; waits for its line "ready"."""
        with netns.inside(self.path(name)) if name else \
                contextlib.nullcontext():
            process = subprocess.Popen(command, stdout=subprocess.PIPE,
                                       cwd=self.dir, **options)
        self.processes.append(process)
        self.lab.enlist(os.path.basename(command[0]), process.pid)
        if ready:
            told, _, _ = select.select([process.stdout], [], [], 10)
            if not told or process.stdout.readline() != b"ready\n":
                raise SystemExit("%s did not start" % command[0])
        return process

    def end(self, process):
        self.processes.remove(process)
        process.terminate()
        process.communicate(timeout=20)

    def build(self, source):
        """A program of the tests, by its source file."""
        name = os.path.basename(source)[:-2]
        made = os.path.join(self.dir, name)
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", made, source], check=True)
        return made

    def run(self, name, *command, weigh=False, seconds=120):
        """A program in a namespace, to its end."""
        out = os.path.join(self.dir, "stdout")
        err = os.path.join(self.dir, "stderr")
        peak = os.path.join(self.dir, "peak")
        if weigh:  # a child of Python would begin with Python's own peak
            command = ("time", "-q", "-f", "%M", "-o", peak, *command)
        with open(out, "wb") as stdout, open(err, "wb") as stderr, \
                netns.inside(self.path(name)):
            begin = time.monotonic()
            process = subprocess.Popen(command, stdout=stdout, stderr=stderr,
                                       cwd=self.dir)
            timer = begin + seconds
            poll = os.pidfd_open(process.pid)
            select.select([poll], [], [], timer - begin)
            wall = time.monotonic() - begin
            os.close(poll)
            if time.monotonic() >= timer:
                process.kill()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for path in (out, err):
            with open(path, encoding="utf-8", errors="replace") as file:
                texts.append(file.read())
        memory = None
        if weigh:
            with open(peak, encoding="ascii") as file:
                memory = int(file.read().split()[-1])
        return Run(process.returncode, wall, usage.ru_utime + usage.ru_stime,
                   memory, *texts)

    def close(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.communicate(timeout=20)
        self.lab.end_all()


@contextlib.contextmanager
def two_hosts():
    """"vp" and "site", which has all of PREFIX, a wire apart."""
    net = Net()
    try:
        net.add("vp", "site")
        net.ip("vp", "link add eth0 type veth peer name eth0 netns %s-site"
               % net.prefix, "addr add 10.99.0.1/24 dev eth0",
               "link set eth0 up")
        net.ip("site", "addr add 10.99.0.2/24 dev eth0", "link set eth0 up",
               "route add local %s dev lo" % PREFIX)
        net.ip("vp", "route add %s via 10.99.0.2" % PREFIX)
        net.start("site", net.build(RESPONDER), "53",
                  stderr=subprocess.DEVNULL)
        yield net
    finally:
        net.close()


@contextlib.contextmanager
def chain(delays_ms):
    """"vp", routers "r1" …, "site", which has all of PREFIX: link n has a
    round trip of delays_ms[n]."""
    net = Net()
    names = ["vp"] + ["r%d" % n for n in range(1, len(delays_ms))] + ["site"]
    try:
        net.add(*names, values={"ipv4/ip_forward": 1})
        with open(os.path.join(net.dir, "links"), "w",
                  encoding="ascii") as file:
            for n, delay in enumerate(delays_ms):
                file.write("%s right %s left %d %d\n" % (
                    net.path(names[n]), net.path(names[n + 1]),
                    delay * 500000, delay * 500000))
        net.start(None, net.build(os.path.join(LAB, "relay.c")), "links",
                  "control", "1", str(COST_NS), stderr=subprocess.DEVNULL)
        for n, name in enumerate(names):
            lines = []
            if n > 0:
                lines += ["link set left up",
                          "addr add 10.99.%d.2/24 dev left" % n,
                          "route add 10.99.0.0/16 via 10.99.%d.1" % n]
            if n + 1 < len(names):
                lines += ["link set right up",
                          "addr add 10.99.%d.1/24 dev right" % (n + 1),
                          "route add %s via 10.99.%d.2" % (PREFIX, n + 1)]
            else:
                lines += ["route add local %s dev lo" % PREFIX]
            net.ip(name, *lines)
        net.start("site", net.build(RESPONDER), "53",
                  stderr=subprocess.DEVNULL)
        yield net
    finally:
        net.close()


def median_of_pairs(pairs):
    """(median of the first, of the second, of first / second)."""
    return (statistics.median(a for a, _ in pairs),
            statistics.median(b for _, b in pairs),
            statistics.median(a / b for a, b in pairs))

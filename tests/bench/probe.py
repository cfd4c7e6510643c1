#!/usr/bin/env python3
# Measures acprobe beside traceroute, scamper, mtr, dig, kdig, ping and fping in one run, as ratios.
# time limit: 1800 s
"""probe.py [ROW...]   of: question look trace traces echo round rtt (all)

Namespaces of its own; PAIRS (5) pairs a row, of which the medians count. The
wanted figures are those of a machine with two processors and nothing else to
do, so what fails here is a program and never a figure.
"""
import os
import re
import statistics
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import probe_net  # noqa: E402
import probe_rtt  # noqa: E402
from probe_net import ACPROBE, ALLOWED  # noqa: E402

PAIRS = int(os.environ.get("PAIRS", 5))
TARGET = "198.18.0.1"
ADDRESSES = 10000
TRACES = 1000
QUESTIONS = ("soa", "hostname.bind", "id.server")
LOOK = [ACPROBE, *ALLOWED, "-q", "-n", "-j"]
FAILED = []


def say(text=""):
    print(text, flush=True)


def row(name, ours, peers, ratio, asked, met):
    say("%-34s %-15s %-15s %-9s %-26s %s" % (
        name, ours, peers, ratio, asked, "met" if met else "NOT MET"))


def ratio_row(name, pairs, asked, unit="%.3f s"):
    ours, peers, ratio = probe_net.median_of_pairs(pairs)
    row(name, unit % ours, unit % peers, "%.2fx" % ratio,
        "<= %.2fx" % asked, ratio <= asked)


def works(run, program):
    """A program that fails measures nothing."""
    if run.status != 0:
        FAILED.append("%s: status %d: %s" % (
            program, run.status, run.stderr.strip()[:200]))
    return run


def fill(net, name, addresses):
    path = os.path.join(net.dir, name)
    with open(path, "w", encoding="ascii") as file:
        file.write("\n".join(addresses) + "\n")
    return path


# --- one question, one look ---

def question():
    """One CHAOS question with NSID; acprobe asks three where it cannot be
    told to ask one."""
    ask = [*LOOK, "-c", "1", *ONE, TARGET]
    kdig = ["kdig", "@" + TARGET, "+nsid", "CH", "TXT", "id.server"]
    dig = ["dig", "@" + TARGET, "+nsid", "+tries=1", "CH", "TXT", "id.server"]
    with probe_net.two_hosts() as net:
        runs = {"acprobe": ask, "kdig": kdig, "dig": dig}
        taken = {name: [] for name in runs}
        cpu = {name: [] for name in runs}
        for _ in range(8 * PAIRS):
            for name, command in runs.items():
                run = works(net.run("vp", *command), name)
                taken[name].append(run.wall)
                cpu[name].append(run.cpu)
        for peer, asked in (("kdig", 1.0), ("dig", 1.0)):
            ratio_row("one CHAOS+NSID question, %s" % peer,
                      [(a * 1e3, b * 1e3) for a, b in zip(
                          taken["acprobe"], taken[peer])], asked, "%.1f ms")
        say("%-34s %s" % ("  CPU", ", ".join(
            "%s %.1f ms" % (n, statistics.median(c) * 1e3)
            for n, c in cpu.items())))


def look():
    peers = [["dig", "@" + TARGET, "+nsid", "+tries=1", *words] for words in (
        [".", "SOA"], ["CH", "TXT", "hostname.bind"],
        ["CH", "TXT", "id.server"])]
    peers += [["ping", "-n", "-c", "5", TARGET],
              ["mtr", "-n", "-r", "-c", "1", TARGET]]
    with probe_net.chain([10] * 9) as net:
        net.run("vp", "ping", "-c", "2", TARGET)
        once = sum(works(net.run("vp", *p), p[0]).wall for p in peers)
        taken = [works(net.run("vp", *LOOK, TARGET), "look").wall
                 for _ in range(PAIRS)]
    ours = statistics.median(taken)
    row("default look, target at 90 ms", "%.3f s" % ours, "%.1f s" % once,
        "%.2fx" % (ours / once), "<= 0.800 s", ours <= 0.8)


# --- paths ---

def sent(net):
    """Packets that have left vp."""
    with probe_net.netns.inside(net.path("vp")), \
            open("/proc/net/dev", encoding="ascii") as file:
        return int(re.search(r"right: *(?:\d+ +){9}(\d+)",
                             file.read()).group(1))


def counted(net, name, *command):
    before = sent(net)
    run = works(net.run("vp", *command), name)
    return run, sent(net) - before


def trace():
    one = {"acprobe": [*LOOK, "--only", "trace", TARGET],
           "traceroute": ["traceroute", "-I", "-N", "64", "-q", "1", "-n",
                          TARGET],
           "scamper": ["scamper", "-O", "json", "-c",
                       "trace -P icmp-paris -q 1", "-i", TARGET]}
    with probe_net.chain([10] * 9) as net:
        net.run("vp", "ping", "-c", "2", TARGET)
        pairs = []
        for _ in range(PAIRS):
            taken = {n: counted(net, n, *c) for n, c in one.items()}
            if taken["acprobe"][0].stdout.count('"ttl"') != 9:
                FAILED.append("acprobe: not nine hops")
            pairs.append(taken)
        mtr, mtr_sent = counted(net, "mtr", "mtr", "-n", "-r", "-c", "1",
                                TARGET)
    ratio_row("trace of 8 hops, traceroute -N 64",
              [(p["acprobe"][0].wall, p["traceroute"][0].wall)
               for p in pairs], 1.15)
    ratio_row("  its probes", [(p["acprobe"][1], p["traceroute"][1])
                               for p in pairs], 0.5, "%d")
    scamper = statistics.median(p["scamper"][0].wall for p in pairs)
    say("  beside: scamper %.2f s, %d packets; mtr %.1f s, %d" % (
        scamper, pairs[0]["scamper"][1], mtr.wall, mtr_sent))


def traces():
    with probe_net.chain([10] * 9) as net:
        net.run("vp", "ping", "-c", "2", TARGET)
        many = probe_net.addresses(TRACES)
        path = fill(net, "targets", many)
        pairs = []
        for _ in range(max(2, PAIRS // 2)):
            ours = counted(net, "traces", *LOOK, "--only", "trace", "--rate",
                           "10000", *many)
            peer = counted(net, "scamper", "scamper", "-O", "warts", "-o",
                           os.path.join(net.dir, "warts"), "-p", "10000",
                           "-c", "trace -P icmp-paris -q 1", "-f", path)
            hops = ours[0].stdout.count('"ttl"')
            if hops != 9 * TRACES:
                say("  ours found %d hops of %d" % (hops, 9 * TRACES))
            pairs.append((ours, peer))
    ratio_row("1,000 traces at 10,000 pps, scamper",
              [(a[0].wall, b[0].wall) for a, b in pairs], 1.0)
    ratio_row("  its probes", [(a[1], b[1]) for a, b in pairs], 1.1, "%d")
    ratio_row("  its CPU", [(a[0].cpu, b[0].cpu) for a, b in pairs], 1.5)


# --- thousands ---

def rate_of(path):
    """Packets per second of the requests in a capture, and their count."""
    with open(path, "rb") as file:
        data = file.read()
    at, times = 24, []
    while at + 16 <= len(data):
        seconds, nanoseconds, length, _ = struct.unpack_from("IIII", data, at)
        times.append(seconds + nanoseconds / 1e9)
        at += 16 + length
    return (len(times) - 1) / (times[-1] - times[0]), len(times)


def paced(net, *command):
    """The rate at which echo requests leave."""
    path = os.path.join(net.dir, "paced.pcap")
    with probe_net.netns.inside(net.path("vp")):
        capture = subprocess.Popen(
            ["tcpdump", "-i", "eth0", "-n", "-s", "40", "-B", "16384",
             "--time-stamp-precision=nano", "-w", path, "-Z", "root",
             "icmp[0] == 8"], stderr=subprocess.PIPE, text=True)
    while "listening" not in capture.stderr.readline():
        pass
    works(net.run("vp", *command), command[0])
    time.sleep(1)
    capture.terminate()
    capture.communicate(timeout=20)
    return rate_of(path)


def echo():
    with probe_net.two_hosts() as net:
        many = probe_net.addresses(ADDRESSES)
        path = fill(net, "targets", many)
        ours = [*LOOK, "--only", "echo", "-c", "1", "--rate", "10000", *many]
        peer = ["scamper", "-O", "warts", "-o", os.path.join(
            net.dir, "warts"), "-p", "10000", "-c", "ping -c 1", "-f", path]
        fping = ["fping", "-q", "-c", "1", "-i", "0.1", "-f", path]
        pairs, replies = [], []
        for _ in range(PAIRS):
            a = works(net.run("vp", *ours, weigh=True), "acprobe")
            b = works(net.run("vp", *peer, weigh=True), "scamper")
            pairs.append((a, b))
            replies.append(a.stdout.count('"outcome":"answered"'))
        beside = net.run("vp", *fping, weigh=True)
        rates = [paced(net, *ours) for _ in range(3)]
        rate = statistics.median(r for r, _ in rates)
    row("echo, 10,000 at 10,000 pps", "%.0f pps" % rate, "", "",
        "within 1 % of the rate", abs(rate - 10000) <= 100)
    row("  replies", min(replies), "", "", "all", min(replies) == ADDRESSES)
    ratio_row("  scamper's CPU", [(a.cpu * 100, b.cpu * 100)
                                  for a, b in pairs], 0.7, "%.1f us")
    say("  resident: acprobe %.1f MiB, scamper %.1f; fping %.1f us, %.1f MiB" %
        (statistics.median(a.memory for a, _ in pairs) / 1024,
         statistics.median(b.memory for _, b in pairs) / 1024,
         beside.cpu * 100, beside.memory / 1024))


CONFIG = """vp = "bench"
key = "%(dir)s/key"
spool = "%(dir)s/spool"
every = "300s"
splay = "0s"
rate = 10000
allow_special = { "%(prefix)s" }
target "t" {
    address = { %(addresses)s }
    echo = false
    questions = { %(questions)s }
}
"""


def quoted(words):
    return ", ".join('"%s"' % word for word in words)


def configure(net, addresses):
    """A configuration of one round, with its key: its path."""
    conf = os.path.join(net.dir, "conf")
    with open(conf, "w", encoding="ascii") as file:
        file.write(CONFIG % {
            "dir": net.dir, "prefix": probe_net.PREFIX,
            "addresses": quoted(addresses), "questions": quoted(QUESTIONS)})
    net.run("vp", ACPROBE, "keygen", os.path.join(net.dir, "key"))
    return conf


def one_round():
    with probe_net.two_hosts() as net:
        conf = configure(net, probe_net.addresses(ADDRESSES))
        runs = [works(net.run("vp", ACPROBE, "-q", "-f", conf, weigh=True),
                      "round") for _ in range(PAIRS)]
        spool = [os.path.getsize(os.path.join(folder, name))
                 for folder, _, names in os.walk(os.path.join(
                     net.dir, "spool")) for name in names
                 if name.endswith(".acb")]
    count = ADDRESSES * len(QUESTIONS)
    cpu = statistics.median(r.cpu for r in runs) / count * 1e6
    memory = statistics.median(r.memory for r in runs) / 1024
    row("round of 30,000 questions, CPU", "%.1f us" % cpu, "", "",
        "<= 25 us a question", cpu <= 25)
    row("  resident", "%.1f MiB" % memory, "", "", "<= 16 MB",
        memory * 1.048576 <= 16)
    say("  wall %.1f s; %d batches, %.1f bytes a question" % (
        statistics.median(r.wall for r in runs), len(spool),
        sum(spool) / max(1, len(spool)) / count))
    if not spool:
        FAILED.append("round: no batch")


def rtt():
    met = probe_rtt.table(max(1, PAIRS // 2), say)
    row("RTT beside the capture", "", "", "", "+-10 us, p95 within 25", met)


ONE = ["--only", "dns"]
ROWS = {"question": question, "look": look, "trace": trace, "traces": traces,
        "echo": echo, "round": one_round, "rtt": rtt}


def main():
    wanted = sys.argv[1:] or list(ROWS)
    if os.geteuid() != 0:
        sys.exit("probe.py: namespaces need root")
    for name in wanted:
        if name not in ROWS:
            sys.exit("probe.py: rows are: " + " ".join(ROWS))
    say("%-34s %-15s %-15s %-9s %s" % (
        "work", "acprobe", "peer", "ratio", "asked"))
    for name in wanted:
        ROWS[name]()
    for line in FAILED:
        say("FAILED: " + line)
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())

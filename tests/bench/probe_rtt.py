"""What programs say of round trips, beside what the kernel stamped for a
capture of the same packets."""

import json
import os
import re
import statistics
import subprocess
import time

import probe_net
import probing

TARGET = "198.18.0.1"
COUNT = 50       # of one address, within the burst that manners allow
PAUSE = "0.02"
LOAD_RATE = 10000

PROGRAMS = {
    "acprobe echo": [probe_net.ACPROBE, *probe_net.ALLOWED, "-q", "-n", "-j",
                     "--only", "echo", "-c", str(COUNT), "-i", PAUSE, TARGET],
    "acprobe dns": [probe_net.ACPROBE, *probe_net.ALLOWED, "-q", "-n", "-j",
                    "--only", "dns", "-c", str(COUNT), "-i", PAUSE, TARGET],
    "ping": ["ping", "-n", "-c", str(COUNT), "-i", PAUSE, TARGET],
    "fping": ["fping", "-c", str(COUNT), "-p", "60", TARGET],
    "scamper": ["scamper", "-O", "json", "-c",
                "ping -c %d -i 1" % (COUNT // 10), "-i", TARGET],
}


def said(program, run):
    """(key of the packet, microseconds), in the order of sending."""
    if program.startswith("acprobe"):
        found = []
        for line in run.stdout.splitlines():
            r = json.loads(line)
            if r.get("question") in ("soa", "echo") and \
                    r["outcome"] == "answered":
                found.append((r["t"], r["rtt_us"]))
        return [rtt for _, rtt in sorted(found)]
    if program == "scamper":
        for line in run.stdout.splitlines():
            r = json.loads(line)
            if r.get("type") == "ping":
                return [x["rtt"] * 1000 for x in r["responses"]]
        return []
    pattern = r"time=([\d.]+)" if program == "ping" else \
        r"bytes, ([\d.]+) ms"
    return [float(x) * 1000 for x in re.findall(pattern, run.stdout)]


def key_of(packet):
    """(what it asks, is it the reply), or None."""
    at = (packet[0] & 15) * 4
    if packet[9] == 1 and packet[at] in (0, 8):
        return bytes(packet[at + 4:at + 8]), packet[at] == 0
    if packet[9] != 17:
        return None
    # The CHAOS questions of a look are beside: SOA ends in 0, 6, 0, 1.
    end = at + 8 + 12
    while packet[end] != 0:
        end += 1 + packet[end]
    if packet[end + 1:end + 5] != b"\0\6\0\1":
        return None
    return bytes(packet[at + 8:at + 10]), packet[at + 10] & 0x80 != 0


def captured(path):
    """Microseconds of each question that was answered, in order."""
    sent, answered = {}, {}
    for stamp, packet in probing.read_pcap(path):
        found = key_of(packet)
        if found is None:
            continue
        key, is_reply = found
        if is_reply and key in sent and key not in answered:
            answered[key] = stamp
        elif not is_reply:
            sent[key] = stamp
    return [(answered[key] - sent[key]) / 1000 for key in sent
            if key in answered]


def errors(net, program):
    """Microseconds by which a program is above the capture, per packet."""
    path = os.path.join(net.dir, "rtt.pcap")
    # Not woken for each packet, which would come between stamp and sending.
    with probe_net.netns.inside(net.path("vp")):
        capture = subprocess.Popen(
            ["tcpdump", "-i", "right", "-n", "-s",
             "128", "--time-stamp-precision=nano", "-w", path, "-Z", "root",
             "host " + TARGET], stderr=subprocess.PIPE, text=True)
    if not any("listening" in line for line in capture.stderr):
        raise SystemExit("tcpdump did not start")
    run = net.run("vp", *PROGRAMS[program])
    time.sleep(1.2)  # the kernel hands blocks over, at the latest each second
    capture.terminate()
    capture.communicate(timeout=20)
    told, seen = said(program, run), captured(path)
    if len(told) != len(seen) or not told:
        return []  # a loss: which sample it was is not known
    return [a - b for a, b in zip(told, seen)]


def p95(values):
    return sorted(values)[max(0, -(-len(values) * 95 // 100) - 1)]


def add_load(net):
    """A second way out of vp, to a host of its own, for other traffic."""
    net.add("load")
    net.ip("vp", "link add eth1 type veth peer name eth1 netns %s-load" %
           net.prefix, "addr add 10.98.0.1/24 dev eth1", "link set eth1 up",
           "route add 198.19.0.0/16 via 10.98.0.2")
    net.ip("load", "addr add 10.98.0.2/24 dev eth1", "link set eth1 up",
           "route add local 198.19.0.0/16 dev lo")
    with open(os.path.join(net.dir, "load"), "w", encoding="ascii") as file:
        for address in probe_net.addresses(65000):
            file.write(address.replace("198.18.", "198.19.") + "\n")


def start_load(net):
    return net.start("vp", "scamper", "-O", "warts", "-o", "/dev/null", "-p",
                     str(LOAD_RATE), "-c", "ping -c 1", "-f",
                     os.path.join(net.dir, "load"), ready=False,
                     stderr=subprocess.DEVNULL)


def measure(net, program, loaded, rounds):
    """(median of the rounds' medians, median of the p95 of absolute errors,
    samples)."""
    medians, tails, count = [], [], 0
    for _ in range(rounds):
        load = start_load(net) if loaded else None
        if loaded:
            time.sleep(0.3)
        found = errors(net, program)
        if load is not None:
            net.end(load)
        if found:
            medians.append(statistics.median(found))
            tails.append(p95([abs(x) for x in found]))
            count += len(found)
    if not medians:
        return None
    return statistics.median(medians), statistics.median(tails), count


def table(rounds, say):
    """Print the row; whether ours is as asked everywhere."""
    good = True
    say("%-8s %-6s %-13s %8s %8s %6s" % (
        "RTT", "beside", "program", "median", "p95 |e|", "n"))
    for delay in (1, 10, 50):
        with probe_net.chain([delay]) as net:
            add_load(net)
            net.run("vp", "ping", "-c", "3", "-i", "0.2", TARGET)
            for loaded in (False, True):
                for program in PROGRAMS:
                    found = measure(net, program, loaded, rounds)
                    if found is None:
                        say("%d ms %s %s: no figure, packets were lost" % (
                            delay, loaded, program))
                        good &= not program.startswith("acprobe")
                        continue
                    say("%-8s %-6s %-13s %+8.1f %8.1f %6d" % (
                        "%d ms" % delay, "10 kpps" if loaded else "idle",
                        program, *found))
                    if program.startswith("acprobe"):
                        good &= abs(found[0]) <= 10 and found[1] <= 25
    return good

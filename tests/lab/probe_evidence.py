#!/usr/bin/python3 -I
# A look's --write holds every packet that tcpdump saw, and --read gives the same records of it.
"""usage: probe_evidence.py [SEED]"""

import collections
import datetime
import fcntl
import itertools
import json
import os
import shutil
import stat
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import probing  # noqa: E402
import rounds  # noqa: E402
from probing import SERVICE, ZONE  # noqa: E402

SERVICES = "host %s or host %s or icmp or (ip6 and not udp and not tcp)" % (
    SERVICE[4], SERVICE[6])
LATE_NS = 300_000  # one hook of the kernel behind the other, on a busy host
TOLD = ("_ws.malformed || ip.checksum.status==0 || udp.checksum.status==0 || "
        "tcp.checksum.status==0 || icmp.checksum.status==0 || "
        "icmpv6.checksum.status==0")
CHECK = [word for protocol in ("ip", "udp", "tcp")
         for word in ("-o", "%s.check_checksum:TRUE" % protocol)]


def read_raw(path):
    """(time in ns, packet) of what --write wrote: link type RAW, in ns."""
    with open(path, "rb") as file:
        if file.read(4) != struct.pack("<I", 0xa1b23c4d):
            raise SystemExit("%s: not as documented" % path)
    return list(probing.read_frames(path, probing.RAW))


def essence(packet):
    """What the wire and the file must agree in: addresses, label, protocol
    and everything behind the IP header."""
    if packet[0] >> 4 == 4:
        length = struct.unpack_from("!H", packet, 2)[0]
        start = (packet[0] & 15) * 4
        return packet[9:10] + packet[12:20] + packet[start:length]
    length = 40 + struct.unpack_from("!H", packet, 4)[0]
    return packet[6:7] + packet[8:length]


def is_neighbour(packet):
    """ICMPv6 below ours: neighbours and listeners."""
    return packet[0] >> 4 == 6 and (packet[6] == 0 or (
        packet[6] == 58 and packet[40] in range(130, 138)))


def by_essence(packets):
    found = {}
    for at, packet in packets:
        found.setdefault(essence(packet), []).append(at)
    return found


def differences(wire, file):
    """Packets of one and not of the other; and the largest distance."""
    only = [key.hex() for key in wire.keys() ^ file.keys()]
    only += [key.hex() for key in wire.keys() & file.keys()
             if len(wire[key]) != len(file[key])]
    apart = [abs(a - b) for key in wire.keys() & file.keys()
             for a, b in zip(sorted(wire[key]), sorted(file[key]))]
    return only, sorted(apart)


def test_all_there(results, prober, lab):
    path = os.path.join(prober.folder, "look.pcap")
    with probing.Capture(lab, "vp1", SERVICES) as capture:
        prober.look(lab, "vp1", "-z", ZONE, "--flows", "3", "--write", path,
                    *SERVICE.values())
    wire = by_essence((at, packet) for at, packet in capture.packets()
                      if not is_neighbour(packet))
    only, apart = differences(wire, by_essence(read_raw(path)))
    results.ok(len(wire) > 60 and not only,
               "a look's file holds every packet that tcpdump saw, byte for "
               "byte behind the IP header, and no other: %d" % len(wire),
               only[:10])
    results.ok(apart and apart[len(apart) // 2] < LATE_NS,
               "at the kernel's times", apart[-10:])
    results.ok(stat.S_IMODE(os.stat(path).st_mode) == 0o600,
               "which only its owner reads", oct(os.stat(path).st_mode))
    done = probing.run("tshark", "-n", "-r", path, *CHECK, "-Y", TOLD)
    results.ok(done.returncode == 0 and not done.stdout,
               "and tshark finds nothing wrong with it",
               done.stdout + done.stderr)


ROUND = """user = "nobody"
target "service" {
	address = { "%s", "%s" }
	zone = "%s"
	transport = { "udp", "tcp" }
	flows = 3
	echo = true
	trace = true
}
""" % (SERVICE[4], SERVICE[6], ZONE)


def datagrams(packets):
    """Of a stream the file has what its socket saw, no segment as it was."""
    return by_essence((at, packet) for at, packet in packets
                      if packet[9 if packet[0] >> 4 == 4 else 6] != 6)


def test_round(results, prober, lab):
    vp = rounds.Rounds(lab, prober, "vp1")
    os.chmod(lab.dir, 0o711)
    os.chown(vp.folder, probing.NOBODY, probing.NOBODY)
    vp.configure(ROUND)
    path = os.path.join(prober.folder, "round.pcap")
    with probing.Capture(lab, "vp1", SERVICES) as capture:
        done = vp.run("--write", path)
    wire = datagrams((at, packet) for at, packet in capture.packets()
                     if not is_neighbour(packet))
    only, _ = differences(wire, datagrams(read_raw(path)))
    results.ok(done.whole() and len(wire) > 40 and not only,
               "a round's file holds every datagram that tcpdump saw: %d" %
               len(wire), (only[:10], done.done.stderr, len(done.records)))
    told = probing.run("tshark", "-n", "-r", path, *CHECK, "-Y", TOLD)
    names = probing.run("tshark", "-n", "-r", path, "-Y",
                        "dns.flags.response == 1", "-T", "fields", "-e",
                        "dns.id")
    asked = [r for r in done.records if r["type"] == "dns"]
    results.ok(told.returncode == 0 and not told.stdout and
               len(names.stdout.split()) >= len(asked) > 20 and
               any(r["proto"] == "tcp" for r in asked),
               "tshark reads every answer of it, and finds nothing wrong",
               (told.stdout, told.stderr, len(names.stdout.split()),
                len(asked)))
    with open(path, "rb") as file:
        before = file.read()
    with open(os.path.join(vp.spool, "probe.lock"), "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        skipped = vp.run("--write", path)
    with open(path, "rb") as file:
        after = file.read()
    results.ok(skipped.done.returncode == 0 and "skipped" in
               skipped.done.stderr and after == before,
               "a round that is skipped leaves the file to the one that runs",
               (skipped.done.stderr, len(before), len(after)))
    again = prober.look(lab, "vp2", "--read", path_for_all(path, prober))
    named, found = (collections.Counter(
        (r["addr"], r["proto"], r["question"], r["nsid_hex"])
        for r in records if r["type"] == "dns" and r["nsid_hex"])
        for records in (done.records, again.records))
    results.ok(named.total() > 20 and not named - found,
               "and --read finds in it the names that the round found: %d" %
               named.total(), list((named - found).items())[:4])


def path_for_all(path, prober):
    path = shutil.copy(path, os.path.join(prober.folder, "all.pcap"))
    os.chmod(path, 0o644)
    return path


def outcome(record):
    """What a capture by another must agree in: not times."""
    return json.dumps([record[key] for key in (
        "addr", "proto", "question", "flow", "outcome", "reply_ttl")] +
        [record.get("nsid_hex"), record.get("answer")] +
        [hop["addr"] for hop in record.get("hops", [])])


# --- a capture of tcpdump, told otherwise ---

ETHER_TYPE = {4: b"\x08\x00", 6: b"\x86\xdd"}


def queries(packets, af):
    """(place, TTL) of the packets to port 53."""
    for place, (_, frame) in enumerate(packets):
        if frame[12:14] != ETHER_TYPE[af]:
            continue
        udp = probing.read_udp(frame[14:])
        if udp is not None and udp[1] == 53:
            yield place, udp[2]


def source(frame, af):
    return frame[26:30] if af == 4 else frame[22:38]


def first_six(packets, af):
    """Places of three questions and three hops, if no answer lies between,
    with which another order would mean something else; else None."""
    found = list(itertools.islice(queries(packets, af), 6))
    if [min(ttl, 9) for _, ttl in found] != [9, 9, 9, 1, 2, 3]:
        return None
    first, last = found[0][0], found[-1][0]
    own = source(packets[first][1], af)
    answers = [frame for _, frame in packets[first:last]
               if frame[12:14] == ETHER_TYPE[af] and source(frame, af) != own
               and not is_neighbour(frame[14:])]
    return None if answers else [place for place, _ in found]


# What was sent at the times of three questions and of hops 1, 2, 3.
OVERTOOK = (
    ("another on their way out", (0, 1, 2, 4, 5, 3)),
    ("another and questions on their way out", (0, 5, 4, 1, 2, 3)),
    ("all that went before", (5, 4, 0, 1, 3, 2)),
)


def overtake(path, order):
    """As if packets had waited for the neighbour, and later ones had not."""
    packets = list(probing.read_frames(path))
    told = list(packets)
    for places in (first_six(packets, 4), first_six(packets, 6)):
        for place, which in zip(places, order):
            told[place] = (packets[place][0], packets[places[which]][1])
    probing.write_frames(path, told)


def with_ttl(frame, ttl):
    at = 14 + (8 if frame[14] >> 4 == 4 else 7)
    return frame[:at] + bytes([ttl]) + frame[at + 1:]


def add_hops(path):
    """As if a prober that stood still had sent more of a trace that was
    over by then: before each question behind the first answers."""
    packets = list(probing.read_frames(path))
    told = {}
    for af in (4, 6):
        asked = list(queries(packets, af))
        hop = packets[next(place for place, ttl in asked if ttl < 30)][1]
        for place, ttl in asked[-3:]:
            told[place] = [
                (packets[place][0], with_ttl(hop, 20 + i)) for i in range(2)]
    probing.write_frames(path, [
        each for place, packet in enumerate(packets)
        for each in (*told.get(place, ()), packet)])
    return sum(map(len, told.values()))


def test_told_otherwise(results, prober, lab, path, expected):
    """The look's records again, whatever moment its packets had."""
    def read(change, *words):
        copy = path_for_all(path, prober)
        done = change(copy, *words)
        again = prober.look(lab, "vp2", "--read", copy)
        found = sorted(map(outcome, again.records))
        return done, found == expected, (
            [pair for pair in zip(expected, found) if pair[0] != pair[1]],
            len(found), again.stderr)

    for what, order in OVERTOOK:
        _, same_again, why = read(overtake, order)
        results.ok(same_again, "hops that overtook %s are its trace's" %
                   what, why)
    added, same_again, why = read(add_hops)
    results.ok(added == 12 and same_again,
               "hops that no trace needs any more hold up no question", why)


LOOKS_TRIED = 10


def captured_look(prober, lab):
    """vp2 has no neighbour yet: the look that is first has to ask for it."""
    with probing.Capture(lab, "vp2", SERVICES) as capture:
        look = prober.look(lab, "vp2", "-z", ZONE, *SERVICE.values())
    return capture.path, look


def in_order(path):
    packets = list(probing.read_frames(path))
    return all(first_six(packets, af) for af in (4, 6))


def test_tcpdump(results, prober, lab):
    wrong = []
    for _ in range(LOOKS_TRIED):
        path, first = captured_look(prober, lab)
        again = prober.look(lab, "vp2", "--read", path_for_all(path, prober))
        a, b = (sorted(map(outcome, x.records)) for x in (first, again))
        if len(a) != 26 or a != b or again.status != 0:
            wrong.append((len(a), len(b), again.stderr, [
                pair for pair in zip(a, b) if pair[0] != pair[1]]))
        if in_order(path):
            break
    results.ok(not wrong,
               "what tcpdump wrote of a look is read as that look: %d" %
               len(a), wrong[:2])
    if results.ok(in_order(path), "the first packets of a look left in their "
                  "order, before any answer, in one of %d" % LOOKS_TRIED,
                  [list(itertools.islice(queries(list(probing.read_frames(
                      path)), af), 6)) for af in (4, 6)]):
        test_told_otherwise(results, prober, lab, path, a)
    info = probing.run("capinfos", "-T", "-tEc", os.path.join(
        prober.folder, "look.pcap"))
    results.ok(info.returncode == 0 and "nsecpcap\trawip\t" in
               info.stdout,
               "capinfos knows what --write wrote", info.stdout + info.stderr)


LIBRARY = ("unshare", "-m", "sh", "-c",
           'for f in /lib/*/libpcap.so.0.8; do mount --bind /dev/null "$f" '
           '|| exit 99; done; exec "$@"', "sh")


def test_no_library(results, prober, lab):
    path = os.path.join(prober.folder, "none.pcap")
    for words in (("--write", path, SERVICE[4]),
                  ("--read", os.path.join(prober.folder, "look.pcap"))):
        done = probing.run(*LIBRARY, *prober.command(
            lab, "vp1", *probing.ALLOWED, "-z", ZONE, *words))
        lines = done.stderr.splitlines()
        results.ok(done.returncode == 2 and "libpcap.so.0.8" in lines[-1] and
                   not done.stdout and not os.path.exists(path),
                   "%s without libpcap is refused in a line" % words[0],
                   (done.returncode, done.stderr))
    done = probing.run(*LIBRARY, *prober.command(
        lab, "vp1", *probing.ALLOWED, "-z", ZONE, "-q", SERVICE[4]))
    results.ok(done.returncode == 0,
               "and what needs none goes on without", done.stderr)


def test_streams(results, prober, lab):
    path = os.path.join(prober.folder, "tcp.pcap")
    look = prober.look(lab, "vp1", "-z", ZONE, "--only", "dns", "--tcp",
                       "--write", path, SERVICE[4])
    done = probing.run("tshark", "-n", "-r", path, *CHECK, "-Y",
                       "dns.flags.response == 1 && tcp", "-T", "fields",
                       "-e", "dns.id")
    asked = probing.run("tshark", "-n", "-r", path, "-Y", TOLD)
    results.ok(len(done.stdout.split()) == len(look.records) == 7 and
               not asked.stdout,
               "streams are in it as their bytes came",
               (done.stdout, asked.stdout, len(look.records)))


def test_full(results, prober, lab):
    folder = os.path.join(prober.folder, "small")
    os.mkdir(folder)
    done = probing.run(
        "unshare", "-m", "sh", "-c",
        'mount -t tmpfs -o size=4k,mode=777 none "$0" && exec "$@"', folder,
        *prober.command(lab, "vp1", *probing.ALLOWED, "-j", "-z", ZONE,
                        "--flows", "8", "--write", folder + "/x.pcap",
                        SERVICE[4]))
    look = probing.Look(done.returncode, done.stdout, done.stderr)
    results.ok(done.returncode == 4 and len(look.stderr.splitlines()) == 1 and
               "No space left" in look.stderr and look.of("soa") and
               all(r["outcome"] == "answered" for r in look.of("soa")),
               "a full disk is one line and exit 4, and the look goes on",
               (done.returncode, done.stderr, len(look.records)))
    vp = rounds.Rounds(lab, prober, "vp1", "full")
    vp.configure(ROUND)
    done = probing.run(
        "unshare", "-m", "sh", "-c",
        'mount -t tmpfs -o size=4k,mode=777 none "$0" && exec "$@"', folder,
        *vp.command("--write", folder + "/x.pcap"))
    _, records = rounds.batch(os.path.join(vp.spool, vp.batches()[0]))
    results.ok(done.returncode == 4 and len(done.stderr.splitlines()) == 1 and
               "No space left" in done.stderr and
               all(r["outcome"] == "answered" for r in records
                   if r["question"] == "soa"),
               "so it is in a round, whose batch is there",
               (done.returncode, done.stderr,
                [r for r in records if r["outcome"] != "answered"][:3]))
    done = prober.run(lab, "vp1", "-z", ZONE, "--write",
                      "/nowhere/x.pcap", SERVICE[4])
    results.ok(done.returncode == 4 and "/nowhere/x.pcap: No such" in
               done.stderr, "a file that cannot be made is said at once",
               (done.returncode, done.stderr))


# --- reading again ---

def seconds(record):
    return datetime.datetime.fromisoformat(
        record.get("t", "1970-01-01T00:00:00Z").replace("Z", "+00:00")
    ).timestamp()


def timeless(record):
    return json.dumps({k: v for k, v in record.items() if k != "t"})


def same(first, again):
    """Differences of two lists of records but for t, which may be off by
    what lies between two hooks, and the order of those."""
    a, b = sorted(map(timeless, first)), sorted(map(timeless, again))
    wrong = [pair for pair in zip(a, b) if pair[0] != pair[1]]
    if len(a) != len(b):
        wrong.append((len(a), len(b)))
    times = zip(sorted(map(seconds, first)), sorted(map(seconds, again)))
    wrong += [pair for pair in times if abs(pair[0] - pair[1]) > 0.01]
    return wrong


def look_and_read(prober, lab, vp, *words, raw=True, reading=()):
    path = os.path.join(prober.folder, "again.pcap")
    first = prober.look(lab, vp, "-z", ZONE, "--write", path, *words,
                        *SERVICE.values(), raw=raw)
    again = prober.look(lab, vp, *reading, "--read", path, raw=raw)
    return first, again


LOOKS = (
    ("on four flows", ("--flows", "4"), ()),
    ("of other options", ("--cookie", "--dnssec", "--mixed-case",
                          "--recurse", "-c", "3"), ("--recurse",)),
    ("over TCP", ("--tcp",), ()),
    ("with echo alone", ("--only", "echo", "-c", "20", "-i", "0.02"), ()),
    ("with traces alone", ("--only", "trace"), ()),
)


def test_read(results, prober, lab):
    for what, words, reading in LOOKS:
        first, again = look_and_read(prober, lab, "vp2", *words,
                                     reading=reading)
        wrong = same(first.records, again.records)
        wrong += same(first.identities, again.identities)
        results.ok(len(first.records) > 1 and again.status == 0 and not wrong,
                   "a look %s read again gives the same records: %d" % (
                       what, len(first.records)),
                   (wrong[:3], again.status, again.stderr))
    first, again = look_and_read(prober, lab, "vp3", raw=False)
    left = [r for r in first.records if r["outcome"] != "unsent"]
    results.ok(len(left) >= 14 and not same(left, again.records),
               "so does one without privilege, but for what never left",
               (same(left, again.records)[:3], again.stderr))


def test_lost(results, prober, lab):
    lab.must("vp4", "nft", """table inet probetest { chain input {
 type filter hook input priority 0;
 ip saddr 203.0.113.0/24 numgen inc mod 3 0 drop;
 ip6 saddr 2001:db8:53::/48 numgen inc mod 3 0 drop;
 meta l4proto icmp numgen inc mod 2 0 drop;
 }
}""")
    first, again = look_and_read(prober, lab, "vp4", "--flows", "2", "-W",
                                 "1", reading=("-W", "1"))
    lab.must("vp4", "nft", "delete", "table", "inet", "probetest")
    wrong = same(first.records, again.records)
    lost = sum(r["outcome"] == "timeout" for r in first.records)
    results.ok(lost > 4 and not wrong,
               "losses and hops asked twice are those of the look: %d lost" %
               lost, (wrong[:3], again.stderr))
    seen = prober.run(lab, "collector", "--read",
                      os.path.join(prober.folder, "again.pcap"), "x")
    results.ok(seen.returncode == 2 and len(seen.stderr.splitlines()) == 1,
               "a capture has its own targets", seen.stderr)


def test_elsewhere(results, prober, lab):
    path = os.path.join(prober.folder, "again.pcap")
    first = prober.look(lab, "vp5", "-z", ZONE, "--write", path,
                        *SERVICE.values())
    done = probing.run("unshare", "-n", prober.path, "-j", "--read", path)
    again = probing.Look(done.returncode, done.stdout, done.stderr)
    results.ok(done.returncode == 0 and len(first.records) == 26 and
               not same(first.records, again.records),
               "and it needs no network", (done.stderr, done.returncode))


def test(results):
    options = ["--seed", sys.argv[1]] if len(sys.argv) > 1 else []
    prober = probing.Prober()
    os.chown(prober.folder, probing.NOBODY, probing.NOBODY)
    try:
        with probing.lab(*options) as lab:
            test_all_there(results, prober, lab)
            test_round(results, prober, lab)
            test_tcpdump(results, prober, lab)
            test_no_library(results, prober, lab)
            test_streams(results, prober, lab)
            test_full(results, prober, lab)
            test_read(results, prober, lab)
            test_lost(results, prober, lab)
            test_elsewhere(results, prober, lab)
    finally:
        prober.remove()


if __name__ == "__main__":
    sys.exit(probing.main(test))

#!/usr/bin/python3 -I
# A flow of acprobe is one 5-tuple in every look and round, and refused addresses get not one packet.
"""usage: probe_flow.py [SEED]"""

import contextlib
import os
import re
import shutil
import sys
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import probing  # noqa: E402
import rounds  # noqa: E402
from probing import SERVICE, ZONE  # noqa: E402

FLOWS = 3
LOOKS = 3
VP = "vp1"

REFUSED = """0.0.0.1 10.0.0.1 100.64.0.1 127.0.0.1 169.254.1.1 172.16.0.1
192.0.0.1 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.51.100.1
203.0.113.53 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
:: ::1 ::203.0.113.53 ::ffff:203.0.113.53 ::ffff:0:203.0.113.53
64:ff9b::cb00:7135 64:ff9b:1::1 100::1 2001::1 2001:2::1 2001:10::1
2001:db8:53::53 2002:cb00:7135::1 3fff::1 5f00::1 fc00::1 fd00::1 fe80::1
ff02::1 ff0e::1 localhost""".split()

NEVER = """0.0.0.0/8 0.0.0.0/0 0.1.2.3 224.0.0.0/4 224.0.0.1 240.0.0.0/4
255.255.255.255 128.0.0.0/1 ::/0 ::/96 ::/8 ::ffff:0:0/96
::ffff:203.0.113.0/120 ::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48 2001::/32
2001::/16 2002::/16 2002:cb00:7100::/40 ff00::/8 ff02::1 2000::/3""".split()


def number(text):
    return int(text, 0) if text else -1


def from_us(rows, own):
    """Rows of tshark whose first source is ours: errors quote us, too."""
    return [row for row in rows if row[0] in own or row[1] in own]


def udp_tuples(capture, own):
    """{(af, sport, dport, label): TTLs} of our queries."""
    found = {}
    for row in from_us(capture.tshark(
            "udp.dstport == 53 && !icmp && !icmpv6", "ip.src", "ipv6.src",
            "udp.srcport", "udp.dstport", "ipv6.flow", "ip.ttl",
            "ipv6.hlim"), own):
        af = 4 if row[0] else 6
        key = (af, number(row[2]), number(row[3]), number(row[4]))
        found.setdefault(key, []).append(number(row[5] or row[6]))
    return found


def echo_tuples(capture, own):
    """{(af, id, checksum, label): (sequence, is the checksum right)}."""
    found = {}
    for row in from_us(capture.tshark(
            "icmp.type == 8 || icmpv6.type == 128", "ip.src", "ipv6.src",
            "icmp.ident", "icmpv6.echo.identifier", "icmp.checksum",
            "icmpv6.checksum", "ipv6.flow", "icmp.seq",
            "icmpv6.echo.sequence_number", "icmp.checksum.status",
            "icmpv6.checksum.status"), own):
        af = 4 if row[0] else 6
        key = (af, number(row[2] or row[3]), number(row[4] or row[5]),
               number(row[6]))
        found.setdefault(key, []).append(
            (number(row[7] or row[8]), number(row[9] or row[10]) == 1))
    return found


def recorded(look, question):
    """The same tuples, as the records say."""
    found = set()
    for r in look.of(question):
        f = r["flow"]
        label = -1 if f["label"] is None else f["label"]
        found.add((r["af"], f["icmp_id"], f["cksum"], label)
                  if r["proto"] == "icmp" else
                  (r["af"], f["sport"], f["dport"], label))
    return found


def observe(prober, lab, own, *words):
    with probing.Capture(lab, VP) as capture:
        look = prober.look(lab, VP, "-z", ZONE, "-i", "0.05", *words,
                           SERVICE[4], SERVICE[6])
    return look, udp_tuples(capture, own), echo_tuples(capture, own)


def test_tuples(results, seen):
    look, udp, echo = seen[0]
    results.ok(len(udp) == 2 * FLOWS and len(echo) == 2,
               "there are %d DNS flows and one echo flow in each family" %
               FLOWS, (list(udp), list(echo)))
    results.ok(all(set(other[1]) == set(udp) for other in seen),
               "tshark sees one 5-tuple and flow label for each DNS flow over "
               "%d looks" % LOOKS, [list(other[1]) for other in seen])
    results.ok(all(set(other[2]) == set(echo) for other in seen),
               "and one echo id, checksum and flow label",
               [list(other[2]) for other in seen])
    results.ok(all(recorded(other[0], "soa") == set(udp) and
                   recorded(other[0], "echo") == set(echo)
                   for other in seen),
               "the records carry these very tuples",
               (recorded(look, "soa"), list(udp)))
    labels = [key[3] for key in list(udp) + list(echo) if key[0] == 6]
    results.ok(len(set(labels)) == FLOWS + 1 and
               all(0 < label < 1 << 20 for label in labels),
               "every IPv6 flow has a flow label of its own", labels)
    packets = [p for _, _, e in seen for found in e.values() for p in found]
    results.ok(packets and all(right for _, right in packets),
               "the chosen echo checksum is the right one", packets)


def test_traces(results, seen, rows):
    """The trace's packets are those of flow 0 with a TTL of their own."""
    wrong = []
    for look, udp, _ in seen:
        for row in rows:
            trace = look.of("trace", row["af"])[0]
            f = trace["flow"]
            key = (row["af"], f["sport"], f["dport"],
                   -1 if f["label"] is None else f["label"])
            ttls = {ttl for ttl in udp.get(key, []) if ttl < 64}
            soa = {r["flow"]["sport"] for r in look.of("soa", row["af"])
                   if r["flow"]["n"] == 0}
            elsewhere = [ttl for other, found in udp.items() if other != key
                         and other[0] == row["af"] for ttl in found
                         if ttl < 64]
            if soa != {f["sport"]} or elsewhere or \
                    not ttls >= set(range(1, len(row["hops"]) + 2)):
                wrong.append((row["af"], f, sorted(ttls), elsewhere))
    results.ok(not wrong, "traces run on the DNS flow's own 5-tuple, TTL by "
               "TTL", wrong)


CONFIGURATION = """vp = "lab1"
key = "%(folder)s/vp.key"
spool = "%(folder)s/spool"
every = "10s"
splay = "0s"
allow_special = { "203.0.113.0/24", "2001:db8::/32" }
target "service" {
	address = { "203.0.113.53", "2001:db8:53::53" }
	zone = "anycast.test"
	flows = 3
	trace = true
}
"""


def test_rounds(results, prober, lab, own):
    """Flows of a round are drawn from its key, and stay."""
    folder = os.path.join(lab.dir, "round")
    os.mkdir(folder)
    conf = os.path.join(folder, "acprobe.conf")
    with open(conf, "w", encoding="ascii") as file:
        file.write(CONFIGURATION % {"folder": folder})
    lab.must(VP, prober.path, "keygen", os.path.join(folder, "vp.key"))
    seen, said = [], []
    for _ in range(LOOKS):
        with probing.Capture(lab, VP) as capture:
            done = lab.exec(VP, prober.path, "-f", conf)
        seen.append((set(udp_tuples(capture, own)),
                     set(echo_tuples(capture, own))))
        said.append((done.returncode, done.stdout, done.stderr))
    results.ok(all(one == (0, "", "") for one in said),
               "%d rounds are silent and end with 0" % LOOKS, said)
    results.ok(len(seen[0][0]) == 2 * FLOWS and
               all(other[0] == seen[0][0] for other in seen),
               "tshark sees one 5-tuple and flow label for each DNS flow over "
               "%d rounds" % LOOKS, [sorted(other[0]) for other in seen])
    results.ok(len(seen[0][1]) <= 2 and
               all(other[1] == seen[0][1] for other in seen),
               "and one echo id, checksum and flow label",
               [sorted(other[1]) for other in seen])
    test_reinstalled(results, prober, lab, own, seen[0])
    test_lives_of_rounds(results, prober, lab, own, conf, seen[0])
    test_lives_of_looks(results, prober, lab, own)
    test_round_port_taken(results, lab, own, conf, seen[0])
    return seen[0]


def round_tuples(lab, own, program, conf):
    with probing.Capture(lab, VP) as capture:
        lab.must(VP, program, "-f", conf)
    return set(udp_tuples(capture, own)), set(echo_tuples(capture, own))


def test_reinstalled(results, prober, lab, own, seen):
    """All that is left of a vantage point is its key."""
    folder = os.path.join(lab.dir, "again")
    os.mkdir(folder)
    shutil.copy(os.path.join(lab.dir, "round", "vp.key"), folder)
    conf = os.path.join(folder, "acprobe.conf")
    text = CONFIGURATION.replace('"service"', '"renamed"').replace(
        '"203.0.113.53", "2001:db8:53::53"',
        '"2001:db8:53::53", "203.0.113.53"') % {"folder": folder}
    with open(conf, "w", encoding="ascii") as file:
        file.write(text)
    again = round_tuples(lab, own, prober.path, conf)
    results.ok(again == seen, "the key alone brings the same flows back, in "
               "a new spool, under another name and in another order",
               (sorted(again[0] ^ seen[0]), sorted(again[1] ^ seen[1])))


class Life:
    """What a host is beside its disk's key: a boot, a machine's id, a name,
    what is below /run and /tmp, and where the program lies. Each is as it
    would be after a reboot, or on another disk."""

    def __init__(self, lab, prober, name, machine_id):
        self.lab = lab
        self.folder = os.path.join(prober.folder, name)
        os.mkdir(self.folder)
        os.chmod(self.folder, 0o755)
        self.boot = str(uuid.uuid4())
        for file, text in (("boot", self.boot), ("machine", machine_id)):
            with open(os.path.join(self.folder, file), "w",
                      encoding="ascii") as out:
                out.write(text + "\n")
            os.chmod(os.path.join(self.folder, file), 0o644)
        self.program = shutil.copy(prober.path, self.folder)

    def command(self, *words):
        """A process of this life."""
        return self.lab.command(
            VP, "unshare", "-m", "-u", "sh", "-ec",
            'hostname "$0"; mount --bind "$1/boot" '
            "/proc/sys/kernel/random/boot_id; "
            '[ ! -e /etc/machine-id ] || '
            'mount --bind "$1/machine" /etc/machine-id; '
            "mount -t tmpfs none /run; mount -t tmpfs none /var/tmp; "
            'shift; exec "$@"', os.path.basename(self.folder), self.folder,
            self.program, *words)

    def seen(self, own, *words):
        with probing.Capture(self.lab, VP) as capture:
            done = probing.run(*self.command(*words))
        return done, (set(udp_tuples(capture, own)),
                      set(echo_tuples(capture, own)))


def test_lives_of_rounds(results, prober, lab, own, conf, seen):
    """The same disk, booted twice."""
    spool = os.path.join(lab.dir, "round", "spool")
    wrong, boots = [], set()
    for number in range(2):
        life = Life(lab, prober, "life%d" % number, uuid.uuid4().hex)
        before = set(rounds.files(spool))
        done, tuples = life.seen(own, "-f", conf)
        new = set(rounds.files(spool)) - before
        head = rounds.batch(new.pop())[0] if len(new) == 1 else {}
        boots.add(head.get("boot_id"))
        if done.returncode != 0 or done.stderr or tuples != seen or \
                head.get("boot_id") != life.boot:
            wrong.append((done.stderr, head, [
                sorted(a ^ b) for a, b in zip(tuples, seen)]))
    results.ok(len(boots) == 2 and not wrong, "tshark sees the same 5-tuples "
               "and labels, echo ids and checksums after a reboot, under "
               "another machine id, host name and path", wrong)


def test_lives_of_looks(results, prober, lab, own):
    """A look has no key: the machine's id is what stays."""
    if not os.path.exists("/etc/machine-id"):
        results.skip("nor do those of a look change by a reboot",
                     "no /etc/machine-id")
        return
    one = uuid.uuid4().hex
    words = ("-j", "-z", ZONE, "-c", "2", "-i", "0.05", "--flows", str(FLOWS),
             *probing.ALLOWED, *SERVICE.values())
    seen = [Life(lab, prober, name, machine).seen(own, *words)
            for name, machine in (("look1", one), ("look2", one),
                                  ("look3", uuid.uuid4().hex))]
    tuples = [them for _, them in seen]
    results.ok(all(done.returncode == 0 for done, _ in seen) and
               tuples[0] == tuples[1] and
               (len(tuples[0][0]), len(tuples[0][1])) == (2 * FLOWS, 2),
               "nor do those of a look change by a reboot",
               [done.stderr for done, _ in seen])
    results.ok(not tuples[0][0] & tuples[2][0] and
               not tuples[0][1] & tuples[2][1],
               "but they are another machine's under its id")


HOLD = """import socket, sys, time
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", int(sys.argv[1])))
print("ready", flush=True)
time.sleep(60)
"""


def test_round_port_taken(results, lab, own, conf, seen):
    """A round steps over a port that is taken, says so, and comes back."""
    program = lab.prober.path
    port = min(key[1] for key in seen[0] if key[0] == 6)
    before = set(rounds.files(os.path.join(lab.dir, "round", "spool")))
    with probing.started(lab, VP, "python3", "-I", "-c", HOLD,
                         str(port)) as holder:
        holder.stdout.readline()
        taken = round_tuples(lab, own, program, conf)
    new = set(rounds.files(os.path.join(lab.dir, "round", "spool"))) - before
    _, records = rounds.batch(new.pop())
    moved = {(r["af"], r["flow"]["sport"]) for r in records
             if r["flow"].get("moved")}
    wire = {key[:2] for key in taken[0]} - {key[:2] for key in seen[0]}
    results.ok((6, port) not in {key[:2] for key in taken[0]} and
               moved and moved == wire and (6, port + 1) in moved,
               "a round steps over a port that another process has, and its "
               "records say which flows moved", (port, sorted(moved),
                                                 sorted(wire)))
    results.ok({key[3] for key in taken[0]} == {key[3] for key in seen[0]},
               "with its own flow label all the same")
    after = round_tuples(lab, own, program, conf)
    results.ok(after[0] == seen[0], "and the next round has its port back",
               sorted(after[0] ^ seen[0]))


def test_ports_taken(results, prober, lab, seen):
    """Another process has the port: the next one, and the record says so."""
    taken = sorted(key[1] for key in seen[0][1] if key[0] == 4)
    first = seen[0][0].of("soa", 4)[0]["flow"]["sport"]
    code = ("import socket,sys,time; s=socket.socket(socket.AF_INET,"
            "socket.SOCK_DGRAM); s.bind(('0.0.0.0',int(sys.argv[1])));"
            "print('ready',flush=True); time.sleep(60)")
    with probing.started(lab, VP, "python3", "-I", "-c", code,
                         str(first)) as holder:
        holder.stdout.readline()
        look = prober.look(lab, VP, "-z", ZONE, "-c", "1", "--only", "dns",
                           SERVICE[4])
    flow = look.of("soa")[0]["flow"]
    results.ok(look.status == 0 and flow["sport"] == first + 1 and
               flow.get("moved") is True,
               "a port that another process has is stepped over, and the "
               "record says so", (taken, flow))


def one_line(done, *words):
    return done.stderr.count("\n") == 1 and \
        all(word in done.stderr for word in words)


def test_refused(results, prober, lab):
    """Addresses that are never to be probed, under a capture of them all."""
    blocklist = os.path.join(prober.folder, "blocklist")
    with open(blocklist, "w", encoding="ascii") as file:
        file.write("# closed\n203.0.113.0/24\n2001:db8:53::/48 # too\n")
    wrong, runs = [], 0
    with contextlib.ExitStack() as stack:
        captures = [stack.enter_context(probing.Capture(
            lab, VP, "not", "arp", "and", "not", "(icmp6", "and", "ip6[40]",
            ">=", "133", "and", "ip6[40]", "<=", "137)", device=device))
                    for device in ("eth0", "lo")]
        for address in REFUSED:
            done = prober.run(lab, VP, "-q", address, allow=False)
            runs += 1
            if done.returncode != 2 or not one_line(done, address) or \
                    done.stdout:
                wrong.append((address, done.returncode, done.stderr))
        for words in ([SERVICE[4], "10.0.0.1"], ["10.0.0.1", SERVICE[6]],
                      ["--blocklist", blocklist, SERVICE[4]],
                      ["--blocklist", blocklist, SERVICE[6]]):
            done = prober.run(lab, VP, *words)
            runs += 1
            if done.returncode != 2 or not one_line(done, "refused"):
                wrong.append((words, done.returncode, done.stderr))
        for prefix in NEVER:
            done = prober.run(lab, VP, "--allow-special", prefix, SERVICE[4])
            runs += 1
            if done.returncode != 2 or not one_line(done, prefix):
                wrong.append((prefix, done.returncode, done.stderr))
        prober.run(lab, VP, "--dry-run", *SERVICE.values())
    results.ok(not wrong, "what is refused ends with exit 2 and one line that "
               "names it, %d times" % runs, wrong)
    packets = [row for capture in captures
               for row in capture.tshark("frame", "_ws.col.Info")]
    results.ok(not packets, "and not one packet was sent", packets)
    with probing.Capture(lab, VP, "udp") as capture:
        prober.run(lab, VP, "-c", "1", "--only", "dns", SERVICE[4])
    results.ok(capture.tshark("frame", "_ws.col.Info"),
               "a capture sees what is sent to an address that is open")


def test_dry_run(results, prober, lab, seen):
    done = prober.run(lab, VP, "--flows", str(FLOWS), "--dry-run",
                      *SERVICE.values())
    ports = {(4 if "." in address else 6, int(port))
             for address, port in re.findall(
                 r"^ *\S+ s  \S+  (\S+)  .* udp (\d+) > 53$", done.stdout,
                 re.M)}
    results.ok(ports == {key[:2] for key in seen[0][1]},
               "--dry-run names the ports that are used", done.stdout)


def test(results):
    options = ["--seed", sys.argv[1]] if len(sys.argv) > 1 else []
    prober = probing.Prober()
    try:
        with probing.lab(*options) as lab:
            vp = next(v for v in lab.nodes()["vantage_points"]
                      if v["name"] == VP)
            own = {vp["v4"], vp["v6"]}
            lab.prober = prober
            seen = [observe(prober, lab, own, "--flows", str(FLOWS))
                    for _ in range(LOOKS)]
            test_tuples(results, seen)
            test_traces(results, seen, lab.truth(VP))
            test_dry_run(results, prober, lab, seen)
            rounds = test_rounds(results, prober, lab, own)
            results.ok(not rounds[0] & set(seen[0][1]),
                       "another key has other flows", sorted(rounds[0]))
            test_ports_taken(results, prober, lab, seen)
            test_refused(results, prober, lab)
    finally:
        prober.remove()


if __name__ == "__main__":
    sys.exit(probing.main(test))

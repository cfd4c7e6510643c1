#!/usr/bin/python3 -I
# A round is a good neighbour, as captures show: buckets, blocklist, contact text, dry run, random order, splay.
"""usage: probe_manners.py"""

import collections
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chain  # noqa: E402
import probing  # noqa: E402
import rounds  # noqa: E402

ROUTERS = 1
FLOWS = 36  # far more than an address may be sent at once
BUCKET, REFILL = 64, 5  # of one address: packets, and per second
RATE, BURST = 100, 5  # of the vantage point in a round
# A busy machine may keep a packet back that had its turn; those behind it
# then follow sooner.
JITTER = 8
CONTACT = "measured by noc@example.net"
HOME = 40


def addresses(af, count, first=HOME):
    pattern = "203.0.113.%d" if af == 4 else "2001:db8:53::%d"
    return [pattern % (first + i) for i in range(count)]


def strings(items):
    return "{ %s }" % ", ".join('"%s"' % item for item in items)


def target(name, listed, more="echo = true\n"):
    return 'target "%s" {\n\taddress = %s\n\t%s}\n' % (
        name, strings(listed), more)


class Test:
    def __init__(self, results, prober, on):
        self.results, self.on = results, on
        self.vp = rounds.Rounds(on, prober, "vp")
        self.capture = None

    def round(self, text, *words):
        self.vp.configure(text)
        with probing.Capture(self.on, "vp", "-B", "8192") as self.capture:
            return self.vp.run(*words)

    def sent(self):
        """(time in s, address, protocol, source port or id) of what left."""
        rows = self.capture.tshark(
            "(ip.src == %s || ipv6.src == %s) && (!icmp || icmp.type == 8) &&"
            " (!icmpv6 || icmpv6.type == 128)" % (
                chain.VP[4], chain.VP[6]), "frame.time_epoch", "ip.dst",
            "ipv6.dst", "udp.srcport", "tcp.srcport", "icmp.ident",
            "icmpv6.echo.identifier")
        found = []
        for row in rows:
            proto, port = next(
                (proto, int(text, 0)) for proto, text in zip(
                    ("udp", "tcp", "icmp", "icmp"), row[3:]) if text)
            found.append((float(row[0]), row[1] or row[2], proto, port))
        return found


def most_over(times, burst, rate):
    """By how many packets any window has more than its bucket lets through:
    the bucket that these packets would empty."""
    level, worst, last = 0.0, 0.0, None
    for now in sorted(times):
        if last is not None:
            level = max(0.0, level - (now - last) * rate)
        level += 1
        worst = max(worst, level - burst)
        last = now
    return worst


# --- buckets ---

def test_buckets(test):
    """One address has more questions than its bucket, many together more
    than the vantage point may send."""
    many = addresses(4, 6) + addresses(6, 6)
    questions = "questions = { \"soa\", \"hostname.bind\", \"id.server\" }\n"
    seen = test.round(
        'deadline = "50s"\n' +
        target("one", [chain.SERVICE[4]], questions + "\tflows = %d\n" % FLOWS) +
        target("many", many, questions + "\tflows = 5\n"))
    sent = test.sent()
    by_address = collections.defaultdict(list)
    for when, address, _, _ in sent:
        by_address[address].append(when)
    one = by_address[chain.SERVICE[4]]
    planned = FLOWS * 3 + 1 + len(many) * (3 * 5 + 1)
    probing.say("%d packets, %d of them to one address in %.1f s" % (
        len(sent), len(one), span(one)))
    test.results.ok(seen.whole() and len(seen.records) == planned ==
                    len(sent), "each question is one packet: %d" % planned,
                    (len(seen.records), len(sent), seen.done.stderr))
    over = {address: most_over(times, BUCKET, REFILL)
            for address, times in by_address.items()}
    test.results.ok(max(over.values()) <= JITTER and len(one) > BUCKET + 10,
                    "no address is sent more than %d at once and %d a second"
                    % (BUCKET, REFILL), over)
    test.results.ok(most_over([row[0] for row in sent], BURST, RATE) <=
                    JITTER and most_over([row[0] for row in sent], 3 * BURST,
                                         RATE / 2) > JITTER,
                    "the vantage point sends no more than %d a second" % RATE,
                    most_over([row[0] for row in sent], BURST, RATE))
    test.results.ok(len({p for _, a, _, p in sent
                         if a == chain.SERVICE[4]}) == FLOWS + 1,
                    "all flows of an address share its bucket")


def test_bucket_tcp(test):
    """Every packet of a stream counts, by the capture."""
    seen = test.round(
        'deadline = "40s"\n' +
        target("one", [chain.SERVICE[4]], 'questions = { "soa", '
               '"hostname.bind" }\n\tflows = 10\n\techo = false\n'
               '\ttransport = "tcp"\n'))
    times = [row[0] for row in test.sent() if row[2] == "tcp"]
    test.results.ok(len(seen.of("soa")) == 10 and all(
        r["outcome"] == "answered" for r in seen.records) and
        len(times) >= 4 * 20,  # the query may carry an ACK, one may be repeated
        "twenty questions over TCP are %d packets" % len(times),
        collections.Counter(r["outcome"] for r in seen.records))
    test.results.ok(most_over(times, BUCKET, REFILL) <= JITTER,
                    "and all packets of streams count for the bucket",
                    (most_over(times, BUCKET, REFILL), len(times)))


def span(times):
    return max(times) - min(times) if times else 0.0


def test_rate(test):
    """A rate of the operator's own is kept, too."""
    seen = test.round('rate = 20\n' + target(
        "many", addresses(4, 12), 'questions = { "soa" }\n\tflows = 4\n'))
    times = [row[0] for row in test.sent()]
    test.results.ok(seen.whole() and len(times) == 12 * 5 and
                    most_over(times, BURST, 20) <= JITTER / 2 and
                    span(times) >= (60 - BURST) / 20 * 0.95,
                    "a lower rate is kept: %d packets in %.2f s" % (
                        len(times), span(times)),
                    most_over(times, BURST, 20))


# --- where nothing may go ---

class Hosts:
    """What the vantage point's resolver reads, in acprobe's own mounts."""

    def __init__(self, test):
        self.test, self.vp = test, test.vp
        self.path = os.path.join(self.vp.folder, "hosts")
        self.write()

    def write(self, *lines):
        with open(self.path, "w", encoding="ascii") as file:
            file.write("".join(line + "\n" for line in lines))
        os.chmod(self.path, 0o644)

    def __enter__(self):
        words = ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/hosts '
                 '&& exec "$@"', self.path, self.vp.prober.path]
        self.vp.command = lambda *more: self.test.on.command(
            "vp", *words, "-f", self.vp.conf, *more)
        return self

    def __exit__(self, *_):
        del self.vp.command


def test_blocklist(test):
    """A literal address, a name, and a list that changes between rounds."""
    blocklist = os.path.join(test.vp.folder, "blocklist")
    a, b, c = addresses(4, 3)
    six = addresses(6, 1)[0]

    def block(*prefixes):
        with open(blocklist, "w", encoding="ascii") as file:
            file.write("# not these\n%s\n" % "\n".join(prefixes))

    text = 'blocklist = "%s"\n' % blocklist + target(
        "literal", [a, six], 'questions = { "soa" }\n\techo = true\n'
        "\ttrace = true\n") + target(
        "named", ["service.example"], 'questions = { "soa" }\n')
    with Hosts(test) as hosts:
        hosts.write(*("%s service.example" % address for address in
                      (b, c, "10.1.2.3", "127.0.0.1", "224.0.0.1",
                       "fd00::1", "::ffff:%s" % c)))
        block(a + "/32", c + "/32")
        first = test.round(text)
        where = {row[1] for row in test.sent()}
        test.results.ok(where == {b, six}, "nothing goes to an address on "
                        "the blocklist, nor to special ones of a name",
                        sorted(where))
        refused = [r for r in first.records if r["addr"] == a]
        test.results.ok(len(refused) == 3 and all(
            (r["outcome"], r["reason"], r["rtt_us"]) ==
            ("unsent", "refused address", None) for r in refused),
            "its questions are unsent, and say why", refused)
        lines = first.done.stderr.splitlines()
        test.results.ok(first.done.returncode == 0 and len(lines) >= 4 and
                        all("service.example: an address is refused: " in
                            line for line in lines),
                        "what a name has of such is said, a line each",
                        lines)
        block(b, "2001:db8:53::/48")
        test.round(text)
        where = {row[1] for row in test.sent()}
        test.results.ok(where == {a, c}, "a blocklist that has changed is "
                        "kept by the next round", sorted(where))
        hosts.write("%s service.example" % a)
        block(a)
        third = test.round(text)
        where = {row[1] for row in test.sent()}
        test.results.ok(where == {six} and third.done.returncode == 0,
                        "a name that has moved to a blocked address is not "
                        "followed there", (sorted(where), third.done.stderr))
    seen = test.round(text)
    where = {row[1] for row in test.sent()}
    test.results.ok(seen.done.returncode == 0 and six in where and
                    not where & {a, b, c} and seen.done.stderr.count("\n") == 1 and
                    "named: service.example: " in seen.done.stderr and
                    seen.head["questions"] == len(seen.records) + 2,
                    "a name that nobody knows is said, and what was not "
                    "asked stands in the batch", (sorted(where),
                                                  seen.done.stderr, seen.head))
    os.remove(blocklist)
    seen = test.round(text)
    test.results.ok(seen.done.returncode == 2 and not test.sent() and
                    blocklist in seen.done.stderr and
                    seen.done.stderr.count("\n") == 1,
                    "without the blocklist that it names, a round sends "
                    "nothing", seen.done)


# --- what is sent, and in which order ---

def test_contact(test):
    test.round('contact = "%s"\n' % CONTACT + target(
        "service", chain.SERVICE.values(), "echo = true\n"))
    packets = test.capture.packets()
    echo = [p for _, p in packets if is_echo_request(p)]
    dns = [p for _, p in packets if (read := probing.read_udp(p)) and
           read[1] == 53]
    test.results.ok(len(echo) == 2 and all(CONTACT.encode() in p
                                           for p in echo),
                    "the contact text is in each echo request", echo)
    test.results.ok(len(dns) == 6 and not any(b"noc@" in p for p in dns),
                    "and in no DNS query, whose bytes are the question's",
                    len(dns))


def is_echo_request(packet):
    start = (packet[0] & 15) * 4 if packet[0] >> 4 == 4 else 40
    protocol = packet[9] if packet[0] >> 4 == 4 else packet[6]
    return (protocol, packet[start]) in ((1, 8), (58, 128))


def listed(printed):
    """(address, protocol, port) of a dry run's lines."""
    return sorted((m[0], m[1], int(m[2])) for m in re.findall(
        r"^ *\S+ s  \S+  (\S+)  .* flow \d+ (udp|tcp|icmp) (\d+)", printed,
        re.M))


def test_dry_run(test):
    text = 'trace_every = "0s"\n' + target(
        "service", chain.SERVICE.values(),
        'questions = { "soa", "txt:whoami.test" }\n\tflows = 3\n'
        "\tcount = 2\n\ttrace = true\n\ttransport = { \"udp\", \"tcp\" }\n")
    spool = sorted(os.listdir(test.vp.spool))
    test.vp.configure(text)
    with probing.Capture(test.on, "vp") as test.capture:
        done = probing.run(*test.vp.command("--dry-run"))
    test.results.ok(done.returncode == 0 and not test.sent() and
                    sorted(os.listdir(test.vp.spool)) == spool,
                    "a dry run sends nothing and leaves no batch",
                    (test.sent(), done.stderr))
    seen = test.round(text)
    records = sorted(
        (r["addr"], r["proto"], r["flow"]["icmp_id"]
         if r["proto"] == "icmp" else r["flow"]["sport"])
        for r in seen.records if r["retry_of"] is None)
    test.results.ok(seen.whole() and listed(done.stdout) == records and
                    len(records) == 2 * (2 * 3 * 3 + 2 + 1),
                    "and says all that the round then asks, flow by flow",
                    (listed(done.stdout), records))
    wire = {(address, proto, port) for _, address, proto, port in
            test.sent()}
    test.results.ok(wire == set(records), "as the capture shows",
                    sorted(wire ^ set(records)))


def test_order(test):
    text = target("many", addresses(4, 5) + addresses(6, 5),
                  'questions = { "soa", "id.server" }\n')
    orders = []
    for _ in range(3):
        test.round(text)
        orders.append([row[1:] for row in test.sent()])
    test.results.ok(all(sorted(order) == sorted(orders[0])
                        for order in orders) and len(orders[0]) == 30 and
                    len({str(order) for order in orders}) == 3,
                    "three rounds ask the same in three orders", orders)
    firsts = {order[0][0] for order in orders} | {
        order[-1][0] for order in orders}
    test.results.ok(len(firsts) > 1, "and do not begin with the same",
                    sorted(firsts))


def test_splay(test):
    """The start is random within the splay."""
    test.vp.configure("")
    with open(test.vp.conf, "w", encoding="ascii") as file:
        file.write(test.vp.top.replace('splay = "0s"', 'splay = "2s"') +
                   target("one", [chain.SERVICE[4]], "echo = false\n"))
    starts = []
    for _ in range(6):
        with probing.Capture(test.on, "vp") as test.capture:
            before = time.time()
            test.vp.run()
        starts += [row[0] - before for row in test.sent()[:1]]
    probing.say("starts: %s" % ", ".join("%.2f" % s for s in sorted(starts)))
    test.results.ok(len(starts) == 6 and min(starts) >= 0 and
                    max(starts) < 2 + 5 and span(starts) > 0.15,
                    "splay spreads the start of rounds", starts)


def test(results):
    prober = probing.Prober()
    try:
        with chain.Chain(ROUTERS) as on:
            on.also_serve(addresses(4, 12) + addresses(6, 12))
            on.greet()
            one = Test(results, prober, on)
            test_buckets(one)
            test_bucket_tcp(one)
            test_rate(one)
            test_blocklist(one)
            test_contact(one)
            test_dry_run(one)
            test_order(one)
            test_splay(one)
    finally:
        prober.remove()


if __name__ == "__main__":
    sys.exit(probing.main(test))

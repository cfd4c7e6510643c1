#!/usr/bin/python3 -I
# A round traces the path again that has changed, one that has not only when its time has come, and never more than its budget.
"""usage: probe_change.py [SEED]"""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import probing  # noqa: E402
import rounds  # noqa: E402
from probing import SERVICE, ZONE  # noqa: E402

VP = "vp1"
# One way, of the vantage point's link: so far away that a busy machine does
# not look like a change; nor does one that stands still for a moment, where
# the least of several questions counts.
NEAR_MS, FAR_MS = "30", "60"
COUNT = 5
PERIOD_S = 20
EARLY_S = 5  # half of "every", by which a round may be early
# Who falls silent is traced before the deadline.
TARGET = """timeout = "2s"
target "service" {
	address = { "%s", "%s" }
	zone = "%s"
	count = %d
	echo = false
	trace = true
}
""" % (SERVICE[4], SERVICE[6], ZONE, COUNT)


class Test:
    def __init__(self, results, prober, lab):
        self.results, self.prober, self.lab = results, prober, lab
        self.vp = rounds.Rounds(lab, prober, VP)
        self.before = self.truth()

    def truth(self):
        return {row["af"]: row for row in self.lab.truth(VP)}

    def round(self, sentence, expected=None):
        """One round. Expected are the families that are traced; None: those
        of which the truth is another than at the last round."""
        truth = self.truth()
        if expected is None:
            expected = [af for af in (4, 6) if self.differs(truth, af)]
            if not expected:
                self.results.ok(False, sentence, "the event changed nothing")
        with probing.Capture(self.lab, VP) as capture:
            seen = self.vp.run()
        self.before = truth
        traced = seen.traced()
        wrong = [(r["af"], r["hops"], truth[r["af"]]["hops"])
                 for r in seen.of("trace") if truth[r["af"]]["answering"] and
                 probing.hops_of(r) != truth[r["af"]]["hops"]]
        self.results.ok(
            seen.whole() and traced == sorted(expected) and not wrong and
            self.sent(capture) == set(expected), sentence,
            (traced, expected, wrong, sorted(self.sent(capture)),
             seen.done.stderr, seen.head, len(seen.records)))
        return seen

    def differs(self, truth, af):
        old, new = self.before[af], truth[af]
        return old["nsid_hex"] != new["nsid_hex"] or \
            old["answering"] != new["answering"] or \
            abs(old["rtt_ms"] - new["rtt_ms"]) > max(1, old["rtt_ms"] / 5)

    @staticmethod
    def sent(capture):
        """The families of which tcpdump saw packets with a short life."""
        rows = capture.tshark("udp.dstport == 53 && !icmp && !icmpv6 && "
                              "(ip.ttl < 4 || ipv6.hlim < 4)", "ip.dst")
        return {4 if row[0] else 6 for row in rows}

    def memory(self):
        return os.path.join(self.vp.spool, "paths")


def test_changes(test):
    lab = test.lab
    near, far = test.before[4]["path"][:2]
    lab.event("latency", near, far, NEAR_MS)
    test.vp.configure('trace_every = "1h"\n' + TARGET)
    test.round("the first round traces every path", [4, 6])
    test.round("a quiet path is not traced again", [])
    site = test.before[4]["node"]
    lab.event("withdraw", site)
    test.round("a withdrawn site: traced in the next round, as the "
               "forwarding tables say")
    test.round("and not in the one after it", [])
    lab.event("announce", site)
    test.round("the site is back: traced again")
    lab.event("hijack", VP, "--no-name", "--af", "4")
    test.round("a hijacker without a name: traced", [4])
    lab.event("unhijack")
    test.round("its end: traced", [4])
    lab.event("latency", near, far, FAR_MS)
    test.round("the same instance at another distance: traced", [4, 6])
    test.round("and not in the round after it", [])
    site = test.before[6]["node"]
    lab.event("blackhole", site, "--af", "6")
    test.round("a service that falls silent: traced",
               [af for af in (4, 6) if not test.truth()[af]["answering"]])
    lab.event("revive", site)
    test.round("and when it speaks again")


def test_budget(test):
    """Both families change at once, and each round may trace one."""
    test.vp.configure('trace_every = "1h"\ntrace_budget = 1\n' + TARGET)
    near, far = test.before[4]["path"][:2]
    test.round("nothing happens, nothing is traced", [])
    test.lab.event("latency", near, far, NEAR_MS)
    first = test.vp.run().traced()
    second = test.vp.run().traced()
    third = test.vp.run().traced()
    test.results.ok(len(first) == len(second) == 1 and
                    sorted(first + second) == [4, 6] and not third,
                    "two changes with a budget of one are traced in two "
                    "rounds", (first, second, third))
    test.before = test.truth()
    test.vp.configure('trace_every = "1h"\ntrace_budget = 0\n' + TARGET)
    test.lab.event("latency", near, far, FAR_MS)
    none = [test.vp.run().traced() for _ in range(2)]
    test.vp.configure('trace_every = "1h"\n' + TARGET)
    test.results.ok(none == [[], []], "without a budget nothing is traced",
                    none)
    test.round("and what waited for it comes first when there is one", [4, 6])


def test_killed(test):
    """A round that dies tells the next one nothing, so that the change is
    traced by that."""
    near, far = test.before[4]["path"][:2]
    test.lab.event("latency", near, far, NEAR_MS)
    batches = test.vp.batches()
    with probing.started_command(test.vp.command()) as process:
        time.sleep(0.4)
        process.kill()
        process.communicate()
    test.results.ok(test.vp.batches() == batches, "a round is killed")
    test.round("what it may have seen is traced by the next", [4, 6])
    with open(test.memory(), "r+b") as file:
        file.truncate(100)
    seen = test.vp.run()
    test.results.ok(seen.traced() == [4, 6] and
                    seen.done.stderr.count("\n") == 1 and
                    "paths: damaged" in seen.done.stderr,
                    "a damaged memory is said, and every path traced",
                    seen.done.stderr)
    test.round("once", [])
    os.remove(test.memory())
    test.round("as without one", [4, 6])


def test_period(test):
    """A quiet path: traced when its time has come, and not before."""
    test.vp.configure('trace_every = "%ds"\n' % PERIOD_S + TARGET)
    os.remove(test.memory())
    start = time.monotonic()
    first = test.vp.run().traced()
    known = time.monotonic()  # by now
    early, late, began = [], [], known
    while sum((traced for _, traced in late), []) != [4, 6] and \
            began <= known + PERIOD_S:
        began = time.monotonic()
        traced = test.vp.run().traced()
        ended = time.monotonic() - start
        (late if traced else early).append((ended, traced))
    test.results.ok(first == [4, 6] and early and
                    sum((traced for _, traced in late), []) == [4, 6] and
                    late[0][0] >= PERIOD_S - EARLY_S,
                    "a quiet path is traced when its time has come, and not "
                    "before", (first, early, late))
    test.vp.configure('trace_every = "0s"\n' + TARGET)
    every = [test.vp.run().traced() for _ in range(2)]
    test.results.ok(every == [[4, 6], [4, 6]],
                    "or in every round, where one asks for that", every)


def test(results):
    options = ["--seed", sys.argv[1]] if len(sys.argv) > 1 else []
    prober = probing.Prober()
    try:
        with probing.lab(*options) as lab:
            one = Test(results, prober, lab)
            test_changes(one)
            test_budget(one)
            test_killed(one)
            test_period(one)
    finally:
        prober.remove()


if __name__ == "__main__":
    sys.exit(probing.main(test))

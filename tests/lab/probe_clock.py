#!/usr/bin/python3 -I
# A wall clock that is set and a host that sleeps in the middle of a round or look change no round trip, and are noted.
"""usage: probe_clock.py"""

import datetime
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chain  # noqa: E402
import probing  # noqa: E402
import rounds  # noqa: E402
import clocks  # noqa: E402

COUNT = 8  # timed questions, a quarter of a second apart
AFTER_MS = 1000
RIGHT_US = 900000  # the path has none; a busy machine some
CASES = (  # seconds; whether the host slept; what the head says
    (3600, False), (-3600, False), (1, False), (-1, False), (3600, True),
    (2, True))
TARGET = """target "service" {
	address = { "%s", "%s" }
	questions = { "soa" }
	count = %d
	trace = true
}
""" % (*chain.SERVICE.values(), COUNT)


def shifted(preload, seconds, slept):
    """The start of a command whose clocks are shifted in its middle."""
    return ["env", "LD_PRELOAD=" + preload, "CLOCK_SHIFT_S=%d" % seconds,
            "CLOCK_SHIFT_AFTER_MS=%d" % AFTER_MS,
            *(["CLOCK_SHIFT_SLEEP=1"] if slept else [])]


def seconds_of(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def test_round(results, vp, preload, seconds, slept):
    what = "%d s, %s" % (seconds, "slept" if slept else "set")
    vp.command = lambda *words: vp.on.command(
        "vp", *shifted(preload, seconds, slept), vp.prober.path, "-f",
        vp.conf, *words)
    seen = vp.run()
    del vp.command
    timed = seen.of("soa") + seen.of("echo")
    wrong = [(r["question"], r["rtt_us"], r["stamp"]) for r in timed
             if r["outcome"] != "answered" or r["rtt_us"] >= RIGHT_US]
    hops = [hop for r in seen.of("trace") for hop in r["hops"]]
    wrong += [hop for hop in hops if not 0 <= (hop["rtt_us"] or 0) < RIGHT_US]
    results.ok(seen.whole() and len(timed) == 4 * COUNT and not wrong,
               "%s: no round trip of a round changes" % what,
               (wrong, seen.done.stderr))
    note = (seen.head["clock_stepped"],
            seen.head.get("suspended_us", 0) / 1e6)
    results.ok(note[0] is not slept and
               abs(note[1] - (seconds if slept else 0)) < 0.01,
               "%s: it stands in the batch's head" % what, seen.head)
    times = [seconds_of(r["t"]) - seconds_of(seen.head["round_at"])
             for r in seen.records]
    results.ok(min(times) >= 0 and max(times) < 60,
               "%s: the times of records go on" % what, sorted(times))


def test_look(results, prober, on, preload, seconds, slept):
    what = "%d s, %s" % (seconds, "slept" if slept else "set")
    done = probing.run(*on.command(
        "vp", *shifted(preload, seconds, slept), prober.path, "-j", "--only",
        "dns", "-c", str(COUNT), "-i", "0.25", *probing.ALLOWED,
        *chain.SERVICE.values()))
    look = probing.Look(done.returncode, done.stdout, done.stderr)
    said = "suspended for %.1f s" % seconds if slept else "clock was set"
    results.ok(all(r["outcome"] == "answered" and r["rtt_us"] < RIGHT_US
                   for r in look.of("soa")) and
               len(look.of("soa")) == 2 * COUNT and said in look.stderr and
               look.stderr.count("\n") == 1,
               "%s: nor of a look, which says so" % what, look.stderr)


def test(results):
    prober = probing.Prober()
    try:
        with chain.Chain(1) as on:
            on.greet()
            preload = clocks.build(
                os.path.join(probing.HERE, "clock_shift.c"), on.dir)
            vp = rounds.Rounds(on, prober, "vp")
            vp.configure('trace_every = "0s"\n' + TARGET)
            seen = vp.run()
            results.ok(seen.whole() and not seen.head["clock_stepped"] and
                       "suspended_us" not in seen.head and
                       {r["stamp"] for r in seen.of("soa")} == {"kernel"},
                       "a clock that goes on is not mentioned", seen.head)
            for seconds, slept in CASES:
                test_round(results, vp, preload, seconds, slept)
            for case in (CASES[1], CASES[4]):
                test_look(results, prober, on, preload, *case)
    finally:
        prober.remove()


if __name__ == "__main__":
    sys.exit(probing.main(test))

#!/usr/bin/python3 -I
# A wall clock that is set and a host that sleeps in the middle of a round or look change no round trip, and are noted.
"""usage: probe_clock.py; itself serves as a target"""

import datetime
import os
import socket
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chain  # noqa: E402
import probing  # noqa: E402
import rounds  # noqa: E402
import clocks  # noqa: E402

COUNT = 8  # timed questions, a quarter of a second apart
AFTER_MS = 1000
# Whatever is asked is under way when the clock moves.
SLOW = {4: "203.0.113.70", 6: "2001:db8:53::70"}
SLOW_S = 0.3
RIGHT_US = 900000  # with what a busy machine adds
CASES = (  # seconds; whether the host slept; for how long, 0: for ever
    (3600, False, 0), (-3600, False, 0), (1, False, 0), (-1, False, 0),
    (3600, False, 500), (3600, True, 0), (2, True, 0))
TARGET = """target "service" {
	address = { "%s", "%s" }
	questions = { "soa" }
	count = %d
	trace = true
}
""" % (*SLOW.values(), COUNT)


def serve():
    """Each answer takes its time."""
    def one(family, address):
        for udp, query, client in chain.datagrams(family, address, bound):
            threading.Timer(SLOW_S, udp.sendto, (
                chain.answer(query), client)).start()

    bound = threading.Semaphore(0)
    for af, family in ((4, socket.AF_INET), (6, socket.AF_INET6)):
        threading.Thread(target=one, args=(family, SLOW[af]),
                         daemon=True).start()
        bound.acquire()
    print("ready", flush=True)
    threading.Event().wait()


def named(seconds, slept, for_ms):
    return "%d s, %s" % (seconds, "slept" if slept else "set and set back"
                         if for_ms else "set")


def shifted(preload, seconds, slept, for_ms):
    """The start of a command whose clocks are shifted in its middle."""
    return ["env", "LD_PRELOAD=" + preload, "CLOCK_SHIFT_S=%d" % seconds,
            "CLOCK_SHIFT_AFTER_MS=%d" % AFTER_MS,
            "CLOCK_SHIFT_FOR_MS=%d" % for_ms,
            *(["CLOCK_SHIFT_SLEEP=1"] if slept else [])]


def seconds_of(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def is_right(record):
    """Of what was answered late, not a moment sooner."""
    least = SLOW_S * 1000000 if record["question"] == "soa" else 0
    return record["outcome"] == "answered" and \
        least <= record["rtt_us"] < RIGHT_US


def test_round(results, vp, preload, seconds, slept, for_ms):
    what = named(seconds, slept, for_ms)
    vp.command = lambda *words: vp.on.command(
        "vp", *shifted(preload, seconds, slept, for_ms), vp.prober.path,
        "-f", vp.conf, *words)
    seen = vp.run()
    del vp.command
    timed = seen.of("soa") + seen.of("echo")
    wrong = [(r["question"], r["rtt_us"], r["stamp"]) for r in timed
             if not is_right(r)]
    hops = [hop for r in seen.of("trace") for hop in r["hops"]]
    wrong += [hop for hop in hops if not 0 <= (hop["rtt_us"] or 0) < RIGHT_US]
    results.ok(seen.whole() and len(timed) == 4 * COUNT and not wrong,
               "%s: no round trip of a round changes" % what,
               (wrong, seen.done.stderr))
    results.ok({r["stamp"] for r in seen.of("soa")} == {"kernel", "user"},
               "%s: those that were under way then are not by the kernel's "
               "stamps, others are" % what, [r["stamp"] for r in timed])
    note = (seen.head["clock_stepped"],  # None: there is no batch
            seen.head.get("suspended_us", 0) / 1e6)
    results.ok(note[0] is not slept and
               abs(note[1] - (seconds if slept else 0)) < 0.01,
               "%s: it stands in the batch's head" % what, seen.head)
    times = [seconds_of(r["t"]) - seconds_of(seen.head["round_at"])
             for r in seen.records]
    results.ok(times and min(times) >= 0 and max(times) < 60,
               "%s: the times of records go on" % what, sorted(times))


def test_look(results, prober, on, preload, seconds, slept, for_ms):
    what = named(seconds, slept, for_ms)
    command = on.command(
        "vp", *shifted(preload, seconds, slept, for_ms), prober.path,
        "--only", "dns", "-c", str(COUNT), "-i", "0.25", *probing.ALLOWED,
        *SLOW.values())
    done = probing.run(*command, "-j")
    look = probing.Look(done.returncode, done.stdout, done.stderr)
    said = "suspended for %.1f s" % seconds if slept else "clock was set"
    results.ok(all(is_right(r) for r in look.of("soa")) and
               len(look.of("soa")) == 2 * COUNT and said in look.stderr and
               look.stderr.count("\n") == 1,
               "%s: nor of a look, which says so" % what, look.stderr)
    page = probing.run(*command).stdout
    results.ok(page.count("by the kernel's, the others by the program's") ==
               2, "%s: and on its page, how many are not by the kernel's "
               "stamps" % what, page)


def test_all(results, prober, on, vp, preload):
    command = on.command("server", sys.executable, "-I",
                         os.path.abspath(__file__), "serve")
    with probing.started_command(command) as server:
        if server.stdout.readline() != "ready\n":
            raise SystemExit("the target does not start")
        seen = vp.run()
        results.ok(seen.whole() and not seen.head["clock_stepped"] and
                   "suspended_us" not in seen.head and
                   {r["stamp"] for r in seen.of("soa")} == {"kernel"},
                   "a clock that goes on is not mentioned", seen.head)
        for case in CASES:
            test_round(results, vp, preload, *case)
        for case in (CASES[1], CASES[5]):
            test_look(results, prober, on, preload, *case)


def test(results):
    prober = probing.Prober()
    try:
        with chain.Chain(1) as on:
            on.also_serve(SLOW.values())
            on.greet()
            preload = clocks.build(
                os.path.join(probing.HERE, "clock_shift.c"), on.dir)
            vp = rounds.Rounds(on, prober, "vp")
            vp.configure('trace_every = "0s"\n' + TARGET)
            test_all(results, prober, on, vp, preload)
    finally:
        prober.remove()


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    sys.exit(probing.main(test))

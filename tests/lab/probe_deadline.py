#!/usr/bin/python3 -I
# The deadline of a round holds whatever its targets and the resolver do, and every question has a record.
"""usage: probe_deadline.py; itself serves as the targets"""

import collections
import contextlib
import datetime
import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chain  # noqa: E402
import probing  # noqa: E402
import rounds  # noqa: E402

DEADLINE_S = 5
TIMEOUT_S = 2
SLACK_S = 3  # to start, to sign and to flush to a slow disk
HOLE = {4: "203.0.113.60", 6: "2001:db8:53::60"}  # dropped by the server
FLOOD = {4: "203.0.113.61", 6: "2001:db8:53::61"}  # answers without end
# TCP at a port of its own for each way not to answer.
STREAMS = {"mute": 1001, "trickle": 1002, "garbage": 1003, "half": 1004,
           "closing": 1005}
NAMES = 40


# --- the targets ---

def misbehave(kind, client):
    """As long as the other side is there."""
    with client, contextlib.suppress(OSError):
        client.settimeout(60)
        query = client.recv(65535)
        said = chain.answer(query[2:])
        whole = len(said).to_bytes(2, "big") + said
        if kind == "half":
            client.sendall(whole[:len(whole) // 2])
        elif kind == "closing":
            return
        elif kind == "trickle":  # 30 kB would take an hour
            client.sendall(b"\x7f\xff")
            while True:
                client.sendall(b"\0")
                time.sleep(0.1)
        elif kind == "garbage":  # messages that are none of ours
            noise = (12).to_bytes(2, "big") + bytes(12)
            while True:
                client.sendall(noise * 1000)
        while client.recv(65535):
            pass


def stream(family, kind):
    with socket.create_server(("", STREAMS[kind]), family=family) as listener:
        bound.release()
        while True:
            client, _ = listener.accept()
            threading.Thread(target=misbehave, args=(kind, client),
                             daemon=True).start()


def flood(family, address):
    """To each query wrong answers without end, and never a right one."""
    for udp, query, client in chain.datagrams(family, address, bound):
        end = time.monotonic() + 1
        wrong = bytes([query[0] ^ 0x55]) + query[1:2] + b"\x84\0" + query[4:]
        while time.monotonic() < end:
            for _ in range(100):
                udp.sendto(wrong, client)


bound = threading.Semaphore(0)


def serve():
    for family in (socket.AF_INET, socket.AF_INET6):
        for kind in STREAMS:
            threading.Thread(target=stream, args=(family, kind),
                             daemon=True).start()
            bound.acquire()
    for af, family in ((4, socket.AF_INET), (6, socket.AF_INET6)):
        threading.Thread(target=flood, args=(family, FLOOD[af]),
                         daemon=True).start()
        bound.acquire()
    print("ready", flush=True)
    threading.Event().wait()


# --- the test ---

def target(name, listed, more=""):
    return 'target "%s" {\n\taddress = { %s }\n\techo = false\n%s}\n' % (
        name, ", ".join('"%s"' % a for a in listed), more)


class Test:
    def __init__(self, results, prober, on):
        self.results, self.on = results, on
        self.vp = rounds.Rounds(on, prober, "vp")

    def round(self, text):
        self.vp.configure('deadline = "%ds"\ntimeout = "%ds"\n%s' % (
            DEADLINE_S, TIMEOUT_S, text))
        watch = probing.machine.Watch()
        seen = self.vp.run()
        seen.seconds = watch.own_seconds()
        return seen

    def check(self, sentence, seen, good=True, why=None):
        probing.say("%s: %.1f s" % (sentence, seen.seconds))
        self.results.ok(seen.done.returncode == 0 and good and
                        seen.seconds < DEADLINE_S + SLACK_S, sentence,
                        (seen.seconds, seen.done.stderr, why))


def outcomes(seen):
    return dict(collections.Counter(
        "%s %s %s %s" % (r["question"], r["proto"], r["outcome"], r["reason"])
        for r in seen.records))


def asked_s(seen, record):
    """When it was asked, from the start of the round on."""
    return (datetime.datetime.fromisoformat(record["t"]) -
            datetime.datetime.fromisoformat(seen.head["round_at"])
            ).total_seconds()


def test_black_hole(test):
    """Far more questions than the deadline has time for: the bucket lets five
    a second through."""
    seen = test.round(target(
        "hole", HOLE.values(), "\tflows = 40\n\ttrace = true\n"
        '\ttransport = { "udp", "tcp" }\n'))
    found = outcomes(seen)
    kinds = {(r["outcome"], r["reason"]) for r in seen.records}
    test.check("targets that swallow everything", seen, seen.whole() and
               kinds <= {("timeout", None), ("timeout", "deadline"),
                         ("unsent", "deadline")} and
               sum(r["outcome"] == "timeout" for r in seen.records) > 40,
               (found, seen.head["questions"], len(seen.records)))
    sent = [asked_s(seen, r) for r in seen.records
            if r["outcome"] == "timeout"]
    last = max(sent, default=float("inf"))
    test.results.ok(last < DEADLINE_S - TIMEOUT_S + 0.5, "what the "
                    "deadline leaves no time to await is not sent: the last "
                    "at %.1f s" % last, sorted(sent)[-5:])


def test_streams(test):
    seen = test.round("".join(
        target(kind, ["%s@%d" % (address, port)
                      for address in chain.SERVICE.values()],
               '\tquestions = { "soa", "id.server" }\n\ttransport = "tcp"\n')
        for kind, port in STREAMS.items()))
    found = {kind: {(r["outcome"], r["reason"]) for r in seen.records
                    if r["target"] == kind} for kind in STREAMS}
    late = ("unsent", "deadline")  # one connection of a flow at a time
    expected = {"mute": ("timeout", None),
                "trickle": ("timeout", "answer not whole"),
                "garbage": ("timeout", "answer not among 1 MiB"),
                "half": ("timeout", "answer not whole"),
                "closing": ("refused", "closed")}
    wrong = {kind: sorted(map(str, found[kind])) for kind in STREAMS
             if expected[kind] not in found[kind] or
             found[kind] - {expected[kind], late, ("timeout", None)}}
    test.check("servers that are mute, drip, send garbage or half an answer",
               seen, seen.whole() and len(seen.records) == 20 and not wrong,
               wrong)


def test_flood(test):
    seen = test.round(
        target("flood", FLOOD.values(), '\tquestions = { "soa" }\n') +
        target("service", chain.SERVICE.values(),
               '\tquestions = { "soa" }\n'))
    found = {(r["target"], r["outcome"]) for r in seen.records}
    unwanted = [r["unwanted"] for r in seen.records
                if r["target"] == "flood"]
    test.check("a target that sends wrong answers without end", seen,
               found == {("flood", "timeout"), ("service", "answered")} and
               min(unwanted, default=0) > 1000, (sorted(found), unwanted))


def test_resolver(test):
    """Forty names, and a resolver that never answers."""
    folder = test.vp.folder
    conf = os.path.join(folder, "resolv.conf")
    with open(conf, "w", encoding="ascii") as file:
        file.write("nameserver %s\nnameserver %s\n" % (HOLE[4], HOLE[6]))
    os.chmod(conf, 0o644)
    words = ["unshare", "-m", "sh", "-c", 'mount --bind "$0" '
             '/etc/resolv.conf && exec "$@"', conf, test.vp.prober.path]
    test.vp.command = lambda *more: test.on.command(
        "vp", *words, "-f", test.vp.conf, *more)
    with probing.Capture(test.on, "vp", "udp port 53") as capture:
        seen = test.round(
            target("service", chain.SERVICE.values(),
                   '\tquestions = { "soa" }\n') +
            target("named", ["host%d.example" % i for i in range(NAMES)],
                   '\tquestions = { "soa" }\n'))
    del test.vp.command
    asked = capture.tshark("dns.qry.name contains \"example\"",
                           "dns.qry.name")
    answered = [r for r in seen.of("soa") if r["outcome"] == "answered"]
    test.check("a resolver that never answers", seen, len(answered) == 2 and
               len(asked) > 0 and seen.head["questions"] == NAMES + 2 and
               seen.done.stderr.count("no answer from the resolver") ==
               NAMES, (len(answered), len(asked), seen.head))
    watch = probing.machine.Watch()
    done = probing.run(*test.on.command("vp", *words, "--only", "dns", "-c",
                                        "1", *("host%d.example" % i
                                               for i in range(4))))
    seconds = watch.own_seconds()
    test.results.ok(done.returncode == 1 and seconds < 10 + SLACK_S and
                    done.stderr.count("no answer from the resolver") +
                    done.stderr.count("failure in name resolution") == 4,
                    "a look waits for it no longer than 10 s, either: %.1f s"
                    % seconds, (done.returncode, done.stderr))


def test(results):
    prober = probing.Prober()
    try:
        with chain.Chain(1) as on:
            on.also_serve([*HOLE.values(), *FLOOD.values()])
            on.must("server", "nft", """table inet probetest {
chain input {
type filter hook input priority 0
ip daddr %s drop
ip6 daddr %s drop
}
}
""" % (HOLE[4], HOLE[6]))
            on.greet()
            with probing.started_command(on.command(
                    "server", sys.executable, "-I", os.path.abspath(__file__),
                    "serve")) as server:
                if server.stdout.readline() != "ready\n":
                    raise SystemExit("the targets do not start")
                one = Test(results, prober, on)
                test_black_hole(one)
                test_streams(one)
                test_flood(one)
                test_resolver(one)
    finally:
        prober.remove()


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    sys.exit(probing.main(test))

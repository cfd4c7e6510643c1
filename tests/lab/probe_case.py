#!/usr/bin/python3 -I
# Letters are mixed where servers were seen to give them back, by NSD, Knot, BIND and Unbound too, nowhere else, and no change of case is called a forgery; the version is asked for once a day.
# time limit: 200 s
"""usage: probe_case.py [SEED]"""

import hashlib
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import probing  # noqa: E402
import rounds  # noqa: E402
from probe_dns_odd import (HOST, Server, answer, look, option,  # noqa: E402
                           question_end)
from probing import SERVICE, ZONE  # noqa: E402

OWN = "abcdefghijkl.example"
PLAIN = 14 + 16  # bits of a port and an id
DAY_NS = 86400 * 10**9


def letters(name):
    return sum(c.isalpha() for c in name)


def name_of(query):
    return query[12:question_end(query) - 4]


def is_mixed(query):
    return name_of(query) != name_of(query).lower()


def lowered(query):
    end = question_end(query)
    return query[:12] + query[12:end].lower() + query[end:]


class Here:
    """This host, as the labs' nodes are used."""

    def __init__(self, folder):
        self.dir = folder

    def command(self, _node, *words):
        return list(words)

    def must(self, _node, *words):
        return subprocess.run(words, check=True, capture_output=True)


class Vp:
    """Rounds on loopback with one server."""

    count = 0

    def __init__(self, prober, folder, server, more="",
                 questions='"soa", "hostname.bind"'):
        Vp.count += 1
        self.server = server
        self.vp = rounds.Rounds(Here(folder), prober, "here",
                                "vp%d" % Vp.count)
        self.vp.configure('allow_special = { "127.0.0.0/8" }\n'
                          'timeout = "1s"\ntarget "t" {\n'
                          'address = "%s@%d" zone = "%s" echo = false\n'
                          'questions = { %s } %s\n}\n' %
                          (HOST, server.port, OWN, questions, more))
        text = open(self.vp.conf, encoding="utf-8").read()
        with open(self.vp.conf, "w", encoding="utf-8") as file:
            file.write(text.replace('allow_special = { "203.0.113.0/24", '
                                    '"2001:db8::/32" }\n', ""))

    def round(self):
        """The records by question; those of the queries that were mixed."""
        del self.server.datagrams[:]
        seen = self.vp.run()
        return ({r["question"]: r for r in seen.records},
                sorted(name_of(q).lower()[1:9] for q in self.server.datagrams
                       if is_mixed(q)), seen)

    def rounds(self, count):
        return [self.round() for _ in range(count)]

    def age(self, ns):
        """What is remembered is so much older."""
        path = os.path.join(self.vp.spool, "habits")
        with open(path, encoding="ascii") as file:
            head, *lines, _ = file.read().splitlines()
        words = [line.split() for line in lines]
        for row in words:
            for i in (4, 5):
                row[i] = str(max(0, int(row[i]) - ns))
        body = "\n".join([head] + [" ".join(row) for row in words]) + "\n"
        with open(path, "w", encoding="ascii") as file:
            file.write(body + hashlib.sha256(body.encode()).hexdigest() +
                       "\n")


def brief(seen):
    return [[(q, r["outcome"], r["reason"], r["rcode"], r["auth_bits"],
              r["unwanted"]) for q, r in one[0].items()] + [one[1]]
            for one in seen]


BOTH = sorted([b"abcdefgh", b"hostname"])


def test_real(results, prober, lab, rows):
    """Rounds of a vantage point of each server's."""
    wanted = {"soa": PLAIN + letters(ZONE),
              "hostname.bind": PLAIN + letters("hostname.bind"),
              "id.server": PLAIN + letters("id.server")}
    bad = []
    for row in rows:
        vp = rounds.Rounds(lab, prober, row["vp"], "case-%s" % row["server"])
        vp.configure('target "t" { address = "%s" zone = "%s" echo = false }'
                     % (SERVICE[row["af"]], ZONE))
        path = os.path.join(prober.folder, "case.pcap")
        said = []
        for _ in range(3):
            seen = vp.run("--write", path)
            said.append({r["question"]: (r["rcode"], r["answer"], r["nsid"],
                                         r["unwanted"], r["reason"])
                         for r in seen.records})
        bits = {r["question"]: r["auth_bits"] for r in seen.records}
        names = probing.run("tshark", "-n", "-r", path, "-Y",
                            "dns.flags.response == 0", "-T", "fields", "-e",
                            "dns.qry.name").stdout.split()
        if bits != wanted or said[0] != said[2] or \
                not any(name != name.lower() for name in names):
            bad.append((row["server"], row["af"], bits, said[0], said[2],
                        names))
    results.ok(len(rows) == 4 and not bad,
               "%s give letters back: from the third round on they count, "
               "and the answers are the same" %
               ", ".join(sorted({row["server"] for row in rows})), bad)


def test_echo(results, prober, folder):
    vp = Vp(prober, folder, Server(udp=lambda q: [answer(q)]))
    seen = vp.rounds(4)
    results.ok([mixed for _, mixed, _ in seen] == [[]] + [BOTH] * 3 and
               [r["auth_bits"] for one, _, _ in seen[:1]
                for r in one.values()] == [PLAIN, PLAIN] and
               all(one["soa"]["auth_bits"] == PLAIN + letters(OWN) and
                   not one["soa"]["reason"] for one, _, _ in seen[1:]),
               "the first round asks in one case, then letters are mixed",
               brief(seen))

    def forged_first(query):
        return [answer(lowered(query), options=option(3, b"forged")),
                answer(query, options=option(3, b"true"))]

    vp.server.udp = forged_first
    seen = vp.rounds(2)
    results.ok(all(r["nsid"] == "true" and r["unwanted"] == 1 and
                   r["auth_bits"] > PLAIN and not r["reason"]
                   for one, _, _ in seen for r in one.values()) and
               seen[1][1] == BOTH,
               "of two replies that with the same letters is the answer, and "
               "the other is none of ours", brief(seen))
    vp.server.udp = lambda q: []
    silent = vp.rounds(2)
    vp.server.udp = lambda q: [answer(q)]
    seen = vp.rounds(2)
    results.ok([m for _, m, _ in silent] == [BOTH, []] and
               [m for _, m, _ in seen] == [[], BOTH],
               "after silence it is learnt anew", brief(silent + seen))


def test_lower(results, prober, folder):
    vp = Vp(prober, folder, Server(udp=lambda q: [answer(lowered(q))]))
    seen = vp.rounds(5)
    results.ok([mixed for _, mixed, _ in seen] == [[], BOTH, [], [], []],
               "a server that changes the case is asked so once", brief(seen))
    results.ok(all((r["outcome"], r["unwanted"], r["auth_bits"], r["dup"],
                    r["reason"]) == ("answered", 0, PLAIN, 0,
                                     "case changed" if i == 1 else None)
                   and r["rtt_us"] < 900_000
                   for i, (one, _, _) in enumerate(seen)
                   for r in one.values()) and
               all(one.head.get("attacked") is None and not one.done.stderr
                   for _, _, one in seen),
               "its answer counts, with the time when it came, for as many "
               "bits as were checked, and is no forgery", brief(seen))
    vp.age(29 * DAY_NS)
    before = vp.rounds(1)
    vp.age(DAY_NS)
    after = vp.rounds(2)
    results.ok([m for _, m, _ in before + after] == [[], [], BOTH],
               "it is tried again after thirty days", brief(before + after))


def test_particular(results, prober, folder):
    """Servers to which case is no matter of taste."""
    for what, udp in (
            ("refuses", lambda q: [answer(q, rcode=5 * is_mixed(q))]),
            ("does not answer", lambda q: [] if is_mixed(q) else [answer(q)]),
            ("refuses one of", lambda q: [answer(q, rcode=5 * (
                is_mixed(q) and b"hostname" in q.lower()))])):
        vp = Vp(prober, folder, Server(udp=udp))
        seen = vp.rounds(9)
        results.ok([i for i, (_, mixed, _) in enumerate(seen) if mixed] ==
                   [1, 3, 5],
                   "one that %s mixed questions is asked so three times" %
                   what, brief(seen))


def test_said(results, prober, folder):
    """What the operator says goes before what was seen."""
    server = Server(udp=lambda q: [answer(q)])
    vp = Vp(prober, folder, server, "mixed_case = false")
    seen = vp.rounds(4)
    results.ok(not any(mixed for _, mixed, _ in seen),
               "mixed_case = false: never", brief(seen))
    vp = Vp(prober, folder, server, "mixed_case = true")
    server.udp = lambda q: [answer(lowered(q))]
    seen = vp.rounds(1)
    results.ok(seen[0][1] == BOTH and
               {r["outcome"] for r in seen[0][0].values()} == {"timeout"} and
               sum(r["unwanted"] for r in seen[0][0].values()) == 2,
        "mixed_case = true: always, and nothing else is taken", brief(seen))
    table = os.path.join(folder, "services")
    for mark in ("", "0x20"):
        with open(table, "w", encoding="ascii") as file:
            file.write("own %s nsid,hostname.bind %s\n" % (HOST, mark))
        for udp, bits, reason in (
                (lambda q: [answer(q)], PLAIN + letters(OWN), None),
                (lambda q: [answer(lowered(q))], PLAIN,
                 "case changed" if mark else None)):
            server.udp = udp
            seen = look(prober, server, "-c", "2", "-z", OWN, "--services",
                        table)
            results.ok({(r["outcome"], r["auth_bits"], r["reason"],
                         r["unwanted"]) for r in seen.of("soa")} ==
                       {("answered", bits if mark else PLAIN, reason, 0)},
                       "a look of a service %s the mark: %d bits, %s" %
                       ("with" if mark else "without", bits if mark else
                        PLAIN, reason or "as it was asked"), seen.of("soa"))


def test_version(results, prober, folder):
    server = Server(udp=lambda q: [answer(q)])
    vp = Vp(prober, folder, server,
            questions='"soa", "version.bind", "version.server"')
    asked = [sorted(one) for one, _, _ in vp.rounds(3)]
    vp.age(DAY_NS - 3600 * 10**9)
    asked += [sorted(one) for one, _, _ in vp.rounds(1)]
    vp.age(3600 * 10**9)
    seen = vp.rounds(2)
    asked += [sorted(one) for one, _, _ in seen]
    whole = all(one.whole() for _, _, one in seen)
    results.ok(asked == [["soa", "version.bind", "version.server"], ["soa"],
                         ["soa"], ["soa"],
                         ["soa", "version.bind", "version.server"], ["soa"]]
               and whole,
               "the version is asked for once a day, whatever the rounds",
               asked)


def test(results):
    prober = probing.Prober()
    try:
        with tempfile.TemporaryDirectory(
                prefix="case-%d-" % os.getpid()) as folder:
            test_echo(results, prober, folder)
            test_lower(results, prober, folder)
            test_particular(results, prober, folder)
            test_said(results, prober, folder)
            test_version(results, prober, folder)
        with probing.lab("--seed", (sys.argv[1:] or ["7"])[0]) as lab:
            rows = {row["server"]: row for row in lab.truth()
                    if row["answering"] and not row["ambiguous"]}
            test_real(results, prober, lab, list(rows.values()))
    finally:
        prober.remove()


if __name__ == "__main__":
    sys.exit(probing.main(test))

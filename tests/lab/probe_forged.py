#!/usr/bin/python3 -I
# No forged reply is taken for the service's, a thousand to one: each is counted, and who is on the path is shown.
"""usage: probe_forged.py [SEED]"""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import probing  # noqa: E402
import rounds  # noqa: E402
from probing import SERVICE, ZONE  # noqa: E402

FORGER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "forger.py")
FORGED = "forged.evil.test"
COUNT = 8
TRIES = 5  # packets are lost on a busy machine, by tcpdump too


def under_attack(prober, lab, row, kind, raw=True, interval="0.1"):
    """A look while the access router forges; and what it forged."""
    vp = next(v for v in lab.nodes()["vantage_points"]
              if v["name"] == row["vp"])
    with probing.started(lab, row["path"][1], "python3", "-I", FORGER, kind,
                         vp["v4"], vp["v6"]) as forger:
        forger.stdout.readline()
        look = prober.look(lab, row["vp"], "-z", ZONE, "--only", "dns", "-c",
                           str(COUNT), "-i", interval, *SERVICE.values(),
                           raw=raw)
        forger.terminate()
        said = json.loads(forger.stdout.readline())
    return look, said


def has_lost(look):
    return any(r["outcome"] == "timeout" for r in look.records)


def is_disturbed(look, said):
    """Packets were lost: too few were seen, and none too many."""
    return has_lost(look) or said["queries"] < len(look.records) or \
        total(look, "unwanted") < said["unwanted"]


def attack(*arguments, disturbed=is_disturbed, **more):
    """As under_attack(), again where packets were lost. What is wrong in
    another way is wrong the first time."""
    for _ in range(TRIES):
        look, said = under_attack(*arguments, **more)
        if not disturbed(look, said):
            break
    return look, said


def total(look, key):
    return sum(r[key] for r in look.records)


def true_names(look, rows):
    """Every answer is the service's, every question was answered."""
    return all(look.identity(row["af"])["instance_hex"] == row["nsid_hex"] and
               all(r["outcome"] == "answered" and
                   r["nsid_hex"] == row["nsid_hex"]
                   for r in look.of("soa", row["af"])) and
               len(look.of("soa", row["af"])) == COUNT for row in rows)


def summary(look, said):
    return {"said": said, "unwanted": total(look, "unwanted"), "dup":
            total(look, "dup"), "conflict": total(look, "conflict"),
            "records": [(r["af"], r["outcome"], r["reason"], r.get("nsid"),
                     r["rtt_us"], r["unwanted"]) for r in look.records]}


def test_wrong(results, prober, lab, rows):
    for raw in (True, False):
        what = "with privilege" if raw else "without"
        look, said = attack(prober, lab, rows[0], "wrong", raw)
        results.ok(true_names(look, rows) and
                   said["queries"] == len(look.records),
                   "no reply with a wrong id, question or form is taken, %s" %
                   what, summary(look, said))
        results.ok(said["sent"] > 100 and
                   total(look, "unwanted") == said["unwanted"] and
                   total(look, "conflict") == 0,
                   "each is counted as unwanted, %s: %d" % (
                       what, said["unwanted"]), summary(look, said))
    look, said = attack(prober, lab, rows[0], "elsewhere")
    results.ok(true_names(look, rows) and said["sent"] >= 40 and
               total(look, "unwanted") == 0,
               "the right bytes of another peer reach nobody",
               summary(look, said))


def test_icmp(results, prober, lab, rows):
    look, said = attack(prober, lab, rows[0], "icmp")
    results.ok(true_names(look, rows) and said["sent"] >= 40,
               "an ICMP error that quotes no query of ours ends no question",
               summary(look, said))
    results.ok(total(look, "unwanted") == said["unwanted"],
               "and is counted as unwanted", summary(look, said))
    look, said = attack(prober, lab, rows[0], "icmp", raw=False,
                        disturbed=lambda look, _: has_lost(look))
    results.ok(true_names(look, rows), "nor without privilege",
               summary(look, said))


def test_broken(results, prober, lab, rows):
    look, said = attack(prober, lab, rows[0], "broken")
    results.ok(true_names(look, rows) and said["sent"] >= 40,
               "a reply that cannot be read does not keep the good one out",
               summary(look, said))


def test_conflict(results, prober, lab, rows):
    def conflicts(look):
        return sum(1 for r in look.of("soa") if r["conflict"])

    def is_late(look, _):  # the forger
        return has_lost(look) or conflicts(look) < 2 * COUNT - 4

    look, said = attack(prober, lab, rows[0], "late", interval="0.5",
                        disturbed=is_late)
    results.ok(true_names(look, rows) and conflicts(look) >= 2 * COUNT - 4,
               "a second, other reply is counted as conflict and changes "
               "nothing", summary(look, said))
    look, said = attack(
        prober, lab, rows[0], "first", interval="0.5",
        disturbed=lambda look, said: is_late(look, said) or any(
            r["nsid"] != FORGED for r in look.of("soa")))
    soa = look.of("soa")
    results.ok(all(r["nsid"] == FORGED for r in soa) and
               conflicts(look) >= 2 * COUNT - 4 and
               all(r["dup"] >= r["conflict"] for r in soa),
               "an injector that knows all answers first, and shows in the "
               "conflict", summary(look, said))


# --- a thousand to one ---

MANY = 1000  # of forger.py
ASKED = 3  # timed questions, a second apart
# What is forged, of what is asked, and the field that is wrong.
FLOODS = (("ids", "dns", "id"), ("questions", "dns", "question"),
          ("tokens", "echo", "token"), ("quotes", "dns", "quoted query"),
          ("quotes", "echo", "quoted echo request"))


def flood(prober, lab, row, kind, only, quiet=0):
    """A look at one address under a flood, and what was on its wire. quiet:
    so many more timed questions are asked, and the last ones not flooded."""
    most = ASKED + (2 if only == "dns" else 0)  # hostname.bind, id.server
    vp = next(v for v in lab.nodes()["vantage_points"]
              if v["name"] == row["vp"])
    address = SERVICE[row["af"]]
    with probing.started(lab, row["path"][1], "python3", "-I", FORGER, kind,
                         vp["v4"], vp["v6"],
                         *[str(most)] * min(quiet, 1)) as forger:
        forger.stdout.readline()
        with probing.Capture(lab, row["vp"], "-B", "16384", "inbound and "
                             "(ip or ip6) and not arp") as capture:
            look = prober.look(lab, row["vp"], "-z", ZONE, "--only", only,
                               "-c", str(ASKED + quiet), "-i", "1", address)
        forger.terminate()
        said = json.loads(forger.stdout.readline())
    arrived = sum(1 for _, packet in capture.packets()
                  if not is_neighbour(packet)) - len(look.records)
    return look, said, arrived


def is_neighbour(packet):
    return packet[0] >> 4 == 6 and packet[6] == 58 and \
        packet[40] in range(133, 138)


def is_taken_in(look, row):
    """Something forged was taken for the service's."""
    return any(r["conflict"] or r["outcome"] == "answered" and
               r["question"] == "soa" and r["nsid_hex"] != row["nsid_hex"]
               for r in look.records)


def is_true(look, row):
    """All answered, by the service, no faster than light; the relay of a busy
    machine may be late, but not each time."""
    late = [r["rtt_us"] / 1000 - row["rtt_ms"] for r in look.records
            if r["outcome"] == "answered"]
    return len(look.records) >= ASKED and len(late) == len(look.records) and \
        -15 < min(late, default=99) < 15 and not is_taken_in(look, row)


def is_counted(look, said, arrived):
    """Nearly all: a buffer may run over."""
    counted = total(look, "unwanted")
    return arrived >= 0.99 * said["sent"] and \
        0.99 * said["unwanted"] <= counted <= said["unwanted"]


def test_flood(results, prober, lab, rows):
    for row in rows:
        for kind, only, field in FLOODS:
            for _ in range(TRIES):
                look, said, arrived = flood(prober, lab, row, kind, only, 1)
                if is_taken_in(look, row) or is_true(look, row) and \
                        is_counted(look, said, arrived):
                    break
            results.ok(is_true(look, row) and look.status == 0 and
                       said["sent"] >= MANY * ASKED,
                       "IPv%d: %d replies of a wrong %s to %d change "
                       "nothing" % (row["af"], said["sent"], field,
                                    len(look.records)), summary(look, said))
            counted = total(look, "unwanted")
            results.ok(is_counted(look, said, arrived),
                       "%d of them arrived and %d are counted as unwanted" % (
                           arrived, counted), summary(look, said))
            identity = look.identity(row["af"])
            results.ok(identity["attacked"] is True and
                       identity["unwanted"] == counted,
                       "and the result says that it was under attack",
                       identity)


ROUND = """target "service" {
	address = "%s"
	zone = "%s"
	count = %d
	questions = %s
	echo = %s
}
"""


def test_round(results, prober, lab, rows):
    """A round says so, too, and counts the addresses in its batch."""
    vp = next(v for v in lab.nodes()["vantage_points"]
              if v["name"] == rows[0]["vp"])
    one = rounds.Rounds(lab, prober, rows[0]["vp"])
    for row, kind, question in ((rows[0], "ids", "soa"),
                                (rows[1], "tokens", "echo")):
        address = SERVICE[row["af"]]
        one.configure(ROUND % (
            address, ZONE, ASKED, '"soa"' if question == "soa" else "{ }",
            str(question == "echo").lower()))
        quiet = one.run()
        with probing.started(lab, row["path"][1], "python3", "-I", FORGER,
                             kind, vp["v4"], vp["v6"]) as forger:
            forger.stdout.readline()
            for _ in range(TRIES):
                seen = one.run()
                if not has_lost(seen):
                    break
            forger.terminate()
            said = json.loads(forger.stdout.readline())
        unwanted = total(seen, "unwanted")
        lines = seen.done.stderr.splitlines()
        results.ok(quiet.whole() and "attacked" not in quiet.head and
                   seen.done.returncode == 0 and seen.head["attacked"] == 1
                   and len(lines) == 1 and
                   "service: %s: somebody forges replies: %d were" % (
                       address, unwanted) in lines[0],
                   "IPv%d: a round says that replies are forged, and one "
                   "where none are does not" % row["af"],
                   (lines, seen.head, unwanted, said))
        results.ok(len(seen.records) == ASKED and all(
            r["outcome"] == "answered" and r["conflict"] == 0 and
            r.get("nsid_hex", row["nsid_hex"]) == row["nsid_hex"]
            for r in seen.of(question)),
            "IPv%d: and is right all the same" % row["af"],
            summary(seen, said))


def test_spoofs(results, prober, lab, rows):
    for row in rows:
        for _ in range(TRIES):
            look, said, arrived = flood(prober, lab, row, "spoofs", "dns")
            if not has_lost(look) and arrived >= 0.8 * said["sent"]:
                break
        results.ok(is_true(look, row) and
                   arrived >= 0.8 * said["sent"] >= 800 * ASKED
                   and total(look, "unwanted") == 0 and
                   look.identity(row["af"])["attacked"] is False,
                   "IPv%d: %d right replies of another port or host are on "
                   "the wire, and none reaches us" % (row["af"], arrived),
                   summary(look, said))


def test(results):
    options = ["--seed", sys.argv[1]] if len(sys.argv) > 1 else []
    prober = probing.Prober()
    try:
        with probing.lab(*options) as lab:
            truth = lab.truth()
            # Far from the service, so that the forger is the first.
            far = max((row for row in truth if row["af"] == 4),
                      key=lambda row: row["rtt_ms"])["vp"]
            rows = [row for row in truth if row["vp"] == far]
            test_wrong(results, prober, lab, rows)
            test_icmp(results, prober, lab, rows)
            test_broken(results, prober, lab, rows)
            test_conflict(results, prober, lab, rows)
            test_flood(results, prober, lab, rows)
            test_round(results, prober, lab, rows)
            test_spoofs(results, prober, lab, rows)
    finally:
        prober.remove()


if __name__ == "__main__":
    sys.exit(probing.main(test))

#!/usr/bin/python3 -I
# Over UDP and TCP every field of a DNS record is what kdig reads of the same server, and TCP's times are kdig's and the truth's.
"""usage: probe_dns.py [SEED]"""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lifecycle  # noqa: E402
import probing  # noqa: E402
from probing import SERVICE, ZONE  # noqa: E402

QUESTIONS = {"soa": (ZONE, "SOA", "IN"),
             "hostname.bind": ("hostname.bind", "TXT", "CH"),
             "id.server": ("id.server", "TXT", "CH")}
TIMES = 8  # rounds of timing at most
RCODES = {"NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3,
          "NOTIMPL": 4, "REFUSED": 5}


def kdig(lab, row, question, *more):
    """What kdig reads: the fields that a record has, and its time."""
    name, kind, klass = QUESTIONS[question]
    text = lab.must(row["vp"], "kdig", "@" + SERVICE[row["af"]], "-c", klass,
                    "-t", kind, "+nsid", "+cookie", "+noadflag", "+nordflag",
                    "+retry=0", "+ignore", *more, name)

    def found(pattern):
        match = re.search(pattern, text, re.M)
        return match.group(1) if match else None

    flags = found(r"^;; Flags: ([a-z ]*);").split()
    cookie = found(r"^;; COOKIE: ([0-9A-F]*)")
    nsid = found(r"^;; NSID: ([0-9A-F]*)")
    soa = found(r"\tSOA\t\S+ \S+ (\d+) ")
    return {"rcode": RCODES[found(r"status: (\w+);")],
            "aa": "aa" in flags, "ra": "ra" in flags, "ad": "ad" in flags,
            "tc": "tc" in flags, "edns": "EDNS PSEUDOSECTION" in text,
            "nsid_hex": None if nsid is None else nsid.lower(),
            "cookie": None if cookie is None else len(cookie) - 16,
            "ede": re.findall(r"^;; EDE: (\d+)", text, re.M),
            "serial": None if soa is None else int(soa),
            "answer": re.findall(r'\tTXT\t"(.*)"', text)}, \
        float(found(r"in ([0-9.]+) ms"))


def fields(record):
    """The same of a record."""
    cookie = record.get("cookie")
    return {**{key: record.get(key) for key in (
        "rcode", "aa", "tc", "edns", "nsid_hex", "serial", "ra", "ad")},
        "cookie": None if cookie is None else len(cookie),
        "ede": [str(e["code"]) for e in record.get("ede", [])],
        "answer": record["answer"] if record["qtype"] == "TXT" else []}


def look(prober, lab, row, *words):
    return prober.look(lab, row["vp"], "--only", "dns", "--cookie", "-z", ZONE,
                       *words, SERVICE[row["af"]])


def differences(seen, lab, row, *transport):
    found = []
    for question in QUESTIONS:
        wanted, _ = kdig(lab, row, question, *transport)
        for record in seen.of(question):
            if record["retry_of"] is None and fields(record) != wanted:
                found.append((question, fields(record), wanted))
    return found


def test_agreement(results, prober, lab, rows):
    for transport, words in (((), ()), (("+tcp",), ("-T",))):
        bad, servers = [], set()
        for row in rows:
            seen = look(prober, lab, row, "-c", "2", *words)
            bad += differences(seen, lab, row, *transport)
            if seen.status != 0 or len(seen.records) != 4:
                bad.append((row["vp"], seen.status, seen.stderr))
            servers.add(row["server"])
        results.ok(not bad, "every field is kdig's over %s, of %s" % (
            "TCP" if words else "UDP", ", ".join(sorted(servers))), bad)


def tcp_times(prober, lab, row):
    """The least times of TCP in ms: connecting, answering, both of one
    sample, and kdig's."""
    soa = look(prober, lab, row, "-T", "-c", "5").of("soa")
    soa = [r for r in soa if r["outcome"] == "answered"]
    never = float("inf")  # where none was answered
    return [min((r["connect_us"] for r in soa), default=never) / 1000,
            min((r["rtt_us"] for r in soa), default=never) / 1000,
            min((r["rtt_us"] + r["connect_us"] for r in soa),
                default=never) / 1000,
            kdig(lab, row, "soa", "+tcp")[1]]


def least_times(prober, lab, row):
    """The least of several rounds, until they agree: a busy machine only
    makes times longer, ours and kdig's."""
    least = tcp_times(prober, lab, row)
    for _ in range(TIMES - 1):
        if times_agree(row, least):
            break
        least = list(map(min, least, tcp_times(prober, lab, row)))
    return least


def times_agree(row, least):
    """kdig's own clock runs while it waits for a processor; ours, of the
    kernel's stamps, hardly."""
    connect, answer, whole, theirs = least
    return all(-early_ms(row) <= ms - row["rtt_ms"] < 3
               for ms in (connect, answer)) and whole - theirs <= 3


def early_ms(row):
    """Each link is passed twice, and the relay lets a packet go sooner by
    what passing it costs where processors sleep: awake they are quicker."""
    return 2 * len(row["hops"]) * lifecycle.COST_NS / 1e6


def test_times(results, prober, lab, rows):
    bad = []
    for row in rows:
        least = least_times(prober, lab, row)
        if not times_agree(row, least):
            bad.append((row["vp"], row["rtt_ms"], least))
    results.ok(not bad, "to connect and to answer take the path's round trip "
               "each, and together no more than kdig says", bad)


def test_truncated(results, prober, lab, row):
    lab.event("tc", row["node"])
    seen = look(prober, lab, row, "-c", "3")
    first = [r for r in seen.of("soa") if r["retry_of"] is None]
    again = [r for r in seen.of("soa") if r["retry_of"] is not None]
    results.ok(len(first) == len(again) == 3 and
               all(r["tc"] and r["proto"] == "udp" for r in first) and
               all(r["proto"] == "tcp" and not r["tc"] and
                   r["outcome"] == "answered" and
                   seen.records[r["retry_of"]] in first for r in again),
               "a truncated answer is followed over TCP",
               [(r["proto"], r["tc"], r["outcome"], r["retry_of"])
                for r in seen.of("soa")])
    results.ok(not differences(seen, lab, row),
               "and is itself what kdig +ignore reads",
               differences(seen, lab, row))
    lab.event("revive", row["node"])


def test_dead(results, prober, lab, row):
    lab.event("dead", row["node"])
    seen = look(prober, lab, row, "-T", "-c", "1", "-W", "1")
    results.ok(seen.status == 1 and all(
        (r["outcome"], r["reason"], r["rtt_us"]) == ("refused", "reset", None)
        for r in seen.records), "a dead server's reset is refusal",
        seen.records)
    lab.event("blackhole", row["node"])
    seen = look(prober, lab, row, "-T", "-c", "1", "-W", "1")
    results.ok(seen.status == 1 and len(seen.records) == 3 and all(
        r["outcome"] in ("timeout", "unreachable") and
        "connect_us" not in r for r in seen.records),
        "where packets vanish nothing is connected",
        [(r["outcome"], r["reason"]) for r in seen.records])


def test(results):
    seed = sys.argv[1:] and ["--seed", sys.argv[1]] or []
    prober = probing.Prober()
    try:
        with probing.lab(*seed) as lab:
            rows = [row for row in lab.truth() if row["answering"] and
                    not row["ambiguous"]]
            sites = {}
            for row in rows:
                sites.setdefault((row["server"], row["af"]), row)
            some = list(sites.values())
            test_agreement(results, prober, lab, some)
            test_times(results, prober, lab, some)
            test_truncated(results, prober, lab, some[0])
            test_dead(results, prober, lab, some[0])
    finally:
        prober.remove()


if __name__ == "__main__":
    sys.exit(probing.main(test))

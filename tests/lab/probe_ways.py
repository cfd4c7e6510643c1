#!/usr/bin/python3 -I
# Source address, interface and DSCP are those asked for, on every packet and in every record, as tshark sees them.
"""usage: probe_ways.py"""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chain  # noqa: E402
import probing  # noqa: E402
import rounds  # noqa: E402
from probing import SERVICE  # noqa: E402

BUILD = os.path.dirname(probing.ACPROBE)
SECOND = {4: "198.51.100.3", 6: "2001:db8:a::3"}    # on eth0, too
OTHER = {4: "198.51.100.10", 6: "2001:db8:a:1::2"}  # on eth1
DSCP = 46


def other_interface(on):
    """vp has a second way to r1, which its routes would not take."""
    vp, r1 = on.namespace("vp"), on.namespace("r1")
    on.ip("link add eth1 netns %s type veth peer name back1 netns %s" % (
        vp, r1))
    on.ip("addr add %s dev eth0" % SECOND[4],
          # Not the one that the kernel would choose.
          "addr add %s dev eth0 nodad preferred_lft 0" % SECOND[6],
          "addr add %s/29 dev eth1" % OTHER[4],
          "addr add %s/64 dev eth1 nodad" % OTHER[6], "link set eth1 up",
          "route add default via 198.51.100.9 dev eth1 metric 9999",
          "route add default via 2001:db8:a:1::1 dev eth1 metric 9999",
          namespace=vp)
    on.ip("addr add 198.51.100.9/29 dev back1",
          "addr add 2001:db8:a:1::1/64 dev back1 nodad",
          "link set back1 up", namespace=r1)


def packets(capture):
    """(source, DSCP) of all that is sent to the service."""
    rows = capture.tshark(
        "(ip.dst == %s || ipv6.dst == %s) && !icmp.type == 11 && "
        "!icmpv6.type == 3" % (
            SERVICE[4], SERVICE[6]), "ip.src", "ipv6.src", "ip.dsfield.dscp",
        "ipv6.tclass.dscp", "ip.dsfield.ecn", "ipv6.tclass.ecn")
    return {(row[0] or row[1], int(row[2] or row[3]), int(row[4] or row[5]))
            for row in rows}


def recorded(records):
    return {(r["flow"]["src"], r["flow"].get("dscp", 0),
             r["flow"].get("interface")) for r in records}


def observe(on, look):
    with probing.Capture(on, "vp") as first, \
            probing.Capture(on, "vp", device="eth1") as second:
        records = look()
    return packets(first), packets(second), records


def expect(results, sentence, seen, sources, device="eth0", **more):
    dscp, interface = more.get("dscp", 0), more.get("interface")
    wire = {(source, dscp, 0) for source in sources.values()}
    first, second, records = seen
    results.ok(
        (first, second) == ((wire, set()) if device == "eth0" else
                            (set(), wire)) and
        recorded(records) == {(source, dscp, interface)
                              for source in sources.values()} and
        {"udp", "icmp"} <= {r["proto"] for r in records} and
        all(r["outcome"] == "answered" for r in records
            if r["question"] in ("soa", "echo", "trace")), sentence,
        (first, second, recorded(records),
         [(r["question"], r["outcome"], r["reason"]) for r in records]))


def test_looks(results, prober, on):
    for raw in (True, False):
        how = "with privilege" if raw else "without"

        def look(*words, raw=raw):
            return observe(on, lambda: prober.look(
                on, "vp", "-c", "2", *words, *SERVICE.values(),
                raw=raw).records)

        expect(results, "without options the host chooses, %s" % how, look(),
               chain.VP)
        expect(results, "-S is the source, %s" % how,
               look("-S", SECOND[4], "-S", SECOND[6]), SECOND)
        expect(results, "-I is the interface, %s" % how, look("-I", "eth1"),
               OTHER, "eth1", interface="eth1")
        expect(results, "--dscp marks every packet and no bit of ECN, %s" %
               how, look("--dscp", str(DSCP)), chain.VP, dscp=DSCP)
    several = prober.look(on, "vp", "--only", "echo", "-c", "1", "-W", "0.5",
                          "-S", SECOND[4], SERVICE[4], "203.0.113.1",
                          "203.0.113.2").records
    results.ok(len(several) == 3 and {r["flow"]["src"] for r in several} ==
               {SECOND[4]}, "-S holds for each of several addresses", several)
    first, _, records = observe(on, lambda: prober.look(
        on, "vp", "--only", "dns", "-T", "-c", "1", "--dscp", "10",
        *SERVICE.values()).records)
    results.ok({dscp for _, dscp, _ in first} == {10} and
               {r["flow"]["dscp"] for r in records} == {10} and
               {r["proto"] for r in records} == {"tcp"},
               "TCP, too", (first, recorded(records)))


def test_round(results, prober, on):
    """All three from the configuration, and what the collector keeps."""
    one = rounds.Rounds(on, prober, "vp")
    one.configure('source = { "%s", "%s" }\ninterface = "eth1"\ndscp = %d\n'
                  'target "t" { address = { "%s", "%s" } trace = true }\n' % (
                      *OTHER.values(), DSCP, *SERVICE.values()))
    expect(results, "a round does as its configuration says",
           observe(on, lambda: one.run().records), OTHER, "eth1", dscp=DSCP,
           interface="eth1")
    database = os.path.join(on.dir, "kept.db")
    batch = os.path.join(one.spool, one.batches()[0])
    said = [probing.run(BUILD + "/accollect", *words) for words in (
        ("init", "--db", database),
        ("vp", "add", "lab1", "--lat", "1", "--lon", "2", "--key",
         os.path.join(one.folder, "vp.key.pub"), "--db", database),
        ("import", "--db", database, batch))]
    kept = subprocess.run(
        ["sqlite3", "-readonly", "-json", database,
         "SELECT DISTINCT json_extract(detail, '$.flow.src') AS source,"
         " json_extract(detail, '$.flow.dscp') AS dscp,"
         " json_extract(detail, '$.flow.interface') AS interface"
         " FROM v_record"], capture_output=True, text=True, check=False)
    rows = json.loads(kept.stdout or "[]")
    results.ok({(r["source"], r["dscp"], r["interface"]) for r in rows} ==
               {(source, DSCP, "eth1") for source in OTHER.values()},
               "and the collector keeps it",
               (rows, kept.stderr, [done.stderr for done in said]))


def test(results):
    prober = probing.Prober()
    try:
        with chain.Chain(2) as on:
            on.must("vp", "sh", "-c",
                    "echo 0 65535 >/proc/sys/net/ipv4/ping_group_range")
            other_interface(on)
            test_looks(results, prober, on)
            test_round(results, prober, on)
    finally:
        prober.remove()


if __name__ == "__main__":
    sys.exit(probing.main(test))

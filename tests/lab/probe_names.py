#!/usr/bin/python3 -I
# Names and networks of hops: by the system's resolver, never waited for, and by the operator's files.
"""usage: probe_names.py"""

import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "lib")]
import chain  # noqa: E402
import mmdb  # noqa: E402
import probing  # noqa: E402
from probing import SERVICE  # noqa: E402

WAIT_S = 2.5  # what a look may take longer for a resolver that is dead
HANGS = "203.0.113.98"  # packets to it are dropped, and nothing comes back
NAME = "r2.hops.example"


def networks(folder):
    """Two files: numbers alone, and one that has a name for another."""
    paths = [os.path.join(folder, name) for name in ("a.mmdb", "b.mmdb")]
    mmdb.write(paths[0], {
        "100.64.1.0/24": {"autonomous_system_number": 64501},
        "2001:db8:ff:1::/64": {"autonomous_system_number": 64501}})
    mmdb.write(paths[1], {
        "100.64.0.0/10": {"autonomous_system_number": 4200000001,
                          "autonomous_system_organization": "Ex\033ample"},
        "2001:db8:ff::/48": {"autonomous_system_number": 4200000001,
                             "autonomous_system_organization": "Example"}})
    return paths


def test_networks(results, prober, on):
    paths = networks(prober.folder)
    words = [w for path in paths for w in ("--mmdb", path)]
    look = prober.look(on, "vp", "--only", "trace", *words, *SERVICE.values())
    numbers = {r["af"]: [hop.get("asn") for hop in r["hops"]]
               for r in look.of("trace")}
    results.ok(numbers == {af: [None, 64501, 4200000001, None]
                           for af in (4, 6)},
               "the network of each hop is in the JSON", numbers)
    page = prober.run(on, "vp", "-n", "--only", "trace", *words,
                      *SERVICE.values()).stdout
    results.ok(page.count("  AS64501\n") == 2 and
               page.count("  AS4200000001  Ex") == 2 and
               page.count("  AS") == 4 and "\033" not in page,
               "and on the page, with its name", page)
    done = prober.run(on, "vp", "--only", "trace", "--mmdb", "/nowhere.mmdb",
                      SERVICE[4])
    results.ok(done.returncode == 0 and "/nowhere.mmdb" in done.stderr and
               "AS" not in done.stdout.split("path")[1],
               "a file that is not there is said, and the rest is there",
               (done.stdout, done.stderr))


def resolving(prober, on, server, *words):
    """A look whose system asks this server for names: seconds, page."""
    conf = os.path.join(prober.folder, "resolv.conf")
    hosts = os.path.join(prober.folder, "hosts")
    with open(conf, "w", encoding="ascii") as file:
        file.write("nameserver %s\noptions timeout:5 attempts:3\n" % server)
    with open(hosts, "w", encoding="ascii") as file:
        file.write("127.0.0.1 localhost\n")
        if server != HANGS:
            file.write("%s %s\n" % (chain.far(1, 4), NAME))
    for path in (conf, hosts):
        os.chmod(path, 0o644)
    command = " ".join(["mount --bind", conf, "/etc/resolv.conf; mount --bind",
                        hosts, "/etc/hosts; exec", *probing.nobody(True),
                        prober.path, *probing.ALLOWED, *words, SERVICE[4]])
    started = time.monotonic()
    done = probing.run(*on.command("vp", "unshare", "-m", "sh", "-ec",
                                   command))
    return time.monotonic() - started, done


def test_resolver(results, prober, on):
    _, done = resolving(prober, on, SERVICE[4], "--only", "trace")
    results.ok(done.returncode == 0 and done.stdout.count(NAME) == 1,
               "a name that the system knows is on the page",
               (done.stdout, done.stderr))
    wrong = []
    times = {words: [] for words in ((), ("-n",), ("-j",))}
    for words, taken in times.items():
        for _ in range(3):
            with probing.Capture(on, "vp", "udp") as capture:
                seconds, done = resolving(prober, on, HANGS, "-c", "2",
                                          *words)
            taken.append(seconds)
            asked = len(capture.tshark("dns.qry.type == 12", "dns.qry.name"))
            whole = done.returncode == 0 and (
                words == ("-j",) or chain.far(1, 4) in done.stdout)
            if not whole or (asked > 0) != (words == ()):
                wrong.append((words, asked, done.stdout, done.stderr))
    least = {words: min(taken) for words, taken in times.items()}
    results.ok(least[()] < min(least[("-n",)], least[("-j",)]) + WAIT_S,
               "a resolver that never answers is not waited for", times)
    results.ok(not wrong, "the page is whole, and with -n or -j the resolver "
               "is not asked", wrong)


def test(results):
    prober = probing.Prober()
    try:
        with chain.Chain(3) as on:
            test_networks(results, prober, on)
            test_resolver(results, prober, on)
    finally:
        prober.remove()


if __name__ == "__main__":
    sys.exit(probing.main(test))

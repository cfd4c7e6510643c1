#!/usr/bin/python3 -I
# Against BIND and Knot that insist on cookies, BADCOOKIE is followed once with the server's cookie, later queries carry it, and dig and tshark agree.
"""usage: probe_cookies.py     (on loopback, ports of its own)"""

import contextlib
import os
import shutil
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import probing  # noqa: E402
from probe_dns_odd import (HOST, Server, answer, look, option,  # noqa: E402
                           options_of)

BADCOOKIE = 23
ZONE = "cookie.test"
ZONE_FILE = """$ORIGIN cookie.test.
$TTL 300
@	IN SOA ns.cookie.test. hostmaster.cookie.test. 7 3600 600 86400 300
@	IN NS ns.cookie.test.
ns	IN A 127.0.0.1
"""
BIND = """options { directory "."; pid-file "named.pid"; session-keyfile none;
 recursion no; dnssec-validation no; managed-keys-directory "."; notify no;
 require-server-cookie yes; server-id "bind"; listen-on-v6 { none; };
 listen-on port %d { 127.0.0.1; }; };
controls { };
logging { channel file { file "named.log"; }; category default { file; }; };
zone "cookie.test" { type primary; file "zone"; };
"""
KNOT = """server:
    rundir: .
    pidfile: knot.pid
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    nsid: knot
    listen: 127.0.0.1@%d
log:
  - target: knot.log
    any: info
database:
    storage: .
control:
    listen: knot.sock
mod-cookies:
  - id: strict
    badcookie-slip: 1
template:
  - id: default
    storage: .
    zonefile-sync: -1
    journal-content: none
    global-module: mod-cookies/strict
zone:
  - domain: cookie.test
    file: zone
"""
SERVERS = {"BIND": (BIND, "named.conf", ("named", "-g", "-n", "1", "-c")),
           "Knot": (KNOT, "knot.conf", ("knotd", "-c"))}


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


class Real:
    def __init__(self, port):
        self.port = port

    def dig(self, *words):
        return probing.run("dig", "@" + HOST, "-p", str(self.port), "+tries=1",
                           "+time=2", "+norecurse", *words, ZONE,
                           "SOA").stdout


@contextlib.contextmanager
def real(name, folder):
    text, file_name, command = SERVERS[name]
    port = free_port()
    with open(os.path.join(folder, "zone"), "w", encoding="ascii") as file:
        file.write(ZONE_FILE)
    with open(os.path.join(folder, file_name), "w", encoding="ascii") as file:
        file.write(text % port)
    server = Real(port)
    with probing.started_command(
            ["env", "-C", folder, *command, file_name]):
        if not probing.wait_until(
                lambda: "status: NOERROR" in server.dig("+tcp"), 20):
            raise SystemExit(name + " did not start")
        yield server


def asked_with(path, port):
    """(DNS id, client's cookie, server's, rcode) of each message."""
    done = probing.run(
        "tshark", "-n", "-r", path, "-d", "udp.port==%d,dns" % port, "-Y",
        "dns && udp", "-T", "fields", "-e", "dns.id", "-e",
        "dns.opt.cookie.client", "-e", "dns.opt.cookie.server", "-e",
        "dns.flags.response", "-e", "dns.flags.rcode", "-e",
        "dns.resp.ext_rcode")
    return [line.replace("<MISSING>", "").split("\t")
            for line in done.stdout.splitlines()]


def test_real(results, prober, name, server):
    path = os.path.join(prober.folder, name + ".pcap")
    seen = look(prober, server, "--cookie", "-z", ZONE, "-c", "4", "-i", "0.6",
                "--write", path)
    soa = seen.of("soa")
    first, again, *later = soa
    results.ok(seen.status == 0 and len(soa) == 5 and
               [r["rcode"] for r in soa] == [BADCOOKIE, 0, 0, 0, 0] and
               again["retry_of"] == seen.records.index(first) and
               all(r["retry_of"] is None for r in later) and
               all(r["nsid"] == name.lower() for r in soa) and
               all(r["serial"] == 7 for r in soa[1:]),
               "%s: BADCOOKIE is followed once, and later questions are "
               "answered at once" % name,
               [(r["rcode"], r["retry_of"], r["nsid"], r["serial"],
                 r["outcome"]) for r in soa])
    asked = [row for row in asked_with(path, server.port) if row[3] == "0"]
    given = {r["cookie"] for r in soa}
    results.ok(len({row[1] for row in asked}) == 1 and
               sum(not row[2] for row in asked) == 3 and
               all(row[2] in given for row in asked if row[2]) and
               len(asked) == len(seen.records) == 9,
               "%s: tshark sees one cookie of ours, and of the server's those "
               "it gave" % name, (asked, given))
    refused = server.dig("+cookie=" + asked[0][1], "+nobadcookie")
    taken = server.dig("+cookie=" + asked[0][1] + later[-1]["cookie"],
                       "+nobadcookie")
    results.ok("status: BADCOOKIE" in refused and
               "status: NOERROR" in taken,
               "%s: dig, too, is refused without that cookie and answered "
               "with it" % name, (refused, taken))
    done = probing.run(prober.path, "-j", "-W", "1", "--read", path)
    played = probing.Look(done.returncode, done.stdout, done.stderr)
    a, b = ([(r["question"], r["rcode"], r["retry_of"], r["cookie"],
              r["nsid"]) for r in one.records] for one in (seen, played))
    results.ok(a == b, "%s: the capture of it is read as the same" % name,
               (a, b, played.stderr))
    plain = look(prober, server, "-z", ZONE, "-c", "2")
    with_dig = server.dig("+nocookie")
    results.ok("status: NOERROR" in with_dig and
               [r["rcode"] for r in plain.of("soa")] == [0, 0] and
               all(r["retry_of"] is None for r in plain.records),
               "%s: without --cookie nothing of this is asked" % name,
               [(r["rcode"], r["retry_of"]) for r in plain.records])
    tcp = look(prober, server, "--cookie", "-T", "-z", ZONE, "-c", "2")
    results.ok([(r["rcode"], r["retry_of"]) for r in tcp.of("soa")] ==
               [(0, None)] * 2 and
               "status: NOERROR" in server.dig("+tcp", "+nobadcookie"),
               "%s: over TCP no cookie is asked for, nor of dig" % name,
               [(r["rcode"], r["retry_of"]) for r in tcp.of("soa")])


def test_twice(results, prober):
    """No server can make us ask on and on."""
    server = Server(udp=lambda q: [answer(
        q, rcode=BADCOOKIE,
        options=option(10, options_of(q)[10][:8] + os.urandom(16)))])
    seen = look(prober, server, "--cookie", "-c", "2")
    results.ok(len(server.datagrams) == len(seen.records) == 8 and
               sum(r["retry_of"] is not None for r in seen.records) == 4 and
               all(r["rcode"] == BADCOOKIE for r in seen.records),
               "BADCOOKIE to the new cookie is followed no further",
               [(r["rcode"], r["retry_of"]) for r in seen.records])
    server = Server(udp=lambda q: [answer(
        q, rcode=BADCOOKIE, options=option(10, options_of(q)[10]))])
    seen = look(prober, server, "--cookie", "-c", "1")
    results.ok(len(server.datagrams) == len(seen.records) == 3,
               "nor one that brings no cookie",
               [(r["rcode"], r["retry_of"]) for r in seen.records])


def test_forged(results, prober):
    """A cookie that came with another's client cookie is not the server's."""
    server = Server(udp=lambda q: [
        answer(q, options=option(10, b"f" * 16)),
        answer(q, options=option(10, options_of(q)[10][:8] + b"genuine!"))])
    seen = look(prober, server, "--cookie", "-c", "3", "-i", "0.6")
    later = [options_of(q)[10][8:] for q in server.datagrams]
    results.ok(later.count(b"genuine!") == 2 and set(later) ==
               {b"", b"genuine!"} and
               all(r["unwanted"] == 1 for r in seen.of("soa")),
               "a server's cookie is learnt of a reply to ours alone",
               (later, [r["unwanted"] for r in seen.of("soa")]))


def test(results):
    prober = probing.Prober()
    try:
        for name in SERVERS:
            folder = os.path.join(prober.folder, name)
            os.mkdir(folder)
            if shutil.which(SERVERS[name][2][0]) is None:
                results.skip("%s: cookies" % name, "it is not here")
                continue
            with real(name, folder) as server:
                test_real(results, prober, name, server)
        test_twice(results, prober)
        test_forged(results, prober)
    finally:
        prober.remove()


if __name__ == "__main__":
    sys.exit(probing.main(test))

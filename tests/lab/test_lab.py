#!/usr/bin/python3 -I
# The lab says the truth, makes things happen, and leaves nothing behind.
"""usage: test_lab.py [SEED]"""

import concurrent.futures
import glob
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "lib")]
import endings  # noqa: E402
import topology  # noqa: E402

LAB = os.path.join(HERE, "lab")
count, failures = 0, 0
folders = []


def ok(true, sentence, why=""):
    global count, failures
    count += 1
    print("%sok %d - %s" % ("" if true else "not ", count, sentence),
          flush=True)
    if not true:
        failures += 1
        print("# " + str(why).replace("\n", "\n# "), flush=True)
    return true


def run(*command, seconds=30):
    return subprocess.run(command, capture_output=True, text=True,
                          timeout=seconds, check=False)


class Lab:
    def __init__(self, *options):
        self.dir = tempfile.mkdtemp(prefix="aclabtest.")
        folders.append(self.dir)
        started = time.monotonic()
        self.result = run(LAB, "up", "--dir", self.dir, "--trap",
                          str(os.getpid()), *options)
        self.seconds = time.monotonic() - started

    def __call__(self, *words):
        return run(LAB, "--dir", self.dir, *words)

    def truth(self, *words):
        done = self("truth", "--json", *words)
        return json.loads(done.stdout)

    def nodes(self):
        return json.loads(self("nodes", "--json").stdout)

    def event(self, *words):
        done = self("event", *words)
        if done.returncode != 0:
            ok(False, "event %s happens" % " ".join(words), done.stderr)
        return done


def dig(lab, vp, *words):
    return lab("exec", vp, "dig", "+norec", "+tries=1", "+timeout=2",
               *words).stdout


def nsid_of(text):
    found = re.search(r"^; NSID:((?: [0-9a-f]{2})*)", text, re.M)
    return found.group(1).replace(" ", "") if found else None


def measured(lab, row):
    """What dig sees of a row of the truth: NSID and two CHAOS names."""
    server = "@" + row["address"]
    soa = dig(lab, row["vp"], server, "+nsid", "anycast.test", "SOA")
    seen = {"answering": "ANSWER: 1" in soa or " tc" in soa,
            "nsid_hex": nsid_of(soa)}
    for key, name in (("hostname_bind", "hostname.bind"),
                      ("id_server", "id.server")):
        text = dig(lab, row["vp"], server, "+short", "CH", "TXT", name)
        found = re.match(r'"(.*)"\n$', text)
        seen[key] = found.group(1) if found else None
    return seen


def in_parallel(function, items):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return list(pool.map(function, items))


def disagreements(lab, rows):
    found = []
    for row, seen in zip(rows, in_parallel(
            lambda row: measured(lab, row), rows)):
        found += ["%s IPv%d %s: truth %r, dig %r" % (
            row["vp"], row["af"], key, row[key], seen[key])
            for key in seen if row[key] != seen[key]]
    return found


def ping_difference(lab, row):
    """Measured minus said, in ms; infinite where nothing came back."""
    shown = lab("exec", row["vp"], "ping", "-nq", "-c", "6", "-i", "0.1",
                "-W", "2", row["address"]).stdout
    found = re.search(r"= ([0-9.]+)/", shown)
    return float(found.group(1)) - row["rtt_ms"] if found else float("inf")


def traced_hops(lab, row):
    shown = lab("exec", row["vp"], "traceroute", "-%d" % row["af"], "-n",
                "-q", "1", "-w", "2", row["address"]).stdout
    return re.findall(r"^ *\d+  (\S+)", shown, re.M)[:-1]


def where(rows):
    return [(row["vp"], row["af"], row["node"], tuple(row["path"]))
            for row in rows]


def test_undisturbed(lab):
    nodes, rows = lab.nodes(), lab.truth()
    ok(len(rows) == 20 and all(row["answering"] for row in rows),
       "every vantage point reaches an instance in both families", rows)
    ok({site["server"] for site in nodes["sites"]} ==
       {"nsd", "knot", "bind", "unbound"}, "all four name servers answer")
    different = disagreements(lab, rows)
    ok(not different, "dig sees the identities that the truth says",
       "\n".join(different))
    gaps = in_parallel(lambda row: ping_difference(lab, row), rows)
    ok(max(map(abs, gaps)) < 1, "the fastest ping is within 1 ms of the "
       "truth", list(zip([(r["vp"], r["af"]) for r in rows], gaps)))
    print("# ping minus truth: %.3f to %.3f ms" % (min(gaps), max(gaps)))
    wrong = [(row["vp"], row["af"], row["hops"], traced) for row, traced in
             zip(rows, in_parallel(lambda row: traced_hops(lab, row), rows))
             if traced != row["hops"]]
    ok(not wrong, "traceroute sees the hops that the truth says", wrong)
    at = {(row["vp"], row["af"]): row["node"] for row in rows}
    vps = nodes["vantage_points"]
    ok(any(at[vp["name"], 4] != at[vp["name"], 6] for vp in vps),
       "some catchment differs between IPv4 and IPv6")
    ok(any(at[vp["name"], 4] != min(nodes["sites"], key=lambda site:
           topology.distance_km(site, vp))["name"] for vp in vps),
       "some vantage point is not at its nearest site")
    ok(len({vp["region"] for vp in vps}) >= 4, "vantage points are in four "
       "regions or more")
    collector = nodes["collector"]
    heard = in_parallel(lambda pair: lab(
        "exec", pair[0]["name"], "ping", "-nq", "-c", "1", "-W", "2",
        collector[pair[1]]).returncode, [
            (vp, family) for vp in vps for family in ("v4", "v6")])
    ok(not any(heard), "every vantage point reaches the collector", heard)
    matches = [site["names"]["nsid"] for site in nodes["sites"]
               if not map_finds(lab, site)]
    ok(not matches, "the site map knows every name", matches)


def map_finds(lab, site):
    tests = {"exact": str.__eq__, "prefix": str.startswith,
             "suffix": str.endswith, "regex": lambda name, pattern:
             re.search(pattern, name) is not None}
    for name in site["names"].values():
        for line in lab("sitemap").stdout.splitlines():
            _, match, pattern, code = line.split()[:4]
            if tests[match](name, pattern):
                if code != site["code"]:
                    return False
                break
        else:
            return False
    return True


def test_exec(lab):
    ok(lab("exec", "vp1", "sh", "-c", "exit 7").returncode == 7,
       "exec hands on the exit status")
    ok("vp99" in lab("exec", "vp99", "true").stderr,
       "exec names a node that is not there")
    shown = lab("exec", "vp1", "ip", "-o", "route", "show", "default")
    ok("dev eth0" in shown.stdout, "a vantage point has its route by eth0",
       shown)


def test_routing_events(lab):
    before = lab.truth()
    used = next(row for row in before if row["vp"] == "vp1")
    lab.event("withdraw", used["site"])
    rows = lab.truth()
    ok(all(row["node"] != used["node"] and row["reachable"] for row in rows),
       "nobody reaches a site that has withdrawn", where(rows))
    different = disagreements(lab, rows)
    ok(not different, "dig agrees after a withdrawal",
       "\n".join(different))
    lab.event("announce", used["node"])
    ok(where(lab.truth()) == where(before), "an announcement restores all",
       where(lab.truth()))
    used = next(row for row in before if row["af"] == 6)
    lab.event("withdraw", used["node"], "--af", "6")
    rows = lab.truth()
    ok(where(rows)[::2] == where(before)[::2] and
       where(rows)[1::2] != where(before)[1::2],
       "a withdrawal in IPv6 leaves IPv4 as it was")
    lab.event("announce", used["node"])
    lab.event("prepend", used["node"], "8")
    fewer = [row for row in lab.truth() if row["node"] == used["node"]]
    ok(len(fewer) <= len([row for row in before if row["node"] ==
                          used["node"]]), "a longer path attracts no more")
    lab.event("prepend", used["node"], "0")
    a, b = used["path"][-2:]
    lab.event("link-down", a, b)
    rows = lab.truth()
    ok(where(rows) != where(before) and not disagreements(lab, rows[:4]),
       "a link that is down is used no more", disagreements(lab, rows[:4]))
    lab.event("link-up", a, b)
    ok(where(lab.truth()) == where(before), "a link that is up again is used",
       where(lab.truth()))


def test_route_by_hand(lab):
    row = next(r for r in lab.truth() if len(r["path"]) > 2 and r["af"] == 4)
    access = row["path"][1]
    link = next(link for link in lab.nodes()["links"]
                if access in (link["a"], link["b"]) and link["up"] and
                link["relation"] != "stub" and 4 in link["af"] and
                row["path"][2] not in (link["a"], link["b"]))
    gateway = link["b4" if link["a"] == access else "a4"].split("/")[0]
    lab("exec", access, "ip", "route", "add", row["address"], "via", gateway)
    now = lab.truth(row["vp"])[0]
    ok(now["path"][2] != row["path"][2], "a route changed by hand changes "
       "the truth", now)
    different = disagreements(lab, [now])
    ok(not different, "and dig agrees", different)
    lab("exec", access, "ip", "route", "del", row["address"])
    ok(where(lab.truth(row["vp"]))[0] == where([row])[0],
       "a route taken back by hand restores the truth")


def test_links(lab):
    row = lab.truth("vp1")[0]
    lab.event("latency", "vp1", row["path"][1], "30")
    now = lab.truth("vp1")[0]
    ok(now["rtt_ms"] != row["rtt_ms"] and
       abs(ping_difference(lab, now)) < 1, "a changed delay is in truth and "
       "ping", (now["rtt_ms"], ping_difference(lab, now)))
    lab.event("loss", "vp1", row["path"][1], "100")
    ok(ping_difference(lab, now) == float("inf"), "a link may lose all")
    lab.event("loss", "vp1", row["path"][1], "0")
    lab.event("jitter", "vp1", row["path"][1], "40")
    shown = lab("exec", "vp1", "ping", "-nq", "-c", "20", "-i", "0.05",
                row["address"]).stdout
    found = re.search(r"= ([0-9.]+)/[0-9.]+/([0-9.]+)/", shown)
    ok(found and float(found[2]) - float(found[1]) > 15,
       "a link may have jitter", shown)
    lab.event("jitter", "vp1", row["path"][1], "0")
    lab.event("ratelimit", row["path"][1])
    limits = lab("exec", row["path"][1], "sysctl", "-n",
                 "net.ipv4.icmp_ratelimit", "net.ipv6.icmp.ratelimit")
    ok(limits.stdout == "1000\n1000\n", "a node may limit its ICMP errors",
       limits)
    lab.event("ratelimit", row["path"][1], "--off")
    lab.event("silent", "vp1")
    ok(not lab.truth("vp1")[0]["reachable"], "a silent vantage point reaches "
       "nothing")
    lab.event("silent", "vp1", "--off")
    ok(lab.truth("vp1")[0]["reachable"], "and all again afterwards")


def seen_at(lab, site):
    """The first row of the truth at a site, and what dig sees there."""
    row = next(row for row in lab.truth() if row["node"] == site)
    return row, disagreements(lab, [row])


HOSTILE = {
    "terminal escapes": "1b5b324a1b5d303b6f776e656407",
    "CSV": "3d636d647c27202f43272141302c220d0a",
    "binary": "00ff00c3280a5c22",
    "nothing": "",
    "200 bytes": "41" * 200,
    "1,000 bytes": "42" * 1000,
}


def test_servers(lab):
    sites = {row["node"]: row["server"] for row in lab.truth()}
    for site, server in sites.items():
        wrong = []
        for what, text in HOSTILE.items():
            lab.event("identity", site, "--hex=" + text)
            row, different = seen_at(lab, site)
            if different or row["nsid_hex"] != text:
                wrong.append((what, different))
        ok(not wrong, "%s says hostile bytes" % server, wrong)
        lab.event("identity", site, "--none")
        row, different = seen_at(lab, site)
        ok(not different and row["nsid_hex"] is None, "%s says no NSID" %
           server, different)
        lab.event("revive", site)
        lab.event("chaos-refused", site)
        row, different = seen_at(lab, site)
        ok(not different and row["id_server"] is None, "%s refuses CHAOS" %
           server, different)
        lab.event("revive", site)
    site = next(iter(sites))
    lab.event("identity", site, "--text", "two words", "--where", "both")
    row, different = seen_at(lab, site)
    ok(not different and row["id_server"] == "two words",
       "a name may be in CHAOS and NSID", different)
    lab.event("revive", site)
    lab.event("dead", site)
    row, different = seen_at(lab, site)
    ok(not different and not row["answering"] and row["reachable"],
       "a dead server is reached and does not answer", different)
    lab.event("revive", site)
    vp = row["vp"]
    lab.event("blackhole", site)
    row = lab.truth(vp)[row["af"] == 6]
    ok(not row["reachable"] and not disagreements(lab, [row]),
       "a black hole is announced and swallows", row)
    lab.event("revive", site)
    lab.event("mute", site)
    row, different = seen_at(lab, site)
    ok(not different and not row["answering"], "a mute server does not "
       "answer", different)
    lab.event("revive", site)
    lab.event("tc", site)
    row, _ = seen_at(lab, site)
    text = dig(lab, row["vp"], "@" + row["address"], "+ignore", "+nsid",
               "anycast.test", "SOA")
    ok(" tc" in text and nsid_of(text) == row["nsid_hex"],
       "an answer may be truncated", text)
    ok("ANSWER: 1" in dig(lab, row["vp"], "@" + row["address"],
                          "anycast.test", "SOA"), "and whole over TCP")
    lab.event("revive", site)
    lab.event("slow", site, "300")
    started = time.monotonic()
    seen_at(lab, site)
    ok(time.monotonic() - started > 0.9, "a server may be slow")
    lab.event("revive", site)
    row, different = seen_at(lab, site)
    ok(not different and row["server"] == sites[site],
       "revive brings the real server back", different)


def test_hijack(lab):
    before = lab.truth()
    lab.event("hijack", "vp1", "--name", "ns1.evil.example")
    rows = lab.truth()
    bad = [row for row in rows if row["site"] == "rogue"]
    ok(bad and all(row["instance"] == "ns1.evil.example" for row in bad),
       "a hijack by the same prefix catches someone", where(rows))
    ok(not disagreements(lab, bad), "who is told the rogue's own name",
       disagreements(lab, bad))
    lab.event("unhijack")
    ok(where(lab.truth()) == where(before), "nothing is left of a hijack")
    lab.event("hijack", "vp4", "--no-name", "--more-specific")
    rows = lab.truth()
    ok(all(row["site"] == "rogue" and row["nsid_hex"] is None and
           row["answering"] for row in rows),
       "a more specific prefix catches everyone", where(rows))
    ok(not disagreements(lab, rows[:6]), "who are told no name",
       disagreements(lab, rows[:6]))
    lab.event("unhijack")
    ok(where(lab.truth()) == where(before), "nothing is left of it either")


def test_flows(lab):
    rows = lab.truth()
    both = [row for row in rows if row["ambiguous"]]
    ok(both and all(len(row["instances"]) == 2 for row in both),
       "an ECMP pair ends at two instances", rows)
    ok(any("paths" in row and not row["ambiguous"] for row in rows),
       "a diamond ends at one")
    vp, wrong, sites = both[0]["vp"], [], set()
    for port in range(20000, 20012):
        for row in lab.truth("--flow", "sport=%d" % port, vp):
            source = "::" if row["af"] == 6 else "0.0.0.0"
            text = dig(lab, vp, "-b", "%s#%d" % (source, port), "+nsid",
                       "@" + row["address"], "anycast.test", "SOA")
            sites.add(row["site"])
            if nsid_of(text) != row["nsid_hex"]:
                wrong.append((port, row["af"], row["instance"], text))
    ok(not wrong, "the truth of a flow is exact", wrong)
    ok(len(sites) == 2, "flows go both ways", sites)


def host_state():
    values = {}
    for path in glob.glob("/proc/sys/net/**", recursive=True):
        try:
            with open(path) as file:
                values[path] = file.read()
        except OSError:
            pass
    for name in ("netfilter/nf_conntrack_count", "core/netdev_rss_key"):
        values.pop("/proc/sys/net/" + name, None)
    values["links"] = sorted(os.listdir("/sys/class/net"))
    return values


def left_of(prefix, folder):
    """What a lab has left behind."""
    left = glob.glob("/run/netns/%s-*" % prefix)
    left += [folder] if os.path.exists(folder) else []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path) as file, \
                    open(os.path.dirname(path) + "/stat") as stat:
                text = file.read()
                dead = stat.read().rpartition(")")[2].split()[0] in "ZX"
            cwd = os.readlink(os.path.dirname(path) + "/cwd")
        except OSError:
            continue
        if not dead and (cwd.startswith(folder) or folder in text):
            left.append("%s %s" % (path, text.replace("\0", " ")))
    return left


def marker(folder):
    with open(os.path.join(folder, "aclab")) as file:
        return file.read()


def wait_until(true, seconds):
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


def test_two_and_ends(first, seed):
    second = Lab("--topology", "ecmp", "--seed", str(seed))
    if not ok(second.result.returncode == 0, "a second lab comes up beside "
              "the first", second.result.stderr):
        return
    test_flows(second)
    prefix = marker(second.dir)
    before = where(first.truth())
    second("down")
    left = left_of(prefix, second.dir)
    ok(not left, "down leaves no namespace, process or file", left)
    ok(second("down").returncode == 0, "down may be said twice")
    ok(where(first.truth()) == before and not disagreements(
        first, first.truth("vp2")), "the other lab does not notice")


def test_killed(seed):
    """kill -9 of the relay, of up in its middle, of who is watched."""
    lab = Lab("--seed", str(seed))
    prefix = marker(lab.dir)
    with open(os.path.join(lab.dir, "processes")) as file:
        relay = next(int(line.split()[0]) for line in file
                     if line.endswith(" relay\n"))
    os.kill(relay, signal.SIGKILL)
    lab("down")
    ok(not left_of(prefix, lab.dir), "down is complete without the relay",
       left_of(prefix, lab.dir))
    for name in ("aclab", "links", "processes", "site5/server"):
        folder = tempfile.mkdtemp(prefix="aclabtest.")
        folders.append(folder)
        up = subprocess.Popen([LAB, "up", "--dir", folder], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_until(lambda: os.path.exists(os.path.join(folder, name)), 10)
        up.kill()
        up.communicate()
        prefix = marker(folder)
        run(LAB, "down", "--dir", folder)
        ok(not left_of(prefix, folder), "down is complete after up was "
           "killed at " + name, left_of(prefix, folder))
    folder = tempfile.mkdtemp(prefix="aclabtest.")
    folders.append(folder)
    with subprocess.Popen([LAB, "up", "--dir", folder],
                          stdout=subprocess.PIPE) as up:
        wait_until(lambda: os.path.exists(folder + "/site2/server"), 10)
        prefix = marker(folder)
        up.terminate()
    ok(not left_of(prefix, folder), "an up that is told to stop leaves "
       "nothing", left_of(prefix, folder))
    folder = tempfile.mkdtemp(prefix="aclabtest.")
    folders.append(folder)
    with subprocess.Popen(["sleep", "100"]) as watched:
        done = run(LAB, "up", "--dir", folder, "--trap", str(watched.pid))
        ok(done.returncode == 0, "up takes a process to watch", done.stderr)
        prefix = marker(folder)
        watched.kill()
    ok(wait_until(lambda: not left_of(prefix, folder), 10),
       "the lab ends with the process that it watches",
       left_of(prefix, folder))


def test_refusals():
    done = run("setpriv", "--reuid=65534", "--clear-groups", LAB, "up")
    ok(done.returncode != 0 and done.stderr.count("\n") == 1 and
       "root" in done.stderr, "without root there is one line", done.stderr)
    done = run(LAB, "truth", "--dir", "/nonexistent")
    ok(done.returncode == 1 and "no lab" in done.stderr and
       done.stderr.count("\n") == 1, "a lab that is not there is named",
       done.stderr)
    done = run(LAB, "event", "explode")
    ok(done.returncode == 2 and done.stderr.count("\n") == 1,
       "a usage error is one line", done.stderr)


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else \
        int.from_bytes(os.urandom(3), "big")
    print("# seed %d" % seed, flush=True)
    if os.getuid() != 0:
        print("1..0 # SKIP needs root")
        return
    host = host_state()
    lab = Lab("--seed", str(seed))
    if ok(lab.result.returncode == 0, "up comes up", lab.result.stderr):
        print("# up took %.1f s" % lab.seconds)
        test_undisturbed(lab)
        test_exec(lab)
        test_routing_events(lab)
        test_route_by_hand(lab)
        test_links(lab)
        test_servers(lab)
        test_hijack(lab)
        test_two_and_ends(lab, seed)
        prefix = marker(lab.dir)
        lab("down")
        ok(not left_of(prefix, lab.dir), "down leaves nothing of the first",
           left_of(prefix, lab.dir))
    test_killed(seed)
    test_refusals()
    changed = [key for key, value in host_state().items()
               if host.get(key) != value]
    ok(not changed, "the host's sysctls and links are as they were", changed)
    print("1..%d" % count)


if __name__ == "__main__":
    endings.heed()
    try:
        main()
    finally:
        for path in folders:
            if os.path.exists(path):
                run(LAB, "down", "--dir", path)
    sys.exit(failures != 0)

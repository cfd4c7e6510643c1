#!/usr/bin/env python3
# Proves that the probes whose DNS was intercepted in 2017 are found among honest answers of real servers, and nobody else.
"""Honest answers are those that NSD, Knot, BIND and Unbound give on loopback
to hostname.bind, under names of the schemes that root operators publish; the
others are ../shared/data's. SEED=n repeats a run."""
import base64
import collections
import contextlib
import csv
import gzip
import io
import json
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "sim")]
import servers  # noqa: E402
import uploads  # noqa: E402
from page_data import INTERCEPTED, data_of, printed, runs_of  # noqa: E402

DATA = os.path.join(os.path.dirname(uploads.ROOT), "shared", "data", "atlas",
                    "opendns-hostname.bind-2017.json.gz")
ACREPORT = os.path.join(uploads.BUILD, "acreport")
ACCOLLECT = os.path.join(uploads.BUILD, "accollect")
SEED = int(os.environ.get("SEED") or 1)
HONEST = 1500
AT = "2017-06-26T12:00:00Z"
WINDOW = "--since", "2017-06-26", "--until", "2017-06-27"
SERVICES = {
    "a.root-servers.net": ("nsd", ["a6.nl-ams.root", "n6.us-iad.root",
                                   "a1.jp-tyo.root"]),
    "f.root-servers.net": ("bind", ["ams1f.f.root-servers.org",
                                    "NRT.cf.f.root-servers.org",
                                    "pao1b.f.root-servers.org"]),
    "h.root-servers.net": ("knot", ["001.apg.h.root-servers.org",
                                    "002.hkg.h.root-servers.org",
                                    "001.lhr.h.root-servers.org"]),
    "k.root-servers.net": ("nsd", ["ns1.de-fra.k.ripe.net",
                                   "ns2.jp-tyo.k.ripe.net",
                                   "ns1.am-abo.k.ripe.net"]),
    "l.root-servers.net": ("unbound", ["aa.de-ham.l.root", "ab.us-lax.l.root",
                                       "aa.br-sao.l.root"]),
}


# --- honest answers ---

def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(kind, name, folder):
    """(process, port) of a real server with that name."""
    os.makedirs(folder)
    port = free_port()
    node = {"names": {"hostname_bind": name, "id_server": name,
                      "nsid": name}, "mode": {}, "server": kind}
    render, conf = servers.REAL[kind]
    at = "" if kind in ("knot", "bind") else f"@{port}"
    command, lines = render(node, ["127.0.0.1" + at])
    text = "\n".join(lines).replace("{zone}", "lab")
    text = text.replace("{{", "{").replace("}}", "}")
    text = text.replace("127.0.0.1@53\n", f"127.0.0.1@{port}\n")
    text = text.replace("listen-on {", f"listen-on port {port} {{")
    text = re.sub(r"listen-on-v6 \{[^}]*\}", "listen-on-v6 { none; }", text)
    with open(os.path.join(folder, conf), "w", encoding="ascii") as file:
        file.write(text + "\n")
    with open(os.path.join(folder, "zone"), "w", encoding="ascii") as file:
        file.write(servers.ZONE.format(zone="lab", serial=1, code="x",
                                       v4="127.0.0.1", v6="::1"))
    with open(os.path.join(folder, "out"), "wb") as out:
        return subprocess.Popen(command, cwd=folder, stdout=out, stderr=out,
                                env={**os.environ, "PATH": os.environ["PATH"]
                                     + ":/usr/sbin"}), port


def ask(port, patience_s=20):
    """The reply to hostname.bind CH TXT, or None."""
    query = struct.pack("!6H", 0x17, 0, 1, 0, 0, 0) + \
        b"\x08hostname\x04bind\0" + struct.pack("!2H", 16, 3)
    deadline = time.monotonic() + patience_s
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.2)
        s.connect(("127.0.0.1", port))
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                s.send(query)
                reply = s.recv(4096)
                if reply[3] & 15 == 0 and reply[7]:
                    return reply
            time.sleep(0.05)
    return None


def honest_answers(tap, folder):
    """{service: [reply]} of real servers, which are ended again."""
    replies, processes = collections.defaultdict(list), []
    try:
        for service, (kind, names) in SERVICES.items():
            for name in names:
                process, port = start(kind, name, os.path.join(folder, name))
                processes.append(process)
                reply = ask(port)
                if reply is None or name.encode() not in reply:
                    tap.note(f"{kind} did not say {name}")
                    continue
                replies[service].append(reply)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    return replies


# --- the mixture ---

def names_in(abuf):
    """TXT strings of a reply, or None where it cannot be read."""
    try:
        data, out = base64.b64decode(abuf), []
        at = data.index(b"\0", 12) + 5
        for _ in range(struct.unpack("!H", data[6:8])[0]):
            at = at + 2 if data[at] >= 192 else data.index(b"\0", at) + 1
            kind, _, _, size = struct.unpack("!HHIH", data[at:at + 10])
            if kind == 16:
                out.append(data[at + 11:at + 10 + size])
            at += 10 + size
        return out
    except (ValueError, struct.error, IndexError):
        return None


class Mixture:
    def __init__(self, tap, folder, replies):
        self.tap, self.folder, self.replies = tap, folder, replies
        with gzip.open(DATA) as file:
            self.results = json.load(file)
        self.caught = {}  # probe: its answer
        for r in self.results:
            names = names_in(r.get("result", {}).get("abuf", ""))
            if names:
                self.caught[r["prb_id"]] = (r, names[0])
        self.others = [r for r in self.results
                       if r["prb_id"] not in self.caught and "result" in r]

    def truth(self, empty=True):
        return {f"atlas-{p}" for p, (_, name) in self.caught.items()
                if name or empty}

    def collect(self, name, targets):
        """A store of {target: results}."""
        db = os.path.join(self.folder, name + ".db")
        subprocess.run([ACCOLLECT, "init", "--db", db], check=True)
        for n, (target, results) in enumerate(targets.items()):
            results = [{**r, "msm_id": 1000 + n,
                        "dst_addr": f"198.41.0.{n + 1}"} for r in results]
            path = os.path.join(self.folder, "results.json")
            with open(path, "w", encoding="ascii") as file:
                json.dump(results, file)
            subprocess.run(
                [ACCOLLECT, "import", "--db", db, "--format", "ripe-atlas",
                 "--target", target, path], check=True,
                stdout=subprocess.DEVNULL)
        return db

    def report(self, db, site_map, what="plausibility", *words, at=AT):
        window = ("--at", at, "--max-age", "24h") \
            if what == "catchment" else WINDOW
        done = subprocess.run(
            [ACREPORT, what, "--db", db, "--site-map", site_map, "--format",
             "csv", *window, *words],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.tap.note(f"acreport {what}: {done.stderr[:300]}")
        return list(csv.DictReader(io.StringIO(done.stdout)))

    def honest(self, rng, like, service):
        """A real server's answer, at the time and with the round trip of
        that probe's."""
        reply = rng.choice(self.replies[service])
        result = {"rt": like["result"]["rt"], "size": len(reply),
                  "abuf": base64.b64encode(reply).decode()}
        return {**like, "result": result}

    def mix(self, rng, how_many):
        """Of every caught probe that many services are intercepted."""
        targets = {service: [] for service in SERVICES}
        everybody = [r for r, _ in self.caught.values()] + \
            rng.sample(self.others, HONEST)
        for r in everybody:
            taken = rng.sample(sorted(targets), how_many(rng)) \
                if r["prb_id"] in self.caught else ()
            for service, results in targets.items():
                results.append(r if service in taken
                               else self.honest(rng, r, service))
        return targets

    def check(self, name, rows, truth, sentence):
        accused = {r["vp"] for r in rows if r["kind"] == "intercepted"}
        false, missed = accused - truth, truth - accused
        answers = {r["instance"] for r in rows if r["kind"] == "intercepted"}
        self.tap.note(f"{name}: {len(accused & truth)} of {len(truth)} found, "
                      f"{len(answers)} distinct answers, {len(false)} falsely "
                      f"accused of {HONEST} and more")
        self.tap.check(truth and not missed, sentence, sorted(missed))
        self.tap.check(not false, f"{name}: falsely accused: {len(false)}",
                       sorted(false)[:5], rows[:2])


def check_alone(m):
    """As it was measured: nearly everybody got no name at all."""
    db = m.collect("alone", {"opendns": m.results})
    distinct = {name for _, name in m.caught.values()}
    m.tap.check((len(distinct), len(m.caught)) == (29, 31),
                "29 distinct answers, one of them empty, of 31 probes in 2017",
                len(distinct), len(m.caught))
    rows = m.report(db, "shipped")
    m.check("alone", rows, m.truth(),
            "as measured: those who got a name where nobody else did")


def check_scheme(m, rng):
    """One of the five services each; the shipped map has their schemes."""
    db = m.collect("scheme", m.mix(rng, lambda rng: 1))
    rows = m.report(db, "shipped")
    m.check("scheme", rows, m.truth(),
            "one service of five: those whose name is outside its scheme")
    rows = m.report(db, "shipped", "catchment")
    states = collections.Counter(r["state"] for r in rows)
    m.tap.check(states["intercepted"] == 31 and states["known"] ==
                5 * (HONEST + 31) - 31, "31 rows of the catchment are "
                "intercepted, all others known", states)
    shares = m.report(db, "shipped", "catchment", "--by", "all")
    shown = {r["site"] for r in shares}
    names = {n.decode() for _, n in m.caught.values() if n}
    unknown = sum(int(r["vantage_points"]) for r in shares if not r["site"])
    m.tap.check(not shown & names and unknown == 31,
                "and they are in no share, but counted", shown & names,
                unknown)
    check_numbers(m, db)
    sites = m.report(db, "shipped", "sites")
    m.tap.check(not {r["site"] for r in sites} & names and len(sites) == 15,
                "nor are their names sites", len(sites))


def check_numbers(m, db):
    """What else counts answers."""
    for what in "latency", "availability":
        rows = m.report(db, "shipped", what, "--by", "site")
        sites = {r["site"] for r in rows}
        count = sum(int(r["samples" if what == "latency" else "asked"])
                    for r in rows)
        m.tap.check(count == 5 * (HONEST + 31) - 31 and "" not in sites,
                    f"{what}: as if they had not been asked", count, sites)
    vps = {r["vp"]: (r["intercepted"], r["finding"])
           for r in m.report(db, "shipped", "vps")}
    m.tap.check({v for v in vps if vps[v] == ("1", "intercepted")} == m.truth()
                and {vps[v] for v in vps if v not in m.truth()} ==
                {("0", "")}, "vps names them", len(vps))
    one = min(m.truth())
    rows = m.report(db, "shipped", "catchment", "--vp", one)
    m.tap.check(sorted(r["state"] for r in rows) ==
                ["intercepted"] + ["known"] * 4,
                "a report of one of them alone says the same", rows)
    page = printed(subprocess.run(
        [ACREPORT, "html", "--db", db, "--site-map", "shipped", *WINDOW],
        capture_output=True, text=True, check=False))
    if page is not None:
        runs = [(instance, rtt) for code, instance, rtt in
                runs_of(data_of(page)) if code == INTERCEPTED]
        m.tap.check(sorted(runs) == sorted(
            (name.decode(), None) for _, name in m.caught.values()),
            "so does the page, with their names and no round trips", runs)
    else:
        m.tap.skip("so does the page", "this build has no page")


def check_canary(m, rng):
    """Who gets an answer where nothing is, in the morning; no scheme, and one
    service, which answers all alike."""
    site_map = os.path.join(m.folder, "canary.map")
    with open(site_map, "w", encoding="ascii") as file:
        file.write("dead.example canary\n")
    service = "k.root-servers.net"
    caught = rng.sample([r for r, name in m.caught.values()], 10)
    some = caught + rng.sample(m.others, 200)
    rows = {service: [], "dead.example": []}
    answers = [(r, m.honest(rng, r, service)) for r in some]
    for hour in range(0, 12):
        for r, honest in answers:
            t = 1498435200 + hour * 3600 + rng.randrange(600)
            rows[service].append({**honest, "timestamp": t})
            dead = {k: v for k, v in r.items() if k != "result"}
            if hour < 6 and r in caught:
                dead["result"] = honest["result"]
            else:
                dead["error"] = {"timeout": 5000}
            rows["dead.example"].append({**dead, "timestamp": t + 1})
    db = m.collect("canary", rows)
    truth = {f"atlas-{r['prb_id']}" for r in caught}
    got = m.report(db, site_map)
    m.check("canary", got, truth, "whom a canary answers")
    m.tap.check({r["evidence"] for r in got} == {"answered, where nothing "
                                                 "does"}, "with the evidence")
    for at, wanted in (("2017-06-26T05:30:00Z", truth),
                       ("2017-06-26T11:30:00Z", set())):
        rows = m.report(db, site_map, "catchment", "--target", service, at=at)
        m.tap.check({r["vp"] for r in rows if r["state"] == "intercepted"} ==
                    wanted and len(rows) == 210,
                    f"at {at[11:16]} they are {len(wanted)} of 210",
                    collections.Counter(r["state"] for r in rows))
    m.tap.check({(r["samples"], r["vp"] in truth) for r in rows} ==
                {("12", False), ("6", True)},
                "and their round trips of the morning are not counted",
                {(r["samples"], r["vp"] in truth) for r in rows})


def check_shared(m, rng):
    """Two to five services each, and no scheme is declared."""
    site_map = os.path.join(m.folder, "none.map")
    with open(site_map, "w", encoding="ascii") as file:
        file.write("# nothing\n")
    db = m.collect("shared", m.mix(rng, lambda rng: rng.randrange(2, 6)))
    m.check("shared", m.report(db, site_map), m.truth(empty=False),
            "no scheme: those to whom several services give one name")


def main():
    tap = uploads.Tap()
    missing = [x for x in ("nsd", "knotd", "named", "unbound")
               if not shutil.which(x) and not os.path.exists("/usr/sbin/" + x)]
    if missing or not os.path.exists(DATA):
        print(f"1..0 # SKIP {missing[0] if missing else DATA} is absent")
        return 0
    tap.note(f"SEED={SEED}")
    rng = random.Random(SEED)
    with tempfile.TemporaryDirectory(prefix=f"caught-{os.getpid()}-") as f:
        replies = honest_answers(tap, f)
        tap.check(all(len(replies[s]) == 3 for s in SERVICES),
                  "five services of three real servers each give their names",
                  {s: len(r) for s, r in replies.items()})
        m = Mixture(tap, f, replies)
        check_alone(m)
        check_scheme(m, rng)
        check_shared(m, rng)
        check_canary(m, rng)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())

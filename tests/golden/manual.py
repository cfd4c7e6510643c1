#!/usr/bin/env python3
# Proves that every example of acreport(1), and every report that the README shows, says what is promised when it is pasted.
"""Each is run by a shell, as it stands but for the place of the database, on
a store of the days that it names, or of the last hours. What it must say is
worked out by hand from those rounds."""

import csv
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../sim"), os.path.join(HERE, "../lib")]
# pylint: disable=wrong-import-position
import mmdb
from page_data import no_page
from report_oracle_store import Batch, Record, make
from tap import BUILD, Tap

MINUTE = 60 * 10**6
DAY = 1440 * MINUTE
DATABASE = "/var/lib/accollect/anycast.db"
ADDRESS, ADDRESS_V6 = "193.0.14.129", "2001:7fd::1"
SERIAL = 2026112100
# Region, country, network, round trip in ms, load.
VPS = {"berlin": ("Western Europe", "DE", 64500, 10, 1200),
       "paris": ("Western Europe", "FR", 64501, 160, 600),
       "boston": ("Northern America", "US", 64502, 20, 200)}
# The maintenance of the manual's weekend, and a round of its October.
BEGIN, MOVED, OCTOBER = (1_795_219_200, 1_795_316_400, 1_792_152_000)
HOPS = ("198.51.100.1", "80.249.208.1", ADDRESS)
MAP = """k-root prefix ns1.ams AMS 52.37 4.89
k-root prefix ns1.lhr LHR 51.47 -0.45
k-root prefix ns1.fra FRA 50.11 8.68
k-root prefix ns1.bos BOS 42.36 -71.01
"""
# What an example that begins so must say, on standard output or to its file.
WANTED = {
    "catchment --db": (
        r"berlin +Western Europe +DE +64500 .* ns1.ams +.* known",
        r"paris +.* ns1.ams +.* known", r"boston +.* ns1.bos +.* known"),
    "catchment --by region": (
        r"Northern America,ns1.bos,1,100.00,20.000",
        r"Western Europe,ns1.ams,2,100.00,10.000"),
    "changes --since 20": (
        r"2026-11-22T03:00:\S+ .* paris +.* ns1.ams +.* ns1.lhr",),
    "diff --from 20": (
        r"\nns1.ams +ns1.ams +1 .* 66.67 +66.67 +100.00",
        r"\nns1.ams +ns1.lhr +1 .* 33.33 .* 66.67 +66.67 +100.00"),
    "catchment --by all": (
        r",ns1.ams,2,66.67,.*,1800,90.00,100.00",
        r",ns1.bos,1,33.33,.*,200,10.00,100.00"),
    "paths --mmdb": (r"80.249.208.1", r"AS1200"),
    "-Tsvg paths.dot": (r"80.249.208.1", r"AS1200"),
    "inflation --weights": (r"paris .* 600",),
    "locality --by country": (
        r" DE +1 +1 +100.00 ", r" FR +1 +1 +100.00 "),
    "identities --since": (r"known +ns1.ams", r"known +ns1.bos"),
    "rssac047 --since": (
        r"\navailability +server +k-root +4 +udp +100.0* +% +96",
        r"\nlatency +server +k-root +4 +udp +20.0* +ms +250"),
    "latency --target": (
        r"DE +1 +\d+ +\d+ +0 .* 10.000 ", r"FR +1 .* 160.000 ",
        r"US +1 .* 20.000 "),
    "--check latency --since": (
        r"^latency WARNING: p50_ms 85ms \([^)]*Western Europe\)",),
    "--check latency --column": (
        r"^latency WARNING: p95_ms 160ms \([^)]*Western Europe\)",),
    "--check availability": (
        r"^availability WARNING: availability_pct 9[67].\d*%",),
}
# Of the README: what is in the rows.
README = {
    "catchment --by region": r"Northern America +ns1.bos +1 ",
    "catchment --by region --weights": r" 1800 +100.00",
    "sites": r"ns1.ams +1 ", "events": r"\nsite lost +k-root .* ns1.fra ",
    "changes": r"[ ,]paris[ ,].*[ ,]ns1.fra[ ,].*[ ,]ns1.ams[ ,]",
    "diff --from": r"\nns1.bos +ns1.bos +1 ", "latency --by": r" 20.000 ",
    "latency --step": r" 160.000 ", "inflation": r" paris ",
    "locality": r" berlin .* NL +100.00 ",
    "stability": r" boston .* stable +ns1.bos ",
    "congruence": rf" {ADDRESS} +{ADDRESS_V6} +3 +3 +3 +100.00",
    "availability": r" 9[789].\d\d ",
    "rssac047": r"\navailability +server +k-root +6 +udp +100.0* ",
    "publication": rf" ns1.bos +1 .* {SERIAL + 1} +{SERIAL + 1} +0.000 ",
    "paths": r"berlin +udp", "paths --format dot": r"\s+n\d+ -> n\d+ ",
    "identities": r"ns1.bos", "plausibility": r"\nsite +boston .* ns1.ams ",
    "vps": r"\nboston +", "html": r"<!doctype html>(.|\n)*ns1\.bos",
    "--check latency": r"WARNING",
}


def record(vp, at, site, address=ADDRESS, lost=False, serial=SERIAL):
    made = Record(at, "k-root", address, "soa", stamp=1)
    made.detail = {"type": "dns", "flow": {
        "n": 0, "src": "198.51.100.9", "sport": 40000, "dport": 53},
        "auth_bits": 31, "qname": ".", "qtype": "SOA", "qclass": "IN"}
    if lost:
        made.outcome = "timeout"
        return made
    made.name, made.rtt_us = ("nsid", site.encode()), 1000 * VPS[vp][3]
    made.columns.update(rcode=0, ttl=57, size=90)
    made.reply = {"serial": serial}
    return made


def elsewhere(at):
    """Boston's, from farther away than light goes in its round trip."""
    return Record(at, "k-root", ADDRESS, "hostname.bind", stamp=1, rcode=0,
                  rtt_us=1000 * VPS["boston"][3],
                  name=("hostname.bind", b"ns1.ams"))


def trace(vp, at, site):
    return Record(at, "k-root", ADDRESS, "trace", rtt_us=1000 * VPS[vp][3],
                  name=("nsid", site.encode()), hops=[
                      {"ttl": n + 1, "addr": hop, "icmp":
                       None if hop == ADDRESS else "11/0"}
                      for n, hop in enumerate(HOPS)])


def site_of(vp, at, moved, sites):
    """From a time on Paris is served from another site."""
    return "ns1.bos" if vp == "boston" else \
        sites[at >= moved] if vp == "paris" else "ns1.ams"


def rounds(path, times, moved, sites, lost=None):
    """The zone has a new version with the move, and who asks Boston's server
    for its name last gets that of another one."""
    batches = []
    for vp in VPS:
        for at in times:
            site, new = site_of(vp, at, moved, sites), at >= moved
            batches.append(Batch(vp, [
                record(vp, at, site, lost=(vp, at) == lost,
                       serial=SERIAL + new),
                record(vp, at, site, ADDRESS_V6, serial=SERIAL + new),
                trace(vp, at + 10**6, site),
                *([elsewhere(at)] if vp == "boston" and at == times[-1]
                  else [])], every_s=300))
    make(path, batches, [(vp, 0, *place[:3]) for vp, place in VPS.items()], 1)
    where = {"berlin": (52.52, 13.4), "paris": (48.85, 2.35),
             "boston": (42.36, -71.06)}
    subprocess.run(["sqlite3", path, *(
        f"UPDATE vp_place SET lat = {lat}, lon = {lon} WHERE vp ="
        f" (SELECT id FROM vp WHERE name = '{vp}')"
        for vp, (lat, lon) in where.items())], check=True)


def fill(folder):
    rounds(f"{folder}/then.db", [
        start * 10**6 + n * 5 * MINUTE for start, count in (
            (OCTOBER, 24), (BEGIN, 576)) for n in range(count)],
           MOVED * 10**6, ("ns1.ams", "ns1.lhr"))
    # Seven hours up to a minute ago, and just before yesterday, also where
    # that comes while this runs.
    now = int(time.time()) * 10**6 - MINUTE
    midnight = now - now % DAY
    rounds(f"{folder}/now.db", sorted(
        {now - n * 5 * MINUTE for n in range(84)} |
        {midnight - DAY - MINUTE, midnight - MINUTE}),
           now - 60 * 5 * MINUTE, ("ns1.fra", "ns1.ams"),
           lost=("boston", now - 5 * 5 * MINUTE))
    files(folder)


def files(folder):
    with open(f"{folder}/load", "w", encoding="ascii") as file:
        file.writelines(f"asn {asn} {load}\n"
                        for *_, asn, _, load in VPS.values())
    with open(f"{folder}/sites", "w", encoding="ascii") as file:
        file.write(MAP)
    mmdb.write(f"{folder}/asn.mmdb", {
        "80.249.208.0/24": {"autonomous_system_number": 1200}})


def examples():
    """The commands of the manual, as somebody copies them."""
    with open("man/acreport.1", encoding="utf-8") as file:
        text = file.read().partition("\n.Sh EXAMPLES\n")[2]
    text = text.partition("\n.Sh ")[0]
    for block in re.findall(r"\.Bd -literal.*?\n(.*?)\n\.Ed", text, re.S):
        block = block.replace("\\e\n", "\\\n")
        yield from re.findall(r"(?:^|\n)((?:acreport|dot) (?:.*\\\n)*.*)",
                              block)


def readme():
    """Commands of its blocks, and the words of its table."""
    with open("README.md", encoding="utf-8") as file:
        text = file.read()
    yield from re.findall(r"^    (?:\$ )?(acreport .*)$", text, re.M)
    table = text.partition("| you ask |")[2].partition("\n\n")[0]
    for words in re.findall(r"`([^`]*)`", table):
        if words[0] != "-" and words != "acreport":
            yield "acreport " + words
        elif words.startswith("--weights"):
            yield "acreport catchment --by region " + words
        elif words.startswith(("--step", "--by")):
            yield "acreport latency " + words
        elif words.startswith("--format"):
            yield "acreport paths " + words
    yield from ("acreport " + words for words in re.findall(
        r"`(--check[^`]*)`", text))


def longest(keys, command):
    """The key with which the words after the program's name begin."""
    words = command.partition(" ")[2]
    return max((key for key in keys if words.startswith(key)), key=len,
               default=None)


def found(line, said, command):
    return re.search(line, said.strip() if "--check" in command else said,
                     re.I)


class Manual:
    def __init__(self, tap, folder):
        self.tap, self.folder = tap, folder
        self.env = dict(os.environ, LC_ALL="C.UTF-8", PATH=os.path.abspath(
            BUILD) + ":" + os.environ["PATH"])

    def run(self, command):
        """A shell's answer, and what the command wrote to a file."""
        then = re.search(r"20\d\d-\d\d-\d\d", command)
        shown = re.sub(r"(\S*/)?\b(anycast|k)\.db", DATABASE, command)
        if "--db" not in shown and not shown.startswith("dot "):
            shown += " --db " + DATABASE
        shown = shown.replace(DATABASE, self.folder +
                              ("/then.db" if then else "/now.db"))
        shown = shown.replace("/etc/accollect/sites", "sites")
        shown = shown.replace("--weights FILE", "--weights load")
        done = subprocess.run(["sh", "-c", shown], capture_output=True,
                              text=True, check=False, cwd=self.folder,
                              env=self.env)
        said = "\n" + done.stdout
        wrote = re.search(r" -o (\S+)", shown)
        if wrote and os.path.exists(f"{self.folder}/{wrote[1]}"):
            with open(f"{self.folder}/{wrote[1]}", encoding="utf-8") as file:
                said += file.read()
        return done, said

    def example(self, command, left):
        key = longest(WANTED, command)
        left.discard(key)
        if command.startswith("dot ") and shutil.which("dot") is None:
            self.tap.skip(command, "needs graphviz")
            return
        done, said = self.run(command)
        state = 1 if command.startswith("acreport --check") else 0
        missing = [line for line in WANTED.get(key, ())
                   if not found(line, said, command)]
        self.tap.ok(key is not None and done.returncode == state and
                    not missing and done.stderr == "",
                    f"acreport(1): {' '.join(command.split()[:6])}", command,
                    done.returncode, done.stderr, missing, said[:3000])

    def shown(self, command, left):
        done, said = self.run(command)
        words = command.partition(" ")[2]
        key = longest(README, command)
        left.discard(key)
        if no_page(done):
            self.tap.skip(f"README: {words}", "this build has no page")
            return
        self.tap.ok(key is not None and done.returncode in (
            (1,) if "--check" in words else (0,)) and done.stderr == "" and
                    found(README[key], said, command), f"README: {words}",
                    done.returncode, done.stderr, said[:2000])


def nothing(tap, folder):
    """No store without measurements says what is looked for."""
    for name in ("then", "now"):
        subprocess.run([f"{BUILD}/accollect", "init", "--db",
                        f"{folder}/{name}.db"], check=True)
    files(folder)
    manual, wrong = Manual(tap, folder), []
    for keys, commands in ((WANTED, examples()), (README, readme())):
        for command in commands:
            lines = keys[longest(keys, command)]
            said = manual.run(command)[1]
            for line in [lines] if isinstance(lines, str) else lines:
                if found(line, said, command):
                    wrong.append((command, line, said[:500]))
    tap.ok(not wrong, "nothing of it is said where nothing was measured",
           *wrong[:5])


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        fill(folder)
        manual = Manual(tap, folder)
        left = set(WANTED)
        for command in examples():
            manual.example(command, left)
        tap.ok(not left, "no example is missing", left)
        left = set(README)
        for command in readme():
            manual.shown(command, left)
        tap.ok(not left, "nor a report of the README", left)
    with tempfile.TemporaryDirectory() as folder:
        nothing(tap, folder)
    tap.done()


if __name__ == "__main__":
    main()

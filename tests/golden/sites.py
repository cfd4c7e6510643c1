#!/usr/bin/env python3
# Proves what `accollect sites` says of names, maps and published lists.
"""Sites by command: place, explain, check, import, and their refusals."""

import csv
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import tempfile

from tap import BUILD, Tap

tap = Tap()
folder = tempfile.TemporaryDirectory()
LINE = re.compile(r"(\S+)\s+(\S+)\s+(\S+)")


def run(*words, said=""):
    return subprocess.run(
        [f"{BUILD}/accollect", "sites", *words], input=said,
        capture_output=True, text=True, check=False)


def write(name, text):
    path = os.path.join(folder.name, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def placed(rows, *words):
    """{(service, identity): row} of sites place."""
    text = io.StringIO()
    csv.writer(text).writerows([("service", "identity"), *rows])
    said = run("place", *words, said=text.getvalue())
    return list(csv.DictReader(io.StringIO(said.stdout))), said


def shipped_lines():
    """(service words, match, pattern) of every shipped rule."""
    for name in ("roots.map", "resolvers.map"):
        with open(f"schema/sitemap/{name}", encoding="ascii") as file:
            for line in file:
                rule = LINE.match(line)
                if rule and not line.startswith("#"):
                    yield rule.group(1).split(","), *rule.groups()[1:]


OWN = write("own.map", """\
# an operator's own
ns.example.net strip -\\d{5,}$
ns.example.net regex ^s\\d+\\.lon(\\d)$ lon\\1 51.5 -0.12 city=London country=GB
ns.example.net exact late late since=2026-06-01
ns.example.net suffix .lab lab note="not in service"
""")
WHERE = ("--no-shipped", "--site-map", OWN)

# place
rows, said = placed([
    ("ns.example.net", "s3.LON1-128214"),
    ("NS.example.net.", "s4.lon1"),
    ("ns.example.net", 'x, "y".lab'),
    ("ns.example.net", "=1+1.lab"),
    ("other", "s3.lon1"),
    ("ns.example.net", ""),
], *WHERE)
tap.ok(said.returncode == 0 and said.stdout.startswith(
    "service,identity,site,city,country,lat,lon,confidence,rule\n"),
    "place prints its columns", said)
tap.ok([r["site"] for r in rows] == ["lon1", "lon1", "lab", "lab", "", ""],
       "each name has the site of the first line that matches", said.stdout)
tap.ok(rows[0] == {
    "service": "ns.example.net", "identity": "s3.LON1-128214", "site": "lon1",
    "city": "London", "country": "GB", "lat": "51.5", "lon": "-0.12",
    "confidence": "90", "rule": "own.map:3"},
    "a row holds place, confidence and rule", rows[0])
tap.ok(rows[2]["identity"] == 'x, "y".lab' and
       rows[3]["identity"] == "'=1+1.lab",
       "hostile identities stay one field, and no formula", said.stdout)
tap.ok("4 of 6 identities have no place" in said.stderr,
       "how many have no place is said", said.stderr)
again, _ = placed([(r["service"], r["identity"]) for r in rows], *WHERE)
tap.ok([r["identity"] for r in again] == [r["identity"] for r in rows],
       "what was printed can be read again", again)
rows, _ = placed([("ns.example.net", "late")], *WHERE, "--at", "2026-05-31")
later, _ = placed([("ns.example.net", "late")], *WHERE, "--at", "2026-06-01")
tap.ok([rows[0]["site"], later[0]["site"]] == ["", "late"],
       "--at is the time at which rules are valid", rows, later)

# what ships
rows, said = placed([
    ("k.root-servers.net", "ns1.gb-lon.k.ripe.net"),
    ("a.root-servers.net", "nnn1-lon3"),
    ("dns.quad9.net", "res120.qnyc1.on.quad9.net"),
    ("nobody.example", "dns1.nlams1"),
    ("nobody.example", "id-02-LON-05-at"),
])
tap.ok([(r["city"], r["country"]) for r in rows] == [
    ("London", "GB"), ("London", "GB"), ("New York", "US"),
    ("Amsterdam", "NL"), ("", "")],
    "shipped rules and hints place what they can and no more", said.stdout)
hint = int(rows[3]["confidence"])
tap.ok(all(int(r["confidence"]) > hint for r in rows[:3]),
       "a hint has less confidence than any rule", said.stdout)
counts = {}
for services, match, pattern in shipped_lines():
    for service in services:
        counts[service] = counts.get(service, 0) + 1
tap.ok(counts and max(counts.values()) <= 10,
       "no service has more than ten shipped lines", counts)
named = [(m, p) for _, m, p in shipped_lines()
         if m not in ("regex", "strip") or (m == "regex" and "(" not in p)]
tap.ok(not named, "no shipped line names one identifier", named)

SCHEMES = """\
a.root-servers.net,a6.nl-ams.root
j.root-servers.net,nnn1-jptyo-1b
j.root-servers.net,nnn1-lon3
j.root-servers.net,rootns-elpek3
b.root-servers.net,b3-sin
c.root-servers.net,lax1a.c.root-servers.org
d.root-servers.net,amnl1.droot.maxgigapop.net
e.root-servers.net,p03.lhr.eroot
e.root-servers.net,1.1.e.qpg.pch.net
f.root-servers.net,pek2b.f.root-servers.org
f.root-servers.net,ICN.cf.f.root-servers.org
g.root-servers.net,groot-con2-1
h.root-servers.net,003.apg.h.root-servers.org
i.root-servers.net,s1.sto
k.root-servers.net,ns2.jp-tyo.k.ripe.net
k.root-servers.net,k3.ams-ix.k.ripe.net
l.root-servers.net,kr-icn-aa
l.root-servers.net,aa.de-ham.l.root
l.root-servers.net,pek01.l.root-servers.org
m.root-servers.net,M-NRT-JPNAP-1
dns.google,gpdns-ams
one.one.one.one,yul01
dns.quad9.net,res100.ams.rrdns.pch.net
dns.quad9.net,res120.qyul1.on.quad9.net
resolver1.opendns.com,server r3.yyz
dns.ultradns.net,rcrsv4.usnyc1.ultradns
family-filter-dns.cleanbrowsing.org,CleanBrowsing v1.6a - dns-edge-newyork1
other.example,6.ams.pch
"""
said = run("check", said="service,identity\n" + SCHEMES)
tap.ok(said.returncode == 0 and "contradiction" not in said.stdout and
       "never" not in said.stdout,
       "each shipped rule is needed by a name of its scheme, and none "
       "contradicts another", said.stdout)
rows, said = placed([line.split(",") for line in SCHEMES.splitlines()])
unknown = [r["identity"] for r in rows
           if not r["site"] or r["rule"].startswith("hint:")]
tap.ok(not unknown, "every known scheme has its rule", unknown)

# explain
said = run("explain", *WHERE, "--service", "ns.example.net", "S3.lon1-99999")
tap.ok("server    s3.lon1\n" in said.stdout and
       re.search(r"^decides +own.map:3 ", said.stdout, re.M) and
       re.search(r"^no +own.map:4 +does not match$", said.stdout, re.M),
       "explain tells the server, the rule that decided and why others did not",
       said.stdout)
said = run("explain", "--service", "x", "id-02-LON-05-at")
tap.ok("the name says another country" in said.stdout and
       "unknown" in said.stdout, "explain says why a hint was refused",
       said.stdout)

said = run("explain", *WHERE, "--service", "ns.example.net", "--at",
           "2026-05-31", "late.lab")
late = run("explain", *WHERE, "--service", "ns.example.net", "--at",
           "2026-05-31", "late")
tap.ok("note not in service" in said.stdout and
       "not valid at this time" in late.stdout,
       "explain gives the note of a line, and its time", said.stdout,
       late.stdout)

# check
BAD = write("bad.map", """\
x prefix ns one 1 1
x contains ns1 two 1 1
x suffix .z never
x exact ns2 one 1 1
x listed l1 one
x listed l1 two
y prefix a asked-by-nobody
""")
said = run("check", "--no-shipped", "--site-map", BAD,
           said="service,identity\nx,ns1\nx,ns2\nx,ns3\nx,l1\n")
found = {(r["finding"], r["rule"], r["other"]): r
         for r in csv.DictReader(io.StringIO(said.stdout))}
tap.ok(set(found) == {
    ("contradiction", "bad.map:5", "bad.map:6"),
    ("contradiction", "bad.map:1", "bad.map:2"),
    ("overlap", "bad.map:1", "bad.map:4"),
    ("hidden", "bad.map:2", ""), ("hidden", "bad.map:4", ""),
    ("never", "bad.map:3", "")} and said.returncode == 1,
    "check names rules that never match, overlap or contradict", said.stdout)
tap.ok(found.get(("contradiction", "bad.map:1", "bad.map:2"), {}).get(
    "example") == "ns1", "with an example", said.stdout)
said = run("check", *WHERE, said="service,identity\nns.example.net,s1.lon2\n")
tap.ok(said.returncode == 0 and "contradiction" not in said.stdout,
       "a map without contradictions passes", said.stdout)

# import
LIST = os.path.join(folder.name, "list.json.gz")
with gzip.open(LIST, "wt") as file:
    json.dump({"IPv4": "193.0.14.129", "Sites": [
        {"Town": "São Paulo", "Country": "BR", "Latitude": -23.5505199,
         "Longitude": -46.6333094, "Identifiers": ["odd name #1", "ns1.xx"]},
        {"Town": "London", "Country": "GB", "Latitude": 51.5,
         "Longitude": -0.1, "Identifiers": ["ns1.gb-lon.k.ripe.net"]},
        {"Town": "Nowhere", "Country": "GB", "Latitude": 91,
         "Longitude": 0, "Identifiers": ["far"]}]}, file)
MAP = os.path.join(folder.name, "listed.map")
said = run("import", "--format", "root-servers", "--output", MAP, LIST)
tap.ok(said.returncode == 0 and "3 names, 1 refused" in said.stderr,
       "a published list becomes lines of a map", said.stderr)
rows, said = placed([
    ("k.root-servers.net", "odd name #1"), ("k.root-servers.net", "NS1.XX"),
    ("k.root-servers.net", "ns1.gb-lon.k.ripe.net"), ("j", "odd name #1")],
    "--site-map", MAP)
tap.ok([(r["site"], r["lat"], r["lon"], r["confidence"]) for r in rows] == [
    ("BR-Sao-Paulo", "-23.5505199", "-46.6333094", "100"),
    ("BR-Sao-Paulo", "-23.5505199", "-46.6333094", "100"),
    ("gb-lon", "51.5", "-0.1", "100"), ("", "", "", "")],
    "listed names are exactly where the list says, before any rule",
    said.stdout)
CSV = write("list.csv", "city,identity,lon,lat,site\nBonn,n1,7.1,50.7,bn\n")
said = run("import", "--format", "csv", "--service", "dns.example", CSV)
tap.ok(said.stdout.splitlines()[1:] ==
       ['dns.example listed n1 bn 50.7 7.1 city="Bonn" confidence=100'],
       "so does a plain CSV", said.stdout)

# refusals: one line, the documented exit code
NOJSON = write("no.json", "[1,")
NOSITES = write("nosites.json", "{}")
NOLETTER = write("noletter.json", '{"Sites": []}')
for sentence, words, said, code, text in (
    ("no part", [], "", 2,
     "place, explain, check, import or lists"),
    ("an unknown part", ["move"], "", 2,
     "place, explain, check, import or lists"),
    ("a map that is not there", ["place", "--site-map", "nowhere.map"], "",
     2, "nowhere.map: No such file"),
    ("a line that is none",
     ["place", "--site-map", write("x.map", "* exact a\n")], "", 2,
     "x.map:1: expected"),
    ("a map that includes itself",
     ["place", "--site-map", write("loop.map", "include loop.map\n")], "", 2,
     "too deep"),
    ("no header", ["place"], "", 2, "no header row"),
    ("a header without identity", ["place"], "service,x\n", 2,
     "no column identity"),
    ("a quote that does not end", ["place"], 'service,identity\nx,"y\n', 2,
     "standard input:2: not a line of CSV"),
    ("explain without a service", ["explain", "x"], "", 2, "--service"),
    ("an unknown format", ["import", "--format", "xml", "x"], "", 2,
     "none of root-servers, csv"),
    ("a list that is not JSON",
     ["import", "--format", "root-servers", NOJSON], "", 2, "no.json:1: "),
    ("JSON that is no list",
     ["import", "--format", "root-servers", NOSITES], "", 2, "no Sites"),
    ("a list of nobody's",
     ["import", "--format", "root-servers", NOLETTER], "", 2, "whose list?"),
    ("a time that is none", ["place", "--at", "soon"], "", 2, "--at soon"),
):
    done = run(*words, said=said)
    lines = done.stderr.splitlines()
    tap.ok(done.returncode == code and text in done.stderr and
           len([x for x in lines if "have no place" not in x]) == 1,
           f"{sentence} is refused in one line",
           done.returncode, done.stderr)

# the gazetteer without npm
bare = os.path.join(folder.name, "bin")
os.mkdir(bare)
os.symlink(shutil.which("dirname"), os.path.join(bare, "dirname"))
none = subprocess.run(
    ["/bin/sh", "schema/sitemap/airports.sh", folder.name],
    env={"PATH": bare}, capture_output=True, text=True, check=False)
tap.ok(none.returncode == 0 and none.stdout == "" and
       "without airports" in none.stderr and "make gazetteer" in none.stderr,
       "without node and npm the build goes on, and says what is missing",
       none)
made = subprocess.run(
    ["schema/sitemap/gazetteer.sh", "schema/sitemap/metro.csv"],
    capture_output=True, text=True, check=False)
tap.ok("gazetteer_airports = 0;" in made.stdout and '"London"' in made.stdout,
       "then the gazetteer is the metro table", made.stderr)
made = subprocess.run(
    ["schema/sitemap/gazetteer.sh", write("m.csv", "XX,AB,1,2,c,,metro\n")],
    capture_output=True, text=True, check=False)
tap.ok(made.returncode != 0 and "not a place: XX,AB" in made.stderr,
       "a line of the table that is no place is refused", made)

folder.cleanup()
tap.done()

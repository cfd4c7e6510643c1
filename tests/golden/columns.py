#!/usr/bin/env python3
# Proves that reports have the columns that acreport(1) lists, in that order, with every option that adds some.
"""The page is the oracle; what was promised to come first is here."""

import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../sim"))
# pylint: disable=wrong-import-position
from report_oracle_store import make
from tap import BUILD, Tap

PAGE = "man/acreport.1"
AT = "2026-11-21T12:00:00Z"
BEGINNINGS = {
    "events": "kind,target,address,af,site,start,end,vantage_points,to_sites",
    "stability": "target,address,af,vp,flow,flips,flip_rate,affinity,entropy,"
                 "class",
    "diff --matrix": "from_site,to_site,vantage_points",
}
NEEDED = {"diff": ("--from", AT), "plausibility": ("--site-map", "shipped")}
# Of the page's words before a list: what it is added to, and what it needs.
PLAIN, BY, MATRIX, LOAD, BOTH = "", "--by", "--matrix", "--weights", "both"
# They have a time in front.
STEPS = ("latency", "catchment --by", "availability")
# What is written of another page is compared with that.
ELSEWHERE = ("records",)
OTHER_PAGE = "man/acrecord.5"
# What else takes the places of which columns.
CONGRUENCE = {"transport": ("udp", "tcp"), "icmp": ("dns", "icmp")}


def sections():
    """Of each report the lists in its section's beginning: (words, names)."""
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    for name, body in re.findall(
            r"^\.Ss Columns of (\w+)\n(.*?)^\.(?:Pp|Ss)", text, re.M | re.S):
        lists, kind, names = [], PLAIN, []
        for line in body.splitlines():
            words = line.rstrip(" :,;.").split()
            if line.startswith(".Cm "):
                names += [w for w in words[1:] if w != ","]
            elif line.startswith((".Fl -by :", ".Fl -matrix :")):
                kind = "-" + words[1]
            elif line == ".Fl -by ,":
                names.append("<by>")
            elif line == ".Fl -weights":
                kind = LOAD
            elif line == "and with both":
                kind = BOTH
            if line.startswith(".Cm ") and line[-1] in ";." or \
                    kind == LOAD and line.endswith(","):
                lists.append((kind, names))
                names = []
        yield name, lists


def later(name):
    """Of a report the lists further down in its section, by the option that
    they are with."""
    with open(PAGE, encoding="utf-8") as file:
        body = re.search(r"^\.Ss Columns of %s\n.*?^\.Pp(.*?)^\.Ss" % name,
                         file.read(), re.M | re.S).group(1)
    found = {}
    for option, text in re.findall(
            r"^(?:With|with)\n\.Fl (-\w+)(?: :|\nalso)\n(.*?[;.])$", body,
            re.M | re.S):
        found[option] = [w for line in text.splitlines()
                         for w in (line.split()[1:] if line.startswith(".Cm")
                                   else ["<by>"])
                         if w not in ",;."]
    return found


def named_in_records():
    """What acrecord(5) says of a record, under the names of columns."""
    with open(OTHER_PAGE, encoding="utf-8") as file:
        names = {w for line in re.findall(r"^\.(?:It )?Cm (.*)$", file.read(),
                                          re.M) for w in line.split()}
    return names | {"connect_ms"} if "connect_us" in names else names


def header(db, name, *words):
    done = subprocess.run(
        [f"{BUILD}/acreport", name, *NEEDED.get(name, ()), *words, "--db", db,
         "--format", "csv"], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[0].split(",") \
        if done.returncode == 0 and done.stdout else [done.stderr]


def by(names, what):
    return [what if n == "<by>" else n for n in names]


class Columns:
    def __init__(self, tap, folder):
        self.tap = tap
        self.db = os.path.join(folder, "a.db")
        self.load = os.path.join(folder, "load")
        make(self.db, [], [], 1)
        with open(self.load, "w", encoding="ascii") as file:
            file.write("asn 64500 1200\n")

    def same(self, sentence, wanted, name, *words):
        got = header(self.db, name, *words)
        self.tap.ok(got == wanted, f"{sentence}: {len(wanted)} columns",
                    f"wanted {wanted}", f"got    {got}")

    def report(self, name, lists):
        known = dict(lists)
        regions = "<by>" in known[PLAIN]
        self.same(name, by(known[PLAIN], "region"), name,
                  *(("--by", "region") if regions else ()))
        if BY in known:
            for what in ("region", "asn"):
                self.same(f"{name} --by {what}", by(known[BY], what), name,
                          "--by", what)
        if MATRIX in known:
            self.same(f"{name} --matrix", known[MATRIX], name, "--matrix")
        self.loaded(name, known)
        for steps in STEPS:
            if steps.split()[0] == name:
                self.same(f"{steps} --step", ["time", *by(
                    known[BY if "--by" in steps else PLAIN], "country")],
                          name, "--by", "country", "--step", "1h", "--since",
                          "2026-11-21", *(("--at", AT) if name == "catchment"
                                          else ("--until", AT)))

    def stability(self):
        lists = later("stability")
        for what in ("country", "asn"):
            self.same(f"stability --by {what}", by(lists["-by"], what),
                      "stability", "--by", what)
        self.same("stability --by --weights",
                  by(lists["-by"], "region") + lists["-weights"],
                  "stability", "--by", "region", "--weights", self.load)

    def congruence(self, known):
        for of, (first, second) in CONGRUENCE.items():
            wanted = ["address" if n == "address_v4" else
                      "af" if n == "address_v6" else
                      n.replace("_v4_", f"_{first}_").replace(
                          "_v6_", f"_{second}_") for n in known[PLAIN]]
            self.same(f"congruence --of {of}", wanted, "congruence", "--of",
                      of)

    def records(self):
        """The page's own, then what acrecord(5) names, then two more."""
        got = header(self.db, "records")
        with open(PAGE, encoding="utf-8") as file:
            first = re.search(r"^\.Ss Columns of records\n\.Cm (.*) ,$",
                              file.read(), re.M).group(1).split(" , ")
        rest, last = got[len(first):-2], got[-2:]
        self.tap.ok(got[:len(first)] == first and last == ["dscp", "interface"]
                    and len(rest) > 20 and set(rest) <= named_in_records(),
                    f"records: {len(got)} columns, those of acrecord(5) among "
                    "them", got, sorted(set(rest) - named_in_records()))
        self.tap.ok(len(set(got)) == len(got), "none of them twice", got)

    def loaded(self, name, known):
        """Weights come last, of the list before them or of both."""
        load = ("--weights", self.load)
        if LOAD not in known:
            return
        if MATRIX in known:
            self.same(f"{name} --matrix --weights",
                      known[MATRIX] + known[LOAD], name, "--matrix", *load)
        elif BOTH in known:
            self.same(f"{name} --weights", known[PLAIN] + known[LOAD], name,
                      *load)
            self.same(f"{name} --by --weights",
                      by(known[BY], "country") + known[BOTH], name, "--by",
                      "country", *load)
        elif BY in known:
            self.same(f"{name} --by --weights",
                      by(known[BY], "country") + known[LOAD], name, "--by",
                      "country", *load)
        else:
            self.same(f"{name} --weights", known[PLAIN] + known[LOAD], name,
                      *load)


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        columns = Columns(tap, folder)
        found = dict(sections())
        for name, lists in found.items():
            if name not in ELSEWHERE:
                columns.report(name, lists)
        columns.stability()
        columns.congruence(dict(found["congruence"]))
        columns.records()
        for words, text in BEGINNINGS.items():
            got = ",".join(header(columns.db, *words.split()))
            tap.ok(got.startswith(text + ","), f"{words} begins {text[:40]}",
                   got)
        helped = subprocess.run([f"{BUILD}/acreport", "--help"],
                                capture_output=True, text=True, check=False)
        named = set(re.findall(r"acreport (?:--check )?([a-z0-9]+)",
                               helped.stdout)) - {"html"}
        tap.ok(named == set(found), "every report has its list",
               sorted(named ^ set(found)))
    tap.done()


if __name__ == "__main__":
    main()

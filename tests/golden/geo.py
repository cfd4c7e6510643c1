#!/usr/bin/env python3
# Proves that MMDB files say of an address what mmdblookup says, and that a damaged one is a line.

import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

from tap import Tap, driver

sys.path.insert(0, "tests/lib")
import mmdb  # noqa: E402

SEED = int(os.environ.get("SEED") or 20261123)

GEOIP2 = {
    "2.16.0.0/13": {
        "continent": {"code": "EU"},
        "country": {"iso_code": "DE", "names": {"en": "Germany"}},
        "city": {"names": {"de": "Frankfurt am Main",
                           "en": "Frankfurt am Main"}},
        "location": {"latitude": 50.1109, "longitude": 8.6821,
                     "accuracy_radius": 20},
        "traits": {"autonomous_system_number": 4200000001,
                   "autonomous_system_organization": "Example \"Net\""}},
    "2.16.1.0/24": {
        "country": {"iso_code": "CH"},
        "city": {"names": {"en": "Z\u00fcrich"}},
        "location": {"latitude": 47.3769, "longitude": 8.5417}},
    "2a00:1450::/32": {
        "country": {"iso_code": "IE"},
        "location": {"latitude": 53.35, "longitude": -6.26}},
}
FLAT_CITY = {
    "2.16.0.0/13": {"country_code": "FR", "city": "Paris",
                    "latitude": mmdb.Float(48.85),
                    "longitude": mmdb.Float(2.35)},
    "193.0.0.0/21": {"country": "nl", "city": "Amsterdam",
                     "lat": "52.3740", "lng": "4.8897"},
    "198.41.0.0/24": {"country": "United States", "country_code": "US",
                      "city": "\u6771\u4eac", "lat": "95", "lng": "1"},
}
NETWORK = {
    "2.16.0.0/13": {"asn": "AS20940", "as_name": "Akamai International",
                    "as_domain": "akamai.com"},
    "193.0.0.0/21": {"autonomous_system_number": 3333,
                     "autonomous_system_organization": "RIPE NCC"},
    "2a00:1450::/32": {"asn": 15169, "name": "Google LLC"},
    "198.41.0.0/24": {"asn": "ASfoo", "name": "never shown"},
}
# What mmdblookup is asked for, as the fields that the driver prints.
WAYS = {"geoip2": [("country", "iso_code"), ("city", "names", "en"),
                   ("traits", "autonomous_system_number"),
                   ("traits", "autonomous_system_organization"),
                   ("location", "latitude"), ("location", "longitude")],
        "flat": [("country_code",), ("city",), None, None,
                 ("latitude",), ("longitude",)]}


def find(program, files, addresses):
    said = subprocess.run(
        [program, *map(str, files)],
        input="".join(f"{a}\n" for a in addresses).encode(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
        timeout=60)
    lines = said.stdout.decode().split("\n")[:-1]
    return (said.returncode, [line.split("\t") for line in lines],
            said.stderr.decode())


def lookup(path, address, way):
    """What mmdblookup says, as text; "" where nothing is there."""
    said = subprocess.run(
        ["mmdblookup", "--file", str(path), "--ip", address, *way],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    match = re.search(rb'^\s*"?(.*?)"? <\w+>$', said.stdout, re.M)
    return match.group(1).decode() if match else ""


def plain(text):
    """Of the letters here, those without marks."""
    return text.replace("\u00fc", "u").replace('"', "")


def pointing(facts):
    """Metadata as MaxMind writes them: a text that was there is a pointer."""
    entries = [(k, v) for k, v in facts.items() if k != "languages"]
    entries.sort(key=lambda pair: pair[0] == "description")
    text = mmdb.control(7, len(facts)) + b"".join(
        mmdb.encode(k) + mmdb.encode(v) for k, v in entries)
    at = text.rindex(mmdb.encode("en"))
    return text + mmdb.encode("languages") + mmdb.control(11, 1) + \
        mmdb.pointer(at)


def against_mmdblookup(tap, program, folder):
    sentence = "records are read as mmdblookup reads them"
    if shutil.which("mmdblookup") is None:
        tap.skip(sentence, "mmdblookup is not here")
        return
    addresses = ["2.16.0.1", "2.16.1.1", "2.16.2.255", "2.23.255.255",
                 "2.24.0.0", "2a00:1450::1", "2a00:1451::1", "9.9.9.9"]
    wrong, asked = [], 0
    for size in (24, 28, 32):
        for style, records in (("geoip2", GEOIP2), ("flat", FLAT_CITY)):
            path = folder / f"{style}-{size}.mmdb"
            tree, data, facts = mmdb.parts(records, size=size)
            path.write_bytes(mmdb.join(tree, data, pointing(facts)))
            rows = find(program, [path], addresses)[1]
            for address, row in zip(addresses, rows):
                theirs = [lookup(path, address, way) if way else ""
                          for way in WAYS[style]]
                ours = [row[1], row[2], row[3].replace("-1", ""), row[4],
                        *(row[5].split() or ["", ""])]
                asked += 1
                if ours != [plain(text) for text in theirs]:
                    wrong.append(f"{path.name} {address}: {ours} {theirs}")
    tap.ok(not wrong and asked == 48, sentence, *wrong)


def fields(tap, program, folder):
    geoip2, flat, network = (folder / f"{name}.mmdb"
                             for name in ("geoip2", "city", "asn"))
    mmdb.write(geoip2, GEOIP2)
    mmdb.write(flat, FLAT_CITY, version=4)
    mmdb.write(network, NETWORK, size=28)
    rows = find(program, [geoip2, flat, network], [
        "2.16.0.1", "193.0.0.1", "2a00:1450::1", "198.41.0.4", "::1"])[1]
    tap.ok(rows[0] == ["1", "DE", "Frankfurt am Main", "4200000001",
                       "Example Net", "50.110900 8.682100"],
           "the first file that says a field wins", rows[0])
    tap.ok(rows[1] == ["1", "NL", "Amsterdam", "3333", "RIPE NCC",
                       "52.374000 4.889700"],
           "numbers as text and both kinds of country are read", rows[1])
    tap.ok(rows[2] == ["1", "IE", "", "15169", "Google LLC",
                       "53.350000 -6.260000"],
           "an IPv6 address is nothing for a file of IPv4", rows[2])
    tap.ok(rows[3] == ["1", "US", "??", "-1", "", ""],
           "a name is no code, AS foo no number, 95 north no place", rows[3])
    tap.ok(rows[4] == ["0", "", "", "-1", "", ""],
           "an address in no file is unknown", rows[4])
    rows = find(program, [flat, geoip2], ["2.16.1.1"])[1]
    tap.ok(rows[0][1:3] == ["FR", "Paris"] and
           rows[0][5].startswith("48.8"),
           "country, city and position do not come from two countries",
           rows[0])
    rows = find(program, [network, geoip2, flat], ["2.16.0.1"])[1]
    tap.ok(rows[0][3:5] == ["20940", "Akamai International"],
           "the network's name is of the file that numbers it", rows[0])


def twins(folder):
    """name, damaged bytes: each is the good file but for one thing."""
    tree, data, facts = mmdb.parts(GEOIP2)
    good = mmdb.join(tree, data, facts)
    yield "empty", b""
    yield "half", good[:len(good) // 2]
    yield "text", b"country,city\n" * 1000
    yield "no-marker", good.replace(mmdb.MARKER, b"\xab\xcd\xefMaxMind.net")
    yield "no-metadata", good[:good.index(mmdb.MARKER) + len(mmdb.MARKER)]
    for key, value in (("node_count", mmdb.U32(0xffffffff)),
                       ("node_count", mmdb.U32(0)),
                       ("record_size", 7), ("record_size", 0),
                       ("ip_version", 5), ("record_size", "24"),
                       ("binary_format_major_version", 9),
                       ("languages", mmdb.control(11, 16000000)),
                       ("description", mmdb.control(7, 16000000)),
                       ("description", mmdb.pointer(0))):
        yield f"{key}-{str(value)[:8]}", mmdb.join(
            tree, data, dict(facts, **{key: value}))
    # Arrays of two pointers to the array before: 2^40 strings if unfolded.
    # The first value of the metadata, so that offsets are known.
    start = len(mmdb.control(7, 1) + mmdb.encode("a"))
    levels, at = mmdb.encode("x"), 0
    for _ in range(40):
        level = mmdb.control(11, 2) + 2 * mmdb.pointer(
            start + len(mmdb.control(11, 41)) + at)
        at = len(levels)
        levels += level
    names = mmdb.pointer(start + len(mmdb.control(11, 41)) + at)
    yield "bomb", mmdb.join(tree, data, {
        "a": mmdb.control(11, 41) + levels, **facts, "languages": names})
    yield "deep", mmdb.join(tree, data, dict(
        facts, description=mmdb.control(11, 1) * 5000 + mmdb.encode("x")))


def damaged_files(tap, program, folder):
    good = folder / "good.mmdb"
    mmdb.write(good, NETWORK)
    names, wrong = [], []
    for name, content in twins(folder):
        path = folder / f"bad-{name}.mmdb"
        path.write_bytes(content)
        status, rows, said = find(program, [path, good], ["193.0.0.1"])
        names.append(name)
        if status != 0 or rows[0][3] != "3333" or \
                len(said.splitlines()) != 1 or str(path) not in said:
            wrong.append(f"{name}: {status} {rows} {said}")
    tap.ok(not wrong and len(names) == 17,
           f"each of {len(names)} damaged files is one line, and the others "
           "are used", *wrong)
    os.mkfifo(folder / "pipe")
    wrong = []
    for path, reason in ((folder / "pipe", "is no file"),
                         (folder, "is no file"),
                         (folder / "none", "No such file")):
        status, rows, said = find(program, [path], ["193.0.0.1"])
        if (status != 0 or rows != [["0", "", "", "-1", "", ""]] or
                f"{path}: {reason}" not in said or
                len(said.splitlines()) != 1):
            wrong.append(f"{path}: {status} {rows} {said}")
    tap.ok(not wrong, "a pipe, a folder and nothing are one line each",
           *wrong)


def damaged_records(tap, program, folder):
    """The tree or the data section is broken, the metadata are whole."""
    tree, data, facts = mmdb.parts({"193.0.0.0/21": {"asn": 3333}})
    loop = tree[:0] + bytes(len(tree))  # every record leads to the root
    cases = {
        "cut": (tree, b"", facts),
        "endless": (loop, data, facts),
        "outside": (b"\xff" * len(tree), data, facts),
        "pointer": (tree, mmdb.pointer(0) * len(data), facts),
        "long": (tree, mmdb.control(7, 1) + mmdb.encode("asn") +
                 mmdb.control(2, 1 << 23), facts),
        "wide": (tree, mmdb.control(7, 1 << 23), facts),
        "nested": (tree, mmdb.control(7, 2) + mmdb.encode("x") +
                   mmdb.control(11, 1) * 100000, facts),
    }
    wrong, address = [], ["193.0.0.1", "193.0.0.2"]
    for name, case in cases.items():
        path = folder / f"{name}.mmdb"
        path.write_bytes(mmdb.join(*case))
        status, rows, said = find(program, [path], address)
        if status != 0 or [row[3] for row in rows] != ["-1", "-1"] or \
                len(said.splitlines()) > 1:
            wrong.append(f"{name}: {status} {rows} {said}")
    path.write_bytes(mmdb.join(tree, data, facts))
    rows = find(program, [path], address)[1]
    tap.ok(not wrong and [row[3] for row in rows] == ["3333", "3333"],
           "a damaged record is unknown and said once; its twin is read",
           *wrong, rows)


def random_damage(tap, program, folder):
    print(f"# seed {SEED}")
    draw = random.Random(SEED)
    good = mmdb.join(*mmdb.parts(GEOIP2))
    paths, wrong = [], []
    for i in range(400):
        content = bytearray(good)
        for _ in range(draw.choice((1, 1, 2, 5, 50))):
            content[draw.randrange(len(content))] = draw.randrange(256)
        if draw.random() < 0.1:
            del content[draw.randrange(len(content)):]
        paths.append(folder / f"random-{i}.mmdb")
        paths[-1].write_bytes(content)
    addresses = ["2.16.0.1", "2.16.1.1", "2a00:1450::1", "193.0.0.1"]
    for i in range(0, len(paths), 20):
        status, rows, said = find(program, paths[i:i + 20], addresses)
        if status != 0 or len(rows) != 4:
            wrong.append(f"{paths[i]} ...: {status} {said}")
    tap.ok(not wrong, "400 files with random damage break nothing", *wrong)


def main():
    tap = Tap()
    program = driver(tap, "geo_find")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        against_mmdblookup(tap, program, folder)
        fields(tap, program, folder)
        damaged_files(tap, program, folder)
        damaged_records(tap, program, folder)
        random_damage(tap, program, folder)
    tap.done()


main()

#!/usr/bin/env python3
# Proves that tshark finds our echoes' checksums good and constant, and our DNS queries to be what they are meant to be.

import collections
import ipaddress
import pathlib
import shutil
import struct
import subprocess
import tempfile

from tap import Tap, driver, feed

# The addresses of packet_write.c.
SIX = (ipaddress.ip_address("2001:db8::1").packed
       + ipaddress.ip_address("2001:db8:ffff::53").packed)
FOUR = bytes([192, 0, 2, 1, 192, 0, 2, 53])
LINK_RAW = 101


def ip4(protocol, payload):
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64,
                       protocol, 0) + FOUR + payload


def ip6(protocol, payload):
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) \
        + SIX + payload


def udp(payload):
    return struct.pack("!4H", 40000, 53, 8 + len(payload), 0) + payload


AROUND = {
    "echo4": lambda message: ip4(1, message),
    "echo6": lambda message: ip6(58, message),
    "dns": lambda message: ip4(17, udp(message)),
}


def write_capture(path, packets):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535,
                               LINK_RAW))
        for packet in packets:
            file.write(struct.pack("<4I", 0, 0, len(packet), len(packet)))
            file.write(packet)


def fields(path, names, *options):
    """Rows of the fields as tshark reads them; one per packet."""
    arguments = [part for name in names for part in ("-e", name)]
    said = subprocess.run(
        ["tshark", "-n", "-r", path, "-T", "fields", *arguments, *options],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return [tuple(line.split("\t"))
            for line in said.stdout.decode().splitlines()]


def check_echoes(tap, folder, kind, messages):
    path = folder / kind
    layer = "icmp" if kind == "echo4" else "icmpv6"
    write_capture(path, [AROUND[kind](m) for m in messages])
    id_field = "icmp.ident" if kind == "echo4" else "icmpv6.echo.identifier"
    seq_field = "icmp.seq" if kind == "echo4" \
        else "icmpv6.echo.sequence_number"
    rows = fields(path, [f"{layer}.checksum", f"{layer}.checksum.status",
                         id_field, seq_field])
    bad = [row for row in rows if row[1] != "1"]
    tap.ok(len(rows) == len(messages) and not bad,
           f"{kind}: all {len(rows)} checksums are good", bad[:5])
    flows = collections.Counter((row[0], row[2]) for row in rows)
    tap.ok(len(flows) == 3 and len(set(flows.values())) == 1,
           f"{kind}: as many checksums and ids as flows, whatever the "
           "sequence number", flows)
    tap.ok(len({row[3] for row in rows}) == len(rows) // 3,
           f"{kind}: every sequence number is another", rows[:3])


def check_planted(tap, folder, message):
    path = folder / "planted"
    wrong = message[:-1] + bytes([message[-1] ^ 1])
    write_capture(path, [AROUND["echo4"](wrong)])
    rows = fields(path, ["icmp.checksum.status"])
    tap.ok(rows == [("0",)], "a planted wrong byte makes a checksum bad", rows)


def check_queries(tap, folder, messages):
    path = folder / "dns"
    write_capture(path, [AROUND["dns"](m) for m in messages])
    rows = fields(path, [
        "dns.id", "dns.flags", "dns.qry.name", "dns.qry.type", "dns.qry.class",
        "dns.rr.udp_payload_size", "dns.opt.code", "dns.opt.len",
        "_ws.malformed"])
    common = ("1232", "3", "0", "")
    tap.ok(rows == [
        ("0x1234", "0x0000", "example", "6", "0x0001", *common),
        ("0x1234", "0x0000", "hostname.bind", "16", "0x0003", *common)],
           "queries ask what they should, with an empty NSID option", rows)


def main():
    tap = Tap()
    if shutil.which("tshark") is None:
        tap.skip("tshark agrees with our packets", "no tshark")
        tap.done()
    status, lines, said = feed(driver(tap, "packet_write"), [])
    tap.ok(status == 0, "the packets are written without a report", said)
    messages = collections.defaultdict(list)
    for line in lines:
        kind, _, text = line.partition(" ")
        messages[kind].append(bytes.fromhex(text))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        check_echoes(tap, folder, "echo4", messages["echo4"])
        check_echoes(tap, folder, "echo6", messages["echo6"])
        check_planted(tap, folder, messages["echo4"][0])
        check_queries(tap, folder, messages["dns"])
    tap.done()


main()

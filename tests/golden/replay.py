#!/usr/bin/env python3
# Proves what acprobe --read makes of foreign captures, under sanitizers.
"""Every capture is read as it is. What answers nothing in it, as malformed
packets mostly do, is read once more behind a probe that it would answer
("asked"), and that probe with a right answer instead ("twin"): a packet that
is refused means nothing where everything is refused.
UPDATE=1 writes tests/golden/replay.txt anew; look at the difference."""

import difflib
import json
import os
import pathlib
import struct
import subprocess
import tempfile

from capture import packets
from tap import Tap, built

FOREIGN = pathlib.Path("../shared/data/pcap")
EXPECTED = pathlib.Path("tests/golden/replay.txt")
NAME = b"\x01a\x07example\0"
TWIN = b"twin"
PINGS = 2  # twins of a file that are no more than a ping
ICMP, UDP, ICMP6 = 1, 17, 58


# --- packets ---

def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def pseudo(src, dst, protocol, length):
    if len(src) == 4:
        return src + dst + struct.pack("!BBH", 0, protocol, length)
    return src + dst + struct.pack("!II", length, protocol)


def ip(src, dst, protocol, payload, ttl=64):
    if len(src) == 4:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, ttl,
                           protocol, 0) + src + dst
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + \
            payload
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, ttl) + \
        src + dst + payload


def udp(src, dst, ports, payload, ttl=64, cksum=None):
    if cksum is None:
        head = struct.pack("!HHHH", *ports, 8 + len(payload), 0)
        cksum = checksum(pseudo(src, dst, UDP, 8 + len(payload)) + head +
                         payload) or 0xffff
    return ip(src, dst, UDP, struct.pack("!HHHH", *ports, 8 + len(payload),
                                         cksum) + payload, ttl)


def icmp(src, dst, body, ttl=64, cksum=None):
    protocol = ICMP if len(src) == 4 else ICMP6
    if cksum is None:
        sums = pseudo(src, dst, protocol, len(body)) if protocol == ICMP6 \
            else b""
        cksum = checksum(sums + body[:2] + b"\0\0" + body[4:])
    return ip(src, dst, protocol, body[:2] + struct.pack("!H", cksum) +
              body[4:], ttl)


def echo(src, dst, id_seq, payload, reply=False, **more):
    kind = (0 if reply else 8) if len(src) == 4 else 129 if reply else 128
    return icmp(src, dst, struct.pack("!BBH", kind, 0, 0) + id_seq + payload,
                **more)


def query(dns_id, question):
    return dns_id + b"\x01\0\0\1\0\0\0\0\0\0" + question


def answer(dns_id, question):
    option = struct.pack("!HH", 3, len(TWIN)) + TWIN
    return dns_id + b"\x84\0\0\1\0\0\0\0\0\1" + question + \
        b"\0" + struct.pack("!HHIH", 41, 1232, 0, len(option)) + option


class Packet:
    """What can be said of a foreign packet's header."""

    def __init__(self, data):
        self.data = data
        four = data[0] >> 4 == 4
        self.start = (data[0] & 15) * 4 if four else 40
        if len(data) < (20 if four else 40) or len(data) < self.start:
            raise ValueError
        self.protocol = data[9] if four else data[6]
        self.src = data[12:16] if four else data[8:24]
        self.dst = data[16:20] if four else data[24:40]
        if not four:
            self.skip_extensions()
        self.rest = data[self.start:]

    def skip_extensions(self):
        while self.protocol in (0, 43, 60) and \
                len(self.data) >= self.start + 8:
            self.protocol = self.data[self.start]
            self.start += 8 + 8 * self.data[self.start + 1]

    def is_error(self):
        return (self.protocol == ICMP and self.rest[:1] in (b"\3", b"\x0b")) \
            or (self.protocol == ICMP6 and self.rest[:1] in (b"\1", b"\3"))

    def is_request(self):
        return (self.protocol == ICMP and self.rest[:1] == b"\x08") or \
            (self.protocol == ICMP6 and self.rest[:1] == b"\x80")


# --- probes that a packet would answer; each gives (probe, right answer) ---

def for_dns(packet):
    """Also a query: as if it were the answer."""
    sport, dport = struct.unpack("!HH", packet.rest[:4])
    dns_id = (packet.rest[8:10] + b"\0\0")[:2]
    question = NAME + b"\0\1\0\1"
    probe = udp(packet.dst, packet.src, (dport, sport),
                query(dns_id, question))
    twin = udp(packet.src, packet.dst, (sport, dport),
               answer(dns_id, question))
    return probe, twin


def exceeded(probe, router):
    """A right error of a router: RFC 4884 with a label of RFC 4950."""
    quoted = Packet(probe)
    quote = probe[:128] + b"\0" * (128 - len(probe))
    label = struct.pack("!HBBI", 8, 1, 1, 24001 << 12 | 0x100 | 1)
    extension = b"\x20\0\0\0" + label
    extension = b"\x20\0" + struct.pack("!H", checksum(extension)) + label
    kind = (b"\x0b\0\0\0\0\x20\0\0" if len(quoted.src) == 4
            else b"\3\0\0\0\x10\0\0\0")
    return icmp(router, quoted.src, kind + quote + extension)


def for_error(packet):
    quoted = Packet(packet.rest[8:])
    rest = quoted.rest
    if quoted.protocol == UDP and len(rest) >= 8:
        sport, dport, _, cksum = struct.unpack("!HHHH", rest[:8])
        probe = udp(quoted.src, quoted.dst, (sport, dport),
                    query((rest[8:10] + b"\0\0")[:2], NAME + b"\0\6\0\1"),
                    1, cksum)
    elif quoted.is_request() and len(rest) >= 8:
        probe = echo(quoted.src, quoted.dst, rest[4:8], rest[8:] + b"\0" * 8,
                     ttl=1, cksum=struct.unpack("!H", rest[2:4])[0])
    else:
        raise ValueError
    return probe, exceeded(probe, packet.src)


def for_any(packet):
    """Whatever it is: somebody pings who sent it."""
    id_seq, payload = b"\x12\x34\0\1", b"sixteen bytes..."
    if packet.protocol in (ICMP, ICMP6) and len(packet.rest) >= 8 and \
            packet.rest[0] in (0, 129):
        id_seq, payload = packet.rest[4:8], packet.rest[8:]
    return (echo(packet.dst, packet.src, id_seq, payload),
            echo(packet.src, packet.dst, id_seq, payload, reply=True))


def probe_for(packet):
    if packet.protocol == UDP and len(packet.rest) >= 8:
        return for_dns(packet)
    if packet.is_error():
        try:
            return for_error(packet)
        except (ValueError, IndexError, struct.error):
            pass
    return for_any(packet)


def as_answer(packet):
    """A query's malformed bytes, sent to who asked."""
    data = bytearray(packet.data)
    if packet.protocol == UDP and len(packet.rest) >= 12:
        data[packet.start + 10] |= 0x80
    return bytes(data)


# --- reading ---

def capture_of(*found):
    """A capture: a packet each 10 ms."""
    head = struct.pack(">IHHIIII", 0xa1b23c4d, 2, 4, 0, 0, 65535, 101)
    return head + b"".join(
        struct.pack(">IIII", 1700000000, 10_000_000 * i, len(packet),
                    len(packet)) + packet for i, packet in enumerate(found))


def hop(found):
    text = f"{found['ttl']} {found['addr']} {found['icmp']}"
    if found["mpls"]:
        text += " labels " + ",".join(
            str(entry["label"]) for entry in found["mpls"])
    return text


def summary(line):
    record = json.loads(line)
    if record["type"] == "identity":
        return None
    words = [record["type"], record["addr"], record["proto"],
             record["question"], record["outcome"]]
    if record["reason"]:
        words.append(f"({record['reason']})")
    for key in ("rcode", "nsid", "rtt_us"):
        if record.get(key) is not None:
            words.append(f"{key} {record[key]}")
    if record.get("answer"):
        words.append(f"answers {len(record['answer'])}")
    for key in ("late", "dup", "unwanted", "conflict"):
        if record[key]:
            words.append(f"{key} {record[key]}")
    words += [f"hop {hop(found)}" for found in record.get("hops", [])
              if found["addr"]]
    return " ".join(map(str, words))


class Reader:
    def __init__(self, tap, folder):
        self.tap = tap
        self.folder = folder
        self.path, said = built.sanitized("acprobe")
        if said:
            tap.ok(False, "acprobe can be built", said)
            tap.done()
        self.reports = []

    def read(self, path):
        said = subprocess.run([self.path, "-j", "--read", path],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False, timeout=60)
        stderr = said.stderr.decode("utf-8", "backslashreplace")
        lines = stderr.splitlines()
        if said.returncode not in (0, 1, 2) or "runtime error" in stderr or \
                len(lines) > 2:
            self.reports.append(f"{path}: {said.returncode} {stderr}")
        found = [summary(line) for line in said.stdout.decode().splitlines()]
        return [line for line in found if line] + [
            "said: " + line.rsplit(": ", 1)[-1] for line in lines]

    def made(self, *found):
        path = os.path.join(self.folder, "made.pcap")
        with open(path, "wb") as file:
            file.write(capture_of(*found))
        return self.read(path)


def is_good(outcomes):
    return any(" answered" in line or " labels 24001" in line
               for line in outcomes)


def outcomes_of(reader, path):
    """Lines of the capture, and whether each twin is taken."""
    seen = reader.read(path)
    lines = [f"as it is: {line}" for line in seen]
    good = True
    if is_good(seen):
        return lines, good
    pings = 0
    for number, data in enumerate(packets(path), 1):
        try:
            packet = Packet(data)
            probe, twin = probe_for(packet)
        except (ValueError, IndexError, struct.error):
            lines.append(f"packet {number}: no header to answer to")
            continue
        asked = reader.made(probe, as_answer(packet))
        lines += [f"packet {number} asked: {line}" for line in asked]
        pings += probe == for_any(packet)[0]
        if pings > PINGS:
            continue
        right = reader.made(probe, twin)
        good = good and is_good(right)
        lines += [f"packet {number} twin: {line}" for line in right]
    return lines, good


def main():
    tap = Tap()
    if not FOREIGN.is_dir():
        tap.skip("foreign captures are read", f"{FOREIGN} is not here")
        tap.done()
    known = {}
    if EXPECTED.exists() and not os.environ.get("UPDATE"):
        for line in EXPECTED.read_text(encoding="ascii").splitlines():
            name, _, outcome = line.partition(": ")
            known.setdefault(name, []).append(outcome)
    written = []
    with tempfile.TemporaryDirectory() as folder:
        reader = Reader(tap, folder)
        for path in sorted(FOREIGN.glob("*.pcap*")):
            reader.reports = []
            lines, good = outcomes_of(reader, path)
            written += [f"{path.name}: {line}\n" for line in lines]
            difference = list(difflib.unified_diff(
                known.get(path.name, []), lines, lineterm=""))
            tap.ok(not reader.reports,
                   f"{path.name} is played without a report", *reader.reports)
            tap.ok(good, f"{path.name}: each twin is taken", *lines)
            if not os.environ.get("UPDATE"):
                tap.ok(not difference,
                       f"{path.name} gives the outcomes it gave",
                       "\n".join(difference))
    if os.environ.get("UPDATE"):
        EXPECTED.write_text("".join(written), encoding="ascii")
    tap.done()


main()

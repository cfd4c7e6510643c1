"""On the path, forges replies to the DNS queries and echo requests that pass:
run on a router by probe_forged.py, with the vantage point's addresses and what
to forge.

usage: python3 forger.py KIND VP4 VP6

Prints "ready", and at SIGTERM what it sent, as JSON."""

import json
import signal
import socket
import struct
import sys
import time

ROGUE = b"forged.evil.test"
ETH_P_ALL = 3
IPV6_HDRINCL = 36


MANY = 1000  # forged for each that is asked


class Query:
    """A UDP datagram to port 53 with a DNS query, or an echo request."""

    def __init__(self, packet):
        self.af = packet[0] >> 4
        start = (packet[0] & 15) * 4 if self.af == 4 else 40
        self.packet = packet
        if self.af == 4:
            self.src, self.dst = packet[12:16], packet[16:20]
        else:
            self.src, self.dst = packet[8:24], packet[24:40]
        self.udp = packet[start:]
        self.is_echo = not udp_query(packet)
        if self.is_echo:
            return
        self.sport, self.dport = struct.unpack("!HH", packet[start:start + 4])
        self.dns = packet[start + 8:]
        end = 12
        while self.dns[end]:
            end += self.dns[end] + 1
        self.id = struct.unpack("!H", self.dns[:2])[0]
        self.question = self.dns[12:end + 5]


def udp_query(packet):
    protocol = packet[9] if packet[0] >> 4 == 4 else packet[6]
    start = (packet[0] & 15) * 4 if packet[0] >> 4 == 4 else 40
    return protocol == 17 and packet[start + 2:start + 4] == b"\0\x35"


def echo_request(packet):
    protocol = packet[9] if packet[0] >> 4 == 4 else packet[6]
    start = (packet[0] & 15) * 4 if packet[0] >> 4 == 4 else 40
    return (protocol, packet[start]) in ((1, 8), (58, 128))


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def message(query, question=None, dns_id=None, flags=0x8400, nsid=ROGUE,
            answers=0):
    question = query.question if question is None else question
    option = struct.pack("!HH", 3, len(nsid)) + nsid
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, 0, len(option)) + option
    return struct.pack("!6H", query.id if dns_id is None else dns_id, flags,
                       1 if question else 0, answers, 0, 1) + question + opt


class Sender:
    def __init__(self):
        self.raw = {}
        for af, family in ((4, socket.AF_INET), (6, socket.AF_INET6)):
            self.raw[af] = socket.socket(family, socket.SOCK_RAW,
                                         socket.IPPROTO_RAW)
        self.raw[6].setsockopt(socket.IPPROTO_IPV6, IPV6_HDRINCL, 1)
        self.sent = 0
        self.pause = 0  # seconds after so many: no buffer runs over
        self.burst = 20

    def ip(self, af, src, dst, protocol, payload):
        if af == 4:
            packet = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0,
                                 0, 60, protocol, 0) + src + dst + payload
            to = (socket.inet_ntop(socket.AF_INET, dst), 0)
        else:
            packet = struct.pack("!IHBB", 6 << 28, len(payload), protocol,
                                 60) + src + dst + payload
            to = (socket.inet_ntop(socket.AF_INET6, dst), 0, 0, 0)
        self.raw[af].sendto(packet, to)
        self.sent += 1
        if self.pause and self.sent % self.burst == 0:
            time.sleep(self.pause)

    @staticmethod
    def pseudo(src, dst, length, protocol):
        if len(src) == 4:
            return src + dst + struct.pack("!BBH", 0, protocol, length)
        return src + dst + struct.pack("!II", length, protocol)

    def reply(self, query, dns, src=None, sport=53, dport=None):
        src = query.dst if src is None else src
        dport = query.sport if dport is None else dport
        head = struct.pack("!HHHH", sport, dport, 8 + len(dns), 0)
        value = checksum(self.pseudo(src, query.src, 8 + len(dns), 17) +
                         head + dns) or 0xffff
        head = struct.pack("!HHHH", sport, dport, 8 + len(dns), value)
        self.ip(query.af, src, query.src, 17, head + dns)

    def unreachable(self, query, quoted_udp):
        """A port unreachable from the service, that quotes so much."""
        start = (query.packet[0] & 15) * 4 if query.af == 4 else 40
        quote = query.packet[:start] + quoted_udp
        kind = (3, 3) if query.af == 4 else (1, 4)
        self.icmp(query, struct.pack("!BBHI", *kind, 0, 0) + quote)

    def icmp(self, query, body):
        pseudo = self.pseudo(query.dst, query.src, len(body), 58) \
            if query.af == 6 else b""
        body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
        self.ip(query.af, query.dst, query.src, 1 if query.af == 4 else 58,
                body)


# --- what is forged; each returns how many of it must be counted unwanted ---

def wrong(sender, query):
    """Replies each of which has one thing wrong."""
    other = b"\x04evil" + query.question
    swapped = query.question[:-4] + b"\0\x10\0\x03"
    for dns in (message(query, dns_id=query.id ^ 1),
                message(query, dns_id=(query.id + 0x100) & 0xffff),
                message(query, question=other),
                message(query, question=swapped + b""
                        if swapped != query.question else other),
                message(query, flags=0x0000),
                message(query, question=b"", flags=0x8400),
                query.dns[:2], b"", b"\0" * 600):
        sender.reply(query, dns)
    return 9


def elsewhere(sender, query):
    """The right bytes, but of another peer or to another port: the kernel
    gives them to nobody."""
    wrong_host = query.dst[:-1] + bytes([query.dst[-1] ^ 1])
    sender.reply(query, message(query), src=wrong_host)
    sender.reply(query, message(query), sport=5353)
    sender.reply(query, message(query), dport=query.sport ^ 1)
    return 0


def broken(sender, query):
    """Right id and question, and then nothing that can be read."""
    sender.reply(query, message(query, answers=3))
    sender.reply(query, message(query) + b"\0\0")
    return 0


def first(sender, query):
    """An injector: all is right, before the true answer comes."""
    sender.reply(query, message(query))
    return 0


def late(sender, query):
    """All is right, and later than the true answer."""
    later.append((time.monotonic() + 0.55, query))  # over any RTT here
    return 0


def icmp(sender, query):
    """Port unreachable, with quotes that are not of our query."""
    false_id = struct.pack("!H", query.id ^ 1)
    sender.unreachable(query, query.udp[:8] + false_id + query.udp[10:])
    false_sum = struct.pack("!H", struct.unpack("!H", query.udp[6:8])[0] ^ 1)
    sender.unreachable(query, query.udp[:6] + false_sum)
    return 2


# --- a thousand for each; seen: what was asked so far ---

def other_ids(query):
    """Ids of nobody on this flow, each another."""
    taken = seen.setdefault((query.dst, query.sport), set())
    taken.add(query.id)
    return (n for n in range(65536) if n not in taken and n % 61 == 7)


def ids(sender, query):
    reply = message(query)
    for _, dns_id in zip(range(MANY), other_ids(query)):
        sender.reply(query, struct.pack("!H", dns_id) + reply[2:])
    return MANY


def questions(sender, query):
    for n in range(MANY):
        name = b"\x04%04d" % n + query.question
        sender.reply(query, message(query, question=name))
    return MANY


def tokens(sender, query):
    """Echo replies of the right id and number."""
    kind = b"\0\0\0\0" if query.af == 4 else b"\x81\0\0\0"
    for n in range(MANY):
        token = struct.pack("!Q", n * 0x9e3779b97f4a7c15 % 2**64)
        if token != query.udp[8:16]:
            sender.icmp(query, kind + query.udp[4:8] + token + query.udp[16:])
    return MANY


def quotes(sender, query):
    """Errors that quote a packet of this flow which never was."""
    for n in range(MANY):
        token = struct.pack("!Q", n * 0x9e3779b97f4a7c15 % 2**64)
        if query.is_echo:
            sender.unreachable(query, query.udp[:8] + token + query.udp[16:])
    if query.is_echo:
        return MANY
    for _, dns_id in zip(range(MANY), other_ids(query)):
        sender.unreachable(query, query.udp[:8] + struct.pack("!H", dns_id) +
                           query.udp[10:])
    return MANY


def spoofs(sender, query):
    """All right, but of another port or host, or to another port."""
    reply = message(query)
    for n in range(MANY // 4):
        sender.reply(query, reply, sport=1024 + n)
        sender.reply(query, reply, dport=1 + (query.sport + n) % 65535)
        sender.reply(query, reply, src=query.dst[:-1] + bytes(
            [(query.dst[-1] + 1 + n % 250) % 256]))
        sender.reply(query, reply, src=query.dst[:-1] + bytes(
            [(query.dst[-1] + 1 + n % 250) % 256]), sport=1024 + n)
    return 0


KINDS = {"ids": ids, "questions": questions, "tokens": tokens,
         "quotes": quotes, "spoofs": spoofs, "wrong": wrong, "elsewhere": elsewhere, "broken": broken,
         "first": first, "late": late, "icmp": icmp}
ECHOES = ("tokens", "quotes")
later = []
stop = []
seen = {}


def main():
    kind = KINDS[sys.argv[1]]
    ours = {socket.inet_pton(socket.AF_INET, sys.argv[2]),
            socket.inet_pton(socket.AF_INET6, sys.argv[3])}
    sender, unwanted, queries = Sender(), 0, 0
    if kind in (ids, questions, tokens, quotes, spoofs):
        sender.pause = 0.002
    most = int(sys.argv[4]) if len(sys.argv) > 4 else None  # queries
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                            socket.htons(ETH_P_ALL))
    sniffer.settimeout(0.01)
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    print("ready", flush=True)
    while not stop:
        while later and later[0][0] <= time.monotonic():
            query = later.pop(0)[1]
            sender.reply(query, message(query))
        try:
            packet, where = sniffer.recvfrom(65536)
        except TimeoutError:
            continue
        if where[2] == socket.PACKET_OUTGOING or len(packet) < 38 or not (
                sys.argv[1] != "tokens" and udp_query(packet) or
                sys.argv[1] in ECHOES and echo_request(packet)):
            continue
        query = Query(packet)
        if query.src in ours and queries != most:
            queries += 1
            unwanted += kind(sender, query)
    print(json.dumps({"queries": queries, "sent": sender.sent,
                      "unwanted": unwanted}), flush=True)


if __name__ == "__main__":
    main()

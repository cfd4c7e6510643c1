"""A tiny name server that says what real servers cannot be made to say:
hostile identity bytes, truncation, slow answers. responder.py OPTIONS.json"""

import heapq
import json
import select
import socket
import struct
import sys
import time

OPT, SOA, TXT, NS, A = 41, 6, 16, 2, 1
NSID = 3
CHAOS = 3
REFUSED, NXDOMAIN = 5, 3


def name_end(message, offset):
    while message[offset]:
        if message[offset] >= 64:
            return offset + 2
        offset += 1 + message[offset]
    return offset + 1


def wire_name(text):
    return b"".join(bytes([len(label)]) + label.encode()
                    for label in text.split(".") if label) + b"\0"


def text_strings(data):
    """TXT holds strings of at most 255 bytes."""
    return b"".join(bytes([len(data[i:i + 255])]) + data[i:i + 255]
                    for i in range(0, max(1, len(data)), 255))


class Responder:
    def __init__(self, options):
        self.mode = options["mode"]
        self.zone = options["zone"].lower()
        self.serial = options["serial"]
        self.code = options["code"]
        nsid = options["nsid_hex"]
        self.nsid = None if nsid is None else bytes.fromhex(nsid)
        self.chaos = {key: None if value is None else bytes.fromhex(value)
                      for key, value in options["chaos_hex"].items()}
        if self.mode.get("chaos_hex") is not None:
            said = bytes.fromhex(self.mode["chaos_hex"])
            self.chaos = {"hostname_bind": said, "id_server": said}

    def data_for(self, name, kind, klass):
        """(rcode, type, data) or (rcode, None, None)"""
        if klass == CHAOS:
            key = {"hostname.bind": "hostname_bind",
                   "id.server": "id_server"}.get(name)
            if key is None or self.chaos[key] is None:
                return REFUSED, None, None
            return 0, TXT, text_strings(self.chaos[key])
        if name != self.zone and not name.endswith("." + self.zone):
            return REFUSED, None, None
        if name == self.zone and kind == SOA:
            numbers = (self.serial, 3600, 600, 86400, 300)
            return 0, SOA, wire_name("ns." + self.zone) + \
                wire_name("hostmaster." + self.zone) + \
                struct.pack("!5I", *numbers)
        if name == "whoami." + self.zone and kind == TXT:
            return 0, TXT, text_strings(self.code.encode())
        return 0 if name == self.zone else NXDOMAIN, None, None

    def reply(self, query, stream):
        number, flags, questions = struct.unpack_from("!3H", query)
        if flags & 0x8000 or questions != 1:
            return None
        end = name_end(query, 12) + 4
        kind, klass = struct.unpack_from("!2H", query, end - 4)
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]])
            at += 1 + query[at]
        name = b".".join(labels).decode("latin-1").lower()
        rcode, answer_type, data = self.data_for(name, kind, klass)
        truncated = self.mode.get("tc") and not stream
        answer = b""
        if data is not None and not truncated:
            answer = struct.pack("!HHHIH", 0xc00c, answer_type, klass, 0,
                                 len(data)) + data
        flags = 0x8400 | flags & 0x0100 | rcode
        if truncated:
            flags |= 0x0200
        extra = self.extra(query, end)
        return struct.pack("!6H", number, flags, 1, bool(answer), 0,
                           bool(extra)) + query[12:end] + answer + extra

    def extra(self, query, offset):
        """An OPT record where the query had one, with NSID if asked."""
        if struct.unpack_from("!H", query, 10)[0] == 0 or \
                query[offset:offset + 3] != b"\0\0\x29":
            return b""
        length, = struct.unpack_from("!H", query, offset + 9)
        at, end, options = offset + 11, offset + 11 + length, b""
        while at + 4 <= end:
            code, size = struct.unpack_from("!HH", query, at)
            if code == NSID and self.nsid is not None:
                options = struct.pack("!HH", NSID, len(self.nsid)) + self.nsid
            at += 4 + size
        return struct.pack("!BHHIH", 0, OPT, 1232, 0, len(options)) + options


def open_sockets(listen):
    found = []
    for address in listen:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            one = socket.socket(family, kind)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((address, 53))
            if kind == socket.SOCK_STREAM:
                one.listen(16)
            found.append(one)
    return found


def serve_stream(responder, listener):
    """One question of one client, who has a second to ask it."""
    client, _ = listener.accept()
    with client:
        client.settimeout(1)
        try:
            head = client.recv(2, socket.MSG_WAITALL)
            length, = struct.unpack("!H", head)
            reply = responder.reply(client.recv(length, socket.MSG_WAITALL),
                                    True)
            if reply:
                client.sendall(struct.pack("!H", len(reply)) + reply)
        except (OSError, struct.error, IndexError):
            pass


def main():
    with open(sys.argv[1]) as file:
        responder = Responder(json.load(file))
        file.seek(0)
        sockets = open_sockets(json.load(file)["listen"])
    slow_s = responder.mode.get("slow_ms", 0) / 1000
    waiting, order = [], 0
    while True:
        left = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        for one in select.select(sockets, [], [], left)[0]:
            if one.type == socket.SOCK_STREAM:
                serve_stream(responder, one)
                continue
            query, client = one.recvfrom(65535)
            try:
                reply = responder.reply(query, False)
            except (struct.error, IndexError):
                continue
            if reply and not responder.mode.get("silent"):
                order += 1
                heapq.heappush(waiting, (time.monotonic() + slow_s, order,
                                         one, reply, client))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, one, reply, client = heapq.heappop(waiting)
            try:
                one.sendto(reply, client)
            except OSError:
                pass


if __name__ == "__main__":
    main()

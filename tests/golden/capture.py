"""Packets of capture files, pcap and pcapng, without the link layer."""

import struct

# Link type: bytes before the IP header. Those named are looked at closely.
LINK = {0: 4, 8: 16, 12: 0, 14: 0, 101: 0, 108: 4, 113: 16, 228: 0, 229: 0, 276: 20}
ETHERNET, PPP, FRAME_RELAY = 1, 9, 107
IP = (b"\x08\x00", b"\x86\xdd", b"\x00\x21", b"\x00\x57")
VLAN = (b"\x81\x00", b"\x88\xa8")
MACSEC = b"\x88\xe5"
MPLS = (b"\x88\x47", b"\x02\x81")


def behind_type(frame, at):
    """What follows the protocol's two bytes, tags and labels apart, if IP."""
    while frame[at:at + 2] in VLAN:
        at += 4
    if frame[at:at + 2] == MACSEC:
        at += 16 if frame[at + 2] & 0x20 else 8
    kind, at = frame[at:at + 2], at + 2
    if kind in MPLS:
        while at + 4 <= len(frame) and not frame[at + 2] & 1:
            at += 4
        return frame[at + 4:]
    return frame[at:] if kind in IP else None


def without_link(link, frame):
    """The IP packet of a frame, or None where it holds none."""
    if link == ETHERNET:
        return behind_type(frame, 12)
    if link == PPP:
        return behind_type(frame, 2 if frame[:2] == b"\xff\x03" else 0)
    if link == FRAME_RELAY:
        at = next(i for i, byte in enumerate(frame) if byte & 1)
        return behind_type(frame, at + 1)
    if link not in LINK:
        raise ValueError(f"link type {link}")
    return frame[LINK[link]:]


def classic(data, order):
    link = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
    at = 24
    while at + 16 <= len(data):
        kept = struct.unpack_from(order + "I", data, at + 8)[0]
        yield link, data[at + 16:at + 16 + kept]
        at += 16 + kept


def blocks(data):
    """pcapng's (order, type, body) blocks."""
    at, order = 0, "<"
    while at + 12 <= len(data):
        if data[at:at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[at + 8] == 0x4D else ">"
        kind, length = struct.unpack_from(order + "II", data, at)
        if length < 12:
            return
        yield order, kind, data[at + 8:at + length - 4]
        at += length


def next_generation(data):
    links = []
    for order, kind, body in blocks(data):
        if kind == 1:
            links.append(struct.unpack_from(order + "H", body)[0])
        elif kind == 6:
            which, _, _, kept, _ = struct.unpack_from(order + "5I", body)
            yield links[which], body[20:20 + kept]
        elif kind == 3:
            yield links[0], body[4:]


def packets(path):
    """Every IP packet of the file, as bytes."""
    with open(path, "rb") as file:
        data = file.read()
    magic = data[:4]
    if magic == b"\x0a\x0d\x0d\x0a":
        frames = next_generation(data)
    elif magic in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1"):
        frames = classic(data, "<")
    elif magic in (b"\xa1\xb2\xc3\xd4", b"\xa1\xb2\x3c\x4d"):
        frames = classic(data, ">")
    else:
        raise ValueError(f"{path}: no capture file")
    for link, frame in frames:
        packet = without_link(link, frame)
        if packet is not None:
            yield packet

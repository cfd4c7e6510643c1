"""Writes MMDB files (MaxMind DB File Format Specification 2.0) for tests."""

import ipaddress
import struct

MARKER = b"\xab\xcd\xefMaxMind.com"


class Float(float):
    """A number kept in four bytes."""


class U32(int):
    """A number of the type for four bytes, however small."""


class U64(int):
    """The same for eight."""


def control(kind, size):
    if size < 29:
        low, more = size, b""
    elif size < 285:
        low, more = 29, bytes([size - 29])
    elif size < 65821:
        low, more = 30, struct.pack(">H", size - 285)
    else:
        low, more = 31, struct.pack(">I", size - 65821)[1:]
    if kind < 8:
        return bytes([kind << 5 | low]) + more
    return bytes([low, kind - 7]) + more


def unsigned(value):
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def pointer(to):
    """A pointer to a place in the data section."""
    if to < 2048:
        return bytes([0x20 | to >> 8, to & 255])
    if to < 2048 + (1 << 19):
        to -= 2048
        return bytes([0x28 | to >> 16, to >> 8 & 255, to & 255])
    return b"\x38" + struct.pack(">I", to)


def encode(value):
    if isinstance(value, bool):
        return control(14, int(value))
    if isinstance(value, Float):
        return control(15, 4) + struct.pack(">f", value)
    if isinstance(value, float):
        return control(3, 8) + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode()
        return control(2, len(data)) + data
    if isinstance(value, bytes):
        return value  # encoded already
    if isinstance(value, int):
        data = unsigned(value)
        kind = 5 if len(data) <= 2 else 6 if len(data) <= 4 else 9
        if isinstance(value, (U32, U64)):
            kind = 6 if isinstance(value, U32) else 9
        return control(kind, len(data)) + data
    if isinstance(value, dict):
        return control(7, len(value)) + b"".join(
            encode(k) + encode(v) for k, v in value.items())
    return control(11, len(value)) + b"".join(map(encode, value))


class Tree:
    def __init__(self, version):
        self.version = version
        self.nodes = [[None, None]]  # None: empty; ("data", at); a number

    def bits(self, network):
        number = int(network.network_address)
        bits = f"{number:0{network.max_prefixlen}b}"[:network.prefixlen]
        if self.version == 6 and network.version == 4:
            bits = "0" * 96 + bits
        return [int(bit) for bit in bits]

    def insert(self, network, at):
        bits = self.bits(network)
        node = 0
        for bit in bits[:-1]:
            inner = self.nodes[node][bit]
            if not isinstance(inner, int):
                self.nodes.append([inner, inner])
                inner = self.nodes[node][bit] = len(self.nodes) - 1
            node = inner
        self.nodes[node][bits[-1]] = ("data", at)

    def encode(self, size):
        count = len(self.nodes)

        def value(record):
            if record is None:
                return count
            return record if isinstance(record, int) else \
                count + 16 + record[1]
        out = bytearray()
        for left, right in self.nodes:
            left, right = value(left), value(right)
            if size == 28:
                out += (left & 0xffffff).to_bytes(3, "big")
                out.append((left >> 24) << 4 | right >> 24)
                out += (right & 0xffffff).to_bytes(3, "big")
            else:
                out += left.to_bytes(size // 8, "big")
                out += right.to_bytes(size // 8, "big")
        return bytes(out)


def parts(records, version=6, size=24, **metadata):
    """The search tree, the data section and the metadata's map. records maps
    networks as text to values; equal strings are kept once."""
    data, tree = bytearray(), Tree(version)
    seen = {}

    def shared(value):
        if isinstance(value, dict):
            return control(7, len(value)) + b"".join(
                shared(k) + shared(v) for k, v in value.items())
        if not isinstance(value, str) or len(value) < 4:
            return encode(value)
        if value not in seen:
            seen[value] = len(data)
            data.extend(encode(value))
        return pointer(seen[value])

    networks = sorted(((ipaddress.ip_network(k), v)
                       for k, v in records.items()),
                      key=lambda pair: (pair[0].version,
                                        pair[0].prefixlen))
    for network, value in networks:
        text = shared(value)
        tree.insert(network, len(data))
        data.extend(text)
    facts = {"node_count": U32(len(tree.nodes)), "record_size": size,
             "ip_version": version, "database_type": "Test",
             "languages": ["en"], "binary_format_major_version": 2,
             "binary_format_minor_version": 0, "build_epoch": U64(1700000000),
             "description": {"en": "made for a test"}}
    facts.update(metadata)
    return tree.encode(size), bytes(data), facts


def join(tree, data, facts):
    return tree + bytes(16) + data + MARKER + encode(facts)


def write(path, records, **options):
    with open(path, "wb") as file:
        file.write(join(*parts(records, **options)))

"""Write the golden packets of some kinds as seeds: packets.py FOLDER KIND..."""

import pathlib
import sys


def packet(path):
    """Kind and bytes of a .hex file (tests/golden/packet_dump.c says how)."""
    kind, data = None, b""
    for line in path.read_text(encoding="ascii").splitlines():
        words = line.partition("#")[0].split()
        if words and kind is None:
            kind = words[0]
            continue
        for word in words:
            times, star, piece = word.partition("*")
            data += bytes.fromhex(piece) * int(times) if star else \
                bytes.fromhex(word)
    return kind, data


def main():
    folder, kinds = pathlib.Path(sys.argv[1]), sys.argv[2:]
    for path in sorted(pathlib.Path("tests/golden/packets").glob("*.hex")):
        kind, data = packet(path)
        if kind in kinds and len(data) <= 4096:
            (folder / path.stem).write_bytes(data)


if __name__ == "__main__":
    main()

"""Seeds made of records: `records.py FOLDER record|batch`."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "lib"))
import uploads  # noqa: E402

AT = 1700000000000000
HOP = {"ttl": 1, "addr": "192.0.2.9", "rtt_us": 300, "icmp": "11/0",
       "quoted_ttl": 1, "mpls": [{"label": 5, "exp": 1, "s": 1, "ttl": 9}],
       "auth_bits": 48}


def records():
    yield uploads.record(AT)
    yield uploads.record(AT, "a\\000\\092\"", nsid="x\\200", nsid_hex="78c8",
                         nsid_len=900, raw="00ff", qtype="TYPE65280",
                         qclass="CLASS7", serial=4294967295)
    yield uploads.record(AT, outcome="unsent", reason="no route",
                         rtt_us=None, addr=None, af=None, answer=[])
    plain = {key: value for key, value in uploads.record(AT).items()
             if key not in ("qname", "qtype", "qclass", "rcode", "nsid",
                            "nsid_hex", "answer", "serial", "tc", "aa",
                            "size", "edns", "raw")}
    flow = {"n": 1, "src": "2001:db8::1", "icmp_id": 7, "cksum": 9,
            "label": 5, "moved": True}
    plain |= {"proto": "icmp", "port": None, "flow": flow}
    yield plain | {"type": "echo", "question": "echo"}
    yield plain | {"type": "trace", "question": "trace", "hops": [
        HOP, HOP | {"addr": None, "icmp": None, "rtt_us": None,
                    "mpls": None}]}


def main():
    folder, kind = sys.argv[1:3]
    lines = [json.dumps(r, separators=(",", ":")) for r in records()]
    if kind == "record":
        files = [line.encode() for line in lines]
    else:
        head = json.dumps(uploads.head(AT, len(lines)))
        body = uploads.zstd_raw("".join(
            f"{line}\n" for line in [head, *lines]).encode())
        key = uploads.Key(folder, "seed")
        batch = uploads.Batch(key, "vp1", "ab" * 16, 1, body=body,
                              count=len(lines))
        os.unlink(key.path)
        os.unlink(key.public_path)
        files = [batch.file, body]
    for number, content in enumerate(files):
        with open(f"{folder}/{number}", "wb") as file:
            file.write(content)


main()

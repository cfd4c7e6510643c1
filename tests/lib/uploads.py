"""Batches, a collector of one's own and raw HTTPS, for tests that upload."""
import base64
import hashlib
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

import taps
from built import BUILD, ROOT


class Tap(taps.Tap):
    check = taps.Tap.ok


# --- batches ---

def zstd_raw(data):
    """One zstd frame of uncompressed blocks (RFC 8878 section 3.1.1)."""
    out = bytearray(b"\x28\xb5\x2f\xfd\xa0" + len(data).to_bytes(4, "little"))
    at = 0
    while True:
        piece = data[at:at + 65536]
        at += len(piece)
        last = at >= len(data)
        out += (len(piece) << 3 | last).to_bytes(3, "little") + piece
        if last:
            return bytes(out)


def zstd_zeros(size, wide=False):
    """One zstd frame of blocks that each repeat a zero byte 128 Ki times; its
    window has 128 KiB, or, wide, the whole size."""
    out = bytearray(b"\x28\xb5\x2f\xfd")
    out += (b"\xa0" + (size & 0xffffffff).to_bytes(4, "little") if wide
            else b"\x00\x38")
    blocks = size // 131072
    for i in range(blocks):
        out += (131072 << 3 | 1 << 1 | (i == blocks - 1)).to_bytes(3, "little")
        out += b"\0"
    return bytes(out)


class Key:
    """An Ed25519 key pair in two files."""

    def __init__(self, folder, name):
        self.path = os.path.join(folder, name + ".key")
        self.public_path = os.path.join(folder, name + ".pub")
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519",
                        "-out", self.path], check=True, capture_output=True)
        os.chmod(self.path, 0o600)
        subprocess.run(["openssl", "pkey", "-in", self.path, "-pubout",
                        "-out", self.public_path], check=True)
        der = subprocess.run(["openssl", "pkey", "-in", self.path, "-pubout",
                              "-outform", "DER"], check=True,
                             capture_output=True).stdout
        self.keyid = hashlib.sha256(der[-32:]).hexdigest()[:16]
        self.folder = folder

    def sign(self, data):
        with tempfile.NamedTemporaryFile(dir=self.folder) as file:
            file.write(data)
            file.flush()
            return subprocess.run(
                ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.path,
                 "-in", file.name], check=True, capture_output=True).stdout


def utc(us):
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(us // 1000000))
    return f"{whole}.{us % 1000000:06d}Z"


def head(round_us, questions, **more):
    return {"type": "head", "round_at": utc(round_us), "every_s": 300,
            "questions": questions, "lost": 0, "skipped": 0, "clock": None,
            "clock_offset_us": None, "clock_max_error_us": None,
            "clock_stepped": False, "boot_id": "test", "version": "0.1",
            "addresses": [], "allow_special": []} | more


def record(t_us, answer="ams1", **more):
    """A hostname.bind question that was answered."""
    return {"t": utc(t_us), "type": "dns", "target": "test",
            "addr": "192.0.2.1", "port": 53, "af": 4, "proto": "udp",
            "question": "hostname.bind",
            "flow": {"n": 0, "src": None, "sport": 40000, "dport": 53,
                     "label": None},
            "outcome": "answered", "reason": None, "rtt_us": 1234,
            "stamp": "user", "reply_ttl": 60, "auth_bits": 16, "late": 0,
            "dup": 0, "unwanted": 0, "conflict": 0, "retry_of": None,
            "qname": "hostname.bind.", "qtype": "TXT", "qclass": "CH",
            "rcode": 0, "nsid": None, "nsid_hex": None, "answer": [answer],
            "serial": None, "tc": False, "aa": True, "size": 60,
            "edns": False, "raw": None} | more


class Batch:
    """A signed batch file and its pieces. body: instead of the records'."""

    def __init__(self, key, vp, spool, number, records=(), round_us=None,
                 body=None, count=None, previous="0" * 64, sha256=None):
        if body is None:
            lines = [head(round_us, len(records)), *records]
            body = zstd_raw("".join(json.dumps(line) + "\n"
                                    for line in lines).encode())
        self.vp, self.spool, self.number = vp, spool, number
        self.records, self.body = records, body
        self.sha256 = sha256 or hashlib.sha256(body).hexdigest()
        self.line = (f"acbatch 1 {vp} {key.keyid} {spool} {number} "
                     f"{len(body)} {len(records) if count is None else count} "
                     f"{self.sha256} {previous}").encode()
        self.signature = base64.b64encode(key.sign(self.line))
        self.file = self.line + b"\n" + self.signature + b"\n" + body
        self.path = f"/v1/batch/{vp}/{spool}/{number}"

    def headers(self, **more):
        """Header lines of an upload, in order; a value None leaves one out."""
        names = {"Host": "collector", "Content-Length": len(self.file),
                 "Acbatch": self.line.decode(),
                 "Acbatch-Signature": self.signature.decode()} | {
                     name.replace("_", "-"): value
                     for name, value in more.items()}
        return "".join(f"{name}: {value}\r\n"
                       for name, value in names.items() if value is not None)

    def request(self, **more):
        return (f"PUT {self.path} HTTP/1.1\r\n{self.headers(**more)}\r\n"
                .encode() + self.file)


# --- a collector of one's own ---

class Collector:
    """accollect with a new database, key and certificate in a folder."""

    def __init__(self, program=None, folder=None):
        self.program = program or os.environ.get(
            "ACCOLLECT", os.path.join(BUILD, "accollect"))
        self.folder = folder or tempfile.mkdtemp(prefix=f"collect-{os.getpid()}-")
        self.db = os.path.join(self.folder, "anycast.db")
        self.conf = os.path.join(self.folder, "accollect.conf")
        self.certificate = os.path.join(self.folder, "cert.pem")
        self.process = self.port = None
        self.log_path = os.path.join(self.folder, "log")

    def make(self, extra=""):
        key = os.path.join(self.folder, "cert.key")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
             self.certificate, "-days", "2", "-subj", "/CN=collector",
             "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
            check=True, capture_output=True)
        os.chmod(key, 0o600)
        with open(self.conf, "w", encoding="ascii") as file:
            file.write(f'db = "{self.db}"\n'
                       f'archive = "{self.folder}/archive"\n'
                       'listen = "127.0.0.1:0"\n'
                       f'certificate = "{self.certificate}"\n'
                       f'certificate_key = "{key}"\n{extra}')
        self.run("init")
        return self

    def run(self, *words, check=True):
        return subprocess.run([self.program, words[0], "-f", self.conf,
                               *words[1:]], check=check, text=True,
                              capture_output=True)

    def add_vp(self, name, key, **more):
        words = [f"--{word}={value}" for word, value in more.items()]
        return self.run("vp", "add", name, "--key", key.public_path, *words)

    def start(self, *before, wait_s=20):
        """Serve, as the arguments of a program before it where given."""
        log = open(self.log_path, "ab")
        start = os.path.getsize(self.log_path)
        self.process = subprocess.Popen(
            [*before, self.program, "serve", "-f", self.conf],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        log.close()
        end = time.monotonic() + wait_s
        while time.monotonic() < end and self.process.poll() is None:
            found = re.search(rb"listening on \S*:(\d+)", self.log()[start:])
            if found:
                self.port = int(found.group(1))
                return True
            time.sleep(0.01)
        return False

    def log(self):
        with open(self.log_path, "rb") as file:
            return file.read()

    def stop(self):
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.terminate()
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.process = None
        return code

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- talking to it ---

    def connect(self, timeout=20):
        context = ssl.create_default_context(cafile=self.certificate)
        raw = socket.create_connection(("127.0.0.1", self.port), timeout)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            return context.wrap_socket(raw, server_hostname="localhost")
        except Exception:
            raw.close()
            raise

    def exchange(self, data, timeout=20):
        """Send bytes as they are; (status or None, body) of the answer."""
        with self.connect(timeout) as s:
            try:
                s.sendall(data)
            except (ssl.SSLError, OSError):
                pass  # refused before all was sent: read why
            return read_answer(s)

    def upload(self, batch, timeout=20, **more):
        return self.exchange(batch.request(**more), timeout)


def read_answer(s):
    """(status, body); status None where the connection ended without one."""
    status, _, body = read_whole_answer(s)
    return status, body


def read_whole_answer(s):
    """(status, headers, body) of an answer with Content-Length."""
    data = b""
    try:
        while b"\r\n\r\n" not in data:
            piece = s.recv(65536)
            if not piece:
                return None, {}, data
            data += piece
        top, body = data.split(b"\r\n\r\n", 1)
        lines = top.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = {name.strip().lower(): value.strip() for name, _, value in
                   (line.partition(":") for line in lines[1:])}
        if status == 100:
            return status, headers, body
        while len(body) < int(headers.get("content-length", 0)):
            piece = s.recv(65536)
            if not piece:
                return None, headers, body  # cut in the middle
            body += piece
        return status, headers, body
    except (ssl.SSLError, OSError, ValueError, IndexError):
        return None, {}, data

#!/usr/bin/env python3
# Proves that acship lets a batch go only for a receipt, whatever else a collector, a portal or a broken network answers.
"""A scripted HTTPS server answers each request of acship in turn; the spool
is filled by the spool's driver. Each step by which acship tells a receipt from
anything else is taken out once, and must be missed.
"""
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import mutant  # noqa: E402
import spools  # noqa: E402

ACSHIP = os.path.abspath(f"{spools.BUILD}/acship")
MUCH = 64 << 20  # bytes that buffers on the way may hold
JUDGE = "probe/ship_judge.c"


class Request:
    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.path, _ = lines[0].split(" ")
        self.headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        self.body = body

    def receipt(self, **changed):
        words = self.body.split(b"\n", 1)[0].decode().split(" ")
        says = {"sha256": words[8], "vp": words[2], "spool": words[4],
                "number": int(words[5]), "stored": True, **changed}
        import json
        return json.dumps(says, separators=(",", ":")).encode() + b"\n"


def answer(status, body=b"", *headers, length=None):
    """An answer as bytes; length differs from the body's for a cut one."""
    lines = [f"HTTP/1.1 {status} X",
             f"Content-Length: {len(body) if length is None else length}",
             *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def stored(status=201, **changed):
    return lambda request: answer(status, request.receipt(**changed))


def plain(status, body=b"no\n", *headers):
    return lambda request: answer(status, body, *headers)


class Server:
    """Answers by a script: one callable per request, the last for ever."""

    def __init__(self, certificate, key):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.requests, self.connections, self.script = [], 0, []
        self.endless = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.socket.accept()
            self.connections += 1
            threading.Thread(target=self.talk, args=(connection,),
                             daemon=True).start()

    def talk(self, connection):
        try:
            with self.context.wrap_socket(connection,
                                          server_side=True) as tls:
                while self.one(tls):
                    pass
        except (OSError, ValueError, IndexError):
            pass  # or nobody was to come

    def one(self, tls):
        head = b""
        while b"\r\n\r\n" not in head:
            more = tls.recv(65536)
            if not more:
                return False
            head += more
        head, body = head.split(b"\r\n\r\n", 1)
        request = Request(head, b"")
        index = min(len(self.requests), len(self.script) - 1)
        action = self.script[index]
        if action == "cut":  # in the middle of the body
            self.requests.append(request)
            tls.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            tls.recv(100)
            return False
        if request.headers.get("Expect") == "100-continue":
            tls.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = int(request.headers["Content-Length"])
        while len(body) < length:
            body += tls.recv(65536)
        request.body = body
        self.requests.append(request)
        if action == "hang":
            time.sleep(100)
            return False
        if action == "swallow":  # stored, and the receipt lost
            return False
        if action == "endless":
            tls.sendall(answer(200, length=1 << 30))
            while True:
                tls.sendall(b"x" * 65536)
                self.endless += 65536
        said = action(request)
        tls.sendall(said)
        return b"\r\nConnection: close" not in said


def certificate(folder, name, host="IP:127.0.0.1", days=2):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=test",
         "-addext", f"subjectAltName={host}", "-days", str(days), "-keyout",
         f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem"],
        check=True, stderr=subprocess.DEVNULL)
    return f"{folder}/{name}.pem", f"{folder}/{name}.key"


class Case:
    """A spool with batches, a server with a script, a run of acship."""
    count = 0
    program = ACSHIP

    def __init__(self, folder, server, script, batches=1):
        Case.count += 1
        self.server, self.folder = server, folder
        server.requests, server.script = [], script
        self.spool = spools.Spool(f"{folder}/spool{Case.count}",
                                  f"{folder}/key")
        for _ in range(batches):
            self.spool.publish()
        self.batches = [e.sha256 for e in self.spool.list()]
        self.conf = f"{folder}/conf{Case.count}"
        self.configure(f"https://127.0.0.1:{server.port}",
                       f"{folder}/good.pem")

    def configure(self, collector, ca):
        with open(self.conf, "w", encoding="ascii") as f:
            f.write(f'vp = vp1\nkey = "{self.spool.key}"\n'
                    f'spool = "{self.spool.path}"\n'
                    f'collector = "{collector}"\nca = "{ca}"\n')

    def ship(self, *options, environment=None):
        start = time.monotonic()
        done = subprocess.run(
            [Case.program, "-f", self.conf, *options], check=False,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=200,
            env={**os.environ, **(environment or {})})
        self.seconds = time.monotonic() - start
        self.said = done.stderr.decode("utf-8", "replace")
        self.out = done.stdout.decode()
        return done.returncode

    def waiting(self):
        """Positions, among those published, of what still waits."""
        return [self.batches.index(e.sha256) for e in self.spool.list()]

    def rejected(self):
        path = f"{self.spool.path}/rejected"
        return len(os.listdir(path)) if os.path.isdir(path) else 0


def delivered(tap, folder, server):
    case = Case(folder, server, [stored(201), stored(200)], batches=3)
    files = {}
    for name in sorted(os.listdir(case.spool.path)):
        if name.endswith(".acb"):
            with open(f"{case.spool.path}/{name}", "rb") as f:
                files[name] = f.read()
    code = case.ship()
    requests = server.requests
    tap.check(code == 0 and case.waiting() == [] and case.said == "",
              "201 and 200 with receipts: all is delivered, in silence",
              code, case.said)
    tap.check([r.body for r in requests] == list(files.values()),
              "oldest first, each byte for byte as it was in the spool")
    good = True
    for request in requests:
        line, signature, _ = request.body.split(b"\n", 2)
        words = line.decode().split(" ")
        good &= request.method == "PUT" and request.path == (
            f"/v1/batch/{words[2]}/{words[4]}/{words[5]}")
        good &= request.headers["Acbatch"] == line.decode()
        good &= request.headers["Acbatch-Signature"] == signature.decode()
        good &= request.headers.get("Expect") == "100-continue"
    tap.check(good, "path and clear lines as headers are the batch's own")
    tap.check(sorted(os.listdir(case.spool.path)) == [
        f"{3:020}.sent", "probe.lock", "ship.lock", "spool.lock", "state"],
        "only the newest is kept, marked as sent")
    case.spool.publish()
    entry = case.spool.list()[0]
    tap.check(entry.number == 4 and entry.previous != "0" * 64,
              "and the next batch goes on from it")


def kept(tap, folder, server, only=""):
    portal = b"<html><body>Please log in</body></html>"
    cases = (
        ("200 of a captive portal", plain(200, portal), "receipt"),
        ("201 without a body", plain(201, b""), "receipt"),
        ("204", plain(204, b""), "HTTP 204"),
        ("a receipt for another content", stored(sha256="0" * 64), "receipt"),
        ("a receipt for another number", stored(number=2), "receipt"),
        ("a receipt for another spool", stored(spool="0" * 32), "receipt"),
        ("a receipt for another vantage point", stored(vp="vp2"), "receipt"),
        ("a receipt that says stored: false", stored(stored=False),
         "receipt"),
        ("a receipt under 202", stored(202), "HTTP 202"),
        ("two receipts in one", lambda r: answer(
            200, r.receipt() + r.receipt()), "receipt"),
        ("a receipt with a key twice", lambda r: answer(
            200, r.receipt().replace(b'"vp"', b'"vp":"x","vp"')), "receipt"),
        ("401", plain(401), "HTTP 401"),
        ("403 with a reason", plain(403, b'{"error":"vp1 is unknown"}\n'),
         "HTTP 403: vp1 is unknown"),
        ("404", plain(404), "HTTP 404"),
        ("404 with terminal escapes", plain(404, b"\x1b]0;x\x07\n\xc3"),
         r"HTTP 404: \027]0;x\007\010\195"),
        ("503 that asks to come back in an hour", plain(
            503, b"", "Retry-After: 3600"), "HTTP 503"),
        ("503 that asks for a day", plain(
            503, b"", "Retry-After: Fri, 31 Dec 2100 23:59:59 GMT"),
         "HTTP 503"),
        ("an answer that is no HTTP", lambda r: b"hello\r\n\r\n", ""),
        ("a receipt that breaks off", lambda r: answer(
            200, r.receipt()[:-30], "Connection: close", length=999), ""),
        ("a gigabyte", "endless", "receipt"),
    )
    for what, action, said in (c for c in cases if c[0].startswith(only)):
        case = Case(folder, server, [action])
        code = case.ship()
        tap.check(code == 1 and case.waiting() == [0] and said in case.said
                  and len(case.said.splitlines()) == 1
                  and case.seconds < 20 and case.said.isascii()
                  and server.endless < MUCH,
                  f"{what}: kept, exit 1, one line", code, case.said,
                  case.seconds, server.endless)


def redirected(tap, folder, server, other):
    case = Case(folder, server, [plain(
        301, b"", f"Location: https://127.0.0.1:{other.port}/v1/x")])
    other.requests, other.connections = [], 0
    code = case.ship()
    tap.check(code == 1 and case.waiting() == [0] and other.connections == 0,
              "301: kept, and nobody follows it", code, case.said)


def parked(tap, folder, server, statuses=(400, 413, 415, 422)):
    for status in statuses:
        case = Case(folder, server, [plain(status), stored()], batches=3)
        code = case.ship()
        tap.check(code == 0 and case.waiting() == []
                  and case.rejected() == 1 and f"HTTP {status}" in case.said,
                  f"{status}: parked under rejected/, the next ones go",
                  code, case.said)
    case = Case(folder, server, [plain(422)], batches=2)
    case.ship()
    case.spool.publish()
    entry = case.spool.list()[0]
    tap.check(case.rejected() == 2 and entry.number == 3,
              "where the newest is parked the numbers go on all the same",
              entry.number)


def retried(tap, folder, server, only=""):
    for what, script, requests in (
            ("429 with Retry-After: 1", [plain(429, b"", "Retry-After: 1"),
                                         stored()], 2),
            ("500, then a receipt", [plain(500), stored()], 2),
            ("a connection that breaks in the body", ["cut", stored()], 2),
            ("a receipt that is lost on its way", ["swallow", stored(200)],
             2)):
        if not what.startswith(only):
            continue
        case = Case(folder, server, script)
        code = case.ship()
        tap.check(code == 0 and case.waiting() == []
                  and len(server.requests) == requests,
                  f"{what}: tried again, delivered", code, case.said,
                  len(server.requests))
    if only:
        return
    case = Case(folder, server, [plain(429, b"", "Retry-After: 2"), stored()])
    case.ship()
    tap.check(case.seconds >= 2, "Retry-After is waited for", case.seconds)


def one_poison(tap, folder, server):
    case = Case(folder, server, [], batches=4)
    poison = case.batches[1]
    server.script = [lambda r: plain(500)(r) if poison.encode() in r.body
                     else stored()(r)]
    code = case.ship()
    tap.check(code == 1 and case.waiting() == [1],
              "one batch that the collector chokes on holds up no other",
              code, case.said, case.waiting())


def conflict(tap, folder, server):
    case = Case(folder, server, [stored(), plain(409), stored()], batches=4)
    before = [e.spool for e in case.spool.list()]
    code = case.ship()
    lines = [r.body.split(b"\n")[0].decode().split(" ")
             for r in server.requests]
    numbers = [int(words[5]) for words in lines]
    tap.check(code == 0 and case.waiting() == []
              and numbers == [1, 2, 1, 2, 3],
              "409: what waits is signed again under a new spool id and goes",
              code, case.said, numbers)
    tap.check(lines[2][4] != before[0]
              and [words[8] for words in lines[2:]] == case.batches[1:]
              and lines[2][9] == "0" * 64,
              "the same bodies, a new chain")
    case = Case(folder, server, [plain(409)], batches=2)
    code = case.ship()
    tap.check(code == 1 and len(server.requests) < 10
              and case.waiting() == [0, 1],
              "a collector that always says 409 is left alone",
              code, case.said, len(server.requests))


def certificates(tap, folder, server):
    wrong_host = Server(*certificate(folder, "host", "DNS:other.example"))
    for what, port, ca in (
            ("a certificate of another authority", server.port, "other"),
            ("a certificate of another host", wrong_host.port, "host")):
        case = Case(folder, server, [stored()])
        case.configure(f"https://127.0.0.1:{port}", f"{folder}/{ca}.pem")
        server.requests = []
        code = case.ship()
        tap.check(code == 1 and case.waiting() == [0]
                  and "certificate" in case.said and "clock" in case.said
                  and not server.requests and not wrong_host.requests,
                  f"{what}: kept, nothing is sent, the line names "
                  "certificate and clock", code, case.said)
    case = Case(folder, server, [stored()])
    case.configure(f"https://127.0.0.1:{server.port}", f"{folder}/none.pem")
    code = case.ship()
    tap.check(code != 0 and case.waiting() == [0],
              "a ca file that is not there trusts nobody", code, case.said)


def environment(tap, folder, server, other):
    case = Case(folder, server, [stored()])
    proxy = f"http://127.0.0.1:{other.port}"
    code = case.ship(environment={
        name: proxy for name in ("http_proxy", "https_proxy", "HTTPS_PROXY",
                                 "ALL_PROXY", "all_proxy")})
    tap.check(code == 0 and case.waiting() == [],
              "a proxy in the environment is not asked", code, case.said)


def unreachable(tap, folder, server):
    case = Case(folder, server, [stored()], batches=2)
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    case.configure(f"https://127.0.0.1:{port}", f"{folder}/good.pem")
    code = case.ship()
    tap.check(code == 1 and case.waiting() == [0, 1]
              and len(case.said.splitlines()) == 1,
              "nobody listens: kept, exit 1, one line", code, case.said)
    tap.check(case.ship("-q") == 1 and case.said == "",
              "-q says nothing about it", case.said)


def usage(tap, folder, server):
    case = Case(folder, server, [stored()])
    case.configure(f"http://127.0.0.1:{server.port}", f"{folder}/good.pem")
    tap.check(case.ship() == 2 and "https" in case.said
              and len(case.said.splitlines()) == 1,
              "http:// is a configuration that is refused", case.said)
    case.configure(f"https://127.0.0.1:{server.port}", f"{folder}/good.pem")
    os.chmod(case.spool.key, 0o644)
    tap.check(case.ship() == 2 and "readable by others" in case.said,
              "a key that others can read is refused", case.said)
    os.chmod(case.spool.key, 0o600)
    os.chmod(case.conf, 0o666)
    tap.check(case.ship() == 2 and "writable by others" in case.said,
              "a configuration that others can write is refused", case.said)
    os.chmod(case.conf, 0o600)
    for words in (["-x"], ["extra"], ["-f"]):
        tap.check(case.ship(*words) == 2
                  and len(case.said.splitlines()) == 1,
                  f"{' '.join(words)}: one line, exit 2", case.said)
    tap.check(case.ship("-n") == 0 and case.waiting() == [0]
              and " 1: 2 records" in case.out and not server.requests,
              "-n lists what would go and sends nothing", case.out)
    tap.check(case.ship("-v") == 0 and "stored" in case.said,
              "-v says what was stored", case.said)
    tap.check(case.ship() == 0 and case.said == "",
              "an empty spool is fine", case.said)
    case.conf = "/nowhere/acprobe.conf"
    tap.check(case.ship() == 2 and case.conf in case.said,
              "a configuration that is not there is named", case.said)


def hanging(tap, folder, server):
    """Also the second acship beside the first."""
    case = Case(folder, server, ["hang"])
    result = []
    thread = threading.Thread(target=lambda: result.append(case.ship()))
    thread.start()
    while not server.requests:
        time.sleep(0.05)
    second = subprocess.run([ACSHIP, "-f", case.conf], check=False,
                            stderr=subprocess.PIPE)
    tap.check(second.returncode == 0 and b"another acship" in second.stderr,
              "a second acship gives way with one line and exit 0",
              second.stderr)
    thread.join()
    tap.check(result == [1] and case.waiting() == [0] and case.seconds < 90,
              f"a collector that hangs: given up after {case.seconds:.0f} s, "
              "kept", result, case.said)


def as_user(tap, folder, server):
    """Started by root with user = nobody: what that user may not read is
    read before, and the spool is the user's."""
    if os.geteuid() != 0:
        tap.skip("root becomes the user", "needs root")
        return
    case = Case(folder, server, [stored()])
    os.chmod(folder, 0o711)
    for root, _, files in os.walk(case.spool.path):
        for path in [root, *(os.path.join(root, f) for f in files)]:
            os.chown(path, 65534, 65534)
    with open(case.conf, "a", encoding="ascii") as f:
        f.write('user = "nobody"\n')
    code = case.ship()
    owner = os.stat(f"{case.spool.path}/ship.lock").st_uid
    tap.check(code == 0 and owner == 65534,
              "root becomes the user, and delivers", code, case.said, owner)
    with open(case.conf, "a", encoding="ascii") as f:
        f.write('# one more\n')
    subprocess.run(["sed", "-i", "s/nobody/no-such-user/", case.conf],
                   check=True)
    tap.check(case.ship() == 2 and "no such user" in case.said,
              "a user that does not exist is named", case.said)


# What is taken out, and the procedure that must miss it.
STEPS = (
    (JUDGE, "if (is_receipt(line, reply))", "if (1)", kept,
     "200 of a captive portal"),
    (JUDGE, "reply->status == 200 || reply->status == 201",
     "reply->status >= 200 && reply->status < 300", kept,
     "a receipt under 202"),
    (JUDGE, "strcmp(sha256, line->sha256) == 0 &&", "", kept,
     "a receipt for another content"),
    (JUDGE, "number == line->number", "number > 0", kept,
     "a receipt for another number"),
    (JUDGE, "&& strcmp(spool, line->spool) == 0", "", kept,
     "a receipt for another spool"),
    (JUDGE, "strcmp(vp, line->vp) == 0 &&", "", kept,
     "a receipt for another vantage point"),
    (JUDGE, "stored = json_in_flag(&in, \"stored\") == 1",
     "stored = json_in_flag(&in, \"stored\") >= 0", kept,
     "a receipt that says stored: false"),
    (JUDGE, "return status >= 500 && status < 600 ? SHIP_RETRY : SHIP_KEEP;",
     "return status >= 500 ? SHIP_REJECTED : SHIP_KEEP;", retried,
     "500, then a receipt"),
    (JUDGE, "	case 422:\n", "", parked, (422,)),
    (JUDGE, "		return SHIP_CONFLICT;", "		return SHIP_REJECTED;",
     conflict, None),
    ("probe/ship.c", "CURLOPT_FOLLOWLOCATION, 0L", "CURLOPT_FOLLOWLOCATION, 1L",
     redirected, None),
    ("probe/ship.c", "CURLOPT_PROXY, proxy", "CURLOPT_CONNECTTIMEOUT, 10L",
     environment, None),
    ("probe/ship.c", "CURLOPT_SSL_VERIFYHOST, 2L",
     "CURLOPT_SSL_VERIFYHOST, 0L", certificates, None),
    ("probe/ship.c", "	if (len > sizeof(shipper->body) - shipper->body_len) {",
     "	if (len > sizeof(shipper->body) - shipper->body_len)\n"
     "		return len;\n	if (0) {", kept, "a gigabyte"),
)


def check_mutants(tap, folder, server, other):
    for source, old, new, part, only in STEPS:
        quiet = mutant.Quiet()
        Case.program = mutant.build(folder, "acship", [(source, old, new)])
        more = [other] if part in (redirected, environment) else []
        more += [] if only is None else [only]
        part(quiet, folder, server, *more)
        Case.program = ACSHIP
        tap.check(len(quiet.faults) > 0,
                  f"noticed without {old.strip()!r}: {part.__name__} "
                  f"{only or ''}")


def main():
    tap, folder = spools.start()
    try:
        server = Server(*certificate(folder, "good"))
        other = Server(*certificate(folder, "other"))
        delivered(tap, folder, server)
        kept(tap, folder, server)
        redirected(tap, folder, server, other)
        parked(tap, folder, server)
        retried(tap, folder, server)
        one_poison(tap, folder, server)
        conflict(tap, folder, server)
        certificates(tap, folder, server)
        environment(tap, folder, server, other)
        unreachable(tap, folder, server)
        usage(tap, folder, server)
        as_user(tap, folder, server)
        hanging(tap, folder, server)
        check_mutants(tap, folder, server, other)
    finally:
        shutil.rmtree(folder)
    return tap.done()


sys.exit(main())

#!/usr/bin/env python3
# Proves that a collector that cannot listen says in one line what is wrong with which file or address, with the documented exit code.
import os
import re
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import uploads  # noqa: E402


class Start:
    """A configuration that works, and what a change of it comes to."""

    def __init__(self, tap, collector):
        self.tap, self.collector = tap, collector
        with open(collector.conf, encoding="ascii") as file:
            self.conf = file.read()

    def path(self, name):
        return os.path.join(self.collector.folder, name)

    def expect(self, what, key, value, code, words):
        """Replace a key's value; one line with these words, and the code."""
        conf = self.path("changed.conf")
        with open(conf, "w", encoding="ascii") as file:
            file.write(re.sub(rf'(?m)^{key} = .*$', f'{key} = "{value}"',
                              self.conf))
        try:
            done = subprocess.run(
                [self.collector.program, "serve", "-f", conf], timeout=20,
                capture_output=True, text=True, check=False)
        except subprocess.TimeoutExpired as error:
            self.tap.check(False, what, "it serves", error.stderr)
            return
        lines = done.stderr.strip().split("\n")
        self.tap.check(done.returncode == code and len(lines) == 1 and
                       re.search(words, lines[0]) is not None,
                       f"{what}: exit {code}, {words}",
                       done.returncode, done.stderr)


def run(tap, collector):
    s = Start(tap, collector)
    key = s.path("cert.key")
    with open(key, "rb") as file:
        pem = file.read()

    def write(name, data, mode):
        path = s.path(name)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)
        return path

    s.expect("a key that others can read", "certificate_key",
             write("open.key", pem, 0o644), 2, "open.key: readable by others")
    s.expect("a key that others can write", "certificate_key",
             write("loose.key", pem, 0o660), 2,
             "loose.key: (writable|readable) by others")
    s.expect("no key", "certificate_key", s.path("none.key"), 2,
             "none.key: No such file")
    s.expect("no certificate", "certificate", s.path("none.pem"), 2,
             "none.pem: No such file")
    s.expect("a certificate that is none", "certificate",
             write("junk.pem", b"junk\n", 0o644), 2,
             "junk.pem: holds no certificate as PEM: ")
    s.expect("a key that is none", "certificate_key",
             write("junk.key", b"junk\n", 0o600), 2,
             "junk.key: holds no private key as PEM: ")
    other = uploads.Collector()
    try:
        other.make()
        s.expect("another certificate's key", "certificate_key",
                 os.path.join(other.folder, "cert.key"), 2, "certificate .*key")
    finally:
        other.remove()
    for text in ("localhost:8443", "127.0.0.1", "127.0.0.1:65536", "::1:8443",
                 "[127.0.0.1]:8443", "[::1]", "127.0.0.1:-1", ":8443"):
        s.expect(f"listen {text}", "listen", text, 2, "listen")
    s.expect("an address of somebody else", "listen", "192.0.2.1:8443", 3,
             "listen 192.0.2.1:8443: Cannot assign")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        s.expect("a port that is taken", "listen", f"127.0.0.1:{port}", 3,
                 "in use")
    s.expect("no database", "db", s.path("none.db"), 4, "none.db")
    subprocess.run(["openssl", "x509", "-in", s.path("cert.pem"), "-signkey",
                    key, "-days", "-1", "-out", s.path("old.pem")],
                   check=True, capture_output=True)
    with open(collector.conf, "w", encoding="ascii") as file:
        file.write(s.conf.replace("/cert.pem", "/old.pem"))
    started = collector.start()
    tap.check(started and collector.stop() == 0 and re.search(
        rb"old.pem: the certificate expired at 2\S+Z\n", collector.log()),
        "a certificate out of date is said to be, and it serves",
        collector.log())
    with open(collector.conf, "w", encoding="ascii") as file:
        file.write(s.conf)
    said = len(collector.log())
    tap.check(collector.start() and b"expired" not in collector.log()[said:],
              "and unchanged it listens", collector.log())
    tap.check(collector.stop() == 0, "and stops at SIGTERM with 0")


def main():
    tap = uploads.Tap()
    collector = uploads.Collector()
    if not os.path.exists(collector.program):
        tap.check(False, f"{collector.program} is built")
        return tap.done()
    try:
        collector.make()
        run(tap, collector)
    finally:
        collector.remove()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())

"""The spool's driver, and a ledger of what it promised."""
import os
import re
import subprocess
import sys
import tempfile

import mutant
from uploads import Tap

BUILD = os.environ.get("B") or "build"
DRIVER = f"{BUILD}/tests/fault/spool_driver"
PLENTY = 1 << 30
NAME = re.compile(r"^[0-9]{20}\.(acb|sent)$")


def start():
    """Build the driver and make a key: the tap and a folder of our own."""
    tap = Tap()
    made = subprocess.run(
        ["make", "-s", "--no-print-directory", f"B={BUILD}", DRIVER],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if made.returncode != 0:
        tap.check(False, "the driver can be built", made.stdout.decode())
        sys.exit(tap.done())
    folder = tempfile.mkdtemp(prefix=f"spool.{os.getpid()}.")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out",
                    f"{folder}/key"], check=True, stderr=subprocess.DEVNULL)
    return tap, folder


def own_mounts():
    """Go on in a mount namespace of our own: a namespace that somebody else
    makes meanwhile would hold a copy of our mounts, and a file system that
    was shut down would outlive its unmounting."""
    if os.geteuid() == 0 and not os.environ.get("OWN_MOUNTS"):
        os.environ["OWN_MOUNTS"] = "1"
        os.execvp("unshare", ["unshare", "-m", "--propagation", "private",
                              sys.executable, *sys.argv])


class Entry:
    """One ledger line, or one line of the list."""

    def __init__(self, line):
        words = line.split()
        self.spool, self.sha256 = words[0], words[2]
        self.number, self.lost, self.skipped = (
            int(words[i]) for i in (1, 3, 4))
        self.previous = words[5] if len(words) > 5 else None


class Spool:
    def __init__(self, path, key, limit=PLENTY, records=2):
        self.path, self.key = path, key
        self.limit, self.records = limit, records
        self.ledger = []
        self.sent = set()  # SHA-256 of what we took away
        self.said = ""
        self.torn_allowed = False  # where nothing is flushed on purpose

    def run(self, *words, wrap=()):
        """The driver's status and standard output."""
        done = subprocess.run(
            [*wrap, os.path.abspath(DRIVER), *words], check=False,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.said = done.stderr.decode("utf-8", "replace")
        return done.returncode, done.stdout.decode()

    def publish(self, wrap=()):
        """One batch; what it promised is in the ledger. The status."""
        status, out = self.run("publish", self.path, self.key,
                               str(self.limit), str(self.records), wrap=wrap)
        self.ledger += [Entry(line) for line in out.splitlines()]
        return status

    def send_oldest(self, wrap=()):
        oldest = self.list()[:1]
        status, _ = self.run("sent", self.path, str(self.limit), wrap=wrap)
        if oldest:
            self.sent.add(oldest[0].sha256)
        return status

    def list(self):
        """What waits; every file must be whole."""
        status, out = self.run("list", self.path, str(self.limit))
        while status != 0 and self.torn_allowed and "parked" in self.said:
            status, out = self.run("list", self.path, str(self.limit))
        if status != 0:
            raise AssertionError(f"list: {status}: {self.said}")
        return [Entry(line) for line in out.splitlines()]

    def missing(self):
        """Promised, not sent, and not there."""
        there = {entry.sha256 for entry in self.list()}
        return [entry for entry in self.ledger
                if entry.sha256 not in there
                and entry.sha256 not in self.sent]

    def strangers(self):
        """Files that no spool has: leftovers, torn ones."""
        known = {"probe.lock", "ship.lock", "spool.lock", "state"}
        names = set(os.listdir(self.path)) - known
        return sorted(n for n in names if not NAME.match(n))

    def told(self):
        """Batches given up, as the heads of what was promised say."""
        return sum(entry.lost for entry in self.ledger)


def noticed(tap, what, changes, words, part):
    """part(tap, folder) with a driver that lacks a step: a sentence with these
    words must come out false. With the whole one none may."""
    global DRIVER
    whole = DRIVER
    faults = []
    with tempfile.TemporaryDirectory(prefix=f"spool.{os.getpid()}.") as folder:
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out",
                        f"{folder}/key"], check=True,
                       stderr=subprocess.DEVNULL)
        for program in (whole, mutant.build(folder, "spool_driver", changes)):
            quiet = mutant.Quiet()
            DRIVER = program
            os.mkdir(f"{folder}/{len(faults)}")
            os.link(f"{folder}/key", f"{folder}/{len(faults)}/key")
            try:
                part(quiet, f"{folder}/{len(faults)}")
            except AssertionError as error:
                quiet.faults.append(str(error))
            faults.append(quiet.faults)
    DRIVER = whole
    tap.check(not faults[0] and any(words in f for f in faults[1]),
              f"{what} is noticed", *faults)


def inject(calls, what, when, out="/dev/null"):
    return ["strace", "-f", "-qq", "-o", out, "-e", f"trace={calls}",
            "-e", f"inject={calls}:{what}:when={when}"]

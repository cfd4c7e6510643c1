"""What the lab tests of acprobe share: results, a lab of their own, acprobe
run by who cannot read the lab's folder, captures."""

import concurrent.futures
import contextlib
import ipaddress
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
import endings  # noqa: E402
import machine  # noqa: E402,F401  (for the tests)
import taps  # noqa: E402

LAB = os.path.join(HERE, "lab")
ACPROBE = os.path.join(ROOT, os.environ.get("B") or "build", "acprobe")
NOBODY = 65534
ALLOWED = ["--allow-special", "203.0.113.0/24", "--allow-special",
           "2001:db8::/32"]
SERVICE = {4: "203.0.113.53", 6: "2001:db8:53::53"}
ZONE = "anycast.test"


Results = taps.Tap


def say(text):
    print("# " + text, flush=True)


def run(*command, seconds=60):
    return subprocess.run(command, capture_output=True, text=True,
                          timeout=seconds, check=False)


def wait_until(question, seconds):
    end = time.monotonic() + seconds
    while not question():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def in_parallel(function, items, workers=5):
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, items))


class Lab:
    def __init__(self, *options):
        self.dir = tempfile.mkdtemp(prefix="aclab-probe%d." % os.getpid())
        try:
            done = run(LAB, "up", "--dir", self.dir, "--trap",
                       str(os.getpid()), *options)
            if done.returncode != 0:
                raise SystemExit("lab up: " + done.stderr)
        except BaseException:
            self.down()
            raise
        say(done.stderr.strip().splitlines()[-1])

    def down(self):
        run(LAB, "down", "--dir", self.dir)
        shutil.rmtree(self.dir, ignore_errors=True)

    def command(self, node, *words):
        return [LAB, "--dir", self.dir, "exec", node, *words]

    def exec(self, node, *words, seconds=60):
        return run(*self.command(node, *words), seconds=seconds)

    def must(self, node, *words):
        done = self.exec(node, *words)
        if done.returncode != 0:
            raise SystemExit("%s: %s: %s" % (node, " ".join(words),
                                             done.stderr))
        return done.stdout

    def event(self, *words):
        done = run(LAB, "--dir", self.dir, "event", *words)
        if done.returncode != 0:
            raise SystemExit("event %s: %s" % (" ".join(words), done.stderr))

    def truth(self, *words):
        done = run(LAB, "--dir", self.dir, "truth", "--json", *words)
        rows = json.loads(done.stdout)
        for row in rows:  # one way to write an address: RFC 5952
            row["hops"] = [hop and str(ipaddress.ip_address(hop))
                           for hop in row["hops"]]
        return rows

    def nodes(self):
        done = run(LAB, "--dir", self.dir, "nodes", "--json")
        return json.loads(done.stdout)


@contextlib.contextmanager
def lab(*options):
    """A lab that ends with the block."""
    made = Lab(*options)
    try:
        yield made
    finally:
        made.down()


@contextlib.contextmanager
def started_command(command):
    """A process that ends with the block."""
    process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=20)


def started(on, node, *words):
    return started_command(on.command(node, *words))


# --- acprobe, run by who knows nothing ---

def without_privilege(*more):
    return ["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY,
            "--clear-groups", "--no-new-privs", *more]


def nobody(raw):
    """The start of a command that nobody runs: with CAP_NET_RAW or bare."""
    kept = ",+net_raw" if raw else ""
    return without_privilege("--inh-caps=-all" + kept,
                             "--ambient-caps=-all" + kept,
                             "--bounding-set=-all" + kept)


class Prober:
    """A copy of acprobe where nobody may start it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="acprobe%d." % os.getpid())
        os.chmod(self.folder, 0o755)
        parent = os.path.dirname(self.folder)
        # The runner's folder for this test is closed to others.
        if os.stat(parent).st_mode & 0o007 == 0:
            os.chmod(parent, 0o711)
        self.path = os.path.join(self.folder, "acprobe")
        shutil.copy(ACPROBE, self.path)
        os.chmod(self.path, 0o755)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, on, vp, *words, raw=True):
        return on.command(vp, *nobody(raw), self.path, *words)

    def run(self, on, vp, *words, raw=True, allow=True, seconds=60):
        return run(*self.command(on, vp, *(ALLOWED if allow else []), *words,
                                 raw=raw), seconds=seconds)

    def look(self, on, vp, *words, **options):
        """The records of acprobe -j, and what else it said."""
        done = self.run(on, vp, "-j", *words, **options)
        return Look(done.returncode, done.stdout, done.stderr)


class Look:
    def __init__(self, status, stdout, stderr):
        said = stderr.splitlines(keepends=True)
        self.opened = [x for x in said if "--allow-special opens" in x]
        self.stderr = "".join(x for x in said if x not in self.opened)
        self.status = status
        rows = [json.loads(line) for line in stdout.splitlines()]
        self.identities = [r for r in rows if r["type"] == "identity"]
        self.records = [r for r in rows if r["type"] != "identity"]

    def of(self, question, af=None):
        return [r for r in self.records if r["question"] == question and
                af in (None, r["af"])]

    def identity(self, af):
        return next((i for i in self.identities if i["af"] == af), None)


def answers(record):
    return record["answer"] if record["outcome"] == "answered" else []


def hops_of(record):
    """A traced path without the target: its routers, None where silent."""
    hops = [hop["addr"] for hop in record["hops"]]
    return hops[:-1] if hops and hops[-1] == record["addr"] else hops


def least_rtt_ms(records):
    rtts = [r["rtt_us"] for r in records if r["outcome"] == "answered"]
    return min(rtts) / 1000 if rtts else None


# --- captures ---

class Capture:
    """tcpdump on a node's eth0, as a context: afterwards .path holds it."""

    def __init__(self, on, node, *words, device="eth0"):
        self.path = os.path.join(on.dir, "%s-%d.pcap" % (node, id(self)))
        self.command = on.command(
            node, "tcpdump", "-i", device, "-n", "-p", "-U",
            "--immediate-mode", "-B", "16384", "--time-stamp-precision=nano",
            "-Z", "root",
            "-w", self.path, *words)

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True)
        for line in self.process.stderr:
            if "listening on" in line:
                break
        else:
            raise SystemExit("tcpdump did not start")
        return self

    def __exit__(self, *_):
        time.sleep(0.2)  # tcpdump's own buffer: it has no other signal
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=20)

    def packets(self):
        return list(read_pcap(self.path))

    def tshark(self, display_filter, *fields):
        """Rows of the fields, as text, of the packets that the filter lets
        through."""
        command = ["tshark", "-n", "-r", self.path, "-Y", display_filter,
                   "-o", "udp.check_checksum:TRUE", "-T", "fields", "-E",
                   "occurrence=f"]
        for field in fields:
            command += ["-e", field]
        done = run(*command)
        if done.returncode != 0:
            raise SystemExit("tshark: " + done.stderr)
        return [tuple(line.split("\t")) for line in
                done.stdout.splitlines()]


PCAP_UNITS = {0xa1b23c4d: 1, 0xa1b2c3d4: 1000}  # of a time, in ns
ETHERNET, RAW = 1, 101  # link types


def read_frames(path, link=ETHERNET):
    """(time in ns, frame) of each packet of a capture of that link type."""
    with open(path, "rb") as file:
        head = file.read(24)
        magic, _, _, _, _, _, is_link = struct.unpack(
            "<IHHIIII", head.ljust(24, b"\0"))
        if magic not in PCAP_UNITS or is_link != link:
            raise SystemExit("%s: no capture of link type %d: %s" % (
                path, link, head.hex()))
        while len(head := file.read(16)) == 16:
            seconds, part, length, _ = struct.unpack("<IIII", head)
            yield (seconds * 10**9 + part * PCAP_UNITS[magic],
                   file.read(length))


def write_frames(path, frames, link=ETHERNET):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHIIII", 0xa1b23c4d, 2, 4, 0, 0, 1 << 18,
                               link))
        for when, frame in frames:
            file.write(struct.pack("<IIII", *divmod(when, 10**9), len(frame),
                                   len(frame)) + frame)


def read_pcap(path):
    """(time in ns, bytes from the IP header on) of each Ethernet packet."""
    for when, frame in read_frames(path):
        if frame[12:14] in (b"\x08\x00", b"\x86\xdd"):
            yield when, frame[14:]


def read_udp(packet):
    """(source port, destination port, TTL, payload) of a UDP packet; None:
    another one."""
    if packet[0] >> 4 == 4:
        start, ttl, protocol = (packet[0] & 15) * 4, packet[8], packet[9]
    else:
        start, ttl, protocol = 40, packet[7], packet[6]
    if protocol != 17 or len(packet) < start + 8:
        return None
    sport, dport = struct.unpack("!HH", packet[start:start + 4])
    return sport, dport, ttl, packet[start + 8:]


# --- a test's frame ---

def main(test):
    """Run test(results) with what it needs; the plan; the exit status."""
    endings.heed()
    if os.getuid() != 0:
        print("1..0 # SKIP needs root")
        return 0
    if not os.access(ACPROBE, os.X_OK):
        print("1..0 # SKIP acprobe is not built")
        return 0
    results = Results()
    try:
        test(results)
    except SystemExit as error:  # what could not be done, in words
        if isinstance(error, endings.Stopped):
            raise
        results.ok(False, "the test goes on to its end", error)
    return results.done()


if __name__ == "__main__":
    sys.exit("this is no test: see probe_*.py")

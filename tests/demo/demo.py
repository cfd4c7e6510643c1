"""A lab, two times three rounds from all vantage points around the
withdrawal of a site, and what acreport says about it; compared with the
lab's ground truth.

  SEED=N        draw this lab
  PROVE=1       at the end exchange two instances of the truth: the
                comparison must see it
"""

import collections
import contextlib
import csv
import datetime
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import endings  # noqa: E402
from page_data import no_page  # noqa: E402

B = os.environ.get("B") or "build"
OUT = os.path.abspath(f"{B}/demo")
LAB = "tests/lab/lab"
TARGET = "anycast-lab"
ROUNDS = 3  # before, and again after
LIMIT_S = 30  # of any one command


class DemoError(Exception):
    """One line for the operator."""


def run(*command, **options):
    """Its standard output; DemoError where it fails."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        timeout=LIMIT_S, check=False, **options)
    if done.returncode != 0:
        raise DemoError(f"{' '.join(command[:4])}: exit {done.returncode}: "
                        f"{done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def together(commands):
    """Run them at once; every one must succeed."""
    started = [subprocess.Popen(one, stdout=subprocess.PIPE, text=True,
                                stderr=subprocess.PIPE) for one in commands]
    problems = []
    for one in started:
        try:
            _, said = one.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            one.kill()
            one.communicate()
            said = f"no end within {LIMIT_S} s"
        if one.returncode != 0:
            problems.append(f"{' '.join(one.args[-4:])}: "
                            f"exit {one.returncode}: {said.strip()}")
    if problems:
        raise DemoError("\n".join(problems))


def heading(text):
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}",
          flush=True)


@contextlib.contextmanager
def step(text):
    """A line that says what is done and how long it took."""
    started = time.monotonic()
    print(f"{text:66}", end="", flush=True)
    yield
    print(f"{time.monotonic() - started:6.1f} s", flush=True)


class Lab:
    def __init__(self):
        self.environment = dict(os.environ)

    def up(self):
        seed = os.environ.get("SEED")
        said = run(LAB, "up", "--trap", str(os.getpid()),
                   *(["--seed", seed] if seed else []))
        for word in said.split():
            name, equals, value = word.partition("=")
            if equals:
                self.environment[name] = value
        os.environ.update(self.environment)
        self.nodes = json.loads(run(LAB, "nodes", "--json"))
        self.seed = self.nodes["seed"]
        self.service = self.nodes["service"]
        self.vps = self.nodes["vantage_points"]
        self.collector = self.nodes["collector"]

    def down(self):
        if "LAB_DIR" in self.environment:
            run(LAB, "down")
            if os.path.exists(self.environment["LAB_DIR"]):
                raise DemoError("the lab did not go down")

    def truth(self):
        return json.loads(run(LAB, "truth", "--json"))

    @staticmethod
    def command(node, *command):
        return [LAB, "exec", node, *command]


def write(path, text, mode=0o644):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


# --- the collector ---

def make_certificates(lab):
    """A certificate authority of this run, and the collector's certificate."""
    def openssl(*words):
        run("openssl", *words, cwd=OUT)
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes")
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem",
            "-days", "2", "-subj", "/CN=demo authority")
    write(f"{OUT}/cert.ext", "subjectAltName=IP:%s,IP:%s\n" % (
        lab.collector["v4"], lab.collector["v6"]))
    openssl("req", "-new", *curve, "-keyout", "key.pem", "-out", "cert.csr",
            "-subj", "/CN=collector")
    openssl("x509", "-req", "-in", "cert.csr", "-CA", "ca.pem", "-CAkey",
            "ca.key", "-CAcreateserial", "-out", "cert.pem", "-days", "2",
            "-extfile", "cert.ext")
    os.chmod(f"{OUT}/key.pem", 0o600)


def set_up_collector(lab):
    make_certificates(lab)
    write(f"{OUT}/accollect.conf", f"""\
db = "{OUT}/anycast.db"
archive = "{OUT}/archive"
listen = "[::]:8443"
certificate = "{OUT}/cert.pem"
certificate_key = "{OUT}/key.pem"
""")
    run(f"{B}/accollect", "init", "-f", f"{OUT}/accollect.conf")


def serve(lab):
    """The running collector; returns when it listens."""
    log = f"{OUT}/accollect.log"
    with open(log, "w") as file:
        process = subprocess.Popen(
            lab.command("collector", f"{B}/accollect", "serve", "-f",
                        f"{OUT}/accollect.conf"),
            stdout=file, stderr=subprocess.STDOUT)
    end = time.monotonic() + 10
    while time.monotonic() < end and process.poll() is None:
        with open(log) as file:
            if "listening" in file.read():
                return process
        time.sleep(0.05)
    stop(process)
    with open(log) as file:
        raise DemoError(f"accollect serve does not listen: {file.read()}")


def stop(process):
    """SIGTERM, and its exit status."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


# --- the vantage points ---

def vp_folder(vp):
    return f"{OUT}/vp/{vp['name']}"


def set_up_vp(lab, vp):
    """Key, configuration and spool; known to the collector with its place."""
    folder = vp_folder(vp)
    os.makedirs(f"{folder}/spool", 0o700)
    service = lab.service
    run(f"{B}/acprobe", "keygen", f"{folder}/key")
    write(f"{folder}/acprobe.conf", f"""\
vp = "{vp['name']}"
key = "{folder}/key"
spool = "{folder}/spool"
every = "5m"
splay = "0s"
collector = "https://{lab.collector['v4']}:8443"
ca = "{OUT}/ca.pem"
allow_special = {{ "{service['prefix4']}", "{service['prefix6']}" }}
target "{TARGET}" {{
	address = {{ "{service['v4']}", "{service['v6']}" }}
	zone = "{service['zone']}"
	flows = 1
	count = 5
	trace = true
}}
""")
    run(f"{B}/accollect", "vp", "add", vp["name"], "--lat", str(vp["lat"]),
        "--lon", str(vp["lon"]), "--region", vp["region"], "--country",
        vp["country"], "--city", vp["city"], "--asn", str(vp["asn"]),
        "--key", f"{folder}/key.pub", "-f", f"{OUT}/accollect.conf")


def each_vp(lab, program):
    together([lab.command(vp["name"], f"{B}/{program}", "-f",
                          f"{vp_folder(vp)}/acprobe.conf") for vp in lab.vps])


def measure(lab, first):
    for number in range(first, first + ROUNDS):
        with step(f"round {number}: {len(lab.vps)} vantage points measure, "
                  "then upload over HTTPS"):
            each_vp(lab, "acprobe")
            each_vp(lab, "acship")


# --- reports ---

def report(*words):
    return run(f"{B}/acreport", *words, "--db", f"{OUT}/anycast.db")


def rows_of(name, *words):
    """A report's rows; its CSV stays in the folder."""
    text = report(*words, "--format", "csv")
    write(f"{OUT}/{name}.csv", text)
    return list(csv.DictReader(io.StringIO(text)))


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(
        timespec="microseconds").replace("+00:00", "Z")


def expected_name(row, method):
    """What an instance of the truth says by this method."""
    return {
        "nsid": bytes.fromhex(row["nsid_hex"] or "").decode("ascii"),
        "hostname.bind": row["hostname_bind"],
        "id.server": row["id_server"],
    }[method]


def compare(truth, catchment):
    """Lines where acreport and the kernels differ, and how many agree."""
    seen = {(row["vp"], int(row["af"])): row for row in catchment}
    wrong = []
    for row in truth:
        mine = seen.get((row["vp"], row["af"]))
        if mine is None:
            wrong.append(f"{row['vp']} IPv{row['af']}: no row")
            continue
        expected = None
        if row["answering"] and mine["state"] == "known":
            expected = expected_name(row, mine["method"])
        said = mine["instance"] if mine["state"] == "known" else None
        if expected != said or row["answering"] != (said is not None):
            wrong.append(
                f"{row['vp']} IPv{row['af']}: acreport says "
                f"{said or mine['state']}, the kernels say "
                f"{row['instance'] if row['answering'] else 'nobody'}")
    return wrong, len(truth) - len(wrong)


def falsify(truth):
    """Exchange the instances of the first two pairs that differ."""
    first = truth[0]
    other = next(row for row in truth if row["node"] != first["node"])
    keys = ("nsid_hex", "hostname_bind", "id_server", "instance")
    for key in keys:
        first[key], other[key] = other[key], first[key]


def number(text):
    """Of a cell; an empty one is unknown."""
    return float(text) if text else float("nan")


def share_bars(before, after, af):
    """Vantage points of each site, before and after."""
    counts = [collections.Counter(row["site"] for row in rows
                                  if int(row["af"]) == af)
              for rows in (before, after)]
    total = max(sum(counts[0].values()), 1)
    width = 24
    print(f"  {'site':6} {'before':{width + 8}} after")
    for site in sorted(set(counts[0]) | set(counts[1]),
                       key=lambda one: -counts[0][one]):
        cells = []
        for count in counts:
            bar = "█" * round(width * count[site] / total)
            percent = f"{100 * count[site] / total:.0f}%"
            cells.append(f"{percent:>4} {bar}" if count[site] else "   -")
        print(f"  {site or '(none)':6} {cells[0]:{width + 8}} {cells[1]}")


def moves(lab, before, after, af):
    """One line for each vantage point: from, to, and what it costs."""
    later = {row["vp"]: row for row in after if int(row["af"]) == af}
    for vp in lab.vps:
        old = next((row for row in before if row["vp"] == vp["name"]
                    and int(row["af"]) == af), None)
        new = later.get(vp["name"])
        if not old or not new:
            continue
        line = (f"  {vp['name']:5} {vp['city'] + ' ' + vp['country']:16} "
                f"{old['site'] or '-':4} {old['rtt_p50_ms']:>8} ms")
        if old["site"] != new["site"]:
            cost = number(new["rtt_p50_ms"]) - number(old["rtt_p50_ms"])
            line += (f"  →  {new['site'] or '-':4} "
                     f"{new['rtt_p50_ms']:>8} ms  {cost:+9.3f} ms")
        print(line)


def show_latency(before, after, af):
    """Some columns of two latency reports, side by side."""
    later = {(row["address"], row["region"]): row for row in after}
    print(f"  {'IPv' + str(af):27} {'before':>17}    {'after':>17}")
    print(f"  {'region':27} {'p50':>8} {'p90':>8}    {'p50':>8} {'p90':>8}"
          f" {'loss':>7}  samples")
    for row in before:
        new = later.get((row["address"], row["region"]))
        if int(row["af"]) != af or not new:
            continue
        moved = abs(number(new["p50_ms"]) - number(row["p50_ms"])) > 5
        print(f"  {row['region']:27} {row['p50_ms']:>8} {row['p90_ms']:>8} "
              f"{'→' if moved else ' ':2} {new['p50_ms']:>8} "
              f"{new['p90_ms']:>8} {new['loss_pct']:>6}%  "
              f"{row['samples']}, {new['samples']}")


def show_changes(changes):
    """Some columns of the changes report."""
    print(f"  {'first seen, UTC':15} {'vp':5} {'af':2}  {'from':4}   "
          f"{'to':4} {'median before, after in ms':>27}  not seen for")
    for row in changes:
        print(f"  {row['time'][11:26]:15} {row['vp']:5} {row['af']:2}  "
              f"{row['from_site']:4} → {row['to_site']:4} "
              f"{row['rtt_before_ms']:>12} → {row['rtt_after_ms']:>12}  "
              f"{number(row['uncertain_s']):>10.1f} s")


def victim_of(truth):
    """The site that most vantage points reach."""
    nodes = collections.Counter(row["node"] for row in truth
                                if row["answering"])
    return nodes.most_common(1)[0][0]


def look_from(lab):
    """The vantage point whose families differ most in their round trips."""
    rtt = {(row["vp"], row["af"]): row["rtt_ms"] or 0 for row in lab.truth()}
    return max(lab.vps, key=lambda vp: abs(
        rtt[vp["name"], 4] - rtt[vp["name"], 6]))


def look(lab, vp):
    """Start a look."""
    service = lab.service
    words = ["-n", "-c", "3", "-z", service["zone"], "--site-map",
             f"{OUT}/sites", "--allow-special", service["prefix4"],
             "--allow-special", service["prefix6"], service["v4"],
             service["v6"]]
    return subprocess.Popen(
        lab.command(vp["name"], f"{B}/acprobe", *words),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def show_look(lab, vp, process):
    said, _ = process.communicate(timeout=LIMIT_S)
    if process.returncode != 0:
        raise DemoError(f"acprobe: exit {process.returncode}: {said}")
    service = lab.service
    heading(f"A look from {vp['city']}, where IPv4 and IPv6 go different "
            "ways:")
    print(f"$ acprobe -n -c 3 -z {service['zone']} --site-map sites \\\n"
          f"      {service['v4']} {service['v6']}")
    print(said.rstrip(), flush=True)


def show_everything(lab, site, reports):
    before, after = reports["catchment-before"], reports["catchment-after"]
    for af in (4, 6):
        heading(f"Catchment in IPv{af}, before and after {site} was "
                "withdrawn  (acreport catchment)")
        share_bars(before, after, af)
        print()
        moves(lab, before, after, af)
    heading("Latency by region, in ms  (acreport latency --question soa)")
    for af in (4, 6):
        show_latency(reports["latency-before"], reports["latency-after"], af)
    heading("What changed  (acreport changes)")
    show_changes(reports["changes"])


def verdict(truths, catchments, changes):
    """Print how the reports compare with the kernels; True where they do."""
    wrong = []
    agree = 0
    for when, truth, catchment in zip(("before", "after"), truths,
                                      catchments):
        lines, good = compare(truth, catchment)
        agree += good
        wrong += [f"{when}: {line}" for line in lines]
    moved = {(old["vp"], old["af"]) for old, new in zip(*truths)
             if old["node"] != new["node"]}
    told = {(row["vp"], int(row["af"])) for row in changes}
    for vp, af in sorted(moved ^ told):
        wrong.append(f"changes: {vp} IPv{af}: "
                     f"{'missing' if (vp, af) in moved else 'not true'}")
    heading("Compared with the kernels' forwarding tables")
    for line in wrong:
        print(f"  DIFFERS  {line}")
    pairs = sum(len(truth) for truth in truths)
    print(f"  {agree} of {pairs} pairs of vantage point and family agree, "
          f"{len(moved & told)} of {len(moved)} changes")
    if wrong or not os.environ.get("PROVE"):
        return not wrong
    falsify(truths[1])
    seen = len(compare(truths[1], catchments[1])[0])
    print(f"  with two instances of the truth exchanged, {seen} pairs differ")
    return seen >= 2


def street(lab):
    with step("certificates, collector, and a key for each vantage point"):
        set_up_collector(lab)
        # For the look too, whose target has no name but its address.
        write(f"{OUT}/sites", run(LAB, "sitemap").replace(
            f"{TARGET} ", "* "))
        for vp in lab.vps:
            set_up_vp(lab, vp)
    vp = look_from(lab)
    looking = look(lab, vp)
    collector = serve(lab)
    try:
        show_look(lab, vp, looking)
        heading("Rounds")
        stamps = [now()]
        truths = [lab.truth()]
        measure(lab, 1)
        stamps.append(now())
        victim = victim_of(truths[0])
        place = next(one for one in lab.nodes["sites"]
                     if one["name"] == victim)
        with step(f"{place['city']} stops announcing; routing settles"):
            run(LAB, "event", "withdraw", victim)
        truths.append(lab.truth())
        measure(lab, ROUNDS + 1)
        stamps.append(now())
    finally:
        status = stop(collector)
    if status != 0:
        raise DemoError(f"accollect serve: exit {status}")
    return place, stamps, truths


def demo(lab):
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    with step("a small internet: BGP, four kinds of name servers"):
        lab.up()
    service = lab.service
    print(f"  seed {lab.seed} (SEED={lab.seed} make demo draws it again): "
          f"{len(lab.nodes['sites'])} sites announce {service['v4']} and "
          f"{service['v6']},\n  {len(lab.vps)} vantage points in "
          f"{len({vp['region'] for vp in lab.vps})} regions", flush=True)
    place, stamps, truths = street(lab)
    reports = read_reports(stamps)
    show_everything(lab, place["city"], reports)
    catchments = reports["catchment-before"], reports["catchment-after"]
    good = verdict(truths, catchments, reports["changes"])
    shown = os.path.relpath(OUT)
    page = f", and {shown}/report.html for a browser" if page_of(stamps) else ""
    print(f"\nleft in {shown}/: anycast.db and {len(reports)} CSV files{page}. "
          f"Ask it more:\n  {B}/acreport latency --by site --site-map "
          f"{shown}/sites --db {shown}/anycast.db\n  sqlite3 -readonly "
          f"{shown}/anycast.db 'SELECT * FROM v_change'")
    return 0 if good else 1


def read_reports(stamps):
    """Rows of every report; since, the withdrawal and until are the stamps."""
    since, split, until = stamps
    sites = ("--site-map", f"{OUT}/sites")
    latency = ("latency", "--by", "region", "--question", "soa")
    window = ("--since", since, "--until", until)
    return {name: rows_of(name, *words) for name, words in {
        "catchment-before": ("catchment", "--at", split, *sites),
        "catchment-after": ("catchment", "--at", until, *sites),
        "latency-before": (*latency, "--since", since, "--until", split),
        "latency-after": (*latency, "--since", split, "--until", until),
        "changes": ("changes", *window, *sites),
        "records": ("records", *window, *sites),
    }.items()}


def page_of(stamps):
    """Whether there is one: a build without Node.js has none."""
    done = subprocess.run(
        [f"{B}/acreport", "html", "--since", stamps[0], "--until", stamps[-1],
         "--site-map", f"{OUT}/sites", "--db", f"{OUT}/anycast.db", "-o",
         f"{OUT}/report.html"], capture_output=True, text=True, check=False,
        timeout=LIMIT_S)
    if done.returncode != 0 and not no_page(done):
        raise DemoError(f"acreport html: exit {done.returncode}: "
                        f"{done.stderr.strip()}")
    return done.returncode == 0


def main():
    endings.heed(KeyboardInterrupt)
    started = time.monotonic()
    lab = Lab()
    try:
        status = demo(lab)
    except (DemoError, OSError, subprocess.TimeoutExpired) as problem:
        print(f"\ndemo: {problem}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted", file=sys.stderr)
        status = 130
    finally:
        lab.down()
    print(f"{time.monotonic() - started:.0f} s in all; the lab is down")
    return status


if __name__ == "__main__":
    sys.exit(main())

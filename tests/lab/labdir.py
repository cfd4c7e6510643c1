"""The lab's folder: its marker, its state, its lock, its processes."""

import contextlib
import fcntl
import glob
import json
import os
import shutil
import signal
import subprocess
import time

MARKER = "aclab"


class LabError(Exception):
    """One line for the person who typed the command."""


def process_start(pid):
    """When a process started, in ticks; None when it is gone or a zombie."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


class LabDir:
    def __init__(self, path):
        self.path = os.path.abspath(path)

    def file(self, *names):
        return os.path.join(self.path, *names)

    def create(self, prefix):
        """The marker comes first: with it `down` can end what follows."""
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        if os.listdir(self.path):
            raise LabError("%s: not empty" % self.path)
        os.chmod(self.path, 0o700)
        with open(self.file(MARKER), "w") as file:
            file.write(prefix)

    def prefix(self):
        try:
            with open(self.file(MARKER)) as file:
                return file.read()
        except FileNotFoundError:
            raise LabError("%s: no lab there" % self.path) from None
        except PermissionError:
            raise LabError("%s: not allowed: needs root" % self.path) \
                from None

    def netns(self, node):
        return "/run/netns/%s-%s" % (self.prefix(), node)

    def load(self):
        self.prefix()
        try:
            with open(self.file("state.json")) as file:
                return json.load(file)
        except FileNotFoundError:
            raise LabError("%s: the lab is not up" % self.path) from None

    def save(self, state):
        temp = self.file("state.json.new")
        with open(temp, "w") as file:
            json.dump(state, file, indent=1)
        os.rename(temp, self.file("state.json"))

    @contextlib.contextmanager
    def locked(self):
        """One command changes the lab at a time."""
        with open(self.file("lock"), "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self.enlist("command-%d" % os.getpid(), os.getpid())
            yield

    def enlist(self, name, pid):
        """Write down who is to end with the lab."""
        with open(self.file("processes"), "a") as file:
            file.write("%d %s %s\n" % (pid, process_start(pid) or 0, name))

    def spawn(self, name, command, folder, **options):
        """Start a process and write down who it is. Whoever dies between
        the two leaves it in a namespace of ours, where down finds it."""
        os.makedirs(folder, exist_ok=True)
        options.setdefault("stdout", subprocess.DEVNULL)
        options.setdefault("cwd", folder)
        with open(os.path.join(folder, name + ".stderr"), "ab") as errors:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stderr=errors,
                start_new_session=True, **options)
        self.enlist(name, process.pid)
        return process

    def processes(self):
        """name: pid of what runs still."""
        running = {}
        try:
            with open(self.file("processes")) as file:
                for line in file:
                    pid, start, name = line.split()
                    if process_start(int(pid)) == int(start):
                        running[name] = int(pid)
                    else:
                        running.pop(name, None)
        except FileNotFoundError:
            pass
        return running

    def kill(self, name, signal_number=signal.SIGKILL):
        """End a process of ours and its group; wait until it is gone."""
        pid = self.processes().get(name)
        if pid is None:
            return
        kill_group(pid, signal_number)
        wait_gone([pid])
        wait_group_gone(pid)

    def members(self):
        """The processes that are in the lab's namespaces."""
        ours = set()
        for path in glob.glob("/run/netns/%s-*" % self.prefix()):
            with contextlib.suppress(OSError):
                ours.add(os.stat(path).st_ino)
        found = []
        for path in glob.glob("/proc/[0-9]*/ns/net"):
            with contextlib.suppress(OSError):
                if os.stat(path).st_ino in ours:
                    found.append(int(path.split("/")[2]))
        return found

    def remove_links(self):
        """All devices of a namespace at once and the namespaces at the same
        time: 0.2 s, where the relay's end would take 3 s for them."""
        commands = [subprocess.Popen(
            ["ip", "-n", os.path.basename(path), "link", "del", "group", "1"],
            stderr=subprocess.DEVNULL)
            for path in glob.glob("/run/netns/%s-*" % self.prefix())]
        for command in commands:
            command.wait()

    def end_all(self):
        """Ends everything but the caller, and removes what is left."""
        prefix = self.prefix()
        self.remove_links()
        for _ in range(50):
            ours = set(self.processes().values()) | set(self.members())
            ours.discard(os.getpid())
            if not ours:
                break
            for pid in ours:
                kill_group(pid, signal.SIGKILL)
            wait_gone(ours)
        names = [os.path.basename(path) for path in
                 glob.glob("/run/netns/%s-*" % prefix)]
        subprocess.run(["ip", "-force", "-batch", "-"], text=True,
                       input="".join("netns del %s\n" % n for n in names),
                       check=False)
        remove_tree(self.path)


def remove_tree(path):
    """A compiler or a server that ends now may still write into it."""
    for _ in range(50):
        shutil.rmtree(path, ignore_errors=True)
        if not os.path.exists(path):
            return
        time.sleep(0.02)
    shutil.rmtree(path)


def kill_group(pid, signal_number):
    """A process of ours leads its group; others are ended alone."""
    with contextlib.suppress(ProcessLookupError):
        if os.getpgid(pid) == pid and pid != os.getpgid(0):
            os.killpg(pid, signal_number)
        else:
            os.kill(pid, signal_number)


def wait_gone(pids):
    deadline = time.monotonic() + 2
    while any(process_start(pid) for pid in pids):
        if time.monotonic() > deadline:
            return
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        time.sleep(0.002)


def wait_group_gone(group):
    """Until nobody of it runs: a child of a server still holds its port."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and group in running_groups():
        time.sleep(0.005)


def running_groups():
    groups = set()
    for path in glob.glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError), open(path) as file:
            state, _, group = file.read().rpartition(")")[2].split()[:3]
            if state != "Z":
                groups.add(int(group))
    return groups


def find(argument):
    """The folder that --dir, LAB_DIR or the only lab of this host says."""
    path = argument or os.environ.get("LAB_DIR")
    if path:
        return LabDir(path)
    labs = glob.glob("/tmp/aclab.*/")
    if len(labs) == 1:
        return LabDir(labs[0])
    raise LabError("%s: say which with --dir or LAB_DIR" % (
        "no lab is up" if not labs else "%d labs are up" % len(labs)))


def every():
    return [LabDir(path) for path in sorted(glob.glob("/tmp/aclab.*/"))]

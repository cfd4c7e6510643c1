"""The clock of a program, moved by a preload."""
import os
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def build(source, folder):
    """The path of a library made of one C file, to be preloaded."""
    path = os.path.join(folder, os.path.basename(source)[:-2] + ".so")
    subprocess.run([os.environ.get("CC") or "cc", "-shared", "-fPIC", "-O1",
                    "-o", path, source], check=True)
    return path


class Shift:
    """A wall clock that is wrong by as many seconds as set() last said, for
    all that run in its environment. Here those of a folder."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "shift")
        self.environment = {
            "LD_PRELOAD": build(os.path.join(HERE, "clock_shift.c"), folder),
            "CLOCK_SHIFT": self.path}
        self.set(0)

    def set(self, seconds):
        """Whoever looks meanwhile sees the old or the new one."""
        with open(self.path + ".new", "w", encoding="ascii") as file:
            file.write(f"{seconds}\n")
        os.rename(self.path + ".new", self.path)

    def words(self):
        """What stands before a command."""
        return ["env", *(f"{name}={value}"
                         for name, value in self.environment.items())]


def keep_to_the_hour(margin_s):
    """Wait until no hour begins within so many seconds from now on."""
    left = 3600 - time.time() % 3600
    if left < margin_s:
        time.sleep(left + 1)

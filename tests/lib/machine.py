"""How long something takes, less what this machine kept it waiting."""

import os
import resource
import time

PRESSURE = "/proc/pressure/cpu"
STAT = "/proc/stat"
TICKS_A_SECOND = 100  # of /proc/stat, on every Linux
SLOWEST = 5  # a busy machine takes no longer than so many idle ones


def withheld_s():
    """For how long since the start somebody here could have run and had no
    processor: by the kernel's own count, and by what the host took away. 0
    where the kernel does not count."""
    waited_us = stolen = 0
    try:
        with open(PRESSURE, encoding="ascii") as file:
            waited_us = int(file.readline().rpartition("total=")[2])
        with open(STAT, encoding="ascii") as file:
            stolen = int(file.readline().split()[8])
    except (OSError, ValueError, IndexError):
        pass
    return waited_us / 1e6 + stolen / TICKS_A_SECOND


def processor_s():
    """What the children that have ended took, of all processors."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Watch:
    """Runs from its making on."""

    def __init__(self):
        self.began, self.withheld = time.monotonic(), withheld_s()
        self.processor = processor_s()

    def seconds(self):
        return time.monotonic() - self.began

    def own_seconds(self):
        """What an idle machine takes at least: the time in which nobody
        waited for a processor, or that of the work itself; but never less
        than a SLOWEST part of all. So an upper bound holds on a busy machine,
        too, and who waits or works for far too long breaks it on any."""
        idle = self.seconds() - (withheld_s() - self.withheld)
        work = (processor_s() - self.processor) / (os.cpu_count() or 1)
        return max(idle, work, self.seconds() / SLOWEST)

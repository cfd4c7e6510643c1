"""How a test ends when it is told to, or when who started it is gone: with
everything that it took down on the way out."""
import ctypes
import os
import signal
import threading

PR_SET_PDEATHSIG = 1
TOLD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Stopped(SystemExit):
    """Unwinds every block of the test."""

    def __init__(self):
        super().__init__("stopped")


def heed(error=Stopped):
    """From now on each of those signals raises an error once: whoever takes
    things down is not disturbed by a second one. SIGINT counts although
    shells have what runs in the background ignore it; nohup is heeded."""
    under_nohup = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    parent = os.getppid()

    def stop(*_):
        for number in (*TOLD, signal.SIGUSR1):
            signal.signal(number, lambda *_: None)
        raise error

    def orphaned(*args):
        """The kernel says so when a thread of the parent ends, too."""
        if os.getppid() != parent:
            stop(*args)

    for number in TOLD:
        if number != signal.SIGHUP or not under_nohup:
            signal.signal(number, stop)
    if under_nohup or threading.current_thread() is not \
            threading.main_thread():
        return
    signal.signal(signal.SIGUSR1, orphaned)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGUSR1)
    if os.getppid() != parent:  # gone before the kernel was asked
        stop()

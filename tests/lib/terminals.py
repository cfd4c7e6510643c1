"""What a program says to a terminal."""
import fcntl
import os
import pty
import struct
import subprocess
import termios


def said_to(command, width=0, **more):
    """As text. width: columns, 0 where the terminal does not know."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, width, 0, 0))
    said = b""
    with subprocess.Popen(command, stdout=theirs, **more):
        os.close(theirs)
        try:
            while piece := os.read(ours, 65536):
                said += piece
        except OSError:  # the other end is closed
            pass
    os.close(ours)
    return said.decode().replace("\r\n", "\n")

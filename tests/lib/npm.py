"""Packages of npm, for the tests that need some."""
import re
import shutil
import subprocess

# npm's own codes for a registry that it does not get to.
UNREACHABLE = {"EAI_AGAIN", "ECONNABORTED", "ECONNREFUSED", "ECONNRESET",
               "EHOSTUNREACH", "EIDLETIMEOUT", "ENETUNREACH", "ENOTCACHED",
               "ENOTFOUND", "EPIPE", "ERR_SOCKET_TIMEOUT", "ETIMEDOUT"}


def missing(*commands):
    """The first command of npm's and others' that is not there, or None."""
    return next((name for name in ("node", "npm", *commands)
                 if shutil.which(name) is None), None)


def install(folder):
    """What the lock in a folder names. (why it cannot be had here, what npm
    said where it failed); None or "" where that is not so."""
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder, capture_output=True, text=True, check=False)
    code = re.search(r"^npm (?:error|ERR!) code (\w+)$", done.stderr, re.M)
    if done.returncode != 0 and code and code[1] in UNREACHABLE:
        return f"npm does not reach its registry ({code[1]})", ""
    return None, "" if done.returncode == 0 else \
        f"npm ci: exit {done.returncode}\n{done.stderr}"

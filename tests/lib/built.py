"""What make makes in the build directory, beside the programs. Folders have
the names that make check gives them, also in shell tests: with another one
the flags would change, and everything in it would be made again."""
import os
import subprocess

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
FOLDER = os.environ.get("B") or "build"
BUILD = os.path.join(ROOT, FOLDER)


def make(folder, target, *variables):
    """Its path; what make said where it failed, else ""."""
    done = subprocess.run(
        ["make", "-s", "--no-print-directory", *variables, f"B={folder}",
         f"{folder}/{target}"], cwd=ROOT, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = done.stdout or f"make: exit {done.returncode}"
    return os.path.join(ROOT, folder, target), done.returncode and said or ""


def made(target):
    """The path of something that is made as the programs are."""
    path, said = make(FOLDER, target)
    if said:
        raise AssertionError(said)
    return path


def sanitized(target):
    """A program or driver built with ASan and UBSan: its path; what make said
    where it failed, else ""."""
    return make(f"{FOLDER}/san", target, "SAN=address,undefined")

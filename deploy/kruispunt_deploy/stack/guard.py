"""Runs one server so that it cannot outlive the process that owns it.

Usage: ``python -I -S guard.py OWNER_PID DEATH_SIGNAL UID GID -- ARGV...`` (uid and gid -1: stay who you are).

Rules
-----
1. Credentials are dropped first: the kernel forgets a parent-death signal when they change.
2. Then the parent-death signal is set, then the parent is compared with OWNER_PID: an owner that died in between is
   noticed, and nothing is started.
3. Then the server replaces this process, so its pid is the one that the owner knows.
4. Where the kernel has no parent-death signal, this process stays and watches its parent instead.

Must not: import anything outside the standard library (it is run by path, without site-packages), or write anywhere.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from typing import NoReturn

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
WATCH_SECONDS = 0.2  # how often rule 4 looks at the parent
OWNER_GONE = 75  # exit code: nothing was started


def die_with_parent(death_signal: int) -> bool:
    """Ask the kernel to send the signal when the parent dies; False where it cannot."""
    if not sys.platform.startswith("linux"):
        return False
    return bool(ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) == 0)


def watch(owner: int, death_signal: int, argv: list[str]) -> int:
    """Run the server as a child, pass signals on, and end it when the owner is gone; return its exit code."""
    child = subprocess.Popen(argv)
    for passed in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(passed, lambda number, _frame: child.send_signal(number))
    while child.poll() is None:
        if os.getppid() != owner:
            child.send_signal(death_signal)
        time.sleep(WATCH_SECONDS)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def main(arguments: list[str]) -> NoReturn:
    """Perform the rules in their order."""
    owner, death_signal, uid, gid = (int(argument) for argument in arguments[:4])
    argv = arguments[5:]
    if gid >= 0:
        os.setgroups([])
        os.setgid(gid)
    if uid >= 0:
        os.setuid(uid)
    bound = die_with_parent(death_signal)
    if os.getppid() != owner:
        sys.exit(OWNER_GONE)
    if not bound:
        sys.exit(watch(owner, death_signal, argv))
    os.execvp(argv[0], argv)  # noqa: S606 - replacing this process is the purpose


if __name__ == "__main__":
    main(sys.argv[1:])

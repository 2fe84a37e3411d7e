"""Which commit a measurement is of.

Must not: change the repository.
"""

from __future__ import annotations

import shutil
import subprocess


def commit() -> str:
    """Return the commit that is measured, and whether it was changed."""
    return _git("rev-parse", "--short", "HEAD") + (" (with changes)" if _git("status", "--porcelain") else "")


def _git(*words: str) -> str:
    program = shutil.which("git") or "git"
    return subprocess.run([program, *words], capture_output=True, text=True, check=False).stdout.strip()

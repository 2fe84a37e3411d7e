"""The commands of a page, run as a reader would run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def run_script(script: str, folder: Path, **more: str) -> str:
    """Run commands in a folder and return what they show; fail when one of them does. more: of the environment."""
    programs = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-c", f"set -euo pipefail\n{script}"],
        cwd=folder,
        env={"PATH": f"{programs}:{os.environ['PATH']}", "COLUMNS": "160", "LC_ALL": "C.UTF-8", **more},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout

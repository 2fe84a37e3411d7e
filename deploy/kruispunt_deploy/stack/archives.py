"""Archives that let a Java server start quicker: its classes, read and linked once, kept in the cache (Java 24 or later).

Rules
-----
1. An archive is named by what it depends on: the build of Java, the flags, and path, size and time of each jar. Another
   one of these makes another archive.
2. Where it is there, it is used. Where it is not, a server may record its classes into its stack's data folder, which
   costs seconds at its end; the archive is made of that recording by a run of Java of its own, and takes a bound.
3. It is made in a folder of its own in the cache and renamed after Java ended well: whoever is killed, or finds the disk
   full, leaves none. Two who make the same one at once both leave a whole one.
4. Nothing depends on an archive: Java passes over one that it cannot use, and what it would say about it is turned off.
   One that belongs to another account is not used, for it is code. Where the environment gives Java options of its own
   there is none, for Java ends at once where the two do not go together.
5. Archives that nobody used for a month are removed when one is made.

Must not: start a process, or raise because an archive cannot be used or made.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kruispunt_deploy.stack.artifacts import MAKING, cache_folder
from kruispunt_deploy.stack.java import Java

OLDEST = 24  # the first Java with these flags
MAKE_SECONDS = 40.0  # about 6 on two idle cores
UNUSED_SECONDS = 30 * 86_400.0
OPTIONS = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")  # read by every Java
QUIET = ("-Xlog:aot*=off", "-Xlog:cds*=off")


@dataclass(frozen=True, slots=True)
class Archive:
    """Where the archive of one kind of server lies, whether it is there or not; ``java`` and ``jars`` are its makers."""

    path: Path
    java: Java
    flags: tuple[str, ...]
    jars: tuple[Path, ...]

    @property
    def is_there(self) -> bool:
        """Tell whether it can be used."""
        try:
            return self.path.stat().st_uid == os.geteuid()
        except OSError:
            return False

    def use(self) -> tuple[str, ...]:
        """Return the flags that use it, none when it is not there."""
        if not self.is_there:
            return ()
        with contextlib.suppress(OSError):
            os.utime(self.path)
        return (*QUIET, "-XX:AOTMode=auto", f"-XX:AOTCache={self.path}")

    def record(self, recording: Path) -> tuple[str, ...]:
        """Return the flags with which a server records its classes into the file when it ends."""
        return (*QUIET, "-XX:AOTMode=record", f"-XX:AOTConfiguration={recording}")

    @contextmanager
    def making(self, recording: Path) -> Iterator[list[str]]:
        """Give the command that makes the archive; put it in place when the block ends without an exception.

        Raise OSError when the cache cannot be written.
        """
        cache = self.path.parent.parent
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=MAKING, dir=cache, ignore_cleanup_errors=True) as folder:
            made = Path(folder) / self.path.name
            yield [
                str(self.java.executable), *self.flags, *QUIET, "-XX:AOTMode=create",
                f"-XX:AOTConfiguration={recording}", f"-XX:AOTCache={made}", "-cp", ":".join(map(str, self.jars)),
            ]  # fmt: skip
            with made.open("rb") as file:
                os.fsync(file.fileno())
            made.replace(self.path)
        for other in self.path.parent.iterdir():
            with contextlib.suppress(OSError):
                if other.stat().st_mtime < time.time() - UNUSED_SECONDS:
                    other.unlink()


def folder_in(cache: Path) -> Path:
    """Return where the archives of a cache lie."""
    return cache / "archives"


def archive_of(
    part: str, java: Java, flags: Sequence[str], jars: Sequence[Path], *, cache: Path | None = None
) -> Archive | None:
    """Return the archive of a server with these flags and jars, None where Java has none (rule 4, or too old)."""
    if java.major < OLDEST or any(os.environ.get(name) for name in OPTIONS):
        return None
    facts = [java.build, *flags]
    for jar in jars:
        status = jar.stat()
        facts.append(f"{jar} {status.st_size} {status.st_mtime_ns}")
    digest = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
    path = folder_in(cache or cache_folder()) / f"{part}-{digest}.aot"
    return Archive(path, java, tuple(flags), tuple(jars))

"""The Java artifacts of the stack: fetched by coordinates from a committed lock, every byte checked.

Rules
-----
1. ``jgo.lock.toml`` (jgo's format, with the size of each file beside its SHA-256) is the only source of coordinates.
   It names no host: jgo asks Maven's default repository, or the mirror in KRUISPUNT_MAVEN.
2. A jar that is handed out was hashed in this call. A cached file with another size or sum is fetched again.
3. A file is fetched under a name of its own and renamed after its sum was checked: an interrupted download never
   leaves a half file under a final name. A sum that is wrong twice is an error that names file and sums.
4. The registry's archive is unpacked beside it under a name that contains its sum, again by renaming at the end, with
   a manifest of sizes and sums: a start compares the sizes, `doctor` the sums.

Must not: resolve versions. ``python -m kruispunt_deploy.stack.maven`` does, and writes the lock anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tarfile
import tempfile
import time
import tomllib
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Lock

import platformdirs
from kruispunt_schemas.failures import ConfigurationError, UnavailableError

from kruispunt_deploy.stack.progress import Report, Step, silence

LOCK_FILE = Path(__file__).with_name("jgo.lock.toml")
REGISTRY_GROUP = "io.apicurio"
PARALLEL = 8  # downloads at a time
ATTEMPTS = 3
REPORT_SECONDS = 0.1  # between two reports of the bytes received
ABANDONED_SECONDS = 3600.0
MANIFEST = "manifest.json"
MAKING = ".making-"  # how the folders begin in which something is half done


class NotFetchedError(Exception):
    """A file did not come; the text is the name of the cause. Stays between this module and `maven`."""


@dataclass(frozen=True, slots=True)
class Locked:
    """One artifact of the lock: coordinates, bytes, SHA-256 in hex."""

    group: str
    name: str
    version: str
    packaging: str
    classifier: str
    size: int
    sha256: str

    @property
    def filename(self) -> str:
        """Name of the file in a Maven repository."""
        suffix = f"-{self.classifier}" if self.classifier else ""
        return f"{self.name}-{self.version}{suffix}.{self.packaging}"

    @property
    def path(self) -> Path:
        """Path relative to the root of a Maven repository."""
        return Path(*self.group.split("."), self.name, self.version, self.filename)


def cache_folder() -> Path:
    """Return the cache of the stack: KRUISPUNT_CACHE, else the user's cache folder."""
    if given := os.environ.get("KRUISPUNT_CACHE"):
        return Path(given).absolute()
    return Path(platformdirs.user_cache_dir("kruispunt"))


def locked(part: str, lock_file: Path = LOCK_FILE) -> tuple[Locked, ...]:
    """Return the artifacts of a part ('kafka' or 'registry'), sorted by file name: the order of the class path."""
    document = tomllib.loads(lock_file.read_text(encoding="utf-8"))
    found = (
        Locked(
            group=item["groupId"],
            name=item["artifactId"],
            version=item["version"],
            packaging=item["packaging"],
            classifier=item.get("classifier", ""),
            size=item["size"],
            sha256=item["sha256"],
        )
        for item in document["dependencies"]
    )
    wanted = [item for item in found if (item.group == REGISTRY_GROUP) == (part == "registry")]
    return tuple(sorted(wanted, key=lambda item: item.filename))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_whole(path: Path, item: Locked) -> bool:
    """Tell whether the file is there with the locked size and sum."""
    try:
        return path.stat().st_size == item.size and sha256_of(path) == item.sha256
    except OSError:
        return False


def _sweep(cache: Path) -> None:
    """Remove what killed processes left half done; younger folders may belong to one that is still at work."""
    for folder in cache.glob(f"{MAKING}*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_mtime < time.time() - ABANDONED_SECONDS:
                shutil.rmtree(folder)


class Fetcher:
    """Fetches the artifacts of one part into the cache and tells how far it is."""

    def __init__(
        self, part: str, *, cache: Path | None = None, report: Report = silence, stopping: Event | None = None
    ) -> None:
        self._part = part
        self._cache = cache or cache_folder()
        self._report = report
        self._stopping = stopping or Event()
        self._received: dict[Locked, int] = {}
        self._reported = 0.0
        self._counting = Lock()

    def fetch(self, items: tuple[Locked, ...] | None = None) -> tuple[Path, ...]:
        """Return the checked files in the order given; raise UnavailableError (network, wrong sum, interrupted)."""
        items = locked(self._part) if items is None else items
        try:
            (self._cache / "maven").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"the cache {self._cache} cannot be written ({error.strerror}): set KRUISPUNT_CACHE"
            ) from None
        _sweep(self._cache)
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix=f"fetch-{self._part}") as pool:
            whole = list(pool.map(lambda item: is_whole(self.cached(item), item), items))
            missing = [item for item, good in zip(items, whole, strict=True) if not good]
            self._received = dict.fromkeys(missing, 0)
            waiting: list[Future[None]] = [pool.submit(self._fetch_one, item) for item in missing]
            try:
                for future in waiting:
                    future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return tuple(self.cached(item) for item in items)

    def cached(self, item: Locked) -> Path:
        """Return where the file lies in the cache, whether it is there or not."""
        return self._cache / "maven" / item.path

    def _fetch_one(self, item: Locked) -> None:
        problem = ""
        for _ in range(ATTEMPTS):
            self._received[item] = 0
            with tempfile.TemporaryDirectory(prefix=MAKING, dir=self._cache) as folder:
                try:
                    found = self._download(item, Path(folder))
                except NotFetchedError as error:
                    problem = f"could not be fetched ({error})"
                    continue
                came = sha256_of(found)
                if came == item.sha256:
                    final = self.cached(item)
                    final.parent.mkdir(parents=True, exist_ok=True)
                    found.replace(final)
                    return
                problem = f"has the wrong SHA-256: the lock says {item.sha256}, what came has {came}"
        raise UnavailableError(
            f"{item.filename} {problem}, {ATTEMPTS} times; what arrived is kept: look at the network "
            "(KRUISPUNT_MAVEN names a mirror) and run the command again"
        )

    def _download(self, item: Locked, folder: Path) -> Path:
        # Half a second of imports that a start with a full cache does without.
        from kruispunt_deploy.stack import maven  # noqa: PLC0415

        return maven.download(item, folder, partial(self._count, item))

    def _count(self, item: Locked, count: int) -> None:
        if self._stopping.is_set():
            raise UnavailableError("the download was interrupted; what arrived is kept")
        with self._counting:
            self._received[item] += count
            if (now := time.monotonic()) < self._reported + REPORT_SECONDS:
                return
            self._reported = now
            done, total = sum(self._received.values()), sum(each.size for each in self._received)
        self._report(Step(self._part, "fetching", item.filename, done, total))


def unpacked_folder(cache: Path | None = None) -> Path:
    """Return where the registry's archive is unpacked, whether it is yet or not."""
    (item,) = locked("registry")
    return Fetcher("registry", cache=cache).cached(item).with_name(f"unpacked-{item.sha256[:16]}")


def registry_folder(
    *, cache: Path | None = None, report: Report = silence, stopping: Event | None = None
) -> Path:
    """Return the folder with ``quarkus-run.jar``, fetched and unpacked where it is not whole yet."""
    folder = unpacked_folder(cache)
    if not damaged_files(folder):
        return folder
    (archive,) = Fetcher("registry", cache=cache, report=report, stopping=stopping).fetch()
    report(Step("registry", "preparing", f"unpacking {archive.name}"))
    staging = Path(tempfile.mkdtemp(prefix=MAKING, dir=cache or cache_folder()))
    try:
        with tarfile.open(archive, "r:gz") as tar:
            # Absent before Python 3.11.4; the archive's sum was checked all the same.
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            for member in tar:
                if stopping is not None and stopping.is_set():
                    raise UnavailableError("unpacking was interrupted; the archive is kept")
                tar.extract(member, staging)
        files = sorted(path for path in staging.rglob("*") if path.is_file())
        manifest = {str(path.relative_to(staging)): (path.stat().st_size, sha256_of(path)) for path in files}
        (staging / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # another process was first: its folder is as good
            staging.replace(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return folder


def damaged_files(folder: Path, *, sums: bool = False) -> list[str]:
    """Return the files of an unpacked archive that do not match its manifest (sizes, or sums as well)."""
    try:
        manifest: dict[str, tuple[int, str]] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return [MANIFEST]
    return [
        name
        for name, (size, digest) in manifest.items()
        if not (path := folder / name).is_file()
        or path.stat().st_size != size
        or (sums and sha256_of(path) != digest)
    ]

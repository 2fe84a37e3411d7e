from __future__ import annotations

import gc
import hashlib
import io
import os
import tarfile
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest
from jgo.env import LockFile
from kruispunt_deploy.stack import artifacts
from kruispunt_deploy.stack.artifacts import (
    LOCK_FILE,
    Fetcher,
    Locked,
    damaged_files,
    locked,
    registry_folder,
)
from kruispunt_deploy.stack.progress import Step
from kruispunt_schemas.failures import UnavailableError


class Repository:
    """A Maven repository on the loopback address; ``files`` by path, ``asked`` counts, ``cut`` truncates once."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.cut: set[str] = set()
        repository = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.lstrip("/")
                repository.asked.append(path)
                body = repository.files.get(path)
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                sent = body or b""
                if path in repository.cut:
                    repository.cut.discard(path)
                    sent = sent[: len(sent) // 2]
                    self.close_connection = True
                self.wfile.write(sent)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def add(self, name: str, content: bytes, packaging: str = "jar") -> Locked:
        item = Locked(
            "test.group", name, "1.0", packaging, "", len(content), hashlib.sha256(content).hexdigest()
        )
        self.files[item.path.as_posix()] = content
        return item

    def asked_for(self, item: Locked) -> int:
        return self.asked.count(item.path.as_posix())


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    found = Repository()
    thread = Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("KRUISPUNT_MAVEN", found.url)
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()
    # jgo leaves the connection of a download that failed to the garbage collector, which would tell a later test.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def litter(cache: Path) -> list[str]:
    return [path.name for path in cache.iterdir() if path.name != "maven"]


def test_the_lock_names_sums_and_sizes_and_no_host() -> None:
    text = LOCK_FILE.read_text(encoding="utf-8")
    assert "://" not in text
    everything = (*locked("kafka"), *locked("registry"))
    assert text.count("[[dependencies]]") == len(everything) > 80
    assert all(len(item.sha256) == 64 and item.size > 0 for item in everything)
    assert len({(item.group, item.name, item.classifier) for item in everything}) == len(everything)


def test_the_lock_is_one_that_jgo_reads() -> None:
    found = {(item.artifactId, item.sha256) for item in LockFile.load(LOCK_FILE).dependencies}
    assert found == {(item.name, item.sha256) for part in ("kafka", "registry") for item in locked(part)}


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("kafka_2.13", "4.3.1"),
        ("kafka-tools", "4.3.1"),
        ("kafka-clients", "4.3.1"),  # log4j's parent once ruled it back to 3.9.1
        ("log4j-slf4j-impl", "2.25.4"),
        ("log4j-core", "2.25.4"),
    ],
)
def test_kafka_is_locked_with_its_own_versions_and_a_log_backend(name: str, version: str) -> None:
    assert [item.version for item in locked("kafka") if item.name == name] == [version]


def test_files_are_fetched_once_and_handed_out_in_order(repository: Repository, tmp_path: Path) -> None:
    items = (repository.add("b", b"second"), repository.add("a", b"first"))
    steps: list[Step] = []
    paths = Fetcher("kafka", cache=tmp_path, report=steps.append).fetch(items)
    assert [path.read_bytes() for path in paths] == [b"second", b"first"]
    assert {step.total for step in steps} == {11}
    assert Fetcher("kafka", cache=tmp_path).fetch(items) == paths
    assert [repository.asked_for(item) for item in items] == [1, 1]
    assert litter(tmp_path) == []


@pytest.mark.parametrize("damage", [b"sec", b"sEcond", b""], ids=["truncated", "corrupt", "empty"])
def test_a_damaged_cached_file_is_fetched_again(
    repository: Repository, tmp_path: Path, damage: bytes
) -> None:
    items = (repository.add("b", b"second"),)
    (path,) = Fetcher("kafka", cache=tmp_path).fetch(items)
    path.write_bytes(damage)
    Fetcher("kafka", cache=tmp_path).fetch(items)
    assert path.read_bytes() == b"second"


def test_a_connection_that_breaks_is_tried_again(repository: Repository, tmp_path: Path) -> None:
    item = repository.add("b", b"second" * 1000)
    repository.cut.add(item.path.as_posix())
    (path,) = Fetcher("kafka", cache=tmp_path).fetch((item,))
    assert path.read_bytes() == b"second" * 1000
    assert repository.asked_for(item) == 2


def test_a_wrong_sum_names_file_and_both_sums_and_keeps_nothing(
    repository: Repository, tmp_path: Path
) -> None:
    item = repository.add("b", b"second")
    repository.files[item.path.as_posix()] = b"forged"
    fetcher = Fetcher("kafka", cache=tmp_path)
    with pytest.raises(UnavailableError, match=r"b-1\.0\.jar has the wrong SHA-256") as caught:
        fetcher.fetch((item,))
    assert item.sha256 in str(caught.value)
    assert hashlib.sha256(b"forged").hexdigest() in str(caught.value)
    assert not fetcher.cached(item).exists()
    assert litter(tmp_path) == []


def test_an_absent_file_is_named_and_what_arrived_is_kept(repository: Repository, tmp_path: Path) -> None:
    here, gone = repository.add("a", b"first"), repository.add("b", b"second")
    del repository.files[gone.path.as_posix()]
    fetcher = Fetcher("kafka", cache=tmp_path)
    with pytest.raises(
        UnavailableError, match=r"b-1\.0\.jar could not be fetched.*KRUISPUNT_MAVEN"
    ) as caught:
        fetcher.fetch((here, gone))
    assert repository.url not in str(caught.value)
    assert fetcher.cached(here).read_bytes() == b"first"


def test_an_interrupted_download_leaves_no_half_file(repository: Repository, tmp_path: Path) -> None:
    item = repository.add("b", b"second" * 100_000)
    stopping = Event()
    fetcher = Fetcher("kafka", cache=tmp_path, report=lambda _step: stopping.set(), stopping=stopping)
    with pytest.raises(UnavailableError, match="interrupted"):
        fetcher.fetch((item,))
    assert not fetcher.cached(item).exists()
    assert litter(tmp_path) == []


def test_what_a_killed_process_left_half_done_is_swept(repository: Repository, tmp_path: Path) -> None:
    old, young = tmp_path / ".making-old", tmp_path / ".making-young"
    for folder in (old, young):
        folder.mkdir()
        (folder / "half.jar").touch()
    os.utime(old, (0, 0))
    Fetcher("kafka", cache=tmp_path).fetch((repository.add("b", b"second"),))
    assert litter(tmp_path) == [young.name]


def test_the_registry_is_unpacked_once_and_again_when_damaged(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name in ("quarkus-run.jar", "lib/one.jar"):
            member = tarfile.TarInfo(name)
            member.size = len(name)
            tar.addfile(member, io.BytesIO(name.encode()))
    item = repository.add("registry", archive.getvalue(), "tar.gz")
    monkeypatch.setattr(artifacts, "locked", lambda _part: (item,))
    folder = registry_folder(cache=tmp_path)
    assert damaged_files(folder, sums=True) == []
    (folder / "lib" / "one.jar").write_bytes(b"short")
    assert damaged_files(folder) == ["lib/one.jar"]
    assert registry_folder(cache=tmp_path) == folder
    assert (folder / "lib" / "one.jar").read_bytes() == b"lib/one.jar"
    assert repository.asked_for(item) == 1
    (folder / "quarkus-run.jar").write_bytes(b"forged-run.jar!")
    assert damaged_files(folder) == []
    assert damaged_files(folder, sums=True) == ["quarkus-run.jar"]

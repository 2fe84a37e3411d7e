from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from kruispunt_deploy.stack import LocalStack, Step
from kruispunt_deploy.stack.archives import UNUSED_SECONDS, Archive, archive_of
from kruispunt_deploy.stack.artifacts import Fetcher, cache_folder, locked
from kruispunt_deploy.stack.java import Java, find_java
from kruispunt_deploy.stack.kafka import FLAGS

from tests.stacks import StackUnderTest
from tests.waiting import wait_until

JAVA = Java(Path("/java"), 25, 'openjdk version "25.0.2"')
PREPARING = Step("kafka", "preparing", "quicker starts, once")
TINY = ("kafka.tools.StorageTool", "random-uuid")


@pytest.fixture
def jar(tmp_path: Path) -> Path:
    made = tmp_path / "one.jar"
    made.write_bytes(b"jar")
    os.utime(made, (1, 1))
    return made


def named(cache: Path, jar: Path, java: Java = JAVA, flags: tuple[str, ...] = ("-Xmx1m",)) -> str:
    archive = archive_of("kafka", java, flags, [jar], cache=cache)
    assert archive is not None
    return archive.path.name


def test_it_is_named_by_java_flags_and_jars_and_by_nothing_else(tmp_path: Path, jar: Path) -> None:
    same = named(tmp_path, jar)
    assert named(tmp_path, jar, replace(JAVA, executable=Path("/elsewhere/java"))) == same
    others = {
        named(tmp_path, jar, replace(JAVA, build='openjdk version "25.0.3"')),
        named(tmp_path, jar, flags=("-Xmx2m",)),
    }
    os.utime(jar, (2, 2))
    others.add(named(tmp_path, jar))
    jar.write_bytes(b"another")
    os.utime(jar, (1, 1))
    others.add(named(tmp_path, jar))
    assert len(others | {same}) == 5


def test_a_java_that_is_too_old_or_has_options_of_its_own_has_none(
    jar: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert archive_of("kafka", replace(JAVA, major=23), (), [jar]) is None
    assert archive_of("kafka", JAVA, (), [jar]) is not None
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Xshare:auto")
    assert archive_of("kafka", JAVA, (), [jar]) is None


def test_one_that_is_absent_or_another_accounts_is_not_used(
    tmp_path: Path, jar: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = archive_of("kafka", JAVA, (), [jar], cache=tmp_path)
    assert archive is not None
    assert archive.use() == ()
    archive.path.parent.mkdir()
    archive.path.touch()
    assert f"-XX:AOTCache={archive.path}" in archive.use()
    owner = archive.path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert archive.use() == ()


def test_what_nobody_used_for_a_month_goes_when_another_is_made(tmp_path: Path, jar: Path) -> None:
    archive = archive_of("kafka", JAVA, (), [jar], cache=tmp_path)
    assert archive is not None
    archive.path.parent.mkdir()
    for name, age in (("old.aot", UNUSED_SECONDS + 60), ("young.aot", UNUSED_SECONDS - 3600)):
        (archive.path.parent / name).touch()
        then = jar.stat().st_ctime - age
        os.utime(archive.path.parent / name, (then, then))
    with archive.making(tmp_path / "recording") as command:
        (made,) = (word.partition("=")[2] for word in command if word.startswith("-XX:AOTCache="))
        Path(made).write_bytes(b"archive")
    assert {path.name for path in archive.path.parent.iterdir()} == {archive.path.name, "young.aot"}
    assert {path.name for path in tmp_path.iterdir()} == {"archives", jar.name}


@pytest.fixture
def cache(stack: StackUnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache without archives, with the artifacts of the real one."""
    if stack.local is None:
        pytest.skip("only with --stack=embedded: its artifacts are in the cache")
    if find_java().major < 24:
        pytest.skip("this Java makes no archives")
    made = tmp_path / "cache"
    made.mkdir()
    (made / "maven").symlink_to(cache_folder() / "maven")
    monkeypatch.setenv("KRUISPUNT_CACHE", str(made))
    return made


@pytest.fixture
def tiny(cache: Path) -> Archive:
    fetcher = Fetcher("kafka")
    found = archive_of("kafka", find_java(), FLAGS, [fetcher.cached(item) for item in locked("kafka")])
    assert found is not None
    assert cache in found.path.parents
    return found


def ran(archive: Archive, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run a small tool of Kafka to its end."""
    path = ":".join(map(str, archive.jars))
    argv = [str(archive.java.executable), *archive.flags, *flags, "-cp", path, *TINY]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)


@pytest.mark.parametrize("damage", ["empty", "half", "noise"])
def test_java_starts_and_says_nothing_when_an_archive_cannot_be_used(tiny: Archive, damage: str) -> None:
    recording = tiny.path.parent.parent / "recording"
    tiny.path.parent.mkdir()
    if damage == "half":
        ran(tiny, *tiny.record(recording))
        with tiny.making(recording) as command:
            subprocess.run(command, capture_output=True, timeout=60, check=True)
        assert ran(tiny, *tiny.use()).stderr == ""
        os.truncate(tiny.path, tiny.path.stat().st_size // 2)
    else:
        tiny.path.write_bytes(b"" if damage == "empty" else os.urandom(1_000_000))
    done = ran(tiny, *tiny.use())
    assert (len(done.stdout.split()), done.stderr) == (1, "")


def test_a_recording_that_is_not_whole_makes_no_archive(tiny: Archive, cache: Path) -> None:
    recording = cache / "recording"
    recording.write_bytes(os.urandom(1_000_000))
    with pytest.raises(subprocess.CalledProcessError), tiny.making(recording) as command:
        subprocess.run(command, capture_output=True, timeout=60, check=True)
    assert not list(tiny.path.parent.iterdir())
    assert not list(cache.glob(".making-*"))


def test_the_first_stack_that_ends_well_makes_an_archive_and_the_next_one_uses_it(
    cache: Path, tmp_path: Path
) -> None:
    steps: list[Step] = []
    with LocalStack(tmp_path / "first", servers=["kafka"], progress=steps.append):
        pass
    assert steps.count(PREPARING) == 1
    (made,) = (cache / "archives").iterdir()
    assert not list(cache.glob(".making-*"))
    assert not list((tmp_path / "first").glob("*.recording"))
    left = tmp_path / "second" / "kafka.recording"
    left.parent.mkdir()
    left.touch()
    with LocalStack(tmp_path / "second", servers=["kafka"], progress=steps.append) as stack:
        process = Path("/proc") / str(stack.parts["kafka"].pid)
        assert f"-XX:AOTCache={made}" in (process / "cmdline").read_text().split("\0")
        assert str(made) in (process / "maps").read_text()
        assert not left.exists()
    assert steps.count(PREPARING) == 1
    assert "[aot" not in (tmp_path / "second" / "logs" / "kafka.log").read_text()


def test_killed_while_it_makes_an_archive_it_leaves_none(cache: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    opened = f"with LocalStack(Path({str(data)!r}), servers=['kafka']): pass"
    program = f"from pathlib import Path; from kruispunt_deploy.stack import LocalStack\n{opened}"
    with subprocess.Popen([sys.executable, "-c", program]) as supervisor:
        wait_until(lambda: list(cache.glob(".making-*")), within=120, what="the making of the archive")
        supervisor.send_signal(signal.SIGKILL)
    assert supervisor.returncode == -signal.SIGKILL
    assert not list((cache / "archives").iterdir())


def test_an_interrupted_stack_makes_no_archive(cache: Path, tmp_path: Path) -> None:
    steps: list[Step] = []
    with (
        pytest.raises(KeyboardInterrupt),
        LocalStack(tmp_path / "data", servers=["kafka"], progress=steps.append),
    ):
        raise KeyboardInterrupt
    assert PREPARING not in steps
    assert not (cache / "archives").exists()
    assert not list((tmp_path / "data").glob("*.recording"))

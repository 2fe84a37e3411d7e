from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kruispunt_deploy.stack import Step, guard
from kruispunt_deploy.stack.processes import RESTARTS, Keeper, Spec, guarded
from kruispunt_schemas.failures import UnavailableError

from tests.waiting import wait_until

SLEEPER = [sys.executable, "-c", "import signal; signal.pause()"]
BRIEF = [sys.executable, "-c", "import time; time.sleep(0.1)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()",
]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.fixture
def steps() -> list[Step]:
    return []


@pytest.fixture
def keeper(steps: list[Step]) -> Iterator[Keeper]:
    keeper = Keeper(steps.append)
    yield keeper
    keeper.close()


def spec(tmp_path: Path, argv: list[str], **more: Any) -> Spec:
    return Spec(name="part", argv=argv, log=tmp_path / "part.log", **more)


def test_a_child_is_ready_when_its_probe_says_so(keeper: Keeper, tmp_path: Path, steps: list[Step]) -> None:
    answers = iter([False, False, True])
    info = keeper.start(spec(tmp_path, SLEEPER, ready=lambda: next(answers)))
    assert info.state == "ready"
    assert info.pid
    assert alive(info.pid)
    assert [step.state for step in steps] == ["starting", "ready"]


def test_a_killed_child_is_reported_and_started_again(
    keeper: Keeper, tmp_path: Path, steps: list[Step]
) -> None:
    before = keeper.start(spec(tmp_path, SLEEPER))
    assert keeper.kill("part") == before.pid
    after = keeper.wait_ready("part", 10)
    assert after.pid != before.pid
    assert after.restarts == 1
    assert "ended by SIGKILL" in [step.detail for step in steps if step.state == "died"]


def test_a_child_killed_for_good_stays_down_until_it_is_started(keeper: Keeper, tmp_path: Path) -> None:
    before = keeper.start(spec(tmp_path, SLEEPER))
    keeper.kill("part", restart=False)
    wait_until(lambda: keeper.parts()["part"].state == "stopped", within=5, what="the end of the child")
    assert keeper.parts()["part"].pid is None
    assert keeper.restart("part").pid != before.pid


def test_a_child_that_dies_before_it_is_ready_fails_with_the_end_of_its_log(
    keeper: Keeper, tmp_path: Path
) -> None:
    argv = [sys.executable, "-c", "print('port in use'); raise SystemExit(3)"]
    with pytest.raises(UnavailableError, match="port in use"):
        keeper.start(spec(tmp_path, argv, ready=lambda: False))
    assert keeper.parts()["part"].state == "failed"


def test_a_child_that_is_never_ready_is_stopped_at_its_bound(keeper: Keeper, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="not ready"):
        keeper.start(spec(tmp_path, SLEEPER, ready=lambda: False, ready_within=0.2))
    assert keeper.parts()["part"].pid is None


def test_a_probe_that_raises_is_a_failure_and_not_a_hang(keeper: Keeper, tmp_path: Path) -> None:
    def probe() -> bool:
        raise ZeroDivisionError

    with pytest.raises(UnavailableError, match="failed"):
        keeper.start(spec(tmp_path, SLEEPER, ready=probe))


def test_a_child_that_keeps_dying_is_given_up(
    keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: list[Step]
) -> None:
    monkeypatch.setattr("kruispunt_deploy.stack.processes.LONGEST_PAUSE", 0.01)
    keeper.start(spec(tmp_path, BRIEF, given_up_after=2))
    wait_until(lambda: keeper.parts()["part"].state == "failed", within=10, what="giving up")
    assert [step.state for step in steps].count("restarting") == 2


def test_a_child_that_is_never_given_up_is_started_again_with_growing_pauses(
    keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: list[Step]
) -> None:
    monkeypatch.setattr("kruispunt_deploy.stack.processes.FIRST_PAUSE", 0.01)
    monkeypatch.setattr("kruispunt_deploy.stack.processes.LONGEST_PAUSE", 0.04)
    keeper.start(spec(tmp_path, BRIEF, given_up_after=None))
    wait_until(lambda: keeper.parts()["part"].restarts > RESTARTS, within=30, what="one restart more")
    assert [step.detail for step in steps if step.state == "restarting"][:4] == [
        "in 0.01 s",
        "in 0.02 s",
        "in 0.04 s",
        "in 0.04 s",
    ]


def test_a_child_that_ignores_the_request_to_stop_is_killed(keeper: Keeper, tmp_path: Path) -> None:
    started = spec(
        tmp_path, STUBBORN, stop_within=0.2, ready=lambda: "deaf" in (tmp_path / "part.log").read_text()
    )
    pid = keeper.start(started).pid
    assert pid
    keeper.stop("part")
    assert not alive(pid)
    assert keeper.parts()["part"].state == "stopped"


def test_the_last_started_tier_stops_first(tmp_path: Path, steps: list[Step]) -> None:
    keeper = Keeper(steps.append)
    for tier, name in enumerate(("database", "server", "worker")):
        keeper.start(Spec(name=name, argv=SLEEPER, log=tmp_path / f"{name}.log", tier=tier))
    keeper.close()
    assert [step.part for step in steps if step.state == "stopped"] == ["worker", "server", "database"]
    with pytest.raises(UnavailableError, match="stopped"):
        keeper.start(spec(tmp_path, SLEEPER))


def test_a_command_that_fails_shows_its_code_and_log(keeper: Keeper, tmp_path: Path) -> None:
    keeper.run(spec(tmp_path, [sys.executable, "-c", ""]))
    with pytest.raises(UnavailableError, match=r"(?s)code 4.*no space"):
        keeper.run(spec(tmp_path, [sys.executable, "-c", "print('no space'); raise SystemExit(4)"]))


def test_a_program_that_is_not_there_is_a_clear_error(keeper: Keeper, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="No such file"):
        keeper.start(spec(tmp_path, ["/nowhere/server"], ready=lambda: False))


OWNER = """
import sys
from pathlib import Path
from kruispunt_deploy.stack.processes import Keeper, Spec
from threading import Event
log = Path(sys.argv[1])
keeper = Keeper(lambda step: None)
ready = lambda: "deaf" in log.read_text()
print(keeper.start(Spec(name="part", argv=sys.argv[2:], log=log, ready=ready)).pid, flush=True)
Event().wait()
"""


def test_no_child_outlives_an_owner_that_was_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path / "part.log"), *STUBBORN], stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout
        pid = int(owner.stdout.readline())
        assert alive(pid)
        owner.kill()
        wait_until(lambda: not alive(pid), within=5, what="the end of the child")


def test_nothing_is_started_for_an_owner_that_is_gone(tmp_path: Path) -> None:
    command = guarded(["/bin/sh", "-c", 'touch "$0"', str(tmp_path / "ran")])
    command[command.index(str(os.getpid()))] = "1"
    assert subprocess.run(command, check=False).returncode == guard.OWNER_GONE
    assert not (tmp_path / "ran").exists()


def test_where_the_kernel_has_no_parent_death_signal_the_guard_watches(tmp_path: Path) -> None:
    watching = (
        f"import sys; sys.path.insert(0, {str(Path(guard.__file__).parent)!r}); import guard; "
        "guard.die_with_parent = lambda number: False; guard.main(sys.argv[1:])"
    )
    # The shell is the owner: it starts the guard beside it, tells its pid, and is killed.
    command = '"$0" -c "$1" $$ 9 -1 -1 -- "$0" -c "$2" "$3" & wait'
    child = "import os, sys, signal; open(sys.argv[1], 'w').write(str(os.getpid())); signal.pause()"
    file = tmp_path / "pid"
    with subprocess.Popen(["/bin/sh", "-c", command, sys.executable, watching, child, str(file)]) as owner:
        pid = int(
            wait_until(lambda: file.exists() and file.read_text(), within=10, what="the start of the child")
        )
        assert alive(pid)
        owner.send_signal(signal.SIGKILL)
    wait_until(lambda: not alive(pid), within=5, what="the end of the child")

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from kruispunt_deploy.stack.datafolder import holder_of
from kruispunt_deploy.stack.display import Follower

from tests.waiting import wait_until

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="finds orphans through /proc"),
    pytest.mark.usefixtures("local_stack"),  # proves that the artifacts are there, and obeys --stack
]
KRUISPUNT = [sys.executable, "-c", "from kruispunt_schemas.command import main; main()"]


@pytest.fixture
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kruispunt-up-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        folder = Path(name) / "data"
        yield folder
        if (pid := holder_of(folder)) is not None:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not servers_of(folder), within=20, what="the end of every server")


def servers_of(data: Path) -> list[int]:
    """Return the processes that work in the folder or name it on their command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            where = str((process / "cwd").readlink())
            command = (process / "cmdline").read_text(errors="replace")
        except OSError:
            continue
        if int(process.name) != os.getpid() and (where.startswith(str(data)) or str(data) in command):
            found.append(int(process.name))
    return found


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("KRUISPUNT_") or "CACHE" in key
    }
    return subprocess.run(
        [*KRUISPUNT, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
        env=environment,
    )


def test_killed_at_any_instant_it_leaves_no_orphan_and_starts_clean_again(data: Path) -> None:
    # In the middle of a first start: initdb, the format of Kafka's folder and the registry's JVM are under way.
    supervisor = subprocess.Popen([sys.executable, "-m", "kruispunt_deploy.stack", str(data), "1"])
    follower = Follower(data / "logs" / "events.jsonl")
    wait_until(
        lambda: any(step.state == "starting" for step in follower.new()),
        within=60,
        what="the first server's start",
    )
    supervisor.kill()
    supervisor.wait()
    wait_until(lambda: not servers_of(data), within=20, what="the end of every server")

    up = run("up", "--detach", "--data", data, "--json")
    assert up.returncode == 0, up.stderr
    told = json.loads(up.stdout)
    assert told["healthy"] is True
    assert len(servers_of(data)) > 3

    refused = run("up", "--data", data)
    assert refused.returncode == 2
    assert f"already runs in {data} (pid {told['pid']})" in refused.stderr.replace("\n", " ")
    assert "kruispunt down" in refused.stderr.replace("\n", " ")

    os.kill(told["pid"], signal.SIGKILL)
    wait_until(lambda: not servers_of(data), within=20, what="the end of every server")
    assert (data / "stack.json").exists()
    stopped = run("status", "--data", data, "--json")
    assert stopped.returncode == 1
    assert json.loads(stopped.stdout)["phase"] == "stopped"

    again = run("up", "--detach", "--data", data, "--json")
    assert again.returncode == 0, again.stderr
    addresses = [
        {part["name"]: part["address"] for part in each["parts"]} for each in (told, json.loads(again.stdout))
    ]
    assert addresses[0] == addresses[1]
    down = run("down", "--data", data, "--json")
    assert (down.returncode, json.loads(down.stdout)["forced"]) == (0, False)
    # The servers are gone; the supervisor gives back its lock an instant before it ends.
    wait_until(lambda: not servers_of(data), within=5, what="the end of every process")
    assert not (data / "stack.json").exists()
    assert json.loads(run("down", "--data", data, "--json").stdout)["stopped"] is False


def test_ctrl_c_while_starting_stops_everything(data: Path) -> None:
    with subprocess.Popen(
        [*KRUISPUNT, "up", "--data", str(data)], stderr=subprocess.PIPE, text=True
    ) as starting:
        follower = Follower(data / "logs" / "events.jsonl")
        wait_until(
            lambda: any(step.state == "starting" for step in follower.new()),
            within=60,
            what="the first server's start",
        )
        starting.send_signal(signal.SIGINT)
        _, told = starting.communicate(timeout=60)
    assert starting.returncode == 130
    assert "Everything is stopped" in told
    assert not servers_of(data)

"""``kruispunt demo``: the steps in their order, shown to a person, with everything stopped at the end.

Rules
-----
1. The data folder is made anew at the start (only an empty one, or one that a demonstration made) and kept after a demonstration that came to its end, so that what is
   printed last can be tried; an interrupted one leaves nothing behind.
2. Ctrl-C and SIGTERM stop every child; so does the end of this process, whatever ends it (`stack`).

3. A demonstration that fails keeps its folder: the logs say why.

Must not: hold a figure that was not measured in this run.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from kruispunt_schemas.command import console, json_option, print_json, stderr
from kruispunt_schemas.failures import ConfigurationError
from kruispunt_schemas.jurist.options import language_option
from kruispunt_schemas.needtoknow.rules import Language
from kruispunt_schemas.settings import Settings
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from kruispunt_deploy.stack import LocalStack, ended_by_signals
from kruispunt_deploy.stack.datafolder import holder_of, taken
from kruispunt_deploy.stack.display import Display

if TYPE_CHECKING:
    from kruispunt_consumers.audit.balance import Verdict
    from kruispunt_producers.publishing import Published
    from kruispunt_producers.synthetic import Scenario
    from kruispunt_schemas.needtoknow.bundle import Bundle
    from kruispunt_schemas.records.backbone import Decision

    from kruispunt_deploy.demonstration.steps import Demonstration, Kill
    from kruispunt_deploy.demonstration.truth import Difference
    from kruispunt_deploy.provisioning import Provisioned

SIGNALS: Final = 2_000
QUIET_SECONDS: Final = 180.0
PUBLISHERS: Final = 4
INTERRUPTED: Final = 130
MARKER: Final = "demonstration"
"""A file that says whose folder it is, for it is emptied without asking."""
TASK_FORCES: Final = ("ltf-antwerpen", "ltf-brussel", "ltf-liege-huy")


@click.command(epilog="Example: kruispunt demo --signals 2000 --seed 7")
@click.option(
    "--signals", type=click.IntRange(min=120), default=SIGNALS, show_default=True, help="Postings in all."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another synthetic world.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder, made anew (default: KRUISPUNT_DATA/demo).",
)
@language_option
@json_option
def demo(*, signals: int, seed: int, data: Path | None, language: Language, as_json: bool) -> None:
    """Run the whole road on an embedded stack of real servers: publish, kill a worker, receive, audit.

    Ends with 0 when the audit adds up and equals the generator's truth, else with 1.
    """
    folder = (data or Settings().data / "demo").absolute()
    if (pid := holder_of(folder)) is not None:
        raise taken(folder, pid)
    _make_anew(folder)
    try:
        with ended_by_signals():
            sound = _run(folder, signals, seed, language, as_json=as_json)
    except KeyboardInterrupt:
        shutil.rmtree(folder, ignore_errors=True)
        stderr.print("Interrupted: everything is stopped, nothing is left.")
        sys.exit(INTERRUPTED)
    sys.exit(0 if sound else 1)


def _make_anew(folder: Path) -> None:
    """Empty the folder of an earlier demonstration; refuse one that holds anything else."""
    ours = (
        not folder.exists() or (folder / MARKER).is_file() or (folder.is_dir() and not any(folder.iterdir()))
    )
    if not ours:
        raise ConfigurationError(
            f"{folder} holds something that is no demonstration's: name an empty or a new folder with --data"
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARKER).touch()


@dataclass(frozen=True, slots=True)
class Account:
    """What a demonstration did."""

    provisioned: Provisioned
    published: list[Published]
    raw: int
    kill: Kill
    received: dict[str, int]
    verdict: Verdict
    wrong: list[Difference]
    view: str
    story: tuple[Decision, Bundle] | None


def _run(folder: Path, signals: int, seed: int, language: Language, *, as_json: bool) -> bool:
    began = time.monotonic()
    with (
        ThreadPoolExecutor(1) as aside,
        Display(stderr, visible=not as_json) as display,
    ):
        # The rooms take seconds to load: they do while the servers start.
        loading = aside.submit(_load, seed, signals)
        with LocalStack(folder, progress=display) as stack:
            display.settle()
            make, scenario = loading.result()
            with _steps(visible=not as_json) as step:
                account = _perform(make(stack, folder, scenario), step)
    seconds = time.monotonic() - began
    if as_json:
        print_json(_plain(account, seconds))
    else:
        from kruispunt_deploy.demonstration import tables  # noqa: PLC0415

        tables.show(console, account, language)
        tables.next_commands(console, folder, seconds, TASK_FORCES[0], account.view)
    return account.verdict.adds_up and not account.wrong


def _load(seed: int, signals: int) -> tuple[Callable[[LocalStack, Path, Scenario], Demonstration], Scenario]:
    """Load the rooms and make the synthetic world; help and the start of the servers need neither."""
    from kruispunt_producers import synthetic  # noqa: PLC0415

    from kruispunt_deploy.demonstration import steps  # noqa: PLC0415

    return steps.Demonstration, synthetic.generate(seed, signals)


def _perform(show: Demonstration, step: Callable[[str], Step]) -> Account:
    """Perform the steps in their order."""
    from kruispunt_deploy.demonstration.truth import differences  # noqa: PLC0415

    with step("provisioning; the agencies' databases are filled") as say, ThreadPoolExecutor(1) as aside:
        filling = aside.submit(show.place_sources, 1)
        provisioned = show.provision(say)
        show.start_workers()
        filling.result()
    with step("agencies publish; the route worker is killed in the middle") as say:
        with ThreadPoolExecutor(PUBLISHERS) as pool:
            publishing = pool.map(show.publish, show.scenario.participants)
            say("workers take their partitions")
            show.wait_for_workers()
            say("SIGKILL, while claims are open")
            kill = show.kill_in_the_middle("route")
            say(f"killed with {kill.open_claims} claims open; agencies go on")
            published = list(publishing)
        say("malformed, forged and repeated records")
        raw = show.post_raw()
    with step("agencies correct and recall while the road catches up") as say:
        show.place_sources(2)
        with ThreadPoolExecutor(PUBLISHERS) as pool:
            published += pool.map(show.publish, show.scenario.participants)
        show.wait_quiet(QUIET_SECONDS, lambda lag: say(f"{lag.total:,} messages to go"))
    with step("task forces receive") as say, ThreadPoolExecutor(len(TASK_FORCES)) as pool:
        received = dict(zip(TASK_FORCES, pool.map(show.receive, TASK_FORCES), strict=True))
        say("receipts")
        show.wait_quiet(QUIET_SECONDS)
    with step("the audit replays every topic"), ThreadPoolExecutor(1) as aside:
        stopping = aside.submit(show.stop_workers)
        verdict = show.audit()
        story = show.story()
        stopping.result()
    return Account(
        provisioned=provisioned,
        published=published,
        raw=raw,
        kill=kill,
        received=received,
        verdict=verdict,
        wrong=differences(show.scenario.truth(), verdict, show.refused_by_adapters()),
        view=show.newest_view(TASK_FORCES[0]),
        story=story,
    )


def _plain(account: Account, seconds: float) -> dict[str, object]:
    return {
        "seconds": round(seconds, 1),
        "bundle": account.provisioned.bundle,
        "published": [asdict(item) for item in account.published],
        "raw": account.raw,
        "kill": asdict(account.kill),
        "received": account.received,
        "truth": {"equal": not account.wrong, "differences": [asdict(item) for item in account.wrong]},
        "audit": account.verdict.as_json(),
    }


Say = Callable[[str], None]


@contextmanager
def _steps(*, visible: bool) -> Iterator[Callable[[str], Step]]:
    progress = Progress(
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description}"),
        TextColumn("[dim]{task.fields[detail]}"),
        TimeElapsedColumn(),
        console=stderr,
        disable=not visible,
    )
    with progress:
        yield lambda title: Step(progress, title)


class Step:
    """One line of the progress: a title, a detail that changes, the time it took."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._title = title
        self._task: TaskID | None = None

    def __enter__(self) -> Say:
        task = self._task = self._progress.add_task(self._title, total=1, detail="")
        return lambda detail: self._progress.update(task, detail=detail)

    def __exit__(self, failure: object, *_rest: object) -> None:
        if self._task is not None and failure is None:
            self._progress.update(self._task, completed=1, detail="")

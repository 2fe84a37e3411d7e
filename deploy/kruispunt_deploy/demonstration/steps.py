"""The steps of the demonstration, each a method; who calls them decides what is shown.

Rules
-----
1. Real servers, real processes, real kills; the workers are children of the stack and are started again by it.
2. A kill counts when, after it, the worker's claims are open and messages lag: it hit in the middle of a batch.
3. The generator's truth lies beside the data (``truth.jsonl``); nothing here looks at it.

Must not: print.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Final

from kruispunt_consumers.audit.balance import Verdict
from kruispunt_consumers.audit.past import read_past
from kruispunt_consumers.audit.replay import replay
from kruispunt_consumers.inbox.assembly import follower_of
from kruispunt_consumers.inbox.kept import Kind, State
from kruispunt_consumers.inbox.store import InboxStore, store_path
from kruispunt_consumers.topic_reader import TopicReader
from kruispunt_producers import adapters, publishing, synthetic
from kruispunt_producers.posting_box import PostingBox, box_path
from kruispunt_producers.publishing import Job, Published
from kruispunt_schemas import keys
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import UnavailableError
from kruispunt_schemas.needtoknow.authoring import read_participants
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.records.backbone import Decision
from kruispunt_schemas.registry import CACHE_FILE, Registry
from kruispunt_schemas.settings import Settings

from kruispunt_deploy.demonstration.road import ROLES, Lag, Road
from kruispunt_deploy.provisioning import Provisioned, provision
from kruispunt_deploy.stack import LocalStack

LEGACY_DATABASE: Final = "legacy"
WORKER_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.05
KILL_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Kill:
    """A worker killed by SIGKILL: what was open and what lagged at that instant, and how many tries it took."""

    role: str
    pid: int
    open_claims: int
    lag: int
    tries: int


class Demonstration:
    """One run on an open stack: ``data`` holds keys, sources, boxes and inboxes."""

    def __init__(self, stack: LocalStack, data: Path, scenario: synthetic.Scenario) -> None:
        self._stack = stack
        self._data = data
        self.scenario = scenario
        self.settings = Settings(data=data, **stack.addresses.model_dump())
        self.participants = [row.id for row in read_participants()]
        self.road = Road(stack.addresses, self.participants)

    def provision(self, say: Callable[[str], None]) -> Provisioned:
        """Make keys, schemas, tables, topics and the bundle in force."""
        return provision(self.settings, say)

    def start_workers(self) -> None:
        """Start one worker of each role, without waiting for them."""
        for role in ROLES:
            self._stack.spawn(f"worker-{role}", self.worker_command(role))

    def worker_command(self, role: str) -> list[str]:
        """Return the command line of a role's worker."""
        program = [sys.executable, "-m", "kruispunt_schemas"]
        return [*program, "worker", "--role", role, "--data", str(self._data)]

    def wait_for_workers(self) -> None:
        """Return once every worker has partitions; raise UnavailableError when one has none in time."""
        deadline = time.monotonic() + WORKER_SECONDS
        for role in ROLES:
            while not self._working(role):
                if time.monotonic() > deadline:
                    raise UnavailableError(
                        f"worker {role} took no partitions in {WORKER_SECONDS:.0f} s: "
                        f"see {self._data / 'logs' / f'worker-{role}.log'}"
                    )
                time.sleep(LOOK_SECONDS)

    def place_sources(self, phase: int) -> None:
        """Write a phase into the agencies' own stores: a legacy database with another role, folders of exports."""
        for participant in self.scenario.with_tables:
            synthetic.write_tables(self.legacy, self.scenario, participant, phase)
        for participant in self.scenario.with_exports:
            synthetic.write_exports(self.exports(participant), self.scenario, participant, phase)
        synthetic.write_truth(self._data / "truth.jsonl", self.scenario.truth())

    def source_of(self, participant: str) -> str:
        """Return the address of a participant's source, as ``agency publish --from`` takes it."""
        if participant in self.scenario.with_tables:
            return self.legacy
        return f"csv:{self.exports(participant)}"

    @cached_property
    def legacy(self) -> str:
        """The address of the agencies' own database, made when it is first asked for."""
        return self._stack.postgres.create_database(LEGACY_DATABASE, LEGACY_DATABASE)

    def exports(self, participant: str) -> Path:
        """Return the folder of a participant's exports."""
        return self._data / "sources" / participant

    def publish(self, participant: str) -> Published:
        """Publish what is new in a participant's source."""
        source = self.source_of(participant)
        return publishing.publish(
            Job(
                participant=participant,
                source=source,
                adapter=adapters.choose(participant, source),
                addresses=self.settings.addresses(),
                data=self._data,
            )
        )

    def post_raw(self) -> int:
        """Post what no adapter would: repeated, malformed and forged records; return how many."""
        owners = {name: keys.read_participant(self._data, name) for name in self.scenario.owners_of_raw}
        with closing(Registry(self.settings.addresses().registry, self._data / CACHE_FILE)) as registry:
            ids = registry.wire_ids([schemas.load(name) for name in schemas.TOPIC_TYPES])
        messages = self.scenario.raw_messages(
            owners, datetime.now(UTC), lambda fingerprint: ids.get(fingerprint, 0)
        )
        synthetic.send_raw({"bootstrap.servers": self.settings.addresses().brokers}, messages)
        return len(messages)

    def kill_in_the_middle(self, role: str) -> Kill:
        """Kill the worker of a role (resolve or route) while claims are open; it is started again by itself.

        Raise UnavailableError when no try hit within `KILL_SECONDS`.
        """
        deadline = time.monotonic() + KILL_SECONDS
        tries = 0
        while time.monotonic() < deadline:
            if self.road.open_claims(role) == 0:
                time.sleep(LOOK_SECONDS / 2)
                continue
            tries += 1
            pid = self._stack.kill(f"worker-{role}")
            still_open = self.road.open_claims(role)
            lag = self.road.lag().total
            if still_open and lag:
                self.road.close()
                return Kill(role, pid, still_open, lag, tries)
            self._stack.wait_ready(f"worker-{role}", within=WORKER_SECONDS)
        raise UnavailableError(
            f"no claim of {role} was open within {KILL_SECONDS:.0f} s: nothing to kill it in"
        )

    def wait_quiet(self, within: float, watch: Callable[[Lag], None] = lambda _lag: None) -> None:
        """Return once the road has done all there is."""
        self.road.wait_quiet(within, watch)

    def receive(self, participant: str) -> int:
        """Let a participant's inbox read its topic to the end and post its receipts; return how many it read."""
        read = 0

        def count(_event: object) -> None:
            nonlocal read
            read += 1

        with follower_of(self.settings, participant, tell=count, stopping=lambda: False) as follower:
            follower.run(once=True)
        return read

    def newest_view(self, participant: str) -> str:
        """Return the start of the id of a current view in a participant's inbox; '' when it holds none."""
        with InboxStore(store_path(self._data, participant), create=False) as store:
            current = [
                item for item in store.items() if item.state is State.CURRENT and item.kind is Kind.VIEW
            ]
        return str(current[0].output_id)[:8] if current else ""

    def refused_by_adapters(self) -> Counter[str]:
        """Return the source records that adapters refused, counted by ``reason field``."""
        counts: Counter[str] = Counter()
        for participant in self.scenario.participants:
            with PostingBox(box_path(self._data, participant)) as box:
                counts.update(f"{each.reason} {each.field}" for each in box.refusals())
        return counts

    def stop_workers(self) -> None:
        """Stop every worker; the audit needs the topics alone."""
        for role in ROLES:
            self._stack.stop(f"worker-{role}")

    def audit(self) -> Verdict:
        """Replay the topics."""
        return replay(self.settings.addresses(), complete=True)

    def story(self) -> tuple[Decision, Bundle] | None:
        """Return the decision that tells most of the policy, with its bundle: most rules, then most outcomes."""
        past = read_past(TopicReader(self.settings.addresses().brokers, client="kruispunt-demo"))
        found = max(past.standing().values(), key=_telling, default=None)
        return None if found is None else (found, past.cited(found))

    def _working(self, role: str) -> bool:
        try:
            state = json.loads((self._data / "workers" / f"{role}.json").read_text())
        except (FileNotFoundError, ValueError):
            return False
        part = self._stack.parts.get(f"worker-{role}")
        return part is not None and state["pid"] == part.pid and state["assigned"] > 0


def _telling(decision: Decision) -> tuple[int, int, str]:
    outcomes = [item for group in decision.groups for item in group.sections]
    rules = {rule for item in outcomes for rule in (*item.grounds, *item.guards)}
    return len(rules), len(decision.groups), str(decision.signal_id)

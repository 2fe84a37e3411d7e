"""A signal's first decision and its decisions again, recorded as route records them, under a policy that shows each case.

Who is in the territory gets the facts, who follows the subject gets the person; both may hold of one participant.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from kruispunt_schemas import identity
from kruispunt_schemas.needtoknow import again, decisions, facts, recording
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.decisions import PlannedOutput
from kruispunt_schemas.needtoknow.facts import Observed
from kruispunt_schemas.records.backbone import Decision, OutputKind
from kruispunt_schemas.records.frame import Follower, Posting
from kruispunt_schemas.records.sections import Sections
from kruispunt_schemas.vectors import samples

from tests.schemas.needtoknow.bundles import bundle, worded

FACTS = frozenset({"context", "situation"})
PERSON = frozenset({"contact", "subject"})
BUNDLE = bundle(
    policies=worded(
        "ground-territory",
        'permit (principal, action in [Action::"context", Action::"situation"], resource) when { context.in_territory };',
    )
    + worded(
        "ground-follows",
        'permit (principal, action in [Action::"subject", Action::"contact"], resource) when { context.follows_subject };',
    )
    + worded("guard-excluded", "forbid (principal, action, resource) when { context.is_excluded };")
)
ENGINE = PolicyEngine(BUNDLE.policies, BUNDLE.policy_schema)
SECTIONS = tuple(sorted(Sections.NAMES))
CONTENT_DIGEST = bytes(32)
"""Stands for the digest of what was sent: these tests send nothing."""


def follower(participant: str) -> Follower:
    """Return a participant with its event, the same every time."""
    return Follower(participant=participant, event=identity.derived_id("test", participant))


def followers(*participants: str) -> tuple[Follower, ...]:
    """Return followers, sorted."""
    return tuple(map(follower, sorted(participants)))


def judgement(number: int) -> UUID:
    """Return the id of a judgement."""
    return UUID(int=7000 + number)


def first(signal: Observed, supersedes: tuple[UUID, ...] = ()) -> Decision:
    """Return the first decision of a signal that nobody held a version of."""
    said = facts.of_signal(BUNDLE, signal)
    header = signal.header
    groups = decisions.decide(BUNDLE, ENGINE, said, SECTIONS)
    planned = decisions.plan(
        BUNDLE,
        groups,
        sections=SECTIONS,
        originator=header.originator,
        signal_id=header.signal_id,
        lifecycle=header.lifecycle,
        held={},
    )
    return Decision(
        decision_id=identity.decision_id(header.originator, header.signal_id),
        posting=Posting(participant=header.originator, offset=3, appended_at=signal.appended_at),
        originator=header.originator,
        signal_type=header.signal_type,
        signal_id=header.signal_id,
        version=header.version,
        lifecycle=header.lifecycle,
        case_key=bytes(32),
        bundle=BUNDLE.name,
        decided_at=samples.TIME,
        supersedes=supersedes,
        sections=SECTIONS,
        classification=said.stated.classification,
        stated=recording.stated(said),
        holders=recording.holders(BUNDLE, said),
        evidence=recording.evidence(signal),
        groups=groups,
        outputs=decisions.record([(item, CONTENT_DIGEST) for item in planned], header.originator, supersedes),
    )


def again_planned(
    earlier: Sequence[Decision],
    *following: str,
    number: int = 1,
    renamed: bool = False,
    content: bool = True,
) -> tuple[Decision, dict[str, tuple[PlannedOutput, ...]]]:
    """Return the decision again for these followers, as recorded, and what each recipient is sent."""
    drafted = again.draft(
        BUNDLE,
        ENGINE,
        earlier,
        followers=followers(*following),
        judgement=judgement(number),
        now=samples.TIME + timedelta(hours=number),
    )
    planned = again.plan(BUNDLE, earlier, drafted, renamed=renamed, content=content)
    sent = {
        name: tuple(item for item in planned if item.recipient == name)
        for name in {item.recipient for item in planned}
    }
    return again.recorded(drafted, [(item, CONTENT_DIGEST) for item in planned]), sent


def kinds(sent: dict[str, tuple[PlannedOutput, ...]]) -> dict[str, tuple[OutputKind, ...]]:
    """Return what kinds of output each recipient is sent."""
    return {name: tuple(item.kind for item in items) for name, items in sent.items()}


def shown(earlier: Sequence[Decision]) -> dict[str, frozenset[str]]:
    """Return the sections that each recipient holds after these decisions."""
    return {name: view.released for name, view in again.standing(BUNDLE, earlier).items()}

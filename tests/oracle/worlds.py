"""Two worlds that differ only in what others hold: the same postings in both, hidden ones between them in one.

Rules
-----
1. Both worlds have the same keys, so the same bundle; what is posted openly has the same bytes.
2. A step is over when all that comes of it lies where it belongs; then the next is posted.
3. Three parts, each compared on its own: ``honest`` and ``linking`` under the reviewed policy, ``leaking`` under one that
   gives away to a safety cell that somebody else follows its subject.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kruispunt_schemas import disclosure, topics
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.records.backbone import BundleContent, Decision
from kruispunt_schemas.records.frame import Classification, Lifecycle
from kruispunt_schemas.records.sections import Nature, PersonName, Purpose, Sections, Subject

from tests import drafts
from tests.backbone import ROLES, WITHIN, Backbone, provisioned
from tests.drafts import GENT, MONDAY, draft, person, sections, with_section
from tests.inboxes import Inboxes
from tests.oracle.observing import Observation, Observer
from tests.waiting import wait_until

ZONE, CELL = "police-gent", "livc-gent"
LIEGE = "62063"
AHEAD = timedelta(seconds=4)
"""How far ahead the leaking policy is announced: every worker has it by then."""
LEAK = """
@id("ground-leak")
@law("None: this rule leaks on purpose")
@confidence("unsure")
@nl("Iemand anders volgt deze persoon.")
@fr("Quelqu'un d'autre suit cette personne.")
@de("Jemand anderes verfolgt diese Person.")
@en("Somebody else follows this subject.")
permit (principal, action, resource)
when { context.recipient_kind == "local-safety-cell" && context.follows_subject };
"""
PARTS = ("honest", "linking", "leaking")


@dataclass(frozen=True, slots=True)
class Step:
    """A posting; hidden: only in the world where others hold something."""

    name: str
    owner: str
    made: Draft
    hidden: bool = False


@dataclass
class World:
    """What was observed in one world. observed: by part and participant. offsets: of every open posting.

    touched: by part, who posted something hidden or was sent something of it: of these nothing is claimed.
    """

    observed: dict[str, dict[str, Observation]] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)
    touched: dict[str, set[str]] = field(default_factory=dict)


def him(place: int, *, number: bool = False) -> Subject:
    """Return one of the persons of these worlds."""
    birth = (1990, 1, place)
    return person(birth=birth, number=drafts.national_number(f"9001{place:02}999") if number else None)


def case(
    subject: Subject,
    reference: str,
    *,
    nature: Nature = Nature.ADMINISTRATIVE,
    purposes: tuple[Purpose, ...] = (Purpose.PREVENTION, Purpose.INVESTIGATION),
    municipality: str = LIEGE,
    version: int = 1,
    lifecycle: Lifecycle | None = None,
    classification: Classification = Classification.UNCLASSIFIED,
    statement: str = "Seen near the harbour with two others.",
    **told: object,
) -> Draft:
    """Return a case. told: fields of the distribution."""
    made = sections(subject=subject, reference=reference, municipality=municipality, statement=statement)
    made = with_section(made, "context", nature=nature, purposes=purposes)
    return draft(
        version=version,
        lifecycle=lifecycle,
        classification=classification,
        parts=with_section(made, "distribution", **told),
    )


def sheet(subject: Subject, reference: str) -> Draft:
    """Return a feedback sheet of the safety cell."""
    return draft("FeedbackSheet", subject=subject, reference=reference, municipality=GENT)


def broken(made: Draft) -> Draft:
    """Return what the door refuses."""
    assert made.sections.subject is not None
    subject = replace(made.sections.subject, national_number="12345678901")
    parts: Sections = replace(made.sections, subject=subject)
    return replace(made, sections=parts)


def honest() -> Iterator[Step]:
    """Give what is posted under the reviewed policy."""
    first, second = him(3), him(4, number=True)
    secret = {"nature": Nature.INTELLIGENCE, "purposes": (Purpose.INTELLIGENCE,)}
    own = case(first, "zone/1", municipality=GENT)
    yield Step("others: a note", "vsse", case(first, "note/1", **secret), hidden=True)
    yield Step("others: before", "federal-police", case(second, "fp/1", excluded=(ZONE,)), hidden=True)
    yield Step("case", ZONE, own)
    yield Step("others: the same content", "dvz", replace(own, sections=_without(own, "dvz/1")), hidden=True)
    yield Step("corrected", ZONE, case(first, "zone/1", municipality=GENT, version=2, statement="Not two."))
    embargo = case(
        first, "notice/1", nature=Nature.JUDICIAL, embargo=True, embargo_agreed=True, municipality=GENT
    )
    yield Step("others: under embargo", "prosecutor-liege", embargo, hidden=True)
    yield Step(
        "same content", ZONE, case(first, "zone/2", municipality=GENT, version=1, statement="Not two.")
    )
    yield Step("same signal", ZONE, case(first, "zone/1", municipality=GENT, version=2, statement="Not two."))
    classified = case(
        second,
        "sgrs/1",
        classification=Classification.SECRET,
        municipality=GENT,
        excluded=("ltf-gent",),
        **secret,
    )
    yield Step("others: classified", "adiv", classified, hidden=True)
    yield Step("another", ZONE, case(second, "zone/3", municipality=GENT))
    yield Step("others: refused", "vsse", broken(case(second, "note/2", **secret)), hidden=True)
    yield Step("refused", ZONE, broken(case(second, "zone/4", municipality=GENT)))
    yield Step("others: after", "federal-police", case(first, "fp/2", excluded=(ZONE,)), hidden=True)
    yield Step("sheet", CELL, sheet(second, "cell/1"))
    gone = case(first, "zone/1", municipality=GENT, version=3, lifecycle=Lifecycle.RECALL)
    yield Step("recalled", ZONE, gone)
    yield Step(
        "others: recalled",
        "vsse",
        case(first, "note/1", version=2, lifecycle=Lifecycle.RECALL, **secret),
        hidden=True,
    )


def linking() -> Iterator[Step]:
    """Give two mentions of one person that have no key in common, and in one world a hidden one that has both."""
    number = him(5, number=True)
    name = replace(him(6), names=(PersonName(family="Broeck", particle="van den", given="Joris"),))
    both = replace(name, national_number=number.national_number)
    yield Step("by number", ZONE, case(number, "zone/5", municipality=GENT))
    yield Step("others: both", "federal-police", case(both, "fp/3", excluded=(ZONE,)), hidden=True)
    yield Step("by name", ZONE, case(name, "zone/6", municipality=GENT))


def leaking() -> Iterator[Step]:
    """Give what leaks under the leaking policy: that somebody else follows the subject of the cell."""
    yield Step("sheet of the leak", CELL, sheet(him(7), "cell/2"))
    yield Step("others: the same person", "federal-police", case(him(7), "fp/4"), hidden=True)
    yield Step("sheet after it", CELL, sheet(him(8), "cell/3"))


def _without(made: Draft, reference: str) -> Sections:
    """Return the same content under another reference, out of the zone's sight."""
    parts = with_section(made.sections, "context", reference=reference)
    return with_section(parts, "distribution", excluded=(ZONE, CELL, "ltf-gent"))


class Teller:
    """Posts steps on a backbone and waits for all that comes of each."""

    def __init__(self, backbone: Backbone, inboxes: Inboxes) -> None:
        self.backbone, self.inboxes = backbone, inboxes

    def tell(self, step: Step) -> set[str]:
        """Post a step and wait until it is over; return everybody who was sent something of it."""
        own = self.backbone.keys(step.owner)
        signed = disclosure.compose(
            step.made, originator=step.owner, secret=own.secret, signer=own.signer, published_at=MONDAY
        )
        posting = self.backbone.post(step.name, step.owner, *drafts.wired(signed))
        signal_id = signed.read_header().signal_id

        def over() -> Decision | bool:
            self.inboxes.take()
            return self.inboxes.over(posting, step.owner, signal_id)

        ended = wait_until(over, within=WITHIN, what=f"the end of {step.name}")
        outputs = ended.outputs if isinstance(ended, Decision) else ()
        return {step.owner, *(output.recipient for output in outputs)}


@contextmanager
def world(
    request: pytest.FixtureRequest, *, others: bool, same_keys_as: Path | None = None
) -> Iterator[tuple[Backbone, World]]:
    """Give a world after all its steps. others: whether what is hidden is posted."""
    with provisioned(request, same_keys_as=same_keys_as) as backbone:
        for role in ROLES:
            backbone.start(role)
        bundle = announced_bundle(backbone)
        inboxes = Inboxes(backbone.settings.addresses().brokers, (row.id for row in bundle.participants))
        teller, made = Teller(backbone, inboxes), World()
        observers = {name: Observer() for name in inboxes.lying}
        before = dict.fromkeys(inboxes.lying, 0)
        stories: Sequence[tuple[str, Callable[[], Iterator[Step]]]] = (
            ("honest", honest),
            ("linking", linking),
            ("leaking", leaking),
        )
        for part, steps in stories:
            if part == "leaking":
                _leak(backbone, bundle)
            made.touched[part] = set()
            for step in steps():
                if step.hidden and not others:
                    continue
                reached = teller.tell(step)
                if step.hidden:
                    made.touched[part] |= reached
                else:
                    made.offsets[step.name] = backbone.posted[step.name].offset
            inboxes.read_to_the_end()
            made.observed[part] = {
                name: Observation(observers[name].see(inboxes.lying[name][before[name] :]), end)
                for name, end in inboxes.ends().items()
            }
            before = {name: len(messages) for name, messages in inboxes.lying.items()}
        inboxes.close()
        yield backbone, made


def announced_bundle(backbone: Backbone) -> Bundle:
    """Return the bundle that provisioning announced."""
    (found,) = backbone.records(topics.BUNDLES.name, BundleContent)
    return Bundle.model_validate_json(found.content)


def _leak(backbone: Backbone, bundle: Bundle) -> None:
    """Announce the leaking policy and wait until it is in force."""
    leaking_bundle = Bundle.model_validate({**bundle.model_dump(), "policies": bundle.policies + LEAK})
    begins = datetime.now(UTC) + AHEAD
    backbone.announce(leaking_bundle, in_force_from=begins)
    wait_until(lambda: datetime.now(UTC) > begins, within=WITHIN, what="the leaking policy")

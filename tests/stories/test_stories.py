"""The stories of docs/stories.md, each told on the real road to its end; the last word is oversight's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from kruispunt_consumers.audit.commands import audit
from kruispunt_consumers.inbox.commands import inbox
from kruispunt_schemas import keys, wire
from kruispunt_schemas.clocks import ORDINARY, URGENT
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.needtoknow.authoring import make, read_participants, read_selection
from kruispunt_schemas.needtoknow.bundle import Bundle, VerificationKey
from kruispunt_schemas.records.sections import (
    AnswerResult,
    AnswerSituation,
    Fact,
    LevelAssessment,
    Measure,
    MeasureKind,
    Measures,
    Nature,
    Purpose,
    RequestInstrument,
    RequestSituation,
    Subject,
)

from tests.backbone import ROLES, WITHIN, provisioned
from tests.drafts import GENT, GROUP, KEYS_VALID_FROM, draft, person, sections, with_section
from tests.inboxes import Inboxes
from tests.stories.telling import Chain
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(240)

BESIDE = ("jic-antwerpen", "operator-airport-zaventem", "sector-aviation")
"""Participants of the stories that are not in the demonstration."""
CLOSING = timedelta(seconds=5)
"""How far ahead the end of the group is announced: every worker has it by then."""


@pytest.fixture(scope="module")
def chain(request: pytest.FixtureRequest) -> Iterator[Chain]:
    """The chain at work; its emergency group lasts whatever the date of today."""
    rows = read_participants({*read_selection("demonstration"), *BESIDE})
    with provisioned(request, participants=rows) as made:
        listed = {}
        for row in rows:
            signer = keys.read_participant(made.settings.data, row.id).signer
            public = signer.public_key().hex()
            listed[row.id] = (
                VerificationKey(key_id=signer.key_id, public_key=public, valid_from=KEYS_VALID_FROM),
            )
        now = datetime.now(UTC)
        bundle = with_group(make(listed, rows), now - timedelta(hours=1), now + timedelta(days=1))
        made.announce(bundle, in_force_from=now)
        for role in ROLES:
            made.start(role)
        inboxes = Inboxes(made.settings.addresses().brokers, (row.id for row in rows))
        yield Chain(
            made.settings,
            made.producer,
            made.workers,
            made.posted,
            made.readers,
            bundle=bundle,
            inboxes=inboxes,
        )
        inboxes.close()


def with_group(bundle: Bundle, valid_from: datetime, valid_until: datetime) -> Bundle:
    """Return a bundle whose emergency group lasts from one time until another."""
    (group,) = bundle.groups
    lasting = group.model_copy(update={"valid_from": valid_from, "valid_until": valid_until})
    return Bundle.model_validate({**bundle.model_dump(), "groups": (lasting.model_dump(),)})


def told_of(
    signal_type: str,
    subject: Subject | None = None,
    *,
    version: int = 1,
    nature: Nature | None = None,
    purposes: tuple[Purpose, ...] | None = None,
    site: str | None = None,
    anywhere: bool = False,
    parts: dict[str, Any] | None = None,
    told: dict[str, Any] | None = None,
    **changes: Any,
) -> Draft:
    """Return a draft. anywhere: of no municipality; parts: whole sections; told: fields of the distribution."""
    made = sections(signal_type, subject=subject, **changes)
    context: dict[str, Any] = {"site": site}
    context |= {} if nature is None else {"nature": nature}
    context |= {} if purposes is None else {"purposes": purposes}
    context |= {"municipality": None} if anywhere else {}
    made = with_section(made, "context", **context)
    made = with_section(made, "distribution", **(told or {}))
    return draft(signal_type, version=version, parts=replace(made, **(parts or {})))


def measures(kind: MeasureKind, description: str) -> dict[str, Any]:
    """Return the section of one measure."""
    return {"measures": Measures(measures=(Measure(kind=kind, description=description),))}


def test_a_feedback_sheet_there_and_back(chain: Chain) -> None:
    him = person(birth=(1999, 3, 14))
    sheet = told_of("FeedbackSheet", him, reference="livc/1")
    chain.tell(1, "1", "livc-antwerpen", sheet)
    visit = measures(MeasureKind.PREVENTIVE, "Home visit")
    back = chain.tell(1, "2", "ltf-antwerpen", told_of("MeasureReport", him, reference="ltf/1", parts=visit))
    returned = chain.tell(
        1, "3", "information-officer-antwerpen", told_of("FeedbackSheet", him, reference="officer/1")
    )
    assert returned.pseudonyms("livc-antwerpen") == back.pseudonyms("livc-antwerpen")
    assert returned.pseudonyms("livc-antwerpen") != returned.pseudonyms("ltf-antwerpen")
    chain.tell(1, "4", "ltf-antwerpen", told_of("FeedbackSheet", him, reference="ltf/2"))

    assert sheet.sections.situation is not None
    divided = with_section(sheet.sections, "situation", consensus=False)
    secret = with_section(sheet.sections, "situation", professional_secrecy=True)
    marked = with_section(sheet.sections, "distribution", professional_secrecy=True)
    for name, parts, expected in (
        ("divided", divided, ("consensus", "situation.consensus")),
        ("secret", secret, ("professional-secrecy", "situation.professional_secrecy")),
        ("marked", marked, ("professional-secrecy", "distribution.professional_secrecy")),
    ):
        made = draft("FeedbackSheet", parts=with_section(parts, "context", reference=f"livc/{name}"))
        assert chain.refused(name, "livc-antwerpen", made) == expected
    assert chain.audited().participants["livc-antwerpen"].quarantined == 3


JUDICIAL = {"nature": Nature.JUDICIAL, "purposes": (Purpose.INVESTIGATION,)}


def test_a_case_between_the_joint_centres_and_the_task_force(chain: Chain) -> None:
    him = person(birth=(1992, 7, 8))
    elsewhere = told_of(
        "RadicalisationCase", him, nature=Nature.ADMINISTRATIVE, municipality=GENT, reference="zone/1"
    )
    chain.tell(2, "0", "police-gent", elsewhere)
    case = chain.tell(
        2, "1", "jic-antwerpen", told_of("RadicalisationCase", him, reference="jic/1", **JUDICIAL)
    )
    search = measures(MeasureKind.REPRESSIVE, "Search of the home")
    named = {"named": ("jdc-antwerpen",)}
    proposal = told_of("MeasureReport", him, reference="ltf/3", parts=search, told=named, **JUDICIAL)
    chain.tell(2, "2", "ltf-antwerpen", proposal)
    named = {"named": ("jic-antwerpen", "ltf-antwerpen")}
    decided = chain.tell(
        2,
        "3",
        "jdc-antwerpen",
        told_of("MeasureReport", him, reference="jdc/1", parts=search, told=named, **JUDICIAL),
    )
    assert decided.pseudonyms("ltf-antwerpen") == case.pseudonyms("ltf-antwerpen")

    file = {"reference": "notice/1", **JUDICIAL}
    opened = chain.tell(2, "4", "prosecutor-antwerpen", told_of("RadicalisationCase", him, **file))
    embargo = {"embargo": True, "embargo_agreed": True}
    held = chain.tell(
        2, "5", "prosecutor-antwerpen", told_of("RadicalisationCase", him, version=2, told=embargo, **file)
    )
    for name, withdrawal in held.withdrawals.items():
        passage = opened.views[name].read_passage()
        assert passage is not None
        assert passage.delivery is not None
        assert withdrawal.withdraws == (passage.delivery.output_id,)
    chain.tell(2, "6", "prosecutor-antwerpen", told_of("RadicalisationCase", him, version=3, **file))

    not_a_magistrate = told_of("RadicalisationCase", him, reference="jic/2", told=embargo, **JUDICIAL)
    assert chain.refused("no magistrate", "jic-antwerpen", not_a_magistrate) == (
        "not-entitled",
        "distribution.embargo",
    )
    alone = told_of("RadicalisationCase", him, reference="notice/2", told={"embargo": True}, **JUDICIAL)
    assert chain.refused("not agreed", "prosecutor-antwerpen", alone) == (
        "embargo",
        "distribution.embargo_agreed",
    )
    assert chain.audited().received["jdc-antwerpen"].withdrawals == 1


VERIFICATION = {"purposes": (Purpose.SECURITY_VERIFICATION,), "anywhere": True}


def question(*, urgent: bool) -> dict[str, Any]:
    """Return the section of a question."""
    return {
        "situation": RequestSituation(
            instrument=RequestInstrument.SECURITY_VERIFICATION, urgent=urgent, question="Is anything known?"
        )
    }


def answer(chain: Chain, name: str, signal: Draft) -> dict[str, Any]:
    """Return the section of an answer to a question told before."""
    decision = chain.decision(name)
    assert decision is not None
    assert signal.signal_type == "InformationRequest"
    facts = (Fact(statement="A note since 2025."),)
    return {
        "situation": AnswerSituation(request=decision.signal_id, result=AnswerResult.ANSWERED, facts=facts)
    }


def test_a_security_verification(chain: Chain) -> None:
    him = person(birth=(1988, 12, 1))
    note = {"reference": "note/1", "nature": Nature.INTELLIGENCE}
    chain.tell(3, "1", "vsse", told_of("RadicalisationCase", him, purposes=(Purpose.INTELLIGENCE,), **note))
    asked = told_of(
        "InformationRequest",
        him,
        reference="badge/1",
        nature=Nature.ADMINISTRATIVE,
        parts=question(urgent=False),
        told={"named": ("nvo",)},
        **VERIFICATION,
    )
    chain.tell(3, "2", "sector-aviation", asked)
    passed_on = told_of(
        "InformationRequest",
        him,
        reference="nvo/1",
        nature=Nature.ADMINISTRATIVE,
        parts=question(urgent=True),
        told={"named": ("adiv", "federal-police", "ocad", "vsse")},
        **VERIFICATION,
    )
    chain.tell(3, "3", "nvo", passed_on)
    both = (Purpose.INTELLIGENCE, Purpose.SECURITY_VERIFICATION)
    chain.tell(3, "4", "vsse", told_of("RadicalisationCase", him, version=2, purposes=both, **note))
    known = told_of(
        "InformationAnswer",
        him,
        reference="note/2",
        nature=Nature.INTELLIGENCE,
        parts=answer(chain, "3.3", passed_on),
        told={"named": ("nvo",)},
        **VERIFICATION,
    )
    chain.tell(3, "5", "vsse", known)
    advice = told_of(
        "InformationAnswer",
        him,
        reference="nvo/2",
        nature=Nature.ADMINISTRATIVE,
        parts=answer(chain, "3.2", asked),
        told={"named": ("sector-aviation",)},
        **VERIFICATION,
    )
    chain.tell(3, "6", "nvo", advice)

    assert due(chain, "nvo") == [came(chain, "nvo", "InformationRequest") + ORDINARY]
    assert due(chain, "federal-police") == [came(chain, "federal-police", "InformationRequest") + URGENT]
    # The status of its own question, then the answer: all of this that ever lay on the authority's topic.
    lying = [
        wire.type_of(wire.header_map(message.headers()).items())
        for message in chain.inboxes.lying["sector-aviation"]
    ]
    assert [name for name in lying if name != "ThreatLevel"] == ["Status", "InformationAnswer"]
    chain.audited()


def came(chain: Chain, participant: str, signal_type: str) -> datetime:
    """Return when the broker took the one view of a type on a participant's topic."""
    (message,) = (
        message
        for message in chain.inboxes.lying[participant]
        if wire.type_of(wire.header_map(message.headers()).items()) == signal_type
    )
    return datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)


def due(chain: Chain, participant: str) -> list[datetime]:
    """Return until when the questions on a participant's topic are to be answered, as its inbox shows it."""
    data = ("--as", participant, "--data", str(chain.settings.data))
    for arguments in (("follow", "--once", *data), ("list", *data)):
        shown = CliRunner().invoke(inbox, arguments, env={"COLUMNS": "120"})
        assert shown.exit_code == 0, shown.output
    assert "reply due" in shown.output
    items = json.loads(CliRunner().invoke(inbox, ["list", "--json", *data]).stdout)["items"]
    times = (item["facts"]["reply_due_at"] for item in items if item["facts"] is not None)
    return [datetime.fromisoformat(time) for time in times if time is not None]


CRISIS = {"purposes": (Purpose.CRISIS, Purpose.PROTECTION), "site": "airport-zaventem", "anywhere": True}


def entry(reference: str) -> Draft:
    """Return an entry of the log of the emergency group."""
    return told_of(
        "IncidentLogEntry", reference=reference, statement=reference, told={"groups": (GROUP,)}, **CRISIS
    )


def test_an_attack(chain: Chain) -> None:
    chain.tell(4, "1", "nccn", entry("log/1"))
    chain.tell(4, "2", "police-brussel-west", entry("log/2"))
    chain.tell(4, "3", "federal-prosecutor", entry("log/3"))
    level = LevelAssessment(level=4, motivation="An attack took place.")
    chain.tell(
        4, "4", "ocad", told_of("ThreatLevel", reference="level/1", parts={"assessment": level}, **CRISIS)
    )
    chain.tell(
        4, "5", "nccn", told_of("ThreatLevel", reference="level/2", parts={"assessment": level}, **CRISIS)
    )

    ends = datetime.now(UTC) + CLOSING
    (group,) = chain.bundle.groups
    chain.announce(with_group(chain.bundle, group.valid_from, ends), in_force_from=ends)
    wait_until(lambda: datetime.now(UTC) > ends, within=WITHIN, what="the end of the group")
    chain.tell(4, "6", "police-brussel-west", entry("log/4"))
    assert chain.posted["4.6"].appended_at >= ends
    review(chain)


def review(chain: Chain) -> None:
    """A member has opened an entry; oversight finds that it adds up, who got what, and who opened something."""
    data = ("--as", "ltf-brussel", "--data", str(chain.settings.data))
    run = CliRunner()
    assert run.invoke(inbox, ["follow", "--once", *data]).exit_code == 0
    items = json.loads(run.invoke(inbox, ["list", "--json", *data]).stdout)["items"]
    log = [item for item in items if item["facts"]["signal_type"] == "IncidentLogEntry"]
    assert len(log) == 3
    opened = ["show", log[0]["output_id"], "--user", "analyst-1", "--purpose", "the group's meeting"]
    assert run.invoke(inbox, [*opened, *data]).exit_code == 0
    assert run.invoke(inbox, ["follow", "--once", *data]).exit_code == 0
    chain.audited()
    result = run.invoke(audit, ["replay", "--json", "--postings", "--data", str(chain.settings.data)])
    assert result.exit_code == 0, result.output
    verdict = json.loads(result.stdout)
    assert (verdict["adds_up"], verdict["waiting"]) == (True, 0)
    assert verdict["consultations"]["ltf-brussel"] == 1
    for row in chain.bundle.participants:
        received = verdict["deliveries"].get(row.id, {"views": 0, "withdrawals": 0})
        assert received["views"] + received["withdrawals"] == len(chain.found[row.id]), row.id

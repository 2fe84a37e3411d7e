"""Every adapter against what its source really holds: the draft says what the case said."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from kruispunt_producers.adapters import Refusal, Row, installed, names
from kruispunt_producers.adapters.discovery import choose, scheme_of
from kruispunt_producers.synthetic.casebook import Casebook
from kruispunt_producers.synthetic.changes import withdrawn
from kruispunt_producers.synthetic.plot import drafted
from kruispunt_producers.synthetic.profiles import Agency, agencies
from kruispunt_producers.synthetic.writing import in_latin_1
from kruispunt_schemas import disclosure
from kruispunt_schemas.failures import ConfigurationError
from kruispunt_schemas.keys import ParticipantKeys
from kruispunt_schemas.records.frame import Lifecycle
from kruispunt_schemas.records.sections import (
    CaseSituation,
    EvaluationAssessment,
    EvaluationSituation,
    PersonName,
    SheetSituation,
)

from tests.producers.signals import NOW


@pytest.mark.parametrize("agency", agencies(), ids=lambda agency: agency.participant)
def test_a_draft_says_what_the_case_said(agency: Agency, keys: ParticipantKeys) -> None:
    book = Casebook(Random(3), 200)  # noqa: S311
    for _ in range(40):
        case = book.draw(agency)
        draft = drafted(agency, case)
        sections = draft.sections
        assert draft.signal_type == agency.signal_type
        assert (draft.version, draft.lifecycle) == (1, Lifecycle.ORIGINAL)
        assert abs(draft.observed_at - case.observed_at) < timedelta(days=1)
        assert draft.classification is case.classification
        assert draft.handling == case.handling
        assert sections.context is not None
        assert sections.subject is not None
        assert (draft.reference, sections.context.municipality) == (case.reference, case.municipality)
        assert sections.subject.national_number == case.written.national_number
        assert sections.subject.birth == case.written.birth
        assert sections.subject.sex is case.person.sex
        (name,) = sections.subject.names
        written = f"{name.particle} {name.family} {name.given}".split()
        expected = f"{case.written.family} {case.written.given}"
        assert written == (in_latin_1(expected) if agency.columns else expected).split()
        assert isinstance(sections.situation, CaseSituation | EvaluationSituation | SheetSituation)
        assert tuple(fact.statement for fact in sections.situation.facts) == case.statements
        if isinstance(sections.assessment, EvaluationAssessment):
            assert sections.assessment.level == case.level
        if isinstance(sections.situation, SheetSituation):
            assert (sections.situation.consensus, sections.situation.members_present) == (True, case.members)
        if case.named or case.excluded:
            assert sections.distribution is not None
            assert (sections.distribution.named, sections.distribution.excluded) == (
                case.named,
                case.excluded,
            )
        disclosure.compose(
            draft, originator=keys.participant, secret=keys.secret, signer=keys.signer, published_at=NOW
        )


@pytest.mark.parametrize("agency", agencies(), ids=lambda agency: agency.participant)
def test_a_withdrawn_record_is_a_recall_and_an_empty_one_a_refusal(agency: Agency) -> None:
    case = withdrawn(Casebook(Random(3), 200).draw(agency))  # noqa: S311
    assert drafted(agency, case).lifecycle is Lifecycle.RECALL
    assert isinstance(agency.adapter.draft(Row({})), Refusal)


def test_each_agency_has_one_default_adapter() -> None:
    for agency in agencies():
        source = "postgresql://reader@host/db" if agency.table else "csv:exports"
        assert choose(agency.participant, source) is agency.adapter
        assert installed()[agency.adapter.name] is agency.adapter


def test_a_wrong_choice_names_the_adapters() -> None:
    with pytest.raises(ConfigurationError, match="no adapter is made for dvz and csv"):
        choose("dvz", "csv:exports")
    with pytest.raises(ConfigurationError, match="police-export"):
        choose("police-gent", "csv:exports", "absent")
    with pytest.raises(ConfigurationError, match="cannot be imported"):
        choose("police-gent", "csv:exports", "no.such.module:ADAPTER")
    with pytest.raises(ConfigurationError, match="SCHEME:ADDRESS"):
        scheme_of("exports")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Van den Broeck, An", PersonName(family="Broeck", particle="Van den", given="An")),
        ("DE LA FONTAINE, JEAN", PersonName(family="FONTAINE", particle="DE LA", given="JEAN")),
        ("El Amrani, Yusuf", PersonName(family="Amrani", particle="El", given="Yusuf")),
        ("Van", PersonName(family="Van", particle="", given="")),
        ("Peeters", PersonName(family="Peeters", particle="", given="")),
    ],
)
def test_particles(written: str, name: PersonName) -> None:
    assert names.written_name(written) == name

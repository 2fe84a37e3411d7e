"""What is refused at the door: every reason with its field, and the values next to each boundary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kruispunt_schemas import invariants
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.invariants import Violation, valid_enterprise_number, valid_national_number
from kruispunt_schemas.needtoknow.authoring import read_participants
from kruispunt_schemas.places import municipalities
from kruispunt_schemas.records import frame
from kruispunt_schemas.records import sections as parts
from kruispunt_schemas.records.frame import Header, Lifecycle
from kruispunt_schemas.records.sections import PartialDate, Sections
from kruispunt_schemas.vectors import chain_samples, samples

PARTICIPANTS = frozenset(row.id for row in read_participants())
SECOND = timedelta(seconds=1)
FIVE_MINUTES = timedelta(minutes=5)
SITES = frozenset({chain_samples.SITE})
GROUPS = frozenset({chain_samples.GROUP})
ENTITLED = frozenset({"magistrate", "validates-entities"})


@dataclass(frozen=True, slots=True)
class Signal:
    """Header and sections of a sound signal, to be changed."""

    header: Header
    sections: Sections

    def with_header(self, **changes: Any) -> Signal:
        return replace(self, header=replace(self.header, **changes))

    def with_section(self, name: str, **changes: Any) -> Signal:
        section = self.sections.get(name)
        assert section is not None
        changed: dict[str, Any] = {name: replace(section, **changes)}
        return replace(self, sections=replace(self.sections, **changed))

    def without(self, name: str) -> Signal:
        changed: dict[str, Any] = {name: None}
        return replace(self, sections=replace(self.sections, **changed))

    def violation(
        self, *, roles: frozenset[str] = ENTITLED, member_of: frozenset[str] = GROUPS
    ) -> Violation | None:
        return invariants.violation(
            self.header,
            self.sections,
            appended_at=samples.TIME,
            municipalities=municipalities(),
            sites=SITES,
            participants=PARTICIPANTS,
            groups=GROUPS,
            member_of=member_of,
            roles=roles,
        )


def signal(draft: Draft) -> Signal:
    """Return a sound signal of a draft."""
    signed = samples.composed(draft)
    return Signal(signed.read_header(), signed.read_sections())


CASE, SHEET, EVALUATION, RECALL = (signal(draft) for draft in samples.DRAFTS)


CHAIN = {draft.signal_type: signal(draft) for draft in chain_samples.DRAFTS}
ENTITY, ALERT, LEVEL, LOG = (
    CHAIN[name] for name in ("EntityChange", "Alert", "ThreatLevel", "IncidentLogEntry")
)


@pytest.mark.parametrize(
    "sound", [CASE, SHEET, EVALUATION, RECALL, *CHAIN.values()], ids=lambda item: item.header.signal_type
)
def test_a_sound_signal(sound: Signal) -> None:
    assert sound.violation() is None


def test_the_context_is_there() -> None:
    assert Signal(CASE.header, Sections()).violation() == Violation("missing", "context")


@pytest.mark.parametrize("base", [CASE, RECALL, *CHAIN.values()], ids=lambda item: item.header.signal_type)
def test_every_signal_says_a_purpose_and_a_nature(base: Signal) -> None:
    """What was written before the contract knew the two reads as no purpose and the default symbol."""
    assert base.with_section("context", purposes=()).violation() == Violation("missing", "context.purposes")
    found = base.with_section("context", nature=parts.Nature.UNRECOGNISED).violation()
    assert found == Violation("unrecognised", "context.nature")
    found = base.with_section(
        "context", purposes=(parts.Purpose.CARE, parts.Purpose.UNRECOGNISED)
    ).violation()
    assert found == Violation("unrecognised", "context.purposes.1")


class TestDefaultSymbols:
    def test_in_the_header(self) -> None:
        for field, symbol in (
            ("lifecycle", Lifecycle.UNRECOGNISED),
            ("classification", frame.Classification.UNRECOGNISED),
        ):
            assert CASE.with_header(**{field: symbol}).violation() == Violation(
                "unrecognised", f"header.{field}"
            )
        marked = CASE.with_header(handling=(frame.Handling.TLP_RED, frame.Handling.UNRECOGNISED))
        assert marked.violation() == Violation("unrecognised", "header.handling.1")

    @pytest.mark.parametrize(
        ("base", "section", "change", "field"),
        [
            (CASE, "context", {"phenomenon": parts.Phenomenon.UNRECOGNISED}, "context.phenomenon"),
            (CASE, "subject", {"kind": parts.SubjectKind.UNRECOGNISED}, "subject.kind"),
            (CASE, "subject", {"data_subject": parts.DataSubject.UNRECOGNISED}, "subject.data_subject"),
            (CASE, "subject", {"sex": parts.Sex.UNRECOGNISED}, "subject.sex"),
            (CASE, "subject", {"categories": (parts.EntityCategory.UNRECOGNISED,)}, "subject.categories.0"),
            (
                CASE,
                "assessment",
                {"proposed_categories": (parts.EntityCategory.HP, parts.EntityCategory.UNRECOGNISED)},
                "assessment.proposed_categories.1",
            ),
            (
                CASE,
                "sources",
                {
                    "evaluations": (
                        parts.Evaluation4x4(
                            statement="",
                            source=parts.SourceReliability.A,
                            information=parts.InformationReliability.UNRECOGNISED,
                        ),
                    )
                },
                "sources.evaluations.0.information",
            ),
            (
                CASE,
                "measures",
                {"measures": (parts.Measure(kind=parts.MeasureKind.UNRECOGNISED, description=""),)},
                "measures.measures.0.kind",
            ),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_in_a_section(self, base: Signal, section: str, change: dict[str, Any], field: str) -> None:
        assert base.with_section(section, **change).violation() == Violation("unrecognised", field)


class TestTimes:
    @pytest.mark.parametrize(
        ("observed", "published", "expected"),
        [
            (timedelta(0), timedelta(0), None),
            (FIVE_MINUTES, FIVE_MINUTES, None),
            (-timedelta(days=3000), -timedelta(days=3000), None),
            (timedelta(0), FIVE_MINUTES + timedelta.resolution, Violation("future", "header.published_at")),
            (FIVE_MINUTES + timedelta.resolution, timedelta(0), Violation("future", "header.observed_at")),
            (timedelta(days=365), timedelta(days=365), Violation("future", "header.published_at")),
            (timedelta(0), -timedelta.resolution, Violation("time-order", "header.observed_at")),
            (FIVE_MINUTES, FIVE_MINUTES - SECOND, Violation("time-order", "header.observed_at")),
        ],
    )
    def test_observed_published_appended(
        self, observed: timedelta, published: timedelta, expected: Violation | None
    ) -> None:
        changed = CASE.with_header(observed_at=samples.TIME + observed, published_at=samples.TIME + published)
        assert changed.violation() == expected

    def test_a_planned_departure_may_lie_in_the_future(self) -> None:
        assert CASE.with_section("situation", travel_planned_on=date(2099, 1, 1)).violation() is None


class TestVersions:
    @pytest.mark.parametrize(
        ("version", "lifecycle", "replaces", "expected"),
        [
            (1, Lifecycle.ORIGINAL, None, None),
            (2, Lifecycle.CORRECTION, samples.EARLIER_ID, None),
            (2, Lifecycle.RECALL, samples.EARLIER_ID, None),
            (2**31 - 1, Lifecycle.RECALL, samples.EARLIER_ID, None),
            (0, Lifecycle.ORIGINAL, None, "header.version"),
            (-1, Lifecycle.CORRECTION, samples.EARLIER_ID, "header.version"),
            (2, Lifecycle.ORIGINAL, None, "header.version"),
            (1, Lifecycle.CORRECTION, samples.EARLIER_ID, "header.version"),
            (1, Lifecycle.RECALL, None, "header.version"),
            (1, Lifecycle.ORIGINAL, samples.EARLIER_ID, "header.replaces"),
            (2, Lifecycle.CORRECTION, None, "header.replaces"),
        ],
    )
    def test_follow_the_lifecycle(
        self, version: int, lifecycle: Lifecycle, replaces: object, expected: str | None
    ) -> None:
        changed = CASE.with_header(version=version, lifecycle=lifecycle, replaces=replaces)
        assert changed.violation() == (None if expected is None else Violation("version", expected))


class TestNames:
    @pytest.mark.parametrize(
        "nis", ["", "1100", "00000", "11007", "99999", "11002 ", "\uff11\uff11\uff10\uff10\uff12"]
    )
    def test_an_unknown_municipality(self, nis: str) -> None:
        """11007 merged into 11002 on 1 January 2025."""
        assert CASE.with_section("context", municipality=nis).violation() == Violation(
            "unknown-municipality", "context.municipality"
        )

    @pytest.mark.parametrize(
        "base",
        [CASE, SHEET, EVALUATION, ALERT, LOG, CHAIN["EnforcementCase"], CHAIN["InformationAnswer"]],
        ids=lambda item: item.header.signal_type,
    )
    def test_of_a_fact(self, base: Signal) -> None:
        facts = (parts.Fact(statement="a"), samples.FACT, parts.Fact(statement="b", municipality="99999"))
        found = base.with_section("situation", facts=facts).violation()
        assert found == Violation("unknown-municipality", "situation.facts.2.municipality")

    @pytest.mark.parametrize("field", ["named", "excluded", "consented"])
    def test_an_unknown_participant(self, field: str) -> None:
        for name in ("nobody", "", "OCAD", "ocad "):
            found = CASE.with_section("distribution", **{field: ("ocad", name)}).violation()
            assert found == Violation("unknown-participant", f"distribution.{field}")

    @pytest.mark.parametrize("site", ["", "site-south-terminal", chain_samples.SITE.upper()])
    def test_an_unknown_site(self, site: str) -> None:
        found = CASE.with_section("context", site=site).violation()
        assert found == Violation("unknown-site", "context.site")

    def test_an_unknown_group(self) -> None:
        for name in ("", "group-canal", "vsse"):
            found = CASE.with_section("distribution", groups=(chain_samples.GROUP, name)).violation()
            assert found == Violation("unknown-group", "distribution.groups")


class TestNationalNumbers:
    @pytest.mark.parametrize(
        "number",
        [
            "93051822361",  # worked example: born 1993
            "00012556777",  # worked example: born 2000
            "93451800079",  # BIS, sex known: month + 40
            "93251800036",  # BIS, sex not known: month + 20
            "00000000097",  # nothing known: month and day may be 00
        ],
    )
    def test_valid(self, number: str) -> None:
        first = int(number[:9])
        assert int(number[9:]) in (97 - first % 97, 97 - (2_000_000_000 + first) % 97)
        assert valid_national_number(number)
        assert CASE.with_section("subject", national_number=number).violation() is None

    @pytest.mark.parametrize(
        "number",
        [
            "",
            "9305182236",
            "930518223610",
            "93051822362",
            "93051822300",
            "93.05.18-223.61",
            "9305182236x",
            "\uff19\uff13\uff10\uff15\uff11\uff18\uff12\uff12\uff13\uff16\uff11",
        ],
    )
    def test_invalid(self, number: str) -> None:
        assert not valid_national_number(number)
        found = CASE.with_section("subject", national_number=number).violation()
        assert found == Violation("check-digits", "subject.national_number")

    @given(st.integers(0, 999_999_999), st.integers(0, 99))
    def test_two_checks_at_most_are_valid(self, first: int, check: int) -> None:
        expected = {97 - first % 97, 97 - (2_000_000_000 + first) % 97}
        assert valid_national_number(f"{first:09}{check:02}") == (check in expected)

    @given(st.integers(0, 999_999_999), st.integers(0, 8), st.integers(1, 9))
    def test_a_slip_of_one_digit_is_noticed_within_a_century(self, first: int, place: int, by: int) -> None:
        check = 97 - first % 97
        digits = list(f"{first:09}")
        digits[place] = str((int(digits[place]) + by) % 10)
        assert 97 - int("".join(digits)) % 97 != check

    @given(st.text(max_size=13))
    def test_any_text_is_answered(self, number: str) -> None:
        assert valid_national_number(number) in {True, False}
        assert valid_enterprise_number(number) in {True, False}


class TestEnterpriseNumbers:
    @pytest.mark.parametrize("number", ["0417497106", "0403101811"])
    def test_valid(self, number: str) -> None:
        assert 97 - int(number[:8]) % 97 == int(number[8:])
        assert valid_enterprise_number(number)

    @pytest.mark.parametrize(
        "number", ["", "417497106", "0417497107", "BE0417497106", "0417.497.106", "0000000000", " 0417497106"]
    )
    def test_invalid(self, number: str) -> None:
        assert not valid_enterprise_number(number)
        found = CASE.with_section("subject", enterprise_number=number).violation()
        assert found == Violation("check-digits", "subject.enterprise_number")


class TestBirth:
    @pytest.mark.parametrize(
        "parts_of_date",
        [
            (0, 0, 0),
            (0, 12, 31),
            (1993, 0, 0),
            (1993, 5, 0),
            (1993, 0, 18),
            (2000, 2, 29),
            (1850, 1, 1),
            (samples.TIME.year, 12, 31),
        ],
    )
    def test_possible(self, parts_of_date: tuple[int, int, int]) -> None:
        year, month, day = parts_of_date
        birth = PartialDate(year=year, month=month, day=day)
        assert CASE.with_section("subject", birth=birth).violation() is None

    @pytest.mark.parametrize(
        "parts_of_date",
        [(1993, 13, 1), (1993, -1, 1), (1993, 2, 29), (1993, 5, 32), (1993, 5, -1), (1849, 1, 1), (2201, 1, 1), (-1, 1, 1),
         (0, 13, 0), (0, 0, 32), (0, -1, 0), (1993, 4, 31)],
    )  # fmt: skip
    def test_impossible(self, parts_of_date: tuple[int, int, int]) -> None:
        year, month, day = parts_of_date
        birth = PartialDate(year=year, month=month, day=day)
        assert CASE.with_section("subject", birth=birth).violation() == Violation("birth", "subject.birth")


class TestFeedbackSheets:
    def test_without_consensus(self) -> None:
        found = SHEET.with_section("situation", consensus=False).violation()
        assert found == Violation("consensus", "situation.consensus")

    def test_with_matter_under_professional_secrecy(self) -> None:
        found = SHEET.with_section("situation", professional_secrecy=True).violation()
        assert found == Violation("professional-secrecy", "situation.professional_secrecy")

    def test_the_distribution_does_not_say_otherwise(self) -> None:
        secret = replace(SHEET, sections=replace(SHEET.sections, distribution=chain_samples.DISTRIBUTION))
        assert secret.violation() == Violation("professional-secrecy", "distribution.professional_secrecy")


@pytest.mark.parametrize("base", [EVALUATION, LEVEL], ids=["of a person", "of the country"])
class TestThreatLevels:
    @pytest.mark.parametrize("level", [1, 2, 3, 4])
    def test_valid(self, base: Signal, level: int) -> None:
        assert base.with_section("assessment", level=level).violation() is None

    @pytest.mark.parametrize("level", [-1, 0, 5, 2**31 - 1])
    def test_invalid(self, base: Signal, level: int) -> None:
        found = base.with_section("assessment", level=level).violation()
        assert found == Violation("level", "assessment.level")


class TestEntityChanges:
    @pytest.mark.parametrize("classification", list(frame.Classification)[2:])
    def test_a_classified_one(self, classification: frame.Classification) -> None:
        found = ENTITY.with_header(classification=classification).violation()
        assert found == Violation("classified", "header.classification")
        assert ALERT.with_header(classification=classification).violation() is None

    @pytest.mark.parametrize("status", [parts.EntityStatus.VALIDATED, parts.EntityStatus.REMOVED])
    def test_who_validates_and_removes(self, status: parts.EntityStatus) -> None:
        change = ENTITY.with_section("situation", status=status)
        assert change.violation(roles=frozenset({"validates-entities"})) is None
        for roles in (frozenset[str](), frozenset({"magistrate"})):
            assert change.violation(roles=roles) == Violation("not-entitled", "situation.status")

    def test_everybody_proposes(self) -> None:
        proposed = ENTITY.with_section("situation", status=parts.EntityStatus.PROPOSED)
        assert proposed.violation(roles=frozenset()) is None


class TestEmbargo:
    def test_a_magistrates_with_agreement(self) -> None:
        assert ALERT.violation(roles=frozenset({"magistrate"})) is None

    @pytest.mark.parametrize("roles", [frozenset(), frozenset({"validates-entities"})])
    def test_of_nobody_else(self, roles: frozenset[str]) -> None:
        assert ALERT.violation(roles=roles) == Violation("not-entitled", "distribution.embargo")
        released = ALERT.with_section("distribution", embargo=False)
        assert released.violation(roles=roles) is None

    def test_without_the_federal_prosecutors_agreement(self) -> None:
        found = ALERT.with_section("distribution", embargo_agreed=False).violation()
        assert found == Violation("embargo", "distribution.embargo_agreed")


BREAKING: list[tuple[str, Callable[[Signal], Signal]]] = [
    ("unrecognised", lambda item: item.with_header(lifecycle=Lifecycle.UNRECOGNISED)),
    ("future", lambda item: item.with_header(published_at=samples.TIME + timedelta(days=1))),
    ("version", lambda item: item.with_header(version=9)),
    ("unknown-municipality", lambda item: item.with_section("context", municipality="99999")),
    ("unknown-participant", lambda item: item.with_section("distribution", named=("nobody",))),
    ("check-digits", lambda item: item.with_section("subject", national_number="1")),
]


@given(st.sets(st.integers(0, len(BREAKING) - 1), min_size=1))
def test_the_first_rule_that_is_broken_is_the_reason(broken: set[int]) -> None:
    item = CASE
    for place in broken:
        item = BREAKING[place][1](item)
    found = item.violation()
    assert found is not None
    assert found.reason == BREAKING[min(broken)][0]


class TestWhatATypeCannotLeaveOut:
    """Regression: a feedback sheet without its situation evaded consensus and secrecy, an evaluation its level."""

    def test_a_sheet_without_its_situation(self) -> None:
        bare = replace(SHEET, sections=replace(SHEET.sections, situation=None))
        assert bare.violation() == Violation("missing", "situation")

    def test_an_evaluation_without_its_assessment(self) -> None:
        bare = replace(EVALUATION, sections=replace(EVALUATION.sections, assessment=None))
        assert bare.violation() == Violation("missing", "assessment")

    @pytest.mark.parametrize(
        ("name", "section"),
        [
            ("EntityChange", "situation"),
            ("MeasureReport", "measures"),
            ("AssetFreeze", "situation"),
            ("TravelHit", "situation"),
            ("ThreatLevel", "assessment"),
            ("IncidentLogEntry", "situation"),
            ("InformationRequest", "situation"),
            ("InformationAnswer", "situation"),
        ],
    )
    def test_what_a_type_is_nothing_without(self, name: str, section: str) -> None:
        assert CHAIN[name].without(section).violation() == Violation("missing", section)

    def test_an_entry_of_a_log_without_its_group(self) -> None:
        expected = Violation("missing", "distribution.groups")
        assert LOG.with_section("distribution", groups=()).violation() == expected
        assert LOG.without("distribution").violation() == expected

    def test_a_recall_of_any_type_needs_its_context_alone(self) -> None:
        for name, item in CHAIN.items():
            header = replace(RECALL.header, signal_type=name)
            assert Signal(header, Sections(context=item.sections.context)).violation() is None

    def test_nobody_agreed(self) -> None:
        assert SHEET.with_section("situation", members_present=0).violation() == Violation(
            "consensus", "situation.consensus"
        )

    def test_a_recall_needs_its_context_alone(self) -> None:
        assert RECALL.violation() is None


class TestSizes:
    """Regression: 33,000 names were admitted and stopped resolve; a posting is work for everybody behind it."""

    def test_as_many_names_as_allowed(self) -> None:
        name = parts.PersonName(family="Peeters", particle="", given="An")
        assert CASE.with_section("subject", names=(name,) * 50).violation() is None
        assert CASE.with_section("subject", names=(name,) * 51).violation() == Violation(
            "too-many", "subject.names"
        )

    def test_as_many_facts_as_allowed(self) -> None:
        fact = parts.Fact(statement="seen")
        assert CASE.with_section("situation", facts=(fact,) * 500).violation() is None
        assert CASE.with_section("situation", facts=(fact,) * 501).violation() == Violation(
            "too-many", "situation.facts"
        )


class TestDaysInTheFuture:
    def test_a_fact_of_the_day_after_tomorrow(self) -> None:
        day = samples.TIME.date() + timedelta(days=2)
        fact = parts.Fact(statement="seen", observed_on=day)
        assert CASE.with_section("situation", facts=(fact,)).violation() == Violation(
            "future", "situation.facts.0.observed_on"
        )

    def test_a_planned_departure_may_lie_ahead(self) -> None:
        day = samples.TIME.date() + timedelta(days=90)
        assert CASE.with_section("situation", travel_planned_on=day).violation() is None


def test_an_entry_of_an_incidents_log_comes_from_a_member_of_its_group() -> None:
    assert LOG.violation(member_of=frozenset()) == Violation("not-entitled", "distribution.groups")
    assert ALERT.with_section("distribution", groups=tuple(GROUPS)).violation(member_of=frozenset()) is None

"""The sections of a signal: what an originator says, part by part.

Rules: each mirrors the Avro record of its name field by field; ``salt`` is filled in by `disclosure`, never by an
adapter; texts are the originator's own and untrusted. Must not: hold behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar
from uuid import UUID


class EntityCategory(StrEnum):
    """GGB category (RD of 14 July 2024); one entity can hold several."""

    UNRECOGNISED = "UNRECOGNISED"
    FTF = "FTF"
    HTF = "HTF"
    HP = "HP"
    PVE = "PVE"
    PCT = "PCT"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAssessment:
    """Opinions in a case."""

    salt: bytes = b""
    summary: str
    indicators: tuple[str, ...] = ()
    proposed_categories: tuple[EntityCategory, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One established fact."""

    statement: str
    observed_on: date | None = None
    municipality: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSituation:
    """Facts of a case."""

    salt: bytes = b""
    facts: tuple[Fact, ...] = ()
    travel_planned_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom to contact at the originator: a function, never a person's name."""

    salt: bytes = b""
    unit: str
    function: str
    telephone: str | None = None
    email: str | None = None


class Phenomenon(StrEnum):
    """The ten security clusters of the Integral Security Framework Note."""

    UNRECOGNISED = "UNRECOGNISED"
    RADICALISATION_EXTREMISM_TERRORISM = "RADICALISATION_EXTREMISM_TERRORISM"
    HUMAN_SMUGGLING_TRAFFICKING = "HUMAN_SMUGGLING_TRAFFICKING"
    DRUGS = "DRUGS"
    SOCIAL_FISCAL_FRAUD = "SOCIAL_FISCAL_FRAUD"
    CYBERCRIME_CYBERSECURITY = "CYBERCRIME_CYBERSECURITY"
    VIOLENT_CRIME_INTEGRITY_DISCRIMINATION = "VIOLENT_CRIME_INTEGRITY_DISCRIMINATION"
    ORGANISED_PROPERTY_CRIME_ILLEGAL_GOODS = "ORGANISED_PROPERTY_CRIME_ILLEGAL_GOODS"
    ENVIRONMENT = "ENVIRONMENT"
    ROAD_SAFETY = "ROAD_SAFETY"
    NUISANCE_PUBLIC_ORDER = "NUISANCE_PUBLIC_ORDER"


class Purpose(StrEnum):
    """What a signal may be used for."""

    UNRECOGNISED = "UNRECOGNISED"
    PREVENTION = "PREVENTION"
    INVESTIGATION = "INVESTIGATION"
    INTELLIGENCE = "INTELLIGENCE"
    SECURITY_VERIFICATION = "SECURITY_VERIFICATION"
    PROTECTION = "PROTECTION"
    ENFORCEMENT = "ENFORCEMENT"
    CARE = "CARE"
    CRISIS = "CRISIS"


class Nature(StrEnum):
    """Nature of information: judicial, administrative or intelligence."""

    UNRECOGNISED = "UNRECOGNISED"
    JUDICIAL = "JUDICIAL"
    ADMINISTRATIVE = "ADMINISTRATIVE"
    INTELLIGENCE = "INTELLIGENCE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Where the signal comes from, on what basis, and what it may be used for."""

    salt: bytes = b""
    reference: str
    phenomenon: Phenomenon
    municipality: str | None = None
    legal_basis: str
    purpose: str
    nature: Nature
    purposes: tuple[Purpose, ...]
    site: str | None = None
    data_source: str | None = None


class DataSubject(StrEnum):
    """Category of data subject, art. 6 of Directive (EU) 2016/680."""

    UNRECOGNISED = "UNRECOGNISED"
    SUSPECT = "SUSPECT"
    CONVICTED = "CONVICTED"
    VICTIM = "VICTIM"
    WITNESS = "WITNESS"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Whom the originator names, excludes or consents to, and what holds the signal back; never released to anyone."""

    salt: bytes = b""
    named: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    consented: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    embargo: bool = False
    embargo_agreed: bool = False
    professional_secrecy: bool = False


class InformationReliability(StrEnum):
    """4x4, the information: ONE not in doubt, TWO known to the source but not to the official, THREE corroborated, FOUR neither."""

    UNRECOGNISED = "UNRECOGNISED"
    ONE = "ONE"
    TWO = "TWO"
    THREE = "THREE"
    FOUR = "FOUR"


class SourceReliability(StrEnum):
    """4x4, the source: A no doubt, B mostly reliable, C mostly unreliable, X not assessable."""

    UNRECOGNISED = "UNRECOGNISED"
    A = "A"
    B = "B"
    C = "C"
    X = "X"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation4x4:
    """4x4 evaluation of one statement."""

    statement: str
    source: SourceReliability
    information: InformationReliability


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationAssessment:
    """Individual threat evaluation (RD of 28 November 2006)."""

    salt: bytes = b""
    level: int
    reasons_for_inclusion: str
    problem_points: tuple[str, ...] = ()
    intentions: str
    capacities: str
    antecedents: str
    psychological: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSituation:
    """Facts under an individual threat evaluation."""

    salt: bytes = b""
    facts: tuple[Fact, ...] = ()
    review_due_on: date | None = None


class MeasureKind(StrEnum):
    """Kind of a measure; it decides who needs to know."""

    UNRECOGNISED = "UNRECOGNISED"
    PROACTIVE = "PROACTIVE"
    PREVENTIVE = "PREVENTIVE"
    REPRESSIVE = "REPRESSIVE"
    REINTEGRATION = "REINTEGRATION"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measure."""

    kind: MeasureKind
    description: str
    from_on: date | None = None
    until_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Measures taken or proposed."""

    salt: bytes = b""
    measures: tuple[Measure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetAssessment:
    """Opinions in a feedback sheet."""

    salt: bytes = b""
    summary: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetSituation:
    """Facts of a feedback sheet and the two conditions of its sharing (law of 30 July 2018, Constitutional Court 52/2021)."""

    salt: bytes = b""
    consensus: bool
    professional_secrecy: bool
    members_present: int
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """How far the information can be trusted."""

    salt: bytes = b""
    evaluations: tuple[Evaluation4x4, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialDate:
    """A date of which parts may be unknown."""

    year: int
    month: int
    day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonName:
    """A name as written in the source."""

    family: str
    particle: str
    given: str


class Sex(StrEnum):
    """As in the source."""

    UNRECOGNISED = "UNRECOGNISED"
    FEMALE = "FEMALE"
    MALE = "MALE"
    UNKNOWN = "UNKNOWN"


class SubjectKind(StrEnum):
    """What a signal is about."""

    UNRECOGNISED = "UNRECOGNISED"
    PERSON = "PERSON"
    ORGANISATION = "ORGANISATION"
    VEHICLE = "VEHICLE"
    OBJECT = "OBJECT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom or what the signal is about."""

    salt: bytes = b""
    kind: SubjectKind
    data_subject: DataSubject
    names: tuple[PersonName, ...] = ()
    birth: PartialDate | None = None
    birth_place: str | None = None
    sex: Sex
    nationality: str | None = None
    national_number: str | None = None
    enterprise_number: str | None = None
    description: str | None = None
    categories: tuple[EntityCategory, ...] = ()


class EntityStatus(StrEnum):
    """Where an entity stands in the common database: a service proposes, the database's manager validates or removes."""

    UNRECOGNISED = "UNRECOGNISED"
    PROPOSED = "PROPOSED"
    VALIDATED = "VALIDATED"
    REMOVED = "REMOVED"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitySituation:
    """Where an entity stands in the common database."""

    salt: bytes = b""
    status: EntityStatus
    categories: tuple[EntityCategory, ...] = ()
    review_due_on: date | None = None


class FreezeAction(StrEnum):
    """Put on the list of frozen assets, or taken off it."""

    UNRECOGNISED = "UNRECOGNISED"
    FREEZE = "FREEZE"
    UNFREEZE = "UNFREEZE"


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeSituation:
    """What happens to the assets of a subject."""

    salt: bytes = b""
    action: FreezeAction
    legal_act: str
    from_on: date


class TravelMode(StrEnum):
    """How a person travels."""

    UNRECOGNISED = "UNRECOGNISED"
    AIR = "AIR"
    SEA = "SEA"
    RAIL = "RAIL"
    ROAD = "ROAD"


@dataclass(frozen=True, slots=True, kw_only=True)
class TravelSituation:
    """A journey, made or planned."""

    salt: bytes = b""
    mode: TravelMode
    origin: str
    destination: str
    planned_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelAssessment:
    """The country's threat level (RD of 28 November 2006); independent of any person's."""

    salt: bytes = b""
    level: int
    motivation: str


class RequestInstrument(StrEnum):
    """What a request is."""

    UNRECOGNISED = "UNRECOGNISED"
    INFORMATION = "INFORMATION"
    KANTSCHRIFT = "KANTSCHRIFT"
    CASE_PROGRESS = "CASE_PROGRESS"
    SECURITY_VERIFICATION = "SECURITY_VERIFICATION"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSituation:
    """What is asked."""

    salt: bytes = b""
    instrument: RequestInstrument
    urgent: bool
    question: str


class AnswerResult(StrEnum):
    """What became of a request."""

    UNRECOGNISED = "UNRECOGNISED"
    ANSWERED = "ANSWERED"
    NOTHING_KNOWN = "NOTHING_KNOWN"
    UNAVAILABLE = "UNAVAILABLE"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSituation:
    """What is answered, with facts apart from opinions."""

    salt: bytes = b""
    request: UUID
    result: AnswerResult
    facts: tuple[Fact, ...] = ()


Situation = (
    CaseSituation
    | SheetSituation
    | EvaluationSituation
    | EntitySituation
    | FreezeSituation
    | TravelSituation
    | RequestSituation
    | AnswerSituation
)
Assessment = CaseAssessment | SheetAssessment | EvaluationAssessment | LevelAssessment
Section = Context | Subject | Situation | Assessment | Sources | Measures | Contact | Distribution


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """The sections of one signal by name; None for absent or withheld."""

    NAMES: ClassVar[tuple[str, ...]] = (
        "context",
        "subject",
        "situation",
        "assessment",
        "sources",
        "measures",
        "contact",
        "distribution",
    )

    context: Context | None = None
    subject: Subject | None = None
    situation: Situation | None = None
    assessment: Assessment | None = None
    sources: Sources | None = None
    measures: Measures | None = None
    contact: Contact | None = None
    distribution: Distribution | None = None

    def get(self, name: str) -> Section | None:
        """Return the section of that name; raise KeyError for an unknown name."""
        if name not in self.NAMES:
            raise KeyError(name)
        section: Section | None = getattr(self, name)
        return section

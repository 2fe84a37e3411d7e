"""A made-up case, before any source has written it down.

Must not: hold behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kruispunt_schemas.records.frame import Classification, Handling
from kruispunt_schemas.records.sections import (
    DataSubject,
    InformationReliability,
    MeasureKind,
    SourceReliability,
)

from kruispunt_producers.synthetic.persons import Person
from kruispunt_producers.synthetic.writing import Written


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One record of one agency: enough for any of its sources to write its own columns.

    level: of an evaluation. consensus, secrecy, members: of a feedback sheet. withdrawn_at: None while it stands.
    """

    participant: str
    reference: str
    observed_at: datetime
    municipality: str
    classification: Classification
    handling: tuple[Handling, ...]
    person: Person
    written: Written
    data_subject: DataSubject
    statements: tuple[str, ...]
    opinion: str
    indicators: tuple[str, ...]
    source: SourceReliability
    information: InformationReliability
    measure_kind: MeasureKind
    measures: tuple[str, ...]
    advice: str
    named: tuple[str, ...]
    excluded: tuple[str, ...]
    level: int
    evaluation: tuple[str, str, str, str]
    problem_points: tuple[str, ...]
    consensus: bool
    secrecy: bool
    members: int
    withdrawn_at: datetime | None = None

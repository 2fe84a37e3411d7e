"""Mentions of before seals named their key: what is needed to read them once more, when their keys are made anew.

Must not: write this format.
"""

from __future__ import annotations

import json
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from kruispunt_schemas.records.sections import (
    DataSubject,
    PartialDate,
    PersonName,
    Sex,
    Subject,
    SubjectKind,
)

from kruispunt_processors.persons.sealing import SealError

KEY_ID: Final = 0
"""What the migration put in front of such a seal; no key has it."""
ENTERPRISE_DIGITS: Final = 10


def subject_of(key: bytes, mention_id: UUID, sealed: bytes) -> Subject:
    """Return who a mention is about. key: the first one that sealed. Raise SealError when it is not what it sealed.

    Who has a number of ten digits is an organisation.
    """
    try:
        found = json.loads(AESSIV(key).decrypt(sealed[1:], [mention_id.bytes]))
    except (InvalidTag, ValueError):
        raise SealError(f"mention {mention_id}: the sealed bytes are damaged") from None
    number, birth = found["number"], found["birth"]
    enterprise = number is not None and len(number) == ENTERPRISE_DIGITS
    return Subject(
        kind=SubjectKind.ORGANISATION if enterprise else SubjectKind.PERSON,
        data_subject=DataSubject.OTHER,
        names=tuple(
            [
                PersonName(family=family, particle=particle, given=given)
                for family, particle, given in found["names"]
            ]
        ),
        birth=None if birth is None else PartialDate(year=birth[0], month=birth[1], day=birth[2]),
        sex=Sex.UNKNOWN,
        national_number=None if enterprise else number,
        enterprise_number=number if enterprise else None,
    )

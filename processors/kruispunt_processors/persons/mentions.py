"""A mention: who one signal tells of, made to be found, compared and sealed; and the keys that do so.

Rules
-----
1. A mention is found by the keys made with the key in force; as long as an older one is being retired it also looks under
   what that one gave, for what is not made anew yet lies there.
2. Sealed are the particulars, which the resolver reads, and behind them the names as they were written, which it does not:
   they are for the analyst who looks at a person.

Must not: read a database; decide.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

from kruispunt_schemas import identity
from kruispunt_schemas.failures import ContractError, UnavailableError
from kruispunt_schemas.keys import BackboneKeys
from kruispunt_schemas.records.frame import Posting
from kruispunt_schemas.records.sections import PersonName, Subject

from kruispunt_processors.persons import first_format
from kruispunt_processors.persons.keys import BlockingKey, blocking_keys
from kruispunt_processors.persons.normalisation import Particulars, particulars
from kruispunt_processors.persons.sealing import FIRST_KEY, Sealer

_BEHIND: Final = b"\x00"
"""Between the particulars, which have no such byte, and the names."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A person as one signal mentions it.

    keys: what it is found by. former: what else it looks under. Both sorted by value.
    """

    mention_id: UUID
    particulars: Particulars
    keys: tuple[BlockingKey, ...]
    sealed_identity: bytes
    former: tuple[BlockingKey, ...] = ()

    @property
    def looks_under(self) -> tuple[BlockingKey, ...]:
        """Return every key under which others are looked for."""
        return self.keys + self.former


@dataclass(frozen=True, slots=True)
class Renewed:
    """A mention under other keys: what it is found by, sorted by value, and its seal."""

    keys: tuple[BlockingKey, ...]
    sealed_identity: bytes


@dataclass(frozen=True, slots=True)
class AsWritten:
    """What a signal says of a person in its own writing."""

    names: tuple[PersonName, ...]
    birth_place: str


class Keyring:
    """Makes mentions with the key in force, and opens with every key that is here.

    keys: of the backbone. key_id: the one in force. retiring: those under which mentions are still found. Raise
    UnavailableError when one of them is not here.
    """

    __slots__ = ("_first_sealing", "_former", "_secret", "key_id", "retiring", "sealer")

    def __init__(self, keys: BackboneKeys, key_id: int, retiring: Iterable[int] = ()) -> None:
        self.key_id, self.retiring = key_id, tuple(sorted(retiring))
        missing = sorted({key_id, *self.retiring} - set(keys.persons))
        if missing:
            raise UnavailableError(
                f"the keys of persons with the id {', '.join(map(str, missing))} are in force and not here: "
                "run `kruispunt persons rotate` where the backbone's keys are, or bring them here"
            )
        self._secret = keys.persons[key_id].blocking
        self._first_sealing = keys.persons[FIRST_KEY].sealing
        self._former = tuple(keys.persons[each].blocking for each in self.retiring)
        older = {each: pair.sealing for each, pair in keys.persons.items() if each != key_id}
        self.sealer = Sealer(keys.persons[key_id].sealing, key_id, older)

    @classmethod
    def newest(cls, keys: BackboneKeys) -> Self:
        """Return the keyring whose newest key is in force."""
        return cls(keys, max(keys.persons))

    def mention(self, subject: Subject | None, posting: Posting) -> Mention | None:
        """Return the mention that a subject makes, None when it is nobody or has nothing to be found by."""
        found = particulars(subject) if subject is not None else None
        if subject is None or found is None:
            return None
        mention_id = identity.mention_id(posting)
        keys = blocking_keys(found, self._secret)
        former = [key for secret in self._former for key in blocking_keys(found, secret)]
        sealed = self.sealer.seal(mention_id, _plain(found, subject))
        return Mention(mention_id, found, keys, sealed, tuple(sorted(former, key=_value)))

    def open(self, mention_id: UUID, sealed: bytes) -> Particulars:
        """Return the particulars of a mention; raise SealError or ContractError."""
        return _particulars(self.sealer.open(mention_id, sealed))

    def renewed(self, mention_id: UUID, sealed: bytes) -> Renewed:
        """Return seal and keys of a mention by the keys in force; raise SealError or ContractError."""
        if sealed[:1] == bytes([first_format.KEY_ID]):
            subject = first_format.subject_of(self._first_sealing, mention_id, sealed)
            found = particulars(subject)
            if found is None:
                raise ContractError("encoding", "names")
            plain = _plain(found, subject)
        else:
            plain = self.sealer.open(mention_id, sealed)
            found = _particulars(plain)
        return Renewed(blocking_keys(found, self._secret), self.sealer.seal(mention_id, plain))

    def as_written(self, mention_id: UUID, sealed: bytes) -> AsWritten:
        """Return what the signal wrote; raise SealError or ContractError."""
        plain = self.sealer.open(mention_id, sealed)
        try:
            names, birth_place = json.loads(plain.partition(_BEHIND)[2])
            return AsWritten(
                tuple(
                    [
                        PersonName(family=family, particle=particle, given=given)
                        for family, particle, given in names
                    ]
                ),
                birth_place,
            )
        except ValueError:
            raise ContractError("encoding", "names") from None


def _value(key: BlockingKey) -> int:
    return key.value


def _plain(found: Particulars, subject: Subject) -> bytes:
    return found.to_bytes() + _BEHIND + _as_written(subject)


def _particulars(plain: bytes) -> Particulars:
    return Particulars.from_bytes(plain[: plain.find(_BEHIND)])


def _as_written(subject: Subject) -> bytes:
    names = [[name.family, name.particle, name.given] for name in subject.names]
    return json.dumps([names, subject.birth_place or ""], ensure_ascii=False, separators=(",", ":")).encode()

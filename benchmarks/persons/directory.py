"""Known mentions under their blocking keys, as the resolver asks for them.

Rule: of a key that very many mentions share, the latest `MOST_OF_A_KEY` are read: a look-up has an end.
Must not: compare or decide.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final, Protocol
from uuid import UUID

from kruispunt_processors.persons.decision import Candidate
from kruispunt_processors.persons.keys import BlockingKey, KeyKind
from kruispunt_processors.persons.normalisation import Particulars

MOST_OF_A_KEY: Final = 1_000
"""Mentions read of one key."""


class Directory(Protocol):
    """Where known mentions are kept; references are numbers from 0, in the order in which they were given out."""

    def candidates(self, keys: Sequence[BlockingKey]) -> Sequence[Candidate]:
        """Return every known mention that shares a key, each once, with the kinds of key that found it."""

    def add(self, reference: int, particulars: Particulars, keys: Sequence[BlockingKey]) -> None:
        """Keep a mention of a person."""

    def __len__(self) -> int:
        """Return how many mentions there are."""


class MemoryDirectory:
    """A directory in memory: sealed by nothing, some 700 bytes a mention."""

    def __init__(self) -> None:
        self._particulars: list[bytes] = []
        self._references = array("I")
        self._mentions: dict[int, int | array[int]] = {}
        self.cut = 0
        """Look-ups of a key that were cut off."""

    def __len__(self) -> int:
        return len(self._particulars)

    def candidates(self, keys: Sequence[BlockingKey]) -> Sequence[Candidate]:
        """Return every known mention that shares a key, each once, with the kinds of key that found it."""
        found: dict[int, set[KeyKind]] = {}
        for key in keys:
            there = self._mentions.get(key.value)
            if there is None:
                continue
            numbers = (there,) if isinstance(there, int) else there
            self.cut += len(numbers) > MOST_OF_A_KEY
            for number in numbers[-MOST_OF_A_KEY:]:
                found.setdefault(number, set()).add(key.kind)
        return [
            Candidate(
                str(self._references[number]),
                UUID(int=number),
                Particulars.from_bytes(self._particulars[number]),
                tuple(sorted(kinds)),
            )
            for number, kinds in found.items()
        ]

    def particulars(self, mention_id: UUID) -> Particulars:
        """Return what a mention says."""
        return Particulars.from_bytes(self._particulars[mention_id.int])

    def add(self, reference: int, particulars: Particulars, keys: Sequence[BlockingKey]) -> None:
        """Keep a mention of a person."""
        number = len(self._particulars)
        self._particulars.append(particulars.to_bytes())
        self._references.append(reference)
        for key in keys:
            there = self._mentions.get(key.value)
            if there is None:
                self._mentions[key.value] = number
            elif isinstance(there, int):
                self._mentions[key.value] = array("I", (there, number))
            else:
                there.append(number)

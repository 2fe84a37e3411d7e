"""What an adapter is: where its records come from, and the pure function that makes a draft of one.

Rules
-----
1. ``draft`` is pure: a row in, a `Draft` or a `Refusal` out; bad data never raises.
2. A draft's version and lifecycle are what the source knows: version 1 and ORIGINAL, or RECALL when the record is
   withdrawn there. The posting box finds the number of the version by comparing contents.
3. A reference is the source's own, stable, and unique within the participant.
4. A source reads forward from a cursor, a text of its own making. A record may come again; none may be skipped.

An adapter joins by the entry-point group ``kruispunt.adapters`` (`discovery`); docs/adapters.md writes one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol

from kruispunt_schemas.disclosure import Draft

from kruispunt_producers.adapters.row import Refusal, Row


@dataclass(frozen=True, slots=True)
class Located:
    """One source record: where it stands (a key, or file and line; never content) and what it says."""

    position: str
    content: Row | Refusal


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in the source's order, and the cursor once they are kept; None leaves the cursor where it was."""

    records: tuple[Located, ...]
    cursor: str | None


class Source(Protocol):
    """A store that an adapter reads; opened for one run, closed at its end."""

    @property
    def name(self) -> str:
        """Return a stable name, without credentials: cursors and refusals are kept under it."""

    def batches(self, cursor: str | None) -> Iterator[Batch]:
        """Yield what is new since the cursor, everything when it is None; ends when there is no more for now."""

    def references(self) -> frozenset[str] | None:
        """Return every reference that the store holds now, None when it cannot tell (then nothing counts as deleted)."""

    def close(self) -> None:
        """Let go of the store."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """One kind of source.

    name: for ``--adapter``. scheme: what SOURCE starts with (``csv``, ``postgresql``). participants: shell patterns of
    those whose default it is. open: address (without the scheme, unless it is a URL) to a source. draft: see the module.
    """

    name: str
    scheme: str
    participants: tuple[str, ...]
    open: Callable[[str], Source]
    draft: Callable[[Row], Draft | Refusal]

    def serves(self, participant: str) -> bool:
        """Tell whether it is a default for a participant."""
        return any(fnmatchcase(participant, pattern) for pattern in self.participants)

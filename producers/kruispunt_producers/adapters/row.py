"""A source record as named values, and how to read them strictly.

Rules
-----
1. Inside a function marked `adapting`, a reader (`Row.text`, `Row.day`, ...) that meets a bad value ends the function
   with a `Refusal` that names the reason and the column; the caller sees a value, never an exception.
2. Texts are stripped; an empty one is an absent one. A NUL or another control character is refused.
3. A refusal never repeats the value.

Must not: touch a store or a clock.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final, TypeVar

from kruispunt_schemas.disclosure import Draft

T = TypeVar("T")

_DAY: Final = re.compile(r"(\d{2})/(\d{2})/(\d{4})")
_CLOCK: Final = re.compile(r"(\d{2}):(\d{2})")
_INTEGER: Final = re.compile(r"-?\d{1,9}")
_ALLOWED_CONTROLS: Final = frozenset("\t\n\r")
MISSING: Final = "missing"
TEXT: Final = "text"
NUMBER: Final = "number"
CODE: Final = "code"
DATE: Final = "date"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a source record cannot become a signal: a stable reason, and the column as the source names it."""

    reason: str
    field: str


class _RefusedError(Exception):
    """Carries a refusal from a reader to `adapting`; never leaves this module."""

    def __init__(self, reason: str, field: str) -> None:
        super().__init__(reason, field)
        self.refusal = Refusal(reason, field)


@dataclass(frozen=True, slots=True)
class Row:
    """Values by column name; texts, numbers, booleans, dates or None, as the store gives them."""

    values: Mapping[str, object]

    def text(self, column: str) -> str:
        """Return a text that must be there."""
        value = self.optional(column)
        if value is None:
            raise _RefusedError(MISSING, column)
        return value

    def optional(self, column: str) -> str | None:
        """Return a text, None when it is absent or empty."""
        value = self.values.get(column)
        if value is None:
            return None
        if not isinstance(value, str):
            raise _RefusedError(TEXT, column)
        if any(
            unicodedata.category(item) in ("Cc", "Cs") and item not in _ALLOWED_CONTROLS for item in value
        ):
            raise _RefusedError(TEXT, column)
        return value.strip() or None

    def many(self, column: str, separator: str) -> tuple[str, ...]:
        """Return the parts of a text, none when it is absent; empty parts are left out."""
        parts = (self.optional(column) or "").split(separator)
        return tuple(part.strip() for part in parts if part.strip())

    def number(self, column: str) -> int:
        """Return a whole number that must be there, given as such or as digits."""
        value = self.values.get(column)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if _INTEGER.fullmatch(written := self.text(column)) is None:
            raise _RefusedError(NUMBER, column)
        return int(written)

    def code(self, column: str, table: Mapping[str, T]) -> T:
        """Return what a code stands for; the code must be there and in the table."""
        written = self.text(column)
        if written not in table:
            raise _RefusedError(CODE, column)
        return table[written]

    def codes(self, column: str, separator: str, table: Mapping[str, T]) -> tuple[T, ...]:
        """Return what each of several codes stands for."""
        parts = self.many(column, separator)
        if any(part not in table for part in parts):
            raise _RefusedError(CODE, column)
        return tuple(table[part] for part in parts)

    def day(self, column: str) -> date:
        """Return a date that must be there: a date, or dd/mm/yyyy."""
        found = self.optional_day(column)
        if found is None:
            raise _RefusedError(MISSING, column)
        return found

    def optional_day(self, column: str) -> date | None:
        """Return a date, None when it is absent."""
        value = self.values.get(column)
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        written = self.optional(column)
        if written is None:
            return None
        match = _DAY.fullmatch(written)
        try:
            if match is not None:
                return date(int(match[3]), int(match[2]), int(match[1]))
        except ValueError:
            pass
        raise _RefusedError(DATE, column)

    def moment(self, column: str) -> datetime:
        """Return a time that must be there as aware UTC: a datetime with its zone, or ISO 8601 with an offset."""
        value = self.values.get(column)
        if not isinstance(value, datetime):
            try:
                value = datetime.fromisoformat(self.text(column))
            except ValueError:
                raise _RefusedError(DATE, column) from None
        if value.tzinfo is None:
            raise _RefusedError(DATE, column)
        try:
            return value.astimezone(UTC)
        except OverflowError:  # the first or last hours of the calendar
            raise _RefusedError(DATE, column) from None

    def clock(self, column: str) -> time:
        """Return a time of day, hh:mm; midnight when it is absent."""
        written = self.optional(column)
        match = _CLOCK.fullmatch(written or "00:00")
        try:
            if match is not None:
                return time(int(match[1]), int(match[2]))
        except ValueError:
            pass
        raise _RefusedError(DATE, column)

    def refuse(self, reason: str, column: str) -> Exception:
        """Return what to raise inside an `adapting` function for a rule of its own."""
        return _RefusedError(reason, column)


def adapting(function: Callable[[Row], Draft]) -> Callable[[Row], Draft | Refusal]:
    """Turn a function that reads a row into an adapter's ``draft``: what a reader refuses becomes a value."""

    @functools.wraps(function)
    def draft(row: Row) -> Draft | Refusal:
        try:
            return function(row)
        except _RefusedError as refused:
            return refused.refusal

    return draft

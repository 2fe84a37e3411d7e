"""Two names beside each other: how far family and given names agree, and how common what they share is.

Rules
-----
1. A level is the best that holds; its bits say how common the shared name is (0 where that does not matter).
2. Two names that lists know are two names, however close: Tim is no slip for Tom (``rival``). A slip makes a name that no
   list has (``close``).
3. Given names that begin alike and go on differently contradict (``partly``): brothers share a first name.
4. The same whichever comes first.

Must not: weigh.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rapidfuzz.distance import OSA

from kruispunt_processors.persons.model import NameTable
from kruispunt_processors.persons.names import skeleton, stem
from kruispunt_processors.persons.variants import FORM, SPELLING

Found = tuple[str, float]
Words = tuple[str, ...]
DIFFERENT: Final[Found] = ("different", 0.0)
_LATER_SHARE: Final = 0.5
"""What a second shared name adds, as a share of its bits: names of one person go together."""


def family_level(a: Words, b: Words, names: NameTable) -> Found:
    """Return how far two family names agree; neither is empty."""
    if a == b:
        return "equal", _sum(a, names.family, names.unlisted)
    if len(a) > 1 or len(b) > 1:
        return _double_family(a, b, names)
    one, two = a[0], b[0]
    one_stem, two_stem = stem(one), stem(two)
    if one_stem == two_stem:
        return "particle", max(names.family.get(one, names.unlisted), names.family.get(two, names.unlisted))
    head = SPELLING.get(one)
    if head is not None and head == SPELLING.get(two):
        return "variant", names.spellings.get(head, names.unlisted)
    if near(one_stem, two_stem) or ((one_stem, two_stem) != (one, two) and near(one, two)):
        return "close", 0.0
    sounds = skeleton(one_stem)
    if len(sounds) >= 3 and sounds == skeleton(two_stem):
        return "sound", 0.0
    return DIFFERENT


def _double_family(a: Words, b: Words, names: NameTable) -> Found:
    bits, unlisted = names.family, names.unlisted
    stems_a, stems_b = [stem(word) for word in a], [stem(word) for word in b]
    whole_a, whole_b = "".join(a), "".join(b)
    if whole_a == whole_b:
        return "equal", max(_sum(a, bits, unlisted), _sum(b, bits, unlisted))
    if sorted(stems_a) == sorted(stems_b):
        return "particle", max(_sum(a, bits, unlisted), _sum(b, bits, unlisted))
    shared = {*stems_a} & {*stems_b}
    if shared:
        return "part", max([bits.get(word, unlisted) for word in (*a, *b) if stem(word) in shared])
    if near(whole_a, whole_b) or any(near(one, two) for one in stems_a for two in stems_b):
        return "close", 0.0
    return DIFFERENT


def given_level(a: Words, b: Words, names: NameTable) -> Found:
    """Return how far two given names agree; neither is empty."""
    first, other = a[0], b[0]
    if a == b:
        return "equal", _sum(a, names.given, names.unlisted)
    if first == other and (len(a) == 1 or len(b) == 1):
        return "first", names.given.get(first, names.unlisted)
    if len(first) == 1 or len(other) == 1:
        return ("initial", 0.0) if first[0] == other[0] else DIFFERENT
    if len(a) > 1 or len(b) > 1:
        found = _several_given(a, b, names)
        if found is not None:
            return found
    head, other_head = SPELLING.get(first, first), SPELLING.get(other, other)
    if head == other_head:
        return "variant", names.spellings.get(head, names.unlisted)
    form = FORM.get(first)
    if form is not None and form == FORM.get(other):
        return "form", names.forms.get(form, names.unlisted)
    if near(first, other) or _begins(first, other):
        level = "close"
    else:
        sounds = skeleton(first)
        if len(sounds) < 2 or sounds != skeleton(other):
            return DIFFERENT
        level = "sound"
    return ("rival" if first in names.given and other in names.given else level), 0.0


def _several_given(a: Words, b: Words, names: NameTable) -> Found | None:
    """Return how far given names of several words agree as a whole, None when no word says so."""
    if "".join(a) == "".join(b):
        return "equal", max(_sum(a, names.given, names.unlisted), _sum(b, names.given, names.unlisted))
    heads_a, heads_b = [SPELLING.get(word, word) for word in a], [SPELLING.get(word, word) for word in b]
    shared = {*heads_a} & {*heads_b}
    if not shared:
        return None
    found = max([names.spellings.get(word, names.unlisted) for word in shared])
    if heads_a == heads_b:
        return "variant", found
    if heads_a[0] != heads_b[0]:
        return ("some" if len(shared) in (len(heads_a), len(heads_b)) else "partly"), found
    return ("first" if _go_on_alike(heads_a[1:], heads_b[1:]) else "partly"), found


def near(a: str, b: str) -> bool:
    """Tell whether two words differ by what a slip of the pen makes: one letter of four, two of seven."""
    longest, shortest = len(a), len(b)
    if longest < shortest:
        longest, shortest = shortest, longest
    allowed = 1 if longest < 7 else 2
    return (
        longest >= 4 and longest - shortest <= allowed and OSA.distance(a, b, score_cutoff=allowed) <= allowed
    )


def _begins(a: str, b: str) -> bool:
    return a.startswith(b) if len(a) > len(b) > 2 else len(a) > 2 and b.startswith(a)


def _go_on_alike(a: Sequence[str], b: Sequence[str]) -> bool:
    """Tell whether of the later names one side has none that the other has not; an initial stands for a name."""
    if not a or not b or {*a} <= {*b} or {*b} <= {*a}:
        return True
    one, two = a[0], b[0]
    return near(one, two) or ((len(one) == 1 or len(two) == 1) and one[0] == two[0])


def _sum(words: Words, bits: Mapping[str, float], unlisted: float) -> float:
    if len(words) == 1:
        return bits.get(words[0], unlisted)
    found = sorted([bits.get(word, unlisted) for word in words], reverse=True)
    return found[0] + _LATER_SHARE * sum(found[1:])

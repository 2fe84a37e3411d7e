"""The table of bad postings through the pure function, and mutations of a sound one: always a reason, never an exception."""

from __future__ import annotations

import random
from datetime import timedelta
from functools import cache

import pytest
from kruispunt_processors.admit.admission import Admitted, Forwarded, Refused, admit
from kruispunt_schemas import codec, wire
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.needtoknow.authoring import make, read_participants
from kruispunt_schemas.needtoknow.bundle import Bundle, VerificationKey

from tests import drafts
from tests.badpostings import ACCEPTED, EXPIRED, REFUSED, Case, Forge, Posted, left_out
from tests.drafts import BACKBONE, KEYS_VALID_FROM, MONDAY, VSSE

FORGE = Forge(drafts.secret_of, drafts.signer_of, MONDAY - timedelta(minutes=1))


@cache
def bundle() -> Bundle:
    rows = read_participants()
    keys: dict[str, tuple[VerificationKey, ...]] = {row.id: (drafts.key_of(row.id),) for row in rows}
    keys[VSSE] = (*keys[VSSE], drafts.key_of(EXPIRED, until=KEYS_VALID_FROM + timedelta(days=1)))
    return make(keys, rows)


def outcome(post: Posted, owner: str = VSSE) -> Admitted | Forwarded | Refused:
    headers = wire.header_map(
        [
            (getattr(name, "raw", name.encode()).decode(errors=wire.NAME_ERRORS), value)
            for name, value in post.headers
        ]
    )
    return admit(drafts.posting(owner), post.value, headers, bundle(), BACKBONE.case)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_it_is_refused_with_a_reason_and_the_field(case: Case) -> None:
    found = outcome(case.make(FORGE), case.owner)
    assert isinstance(found, Refused)
    assert (found.reason, found.field) == (case.reason, case.field)
    assert len(found.detail) < 100


ODD = (*ACCEPTED, Case("a signed section left out", left_out))


@pytest.mark.parametrize("case", ODD, ids=lambda case: case.name)
def test_it_is_strange_and_goes_on_untouched(case: Case) -> None:
    post = case.make(FORGE)
    found = outcome(post, case.owner)
    assert isinstance(found, Admitted)
    assert wire.wrapped(7, found.signed.with_passage(None).encoded()) == post.value


def mutated(value: bytes, dice: random.Random) -> bytes:
    data = bytearray(value)
    for _ in range(dice.randint(1, 4)):
        at, how = dice.randrange(len(data)), dice.randrange(7)
        some = bytes(
            dice.choice((0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF, dice.randrange(256)))
            for _ in range(dice.randint(1, 12))
        )
        if how == 0:
            data[at] ^= 1 << dice.randrange(8)
        elif how == 1:
            data[at : at + len(some)] = some
        elif how == 2:
            data[at:at] = some
        elif how == 3:
            del data[at : at + dice.randint(1, 40)]
        elif how == 4:
            data[at:] = b""
        elif how == 5:
            other = dice.randrange(len(data))
            data[at:at] = data[other : other + dice.randint(1, 60)]
        else:
            data[at:at] = b"\xff" * dice.randint(1, 11) + b"\x7f"
        if not data:
            return b"\x00"
    return bytes(data)


def left_out_at_most(found: SignedBytes, sound: SignedBytes) -> bool:
    """Tell whether two postings are the same but for sections left out, which cannot be told from absent ones."""
    pairs = zip(found.sections, sound.sections, strict=True)
    return (found.header, found.proof) == (sound.header, sound.proof) and all(
        kept is None or kept == raw for (_, kept), (_, raw) in pairs
    )


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_changed_in_a_sound_posting_there_is_an_outcome(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    signals = [
        drafts.wired(FORGE.signal(drafts.draft(kind), topic=owner))
        for kind, owner in drafts.ORIGINATORS.items()
    ]
    values = [*signals, drafts.wired(drafts.receipt()), drafts.wired(drafts.consultation())]
    for _ in range(300):
        value, headers = dice.choice(values)
        changed = mutated(value, dice)
        names: list[tuple[str, bytes | None]] = [
            (name, mutated(raw, dice) if dice.random() < 0.05 else raw) for name, raw in headers.items()
        ]
        owner = dice.choice([*drafts.ORIGINATORS.values()])
        found = outcome(Posted(changed, names), owner)
        if not isinstance(found, Refused):
            assert left_out_at_most(
                found.signed, codec.decode_signed(found.signed.schema, wire.unwrapped(value))
            )
        else:
            assert found.reason
            assert found.detail.isprintable()

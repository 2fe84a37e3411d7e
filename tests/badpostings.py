"""Postings that must be refused, each with the reason and the field, and strange ones that must survive untouched.

A table of cases; `Forge` makes their bytes with whatever keys the test has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from kruispunt_schemas import codec, disclosure, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.records.sections import Measures
from kruispunt_schemas.signing import Signer

from tests import drafts
from tests.drafts import OCAD, VSSE, draft, with_section
from tests.rawposts import Name

EXPIRED: Final = f"{VSSE}-expired"
"""A name for `drafts.signer_of`: a key of VSSE that a bundle must list as no longer valid."""
MIB: Final = 1024 * 1024
TERMINAL: Final = (
    "\x1b[2J\x1b]0;owned\x07\x9b31m\u202egnp.exe\r\nrm -rf\t\x7f\u2066\ufeff[bold]x[/bold] :bomb:"
)


@dataclass(frozen=True, slots=True)
class Forge:
    """Makes postings. now: when they say that they were published."""

    secret_of: Callable[[str], bytes]
    signer_of: Callable[[str], Signer]
    now: datetime

    def signal(
        self,
        made: disclosure.Draft | None = None,
        *,
        topic: str = VSSE,
        originator: str | None = None,
        signer: Signer | None = None,
        published_at: datetime | None = None,
    ) -> SignedBytes:
        """Return a signed signal of the owner of the topic, in its own name unless told otherwise."""
        return disclosure.compose(
            made or draft(),
            originator=originator or topic,
            secret=self.secret_of(topic),
            signer=signer or self.signer_of(topic),
            published_at=published_at or self.now,
        )

    def parts(
        self, reference: str, section: str, *, signal_type: str = "RadicalisationCase", **changes: Any
    ) -> SignedBytes:
        """Return a signal of which some fields of one section are changed."""
        owner = drafts.ORIGINATORS[signal_type]
        sections = with_section(drafts.sections(signal_type, reference=reference), section, **changes)
        return self.signal(draft(signal_type, parts=sections), topic=owner)


@dataclass(frozen=True, slots=True)
class Posted:
    """What is posted: ``headers`` in order, names of any bytes."""

    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    key: bytes | None = None
    timestamp: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One posting: refused with reason and field, or, with neither, accepted as it is."""

    name: str
    make: Callable[[Forge], Posted] = field(repr=False)
    reason: str | None = None
    field: str | None = None
    owner: str = VSSE


def posted(signed: SignedBytes, value: bytes | None = None, **changes: Any) -> Posted:
    """Return a signal as it travels, or other bytes in its wrapping."""
    whole, headers = drafts.wired(signed)
    return Posted(whole if value is None else value, list(headers.items()), **changes)


def _wrapped(payload: bytes) -> Posted:
    return Posted(
        wire.wrapped(7, payload), list(drafts.headers_of(schemas.load("RadicalisationCase")).items())
    )


def _with_headers(
    forge: Forge, reference: str, more: list[tuple[str, bytes | None]], **changes: Any
) -> Posted:
    found = posted(forge.signal(draft(reference=reference, statement=reference)), **changes)
    return replace(found, headers=[*found.headers, *more])


def _without_header(forge: Forge, name: str, other: bytes | None = None) -> Posted:
    found = posted(forge.signal())
    kept = [(each, value) for each, value in found.headers if each != name]
    return replace(found, headers=kept if other is None else [*kept, (name, other)])


def _section(signed: SignedBytes, name: str, raw: bytes) -> SignedBytes:
    return replace(
        signed, sections=tuple((each, raw if each == name else old) for each, old in signed.sections)
    )


def _two_blocks(forge: Forge) -> Posted:
    signed = forge.signal()
    schema = schemas.load("RadicalisationCase")
    both = drafts.sections().measures
    assert both is not None
    empty = codec.write_part(schema, "measures", Measures(salt=bytes(16)))
    (item,) = (codec.write_part(schema, "measures", replace(both, salt=bytes(16)))[len(empty) :],)
    one = b"\x02" + item[:-1]
    return posted(_section(signed, "measures", empty[:-1] + one + one + b"\x00"))


def _long_varint(forge: Forge) -> Posted:
    signed = forge.signal()
    at = signed.header.index(b"\x08vsse") + 5
    assert signed.header[at] == 2  # the version: 1 as a varint, which 0x82 0x00 is as well
    return posted(replace(signed, header=signed.header[:at] + b"\x82\x00" + signed.header[at + 1 :]))


def _long_union(forge: Forge) -> Posted:
    signed = forge.signal()
    value = drafts.wired(signed)[0]
    section = dict(signed.sections)["subject"]
    assert section is not None
    at = value.index(codec.PRESENT + section)
    return posted(signed, value[:at] + b"\x82\x00" + value[at + 1 :])


def _header_less(forge: Forge) -> Posted:
    signed = forge.signal()
    empty = replace(signed.read_header(), commitments=())
    without = codec.write_part(signed.schema, "header", empty)[:-1]
    proof = forge.signer_of(VSSE).sign(signed.schema.name, without)
    return posted(replace(signed, header=without, proof=codec.write_part(signed.schema, "proof", proof)))


def _signed_again(forge: Forge, signed: SignedBytes, **changes: Any) -> Posted:
    header = replace(signed.read_header(), **changes)
    raw = codec.write_part(signed.schema, "header", header)
    proof = forge.signer_of(VSSE).sign(signed.schema.name, raw)
    return posted(replace(signed, header=raw, proof=codec.write_part(signed.schema, "proof", proof)))


def _swapped(forge: Forge) -> Posted:
    signed = forge.signal()
    other = dict(forge.signal(draft(statement="Something else.")).sections)["situation"]
    return posted(_section(signed, "situation", other or b""))


def left_out(forge: Forge) -> Posted:
    """Return a signal of which a section that was signed is left out: it cannot be told from one withheld."""
    signed = forge.signal(draft(reference="odd/left-out", statement="odd/left-out"))
    kept = tuple((name, None if name == "measures" else raw) for name, raw in signed.sections)
    return posted(replace(signed, sections=kept))


def _surrogate(forge: Forge) -> Posted:
    signed = forge.signal()
    section = dict(signed.sections)["subject"] or b""
    assert b"Broeck" in section
    return posted(_section(signed, "subject", section.replace(b"Broeck", b"\xed\xa0\x80eck")))


def _name(reference: str, name: str) -> Callable[[Forge], Posted]:
    def make(forge: Forge) -> Posted:
        return posted(forge.parts(reference, "subject", names=(drafts.person(name).names[0],)))

    return make


def _changed(
    section: str, *, signal_type: str = "RadicalisationCase", **changes: Any
) -> Callable[[Forge], Posted]:
    return lambda forge: posted(forge.parts(f"bad/{section}", section, signal_type=signal_type, **changes))


def _stated(reference: str, statement: str) -> Callable[[Forge], Posted]:
    return lambda forge: posted(forge.signal(draft(reference=reference, statement=statement)))


def _later(**changes: timedelta) -> Callable[[Forge], Posted]:
    def make(forge: Forge) -> Posted:
        moved: Mapping[str, datetime] = {name: forge.now + by for name, by in changes.items()}
        return _signed_again(forge, forge.signal(), **moved)

    return make


REFUSED: Final = (
    Case(
        "truncated Avro",
        lambda forge: posted(s := forge.signal(), drafts.wired(s)[0][:-40]),
        "truncated",
        "proof",
    ),
    Case("truncated after the header", lambda forge: _wrapped(forge.signal().header), "truncated", "context"),
    Case(
        "trailing bytes",
        lambda forge: posted(s := forge.signal(), drafts.wired(s)[0] + b"\x00"),
        "trailing-bytes",
        "",
    ),
    Case("an over-long varint", _long_varint, "encoding", "header"),
    Case("another encoding of the same value", _long_union, "encoding", "subject"),
    Case("an array in several blocks", _two_blocks, "encoding", "measures"),
    Case(
        "an unknown fingerprint",
        lambda forge: _without_header(forge, "ce_dataschema", wire.FINGERPRINT_URN.encode() + b"ab" * 32),
        "unknown-schema",
        "header.schema_fingerprint",
    ),
    Case(
        "no fingerprint",
        lambda forge: _without_header(forge, "ce_dataschema"),
        "unknown-schema",
        "header.schema_fingerprint",
    ),
    Case(
        "no headers at all",
        lambda forge: replace(posted(forge.signal()), headers=[]),
        "unknown-schema",
        "header.schema_fingerprint",
    ),
    Case(
        "a wrong magic byte",
        lambda forge: posted(s := forge.signal(), b"\x01" + drafts.wired(s)[0][1:]),
        "wire-format",
        "",
    ),
    Case("JSON", lambda forge: posted(forge.signal(), b'{"signal": true}'), "wire-format", ""),
    Case("an empty value", lambda forge: posted(forge.signal(), b""), "empty", ""),
    Case("a null value", lambda forge: replace(posted(forge.signal()), value=None), "empty", ""),
    Case("5 MiB of nothing", lambda _: _wrapped(b"\xff" * (5 * MIB)), "encoding", "header"),
    Case(
        "5 MiB after a header",
        lambda forge: _wrapped(forge.signal().header + b"\x02" * (5 * MIB)),
        "truncated",
        "context",
    ),
    Case(
        "another type's bytes",
        lambda forge: _wrapped(forge.signal(draft("ThreatEvaluation"), topic=OCAD).encoded()),
        "text",
        "assessment",
    ),
    Case(
        "a forged signature",
        lambda forge: posted(
            forge.signal(signer=replace(forge.signer_of(OCAD), key_id=forge.signer_of(VSSE).key_id))
        ),
        "signature",
        "proof.signature",
    ),
    Case(
        "a key that is no longer valid",
        lambda forge: posted(forge.signal(signer=drafts.signer_of(EXPIRED))),
        "unknown-key",
        "proof.key_id",
    ),
    Case(
        "another's key",
        lambda forge: posted(forge.signal(signer=forge.signer_of(OCAD))),
        "unknown-key",
        "proof.key_id",
    ),
    Case(
        "an unknown originator",
        lambda forge: posted(forge.signal(originator="stranger")),
        "not-owner",
        "header.originator",
    ),
    Case(
        "another's name on one's own topic",
        lambda forge: posted(forge.signal(originator=OCAD)),
        "not-owner",
        "header.originator",
    ),
    Case(
        "another's signal on one's own topic",
        lambda forge: posted(forge.signal(draft("ThreatEvaluation"), topic=OCAD)),
        "not-owner",
        "header.originator",
    ),
    Case(
        "a type that is not permitted",
        lambda forge: posted(forge.signal(draft("ThreatEvaluation"))),
        "not-permitted",
        "header.signal_type",
    ),
    Case("a section that does not match its commitment", _swapped, "commitment-mismatch", "situation"),
    Case("a header without its last field", _header_less, "truncated", "header"),
    Case(
        "a level of 0",
        _changed("assessment", signal_type="ThreatEvaluation", level=0),
        "level",
        "assessment.level",
        OCAD,
    ),
    Case(
        "a level of 5",
        _changed("assessment", signal_type="ThreatEvaluation", level=5),
        "level",
        "assessment.level",
        OCAD,
    ),
    Case(
        "published in the future", _later(published_at=timedelta(minutes=10)), "future", "header.published_at"
    ),
    Case(
        "observed in the future",
        _later(observed_at=timedelta(minutes=10)),
        "future",
        "header.observed_at",
    ),
    Case(
        "bad check digits",
        _changed("subject", national_number="91051700100"),
        "check-digits",
        "subject.national_number",
    ),
    Case(
        "an unknown NIS code",
        _changed("context", municipality="99999"),
        "unknown-municipality",
        "context.municipality",
    ),
    Case("an unpaired surrogate", _surrogate, "text", "subject"),
    Case(
        "a name of 10,000 characters", _name("bad/long", "x" * 10_000), "too-long", "subject.names.0.family"
    ),
    Case(
        "a header name that is not UTF-8",
        lambda forge: _with_headers(forge, "bad/name", [(Name(b"caf\xe9"), b"x")]),
        "header-name",
        "headers",
    ),
    Case(
        "a header name of escapes",
        lambda forge: _with_headers(forge, "bad/escape", [("\\xe9", b"x")]),
        "header-name",
        "headers",
    ),
)
ACCEPTED: Final = (
    Case("NUL in a text", _stated("odd/nul", "before\0after")),
    Case("NUL in a name", _name("odd/nul-name", "Bro\0eck")),
    Case("a text aimed at a terminal", _stated("odd/terminal", TERMINAL)),
    Case("a name aimed at a terminal", _name("odd/terminal-name", TERMINAL)),
    Case(
        "a reference aimed at a terminal",
        lambda forge: posted(forge.signal(draft(reference=TERMINAL, statement="Odd."))),
    ),
    Case("a name of 500 characters", _name("odd/name", "\N{LATIN SMALL LETTER E WITH ACUTE}" * 500)),
    Case("a text of 10,000 characters", _stated("odd/long", "word " * 2_000)),
    Case("a text of 5 MiB", _stated("odd/5 MiB", "x" * (5 * MIB))),
    Case(
        "10,000 headers",
        lambda forge: _with_headers(forge, "odd/headers", [(f"h{number}", b"x") for number in range(10_000)]),
    ),
    Case("a header of 1 MiB", lambda forge: _with_headers(forge, "odd/header", [("h", b"x" * MIB)])),
    Case(
        "a header name of 1 MiB", lambda forge: _with_headers(forge, "odd/header-name", [("h" * MIB, b"x")])
    ),
    Case(
        "a header twice, one null, one without a name",
        lambda forge: _with_headers(
            forge, "odd/twice", [("ce_id", b"1"), ("ce_id", b"2"), ("ce_id", None), ("", b"")]
        ),
    ),
    Case(
        "a header name with a NUL",
        lambda forge: _with_headers(forge, "odd/header-nul", [("traceparent\0x", b"x")]),
    ),
    Case("a key of 1 MiB", lambda forge: _with_headers(forge, "odd/key", [], key=b"k" * MIB)),
    Case("a create time before time", lambda forge: _with_headers(forge, "odd/before", [], timestamp=-5)),
    Case("a create time after all", lambda forge: _with_headers(forge, "odd/after", [], timestamp=2**62)),
)

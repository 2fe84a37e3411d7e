"""The common database holds references and no content: what went through it is searched for in a dump."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from kruispunt_deploy.stack import postgres
from kruispunt_processors.admit.admission import Admitted, admit
from kruispunt_processors.bundles import BundleRegister
from kruispunt_processors.engine.stage import Incoming
from kruispunt_processors.outputs import Outbound
from kruispunt_processors.resolve.stage import ResolveStage
from kruispunt_processors.route.stage import RouteStage
from kruispunt_schemas import identity, topics, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.failures import ConfigurationError
from kruispunt_schemas.records.backbone import BundleContent
from kruispunt_schemas.records.sections import PersonName
from psycopg import sql
from sqlalchemy.ext.asyncio import AsyncEngine

from tests import drafts
from tests.drafts import BACKBONE, MONDAY, composed, draft, national_number, person
from tests.processors.engine.sink import Sink

NUMBER = national_number("910517001")
IDS = {schemas.load(name).fingerprint: 1 for name in schemas.TOPIC_TYPES}
SHORTEST, SHORTEST_ENCODED = 4, 6
"""Characters: what is shorter lies in any dump by chance."""
FEW_DIGITS = 10
_HEX = frozenset(b"0123456789abcdefABCDEF")


def texts(value: object) -> Iterator[str]:
    """Yield every text of a record; enums are the schema's own words."""
    if isinstance(value, StrEnum):
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from texts(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from texts(getattr(value, field.name))


def secrets_of(*signals: Draft) -> set[str]:
    found = {text for made in signals for text in texts(made.sections) if len(text) >= SHORTEST}
    found |= {"1991-05-17", "19910517", "17/05/1991", "1991, 5, 17", NUMBER}
    names = {name for made in signals if made.sections.subject for name in made.sections.subject.names}
    for name in names:
        found |= {f"{name.given} {name.family}", f"{name.family} {name.given}", " ".join(_tokens(name))}
    # Participants and municipalities are the bundle's words, not a signal's.
    return {text for text in found if text not in drafts.bundle().by_id}


def _tokens(name: PersonName) -> list[str]:
    return sorted(f"{name.family} {name.particle} {name.given}".lower().split())


def forms(text: str) -> set[bytes]:
    """Return the ways in which a text could lie in a dump: plain, in hex, in base64 at any place, as a bare hash."""
    found: set[bytes] = set()
    for plain in {text.encode(), text.lower().encode(), text.upper().encode()}:
        found |= {plain, plain.hex().encode()}
        for shift, foreign in ((0, 0), (1, 2), (2, 3)):
            encoded = base64.b64encode(b"\x00" * shift + plain)
            core = encoded[foreign : (shift + len(plain)) * 8 // 6]
            found |= {core} if len(core) >= SHORTEST_ENCODED else set()
        for name in ("md5", "sha1", "sha256", "sha512"):
            digest = hashlib.new(name, plain, usedforsecurity=False).digest()
            found |= {digest, digest.hex().encode(), base64.b64encode(digest).rstrip(b"=")}
    return found


def lies_in(text: str, content: bytes) -> bool:
    """Tell whether a text lies in a dump in any form. A few digits lie in any key in hex: they count alone only."""
    for form in forms(text):
        if form in content:
            if len(form) >= FEW_DIGITS or not set(form) <= _HEX:
                return True
            if re.search(rb"(?<![0-9a-fA-F])" + form + rb"(?![0-9a-fA-F])", content):
                return True
    return False


def message(topic: str, offset: int, sent: wire.Message) -> Incoming:
    return Incoming(topic, 0, offset, MONDAY, sent.key, sent.value, wire.header_map(sent.headers))


def signals() -> list[Draft]:
    subject = replace(
        person(number=NUMBER), description="Tattoo of an anchor.", birth_place="Dendermonde", nationality="NL"
    )
    found = [draft(name, subject=subject, reference=f"{name}/7") for name in schemas.SIGNAL_TYPES]
    other = draft(
        subject=person("Peeters", "Annelies", particle=""), statement="Wrote on a wall.", reference="N-2"
    )
    repeat = draft(
        subject=person("Peeters", "Annelies", particle=""), statement="Wrote on a wall.", reference="N-3"
    )
    ambiguous = draft(subject=person("Peeters", "Annelies", particle="", number=NUMBER), reference="N-4")
    late = draft(
        "RadicalisationCase", version=2, subject=subject, reference="RadicalisationCase/7", statement="Went."
    )
    return [*found, other, repeat, ambiguous, late]


async def through(engine: AsyncEngine) -> list[Draft]:
    """Take signals of every type through resolve and route; return what was in them."""
    outbound, sink = Outbound("/backbone/test", IDS), Sink()
    register = BundleRegister()
    register.add(BundleContent(bundle=drafts.bundle().name, content=drafts.bundle().content))
    made, admitted = signals(), []
    for offset, item in enumerate(made):
        value, headers = drafts.wired(composed(item))
        at = drafts.posting(drafts.ORIGINATORS[item.signal_type], offset)
        outcome = admit(at, value, headers, drafts.bundle(), BACKBONE.case)
        assert isinstance(outcome, Admitted), outcome
        sent = outbound.signed(
            "admitted",
            outcome.case_key,
            outcome.signed,
            identifier=str(identity.admitted_id(at)),
            time=MONDAY,
            trace=None,
        )
        admitted.append(message("admitted", offset, sent))
    clock = lambda: MONDAY + timedelta(seconds=4)  # noqa: E731
    await ResolveStage(engine, outbound, lambda: BACKBONE, clock).handle(admitted, sink)
    resolved = [sent for sent in sink.sent if sent.topic == topics.RESOLVED.name]
    assert len(resolved) >= 5
    assert any(sent.topic == topics.REVIEWS.name for sent in sink.sent)
    route = RouteStage(engine, register, outbound, BACKBONE.pseudonym, clock)
    await route.handle([message("resolved", place, sent) for place, sent in enumerate(resolved)], sink)
    assert sum(sent.topic.startswith("in.") for sent in sink.sent) > 20
    return made


def columns(address: str) -> bytes:
    """Return every column of every row of every table, text and bytes as they are."""
    found: list[bytes] = []
    with psycopg.connect(address) as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        assert len(tables) >= 8
        for (table,) in tables:
            for row in connection.execute(sql.SQL("select * from {}").format(sql.Identifier(table))):
                found += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    return b"\n".join(found)


def dump(address: str) -> bytes:
    """Return what pg_dump writes."""
    try:
        program: Path | None = postgres.binaries() / "bin" / "pg_dump"
    except ConfigurationError:
        program = None
    if program is None or not program.is_file():
        path = shutil.which("pg_dump")
        if path is None:
            pytest.skip("no pg_dump here: the columns were searched")
        program = Path(path)
    found = urlsplit(address)
    environment = {**os.environ, "PGPASSWORD": found.password or ""}
    done = subprocess.run(
        [
            str(program),
            "-h",
            str(found.hostname),
            "-p",
            str(found.port),
            "-U",
            str(found.username),
            found.path[1:],
        ],
        env=environment,
        capture_output=True,
        check=True,
    )
    return done.stdout


async def test_neither_columns_nor_dump_show_anything_of_a_signal(engine: AsyncEngine, cleared: str) -> None:
    secrets = secrets_of(*await through(engine))
    assert len(secrets) > 30
    for where, content in (("columns", columns(cleared)), ("dump", dump(cleared))):
        assert len(content) > 5000
        shown = [text for text in secrets if lies_in(text, content)]
        assert shown == [], where


def test_the_search_finds_what_it_looks_for() -> None:
    for hidden in (
        b"x Joris y",
        b"x \\x" + b"Joris".hex().encode(),
        base64.b64encode(b"ab Joris van"),
        base64.b64encode(b"abc Joris"),
        base64.b64encode(b"Joris Broeck"),
        hashlib.sha256(b"Joris").hexdigest().encode(),
        hashlib.sha256(b"joris").digest(),
    ):
        assert lies_in("Joris", hidden), hidden
    assert lies_in("11002", b"x\t11002\ty")
    assert not lies_in("11002", b"\\xab11002f")  # seen: a keyed hash in a dump

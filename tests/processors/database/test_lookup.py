"""``kruispunt persons show`` and ``explain`` on a real database."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner, Result
from kruispunt_processors.database import claims
from kruispunt_processors.database.connection import open_engine
from kruispunt_processors.database.lookup import UnknownError
from kruispunt_processors.persons.mentions import Keyring
from kruispunt_processors.persons.model import CURRENT, parse
from kruispunt_processors.resolve.resolution import Candidate
from kruispunt_schemas import codec, command, keys
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import ConfigurationError
from kruispunt_schemas.records.backbone import MatchKind, PersonRegistered, RepertoryEvent
from kruispunt_schemas.records.sections import Subject

from tests import drafts
from tests.docs.scripts import run_script
from tests.drafts import MONDAY, OCAD, VSSE
from tests.processors.resolve.candidates import candidate, someone

SOFIE = drafts.person("Verlinden", "Sofie", particle="van", birth=(1984, 3, 2))
TOM = drafts.person("Claes", "Tom", particle="", birth=(1970, 12, 24))


class Backbone:
    """A data directory with keys, and a database that was resolved with them."""

    def __init__(self, data: Path, address: str) -> None:
        self.data, self.address = data, address
        self.keyring = Keyring.newest(keys.create_backbone(data))
        self._batches = 0

    def signal(self, reference: str, offset: int, person: Subject, originator: str = VSSE) -> Candidate:
        return candidate(
            reference,
            f"{originator} {offset}",
            offset,
            originator=originator,
            person=person,
            keyring=self.keyring,
        )

    def resolve(self, *batch: Candidate) -> list[PersonRegistered]:
        """Resolve signals as one batch, a second after the last one."""
        self._batches += 1
        now = MONDAY + timedelta(seconds=self._batches)
        return asyncio.run(self._resolve(batch, now))

    async def _resolve(self, batch: Sequence[Candidate], now: Any) -> list[PersonRegistered]:
        engine = open_engine(self.address)
        found = await claims.claim_batch(engine, batch, now, self.keyring)
        await claims.mark(engine, found)
        await engine.dispose()
        return [row for item in found.values() if item.event for row in item.event.persons]

    def change(self, statement: LiteralString, *values: object) -> None:
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(statement, values)

    def run(self, *words: str | UUID, code: int = 0) -> Result:
        result = CliRunner().invoke(
            command.kruispunt,
            ["persons", *map(str, words), "--data", str(self.data)],
            prog_name="kruispunt",
            env={"COLUMNS": "240", "KRUISPUNT_DATABASE": self.address, "KRUISPUNT_BROKERS": "127.0.0.1:1", "KRUISPUNT_REGISTRY": "http://127.0.0.1:1"},
        )  # fmt: skip
        assert result.exit_code == code, result.output + repr(result.exception)
        return result

    def document(self, *words: str | UUID) -> Any:
        return json.loads(self.run(*words, "--json").stdout)


@pytest.fixture
def backbone(tmp_path: Path, cleared: str) -> Backbone:
    return Backbone(tmp_path, cleared)


def linked(backbone: Backbone) -> tuple[PersonRegistered, PersonRegistered]:
    """A person whom two services mention, one after the other, beside somebody else."""
    first, _ = backbone.resolve(backbone.signal("a", 1, SOFIE), backbone.signal("b", 2, TOM))
    (second,) = backbone.resolve(backbone.signal("c", 1, SOFIE, OCAD))
    assert second.reference == first.reference
    return first, second


def test_a_person_is_shown_by_the_start_of_its_reference_and_without_a_name(backbone: Backbone) -> None:
    first, second = linked(backbone)
    shown = backbone.run("show", first.reference[:8]).output
    assert first.reference in shown
    assert "Mentions: 2" in shown
    assert f"Next: kruispunt persons explain {str(second.mention_id)[:8]}" in shown
    for said in ("Verlinden", "Sofie", "1984"):
        assert said not in shown
    found = backbone.document("show", first.reference)
    assert [(each["participant"], each["capacity"]) for each in found["holders"]] == [
        (OCAD, "RadicalisationCase"),
        (VSSE, "RadicalisationCase"),
    ]
    assert [(each["out"], each["match"], each["model"]) for each in found["mentions"]] == [
        ("vsse/1", "NEW", CURRENT),
        ("ocad/1", "LINKED", CURRENT),
    ]
    assert "sealed" not in found["mentions"][0]


def test_names_are_shown_as_written_when_asked_for(backbone: Backbone) -> None:
    first, _ = linked(backbone)
    assert "Sofie van Verlinden" in backbone.run("show", first.reference, "--open").output
    says = backbone.document("show", first.reference, "--open")["mentions"][0]["says"]
    assert (says["names"], says["birth"]) == (["Sofie van Verlinden"], "1984-03-02")


def test_an_alias_leads_to_the_person_that_it_was_joined_to(backbone: Backbone) -> None:
    first, _ = linked(backbone)
    (other,) = backbone.resolve(
        backbone.signal("d", 3, drafts.person("Maes", "Els", particle="", birth=(1959, 5, 6)))
    )
    backbone.change(
        "update person set canonical = %s, as_of = gen_random_uuid() where reference = %s",
        first.reference,
        other.reference,
    )
    found = backbone.document("show", other.reference)
    assert (found["reference"], found["aliases"]) == (first.reference, [other.reference])
    assert len(found["mentions"]) == 3


def test_a_decision_is_explained_field_by_field_and_is_the_same_again(backbone: Backbone) -> None:
    first, second = linked(backbone)
    found = backbone.document("explain", second.mention_id)
    assert found["same"] is True
    assert found["recorded"]["compared_with"] == str(first.mention_id)
    assert found["recorded"]["found_by"]
    compared = found["again"]["compared"]
    assert compared["mention_id"] == str(first.mention_id)
    assert {line["field"] for line in compared["fields"]} >= {"birth"}
    assert sum(line["weight"] for line in compared["fields"]) == pytest.approx(compared["weight"], abs=0.05)
    shown = backbone.run("explain", str(second.mention_id)[:13]).output
    assert f"linked: person {first.reference}" in shown
    assert "Decided again today, it is the same" in shown
    assert "Verlinden" not in shown


def test_somebody_new_is_explained_too(backbone: Backbone) -> None:
    first, _ = linked(backbone)
    found = backbone.document("explain", first.mention_id)
    assert (found["recorded"]["match"], found["again"]["compared"], found["same"]) == ("NEW", None, True)


def test_of_one_batch_the_one_compared_with_is_looked_at(backbone: Backbone) -> None:
    _, second = backbone.resolve(backbone.signal("a", 1, SOFIE), backbone.signal("c", 1, SOFIE, OCAD))
    assert backbone.document("explain", second.mention_id)["same"] is True


def test_a_judgement_since_then_is_named_as_a_cause(backbone: Backbone) -> None:
    first, _ = linked(backbone)
    twin = drafts.person("Verlinden", "Sofie", particle="van", birth=(1984, 3, 2))
    (other,) = backbone.resolve(backbone.signal("e", 9, TOM, OCAD))
    (third,) = backbone.resolve(backbone.signal("f", 5, twin, OCAD))
    # As if a judgement had put the first mention with somebody else.
    backbone.change(
        "update mention set reference = %s where mention_id = %s", other.reference, first.mention_id
    )
    found = backbone.document("explain", third.mention_id)
    assert found["same"] is False
    assert "judged" in " ".join(found["again"]["differences"])
    assert "What can be the cause" in backbone.run("explain", third.mention_id).output


def test_a_posterior_that_comes_out_otherwise_is_said(backbone: Backbone) -> None:
    _, second = linked(backbone)
    backbone.change(
        "update mention_key set key = key + 1 where mention_id in (select mention_id from mention where match = 'NEW')"
    )
    backbone.change("delete from mention where match = 'NEW'")
    found = backbone.document("explain", second.mention_id)
    assert found["again"]["differences"] == [
        "the mention that it was compared with shares no key with it any more, or is gone"
    ]


def test_what_nobody_knows_says_what_to_do(backbone: Backbone) -> None:
    linked(backbone)
    for name in ("show", "explain"):
        unknown = backbone.run(name, "00000000-0000-0000-0000-000000000000", code=1).exception
        assert isinstance(unknown, UnknownError)
        assert "topic `repertory`" in str(unknown)
        assert isinstance(backbone.run(name, "Peeters", code=1).exception, UnknownError)


def test_a_start_that_several_have_names_them(backbone: Backbone) -> None:
    first, _ = linked(backbone)
    start = first.reference[:8]
    other = f"{start}-0000-4000-8000-000000000000"
    backbone.change("insert into person (reference, since, canonical) values (%s, now(), %s)", other, other)
    error = str(backbone.run("show", start, code=1).exception)
    assert error.startswith(f"more than one person has the reference {start}...: ")
    assert first.reference in error


def test_without_the_keys_a_name_cannot_be_shown(backbone: Backbone, tmp_path: Path) -> None:
    first, second = linked(backbone)
    (tmp_path / "keys" / "backbone" / "sealing.key").unlink()
    backbone.run("show", first.reference)
    for words in (("show", first.reference, "--open"), ("explain", str(second.mention_id))):
        error = backbone.run(*words, code=1).exception
        assert isinstance(error, ConfigurationError)
        assert "kruispunt provision" in str(error)


def test_a_decision_of_before_the_resolver_has_nothing_to_explain(backbone: Backbone) -> None:
    first, _ = linked(backbone)
    with psycopg.connect(backbone.address, autocommit=True) as connection:
        event = codec.decode(schemas.load("RepertoryEvent"), _event_of(connection, first), RepertoryEvent)
        then = replace(first, match=MatchKind.UNRECOGNISED, model="", posterior=0, found_by=(), guards=())
        written = codec.encode(replace(event, persons=(then,)))
        connection.execute(
            "update claim set event = %s where event = %s", (written, _event_of(connection, first))
        )
    found = backbone.document("explain", first.mention_id)
    assert (found["recorded"]["match"], found["again"], found["same"]) == ("UNRECOGNISED", None, None)
    assert "no model, no weights" in backbone.run("explain", first.mention_id).output


def test_a_person_is_looked_up_as_the_page_says(backbone: Backbone) -> None:
    first, second = linked(backbone)
    page = (Path(__file__).parents[3] / "docs" / "persons.md").read_text(encoding="utf-8")
    script = re.findall(r"^```console\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[-1]
    assert script.count("kruispunt persons") == 3
    shown = run_script(
        script,
        backbone.data,
        KRUISPUNT_DATA=str(backbone.data),
        KRUISPUNT_DATABASE=backbone.address,
        KRUISPUNT_BROKERS="127.0.0.1:1",
        KRUISPUNT_REGISTRY="http://127.0.0.1:1",
        REFERENCE=first.reference[:8],
        MENTION=str(second.mention_id),
    )
    assert "Sofie van Verlinden" in shown
    assert "Decided again today, it is the same" in shown


def test_weights_are_fitted_to_the_mentions_of_the_database(backbone: Backbone) -> None:
    for originator in (VSSE, OCAD):
        backbone.resolve(
            *(
                backbone.signal(f"s{number}", number, someone(number.to_bytes(2, "little")), originator)
                for number in range(120)
            )
        )
    out = backbone.data / "2099-1.toml"
    found = backbone.document("fit", "--out", str(out), "--pairs", "20000")
    assert (found["mentions"], found["counted"]["at random"]) == (240, 20_000)
    assert found["links"][0] == 120
    assert parse("2099-1", out.read_text(encoding="utf-8")).version == "2099-1"


def _event_of(connection: psycopg.Connection[Any], of: PersonRegistered) -> bytes:
    query = 'select claim.event from claim join mention using (participant, "offset") where mention_id = %s'
    row = connection.execute(query, (of.mention_id,)).fetchone()
    assert row is not None
    return bytes(row[0])

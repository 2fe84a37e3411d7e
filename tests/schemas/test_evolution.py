"""Each schema changes by one field both ways; the real registry accepts what is compatible and refuses the rest."""

from __future__ import annotations

import io
import json
from typing import Any

import fastavro
import pytest
from kruispunt_schemas import codec, disclosure, evolution
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.records.sections import Phenomenon
from kruispunt_schemas.schema import RecordSchema
from kruispunt_schemas.vectors import chain_samples, samples

from tests.schemas import evolving
from tests.schemas.conftest import Subjects
from tests.schemas.evolving import Change, changed, written_under

KEY = samples.signer().public_key()
FULL: dict[str, Draft] = {
    draft.signal_type: draft
    for draft in (samples.CASE, samples.SHEET, samples.EVALUATION, *chain_samples.DRAFTS)
}
MORE: dict[str, Any] = {"contact": {"room": "B 2.17"}}
ANNEX: dict[str, Any] = {"annex": {"text": "An annex."}}
COMPATIBLE: dict[str, Change] = {
    "a field": evolving.add_field,
    "a section": evolving.add_section,
    "a symbol": evolving.add_symbol,
}


def verified(schema: RecordSchema, raw: bytes) -> SignedBytes:
    """Receive bytes under the writer's schema; all of them must verify."""
    signed = codec.decode_signed(schema, raw)
    disclosure.verify(signed, signed.read_header(), KEY)
    return signed


def resolved(raw: bytes, writer: RecordSchema, reader: RecordSchema) -> Any:
    """Read a whole record through Avro's schema resolution."""
    return fastavro.schemaless_reader(io.BytesIO(raw), writer.parsed, reader.parsed)


@pytest.mark.parametrize("name", schemas.SIGNAL_TYPES)
class TestBothWays:
    def test_a_field_added(self, name: str) -> None:
        old = schemas.load(name)
        new = changed(old, evolving.add_field)
        assert new.fingerprint != old.fingerprint
        before = samples.composed(FULL[name]).encoded()
        after = written_under(new, FULL[name], MORE).signed.encoded()
        verified(old, before)
        signed = verified(new, after)
        # The new reader sees the default in old data, the old reader does not see the new field.
        assert resolved(before, old, new)["contact"]["room"] is None
        assert resolved(after, new, old)["contact"] == resolved(before, old, old)["contact"]
        assert signed.read_sections() == samples.composed(FULL[name]).read_sections()
        assert signed.releasing(frozenset({"contact"})).read_sections().contact is not None

    def test_a_field_removed(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A program that has dropped the field reads what was written while it was there, and the reverse."""
        old = changed(schemas.load(name), evolving.add_field)
        new = schemas.load(name)
        before = written_under(old, FULL[name], MORE).signed.encoded()
        after = samples.composed(FULL[name]).encoded()
        assert "room" not in resolved(before, old, new)["contact"]
        assert resolved(after, new, old)["contact"]["room"] is None
        assert verified(old, before).read_sections() == verified(new, after).read_sections()
        # The same under the program in which the field is still there.
        monkeypatch.setattr(schemas, "load", lambda _name: old)
        assert verified(old, before).read_sections() == verified(new, after).read_sections()

    def test_a_section_added_and_removed(self, name: str) -> None:
        old = schemas.load(name)
        new = changed(old, evolving.add_section)
        before = samples.composed(FULL[name]).encoded()
        after = written_under(new, FULL[name], ANNEX).signed.encoded()
        assert resolved(before, old, new)["annex"] is None
        assert "annex" not in resolved(after, new, old)
        assert verified(new, after).read_sections() == verified(old, before).read_sections()
        # A view without the new section, and one with nothing but it, are still the originator's.
        for released in (frozenset(old.sections), frozenset({"annex"})):
            view = verified(new, after).releasing(released).encoded()
            assert verified(new, view).releasing(released).encoded() == view
        with pytest.raises(ContractError, match="unknown-section: annex"):
            codec.read_section(new, "annex", dict(verified(new, after).sections)["annex"] or b"")

    def test_a_symbol_added(self, name: str) -> None:
        old = schemas.load(name)
        new = changed(old, evolving.add_symbol)
        written = written_under(new, FULL[name], {"context": {"phenomenon": "SPACE_DEBRIS"}})
        signed = verified(new, written.signed.encoded())
        context = signed.read_sections().context
        assert context is not None
        assert context.phenomenon is Phenomenon.UNRECOGNISED

    def test_later_data_is_only_the_originators_under_its_own_schema(self, name: str) -> None:
        old = schemas.load(name)
        new = changed(old, evolving.add_field)
        after = written_under(new, FULL[name], MORE).signed.encoded()
        with pytest.raises(ContractError):
            verified(old, after)
        projected = io.BytesIO()
        fastavro.schemaless_writer(projected, old.parsed, resolved(after, new, old))
        with pytest.raises(ContractError, match="schema-mismatch"):
            verified(old, projected.getvalue())


class TestTheRegistry:
    def test_compatibility_is_set_for_every_subject(self, subjects: Subjects) -> None:
        assert subjects.ask("/config").json()["compatibilityLevel"] == "FULL_TRANSITIVE"

    @pytest.mark.parametrize("name", schemas.SIGNAL_TYPES)
    def test_a_compatible_change_both_ways(self, subjects: Subjects, name: str) -> None:
        base = schemas.load(name)
        for what, change in COMPATIBLE.items():
            later = changed(base, change)
            first = subjects.registry.register(subjects.own(base))
            assert subjects.registry.incompatibilities(subjects.own(later)) == [], what
            second = subjects.registry.register(subjects.own(later))
            assert first != second
            # Back again: what was added is removed.
            assert subjects.registry.incompatibilities(subjects.own(base)) == [], what
            assert subjects.registry.register(subjects.own(base)) == first
            # A program that does not carry the later schema fetches it by its id and finds the same fingerprint.
            fetched = fastavro.parse_schema(json.loads(subjects.registry.schema_json(second)))
            assert schemas.record_schema(fetched).fingerprint == later.fingerprint

    @pytest.mark.parametrize("what", evolving.INCOMPATIBLE)
    @pytest.mark.parametrize("name", schemas.SIGNAL_TYPES)
    def test_an_incompatible_change_is_refused_with_the_reason(
        self, subjects: Subjects, name: str, what: str
    ) -> None:
        change, reason = evolving.INCOMPATIBLE[what]
        base = subjects.own(schemas.load(name))
        subjects.registry.register(base)
        other = subjects.own(changed(schemas.load(name), change))
        assert any(line.startswith(reason) for line in subjects.registry.incompatibilities(other))
        with pytest.raises(ContractError, match="incompatible-schema") as caught:
            subjects.registry.register(other)
        assert caught.value.field == base.subject
        assert reason in caught.value.detail
        assert "/fields" not in str(caught.value)
        assert "Exception" not in str(caught.value)
        assert subjects.ask(f"/subjects/{base.subject}/versions").json() == [1]

    def test_what_is_compatible_with_the_last_version_but_not_with_the_first(
        self, subjects: Subjects
    ) -> None:
        base = schemas.load("FeedbackSheet")
        subjects.registry.register(subjects.own(base))
        subjects.registry.register(subjects.own(changed(base, evolving.add_field)))

        def retype(schema: Any) -> None:
            evolving.record(schema, "Contact")["fields"].append(
                {"name": "room", "type": ["null", "long"], "default": None}
            )

        assert subjects.registry.incompatibilities(subjects.own(changed(base, retype)))


class TestReleasedSchemas:
    """Continuous integration's gate: a committed schema stays compatible with every one that was released."""

    def gate(
        self, subjects: Subjects, released: tuple[RecordSchema, ...], current: RecordSchema
    ) -> list[str]:
        for schema in released:
            subjects.registry.register(subjects.own(schema))
        return subjects.registry.incompatibilities(subjects.own(current))

    def test_every_type_of_a_topic_has_a_released_schema(self) -> None:
        assert set(evolution.released()) == set(schemas.TOPIC_TYPES)

    def test_every_file_of_a_released_schema_is_listed(self) -> None:
        listed = sum(len(found) for found in evolution.released().values())
        assert listed == len(list((evolution.RELEASED.parent / "released").glob("*.json")))

    def test_a_released_schema_that_was_edited_is_noticed(self, tmp_path: Any) -> None:
        (tmp_path / "Status.json").write_text(
            json.dumps(json.loads(schemas.load("Status").json)), encoding="utf-8"
        )
        table = tmp_path / "RELEASED.toml"
        row = '[[released]]\ntype = "Status"\nfingerprint = "{}"\nschema = "Status.json"\n'
        table.write_text(row.format(schemas.load("Status").fingerprint.hex()), encoding="utf-8")
        assert evolution.released(table)["Status"][0].fingerprint == schemas.load("Status").fingerprint
        table.write_text(row.format("00" * 32), encoding="utf-8")
        with pytest.raises(ValueError, match=r"Status\.json is not the schema that was released"):
            evolution.released(table)

    def test_every_schema_is_compatible_with_all_that_were_released(self, subjects: Subjects) -> None:
        released = evolution.released()
        reasons = {
            name: found
            for name in schemas.TOPIC_TYPES
            if (found := self.gate(subjects, released[name], schemas.load(name)))
        }
        assert not reasons, "\n".join(f"{name}: {line}" for name, lines in reasons.items() for line in lines)

    def test_the_gate_holds_back_an_incompatible_schema_and_says_why(self, subjects: Subjects) -> None:
        released = evolution.released()["FeedbackSheet"]
        other = changed(schemas.load("FeedbackSheet"), evolving.remove_required_field)
        assert self.gate(subjects, released, other) == ["Contact.unit is gone (it was string)"]

    def test_what_is_written_by_release_is_what_is_there(
        self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(evolution, "_AVRO", tmp_path)
        monkeypatch.setattr(evolution, "RELEASED", tmp_path / "RELEASED.toml")
        evolution.release()
        once = (tmp_path / "RELEASED.toml").read_text(encoding="utf-8")
        evolution.release()
        assert (tmp_path / "RELEASED.toml").read_text(encoding="utf-8") == once
        found = evolution.released(tmp_path / "RELEASED.toml")
        assert {name: items[0].fingerprint for name, items in found.items()} == {
            name: schemas.load(name).fingerprint for name in schemas.TOPIC_TYPES
        }


class TestChangesInWords:
    def test_nothing(self) -> None:
        text = schemas.load("Decision").json
        assert evolution.changes(text, text) == []

    def test_documentation_is_no_change(self) -> None:
        schema = schemas.load("Decision")
        bare = json.dumps(schemas.plain(schema.parsed, docs=False))
        assert evolution.changes(schema.json, bare) == []

    def test_each_kind(self) -> None:
        base = schemas.load("FeedbackSheet")
        later = changed(base, evolving.add_section, evolving.add_symbol, evolving.change_type)
        found = evolution.changes(base.json, later.json)
        assert "FeedbackSheet.annex is new (null or Annex, with a default)" in found
        assert "Context.reference was string and is long" in found
        assert any(line.startswith("Phenomenon was one of UNRECOGNISED") for line in found)

        def resize(schema: Any) -> None:
            evolving.record(schema, "Salt")["size"] = 32
            evolving.record(schema, "Measures")["fields"][1]["type"]["items"] = "string"

        found = evolution.changes(base.json, changed(base, resize).json)
        assert "Salt was 16 bytes and is 32 bytes" in found
        assert "Measures.measures was list of Measure and is list of string" in found

"""A second implementation of the contract, written from the README of the vectors: nothing of ours, no Avro library."""

from __future__ import annotations

import ast
import hashlib
import hmac
import json
import sys
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

FOLDER = Path(__file__).parents[2] / "schemas" / "kruispunt_schemas" / "vectors"
FRAME = ("header", "proof", "passage")


def _load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


IDENTITIES, SCHEMAS, WIRE = _load("identities.json"), _load("schemas.json"), _load("wire.json")
SIGNALS, POSTINGS, BACKBONE = _load("signals.json"), _load("postings.json"), _load("backbone.json")
TAGS = {name: tag.encode() for name, tag in IDENTITIES["tags"].items()}


def framed(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def hkdf_16(secret: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 of RFC 5869 for up to one block, without a salt."""
    extracted = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()[:16]


def derived(purpose: str, *causes: str) -> str:
    name = framed(purpose.encode(), *(cause.encode() for cause in causes)).hex()
    return str(uuid5(UUID(IDENTITIES["derived_ids"]["namespace"]), name))


def commitment(kind: str, section: str, presence: bytes, content: bytes) -> str:
    return hashlib.sha256(
        framed(TAGS["commitment"], kind.encode(), section.encode(), presence, content)
    ).hexdigest()


class Avro:
    """Avro's binary encoding, as far as the contract uses it: JSON values to bytes and back."""

    def __init__(self, record_type: str) -> None:
        self.schema = json.loads(SCHEMAS[record_type]["json"])
        self._named: dict[str, Any] = {}
        self._collect(self.schema)

    def _collect(self, schema: Any) -> None:
        if isinstance(schema, list):
            for item in schema:
                self._collect(item)
        elif isinstance(schema, dict):
            if "name" in schema and schema.get("type") in ("record", "enum", "fixed"):
                self._named[schema["name"]] = schema
            for key in ("fields", "items", "type"):
                self._collect(schema.get(key))

    def field(self, name: str) -> Any:
        return next(item["type"] for item in self.schema["fields"] if item["name"] == name)

    @staticmethod
    def _varint(number: int) -> bytes:
        rest, out = (number << 1) ^ (number >> 63), bytearray()
        while rest >= 128:
            out.append(rest & 127 | 128)
            rest >>= 7
        return bytes([*out, rest])

    def write(self, schema: Any, value: Any) -> bytes:  # noqa: PLR0911 (one for each kind)
        schema = self._named.get(schema, schema) if isinstance(schema, str) else schema
        if isinstance(schema, list):
            return b"\x00" if value is None else b"\x02" + self.write(schema[1], value)
        kind = schema if isinstance(schema, str) else schema["type"]
        match kind:
            case "record":
                return b"".join(self.write(item["type"], value[item["name"]]) for item in schema["fields"])
            case "array":
                items = b"".join(self.write(schema["items"], item) for item in value)
                return self._varint(len(value)) + items + b"\x00" if value else b"\x00"
            case "enum":
                return self._varint(schema["symbols"].index(value))
            case "fixed":
                return bytes.fromhex(value)
            case "boolean":
                return b"\x01" if value else b"\x00"
            case "int" | "long":
                return self._varint(value)
            case _:
                raw = bytes.fromhex(value) if kind == "bytes" else value.encode()
                return self._varint(len(raw)) + raw

    def read(self, schema: Any, raw: bytes, at: int) -> tuple[Any, int]:  # noqa: PLR0911 (one for each kind)
        schema = self._named.get(schema, schema) if isinstance(schema, str) else schema
        if isinstance(schema, list):
            return (None, at + 1) if raw[at] == 0 else self.read(schema[1], raw, at + 1)
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind == "record":
            found = {}
            for item in schema["fields"]:
                found[item["name"]], at = self.read(item["type"], raw, at)
            return found, at
        if kind == "boolean":
            return raw[at] == 1, at + 1
        if kind == "fixed":
            return raw[at : at + schema["size"]].hex(), at + schema["size"]
        number, at = self._number(raw, at)
        if kind == "array":
            items = []
            for _ in range(number):
                item, at = self.read(schema["items"], raw, at)
                items.append(item)
            return items, at + (1 if number else 0)
        if kind in ("int", "long"):
            return number, at
        if kind == "enum":
            return schema["symbols"][number], at
        content = raw[at : at + number]
        return content.hex() if kind == "bytes" else content.decode(), at + number

    @staticmethod
    def _number(raw: bytes, at: int) -> tuple[int, int]:
        rest = shift = 0
        while raw[at] & 128:
            rest |= (raw[at] & 127) << shift
            at, shift = at + 1, shift + 7
        rest |= raw[at] << shift
        return (rest >> 1) ^ -(rest & 1), at + 1

    def slices(self, raw: bytes) -> dict[str, bytes | None]:
        """Cut a posting into the bytes of its fields, the index of the union left off."""
        found: dict[str, bytes | None] = {}
        at = 0
        for item in self.schema["fields"]:
            nullable = isinstance(item["type"], list)
            start = at + (1 if nullable else 0)
            value, at = self.read(item["type"], raw, at)
            found[item["name"]] = None if value is None else raw[start:at]
        assert at == len(raw)
        return found


def test_nothing_of_ours_is_imported() -> None:
    found = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(ast.parse(Path(__file__).read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    foreign = {name.split(".")[0] for name in found} - set(sys.stdlib_module_names)
    assert foreign == {"cryptography", "pytest"}


@pytest.mark.parametrize("vector", IDENTITIES["framing"])
def test_framing(vector: dict[str, Any]) -> None:
    assert framed(*(part.encode() for part in vector["parts"])).hex() == vector["framed"]


@pytest.mark.parametrize("vector", IDENTITIES["signal_ids"])
def test_signal_ids(vector: dict[str, Any]) -> None:
    message = framed(TAGS["signal_id"], vector["reference"].encode(), str(vector["version"]).encode())
    number = int.from_bytes(hmac.new(bytes.fromhex(vector["secret"]), message, hashlib.sha256).digest()[:16])
    number = number & ~(0xF << 76) | (8 << 76)
    number = number & ~(0b11 << 62) | (0b10 << 62)
    assert str(UUID(int=number)) == vector["signal_id"]


@pytest.mark.parametrize("vector", IDENTITIES["section_salts"])
def test_salts(vector: dict[str, Any]) -> None:
    info = framed(TAGS["salt"], UUID(vector["signal_id"]).bytes, vector["section"].encode())
    assert hkdf_16(bytes.fromhex(vector["secret"]), info).hex() == vector["salt"]


@pytest.mark.parametrize("vector", IDENTITIES["case_keys"])
def test_case_keys(vector: dict[str, Any]) -> None:
    message = framed(TAGS["case_key"], vector["originator"].encode(), vector["reference"].encode())
    assert hmac.new(bytes.fromhex(vector["key"]), message, "sha256").hexdigest() == vector["case_key"]


@pytest.mark.parametrize("vector", IDENTITIES["pseudonyms"])
def test_pseudonyms(vector: dict[str, Any]) -> None:
    message = framed(TAGS["pseudonym"], vector["recipient"].encode(), vector["person"].encode())
    assert hmac.new(bytes.fromhex(vector["key"]), message, "sha256").hexdigest()[:32] == vector["pseudonym"]


@pytest.mark.parametrize("vector", IDENTITIES["derived_ids"]["ids"])
def test_output_ids(vector: dict[str, Any]) -> None:
    assert derived(vector["purpose"], *vector["causes"]) == vector["id"]


def test_what_recipients_see_follows_from_originator_and_signal() -> None:
    header, delivery = SIGNALS[0]["header"]["value"], SIGNALS[0]["view"]["passage"]["delivery"]
    signal, recipient = (header["originator"], header["signal_id"]), delivery["recipient"]
    assert delivery["decision_id"] == derived("decision", *signal)
    assert delivery["output_id"] == derived("delivery", *signal, recipient)
    found = {vector["type"]: vector["value"] for vector in BACKBONE}
    assert found["Decision"]["decision_id"] == delivery["decision_id"]
    assert found["Decision"]["outputs"][0]["recipient"] == recipient
    assert found["Withdrawal"]["decision_id"] == delivery["decision_id"]
    assert found["Withdrawal"]["output_id"] == derived("withdrawal", *signal, recipient)


@pytest.mark.parametrize("name", SCHEMAS)
def test_fingerprints(name: str) -> None:
    def without_doc(schema: Any) -> Any:
        if isinstance(schema, dict):
            return {key: without_doc(value) for key, value in schema.items() if key != "doc"}
        return [without_doc(item) for item in schema] if isinstance(schema, list) else schema

    text = json.dumps(
        without_doc(json.loads(SCHEMAS[name]["json"])),
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    assert hashlib.sha256(text.encode()).hexdigest() == SCHEMAS[name]["fingerprint"]


@pytest.mark.parametrize("vector", BACKBONE, ids=lambda vector: vector["type"])
def test_what_the_backbone_writes(vector: dict[str, Any]) -> None:
    avro = Avro(vector["type"])
    assert avro.write(avro.schema, vector["value"]).hex() == vector["avro"]
    raw = bytes.fromhex(vector["avro"])
    assert avro.read(avro.schema, raw, 0) == (vector["value"], len(raw))


@pytest.mark.parametrize("vector", SIGNALS + POSTINGS, ids=lambda vector: vector["type"])
def test_postings_are_cut_and_signed(vector: dict[str, Any]) -> None:
    avro = Avro(vector["type"])
    found = avro.slices(bytes.fromhex(vector["avro"]))
    header = bytes.fromhex(vector["header"]["avro"])
    assert found["header"] == header
    assert found["proof"] == bytes.fromhex(vector["proof"]["avro"])
    assert found["passage"] is None
    assert avro.write(avro.field("header"), vector["header"]["value"]) == header
    assert avro.write(avro.field("proof"), vector["proof"]["value"]) == found["proof"]
    signed = framed(TAGS["signature"], vector["type"].encode(), header)
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector["signing_key"]))
    assert key.public_key().public_bytes_raw().hex() == vector["public_key"]
    assert key.sign(signed).hex() == vector["proof"]["value"]["signature"]
    with pytest.raises(InvalidSignature):
        key.public_key().verify(key.sign(signed), signed + b"\x00")


@pytest.mark.parametrize("vector", SIGNALS, ids=lambda vector: vector["type"])
def test_signals_commit_to_every_section(vector: dict[str, Any]) -> None:
    avro, header = Avro(vector["type"]), vector["header"]["value"]
    assert header["schema_fingerprint"] == SCHEMAS[vector["type"]]["fingerprint"]
    names = [item["name"] for item in avro.schema["fields"] if item["name"] not in FRAME]
    committed = {item["section"]: item["digest"] for item in header["commitments"]}
    assert list(committed) == sorted(names) == sorted(vector["sections"])
    found = avro.slices(bytes.fromhex(vector["avro"]))
    for name, section in vector["sections"].items():
        info = framed(TAGS["salt"], UUID(header["signal_id"]).bytes, name.encode())
        salt = hkdf_16(bytes.fromhex(vector["secret"]), info)
        assert salt.hex() == section["salt"]
        absent = commitment(vector["type"], name, b"absent", salt)
        assert absent == section["commitment_if_absent"]
        raw = found[name]
        if raw is None:
            assert section["avro"] is None
            assert committed[name] == absent
            continue
        assert raw.hex() == section["avro"]
        assert raw[:16] == salt
        assert avro.write(avro.field(name)[1], section["value"]) == raw
        assert committed[name] == section["commitment"] == commitment(vector["type"], name, b"present", raw)


@pytest.mark.parametrize("vector", SIGNALS, ids=lambda vector: vector["type"])
def test_a_view_is_still_the_originators(vector: dict[str, Any]) -> None:
    avro, view = Avro(vector["type"]), vector["view"]
    whole, found = avro.slices(bytes.fromhex(vector["avro"])), avro.slices(bytes.fromhex(view["avro"]))
    header, proof, passage = found["header"], found["proof"], found["passage"]
    assert header is not None
    assert passage is not None
    assert (header, proof) == (whole["header"], whole["proof"])
    assert avro.write(avro.field("passage")[1], view["passage"]) == passage
    for name, raw in found.items():
        if name not in FRAME:
            assert raw == (whole[name] if name in view["released"] else None)
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(vector["public_key"])).verify(
        bytes.fromhex(vector["proof"]["value"]["signature"]),
        framed(TAGS["signature"], vector["type"].encode(), header),
    )


def test_wire_format() -> None:
    assert (b"\x00" + WIRE["wire_id"].to_bytes(4, "big")).hex() + WIRE["avro"] == WIRE["value"]
    assert WIRE["headers"] == {
        "content-type": "application/avro",
        "ce_specversion": "1.0",
        "ce_id": WIRE["identifier"],
        "ce_source": WIRE["source"],
        "ce_type": f"be.kruispunt.{WIRE['type']}",
        "ce_time": "2025-03-14T09:26:53.589793Z",
        "ce_dataschema": f"urn:kruispunt:schema:sha256:{SCHEMAS[WIRE['type']]['fingerprint']}",
        "traceparent": WIRE["traceparent"],
    }
    assert WIRE["time_micros"] == 1741944413589793

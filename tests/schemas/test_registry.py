"""The registry is a convenience: its ids are looked up, kept in a file, and never needed again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import fastavro
import httpx
import pytest
from kruispunt_schemas import schema as schemas
from kruispunt_schemas import wire
from kruispunt_schemas.failures import ContractError, UnavailableError
from kruispunt_schemas.registry import Registry, translated
from kruispunt_schemas.vectors import samples

from tests.schemas.conftest import Subjects

SCHEMAS = [schemas.load(name) for name in schemas.TOPIC_TYPES]


@dataclass(slots=True)
class Answering:
    """A registry that can be taken away; ``calls`` counts what it was asked."""

    url: str
    calls: int = 0


Answer = Callable[[str, str, bytes], tuple[int, bytes]]


@contextmanager
def answering(answer: Answer) -> Iterator[Answering]:
    """Answer HTTP calls for the length of the block, then be gone."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found.calls += 1
            status, content = answer(self.command, self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815 (the library's names)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Answering(f"http://127.0.0.1:{server.server_address[1]}")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def opened(url: str, cache: Path | None = None) -> Iterator[Registry]:
    """Open a client for the length of the block."""
    registry = Registry(url, cache)
    try:
        yield registry
    finally:
        registry._http.close()


class TestIds:
    def test_they_are_the_registrys_and_not_counted_from_one(self, subjects: Subjects) -> None:
        """Other projects were there first, so an id that somebody had written down would be another schema's."""
        for schema in SCHEMAS:
            subjects.registry.register(subjects.own(schema))
        found = subjects.registry.wire_ids([subjects.own(schema) for schema in SCHEMAS])
        assert len(set(found.values())) == len(SCHEMAS)
        assert list(found.values()) != list(range(1, len(SCHEMAS) + 1))
        for schema in SCHEMAS:
            answer = subjects.ask(f"/schemas/ids/{found[schema.fingerprint]}").json()
            # The registry may write namespaces apart from names; the fingerprint is over full names.
            parsed = fastavro.parse_schema(json.loads(answer["schema"]))
            assert schemas.record_schema(parsed).fingerprint == schema.fingerprint
            value = wire.wrapped(found[schema.fingerprint], b"")
            assert int.from_bytes(value[1:5], "big") == found[schema.fingerprint]

    def test_another_order_of_keys_is_the_same_version(self, subjects: Subjects) -> None:
        schema = subjects.own(schemas.load("Status"))
        first = subjects.registry.register(schema)
        assert subjects.registry.register(schema) == first
        assert subjects.ask(f"/subjects/{schema.subject}/versions").json() == [1]

    def test_one_that_was_never_registered_says_what_to_do(self, subjects: Subjects) -> None:
        with pytest.raises(UnavailableError, match="run `kruispunt provision`"):
            subjects.registry.wire_ids([subjects.own(schemas.load("Review"))])


class TestTheRegistryIsAway:
    def test_ids_come_from_the_file(self, subjects: Subjects, tmp_path: Path) -> None:
        cache = tmp_path / "below" / "registry-ids.json"
        own = [subjects.own(schema) for schema in SCHEMAS]
        for schema in own:
            subjects.registry.register(schema)

        def forwarded(method: str, path: str, body: bytes) -> tuple[int, bytes]:
            kind = {"Content-Type": "application/json"}
            answer = httpx.request(
                method, f"{subjects.url}{path}", content=body, headers=kind, trust_env=False, timeout=10
            )
            return answer.status_code, answer.content

        with answering(forwarded) as server, opened(server.url, cache) as registry:
            first = registry.wire_ids(own)
            asked = server.calls
            assert registry.wire_ids(own) == first
            assert server.calls == asked
            assert asked == len(own)
        # It is gone: this process, and one that starts now, go on; what was never looked up is said to be missing.
        with opened(server.url, cache) as registry:
            assert registry.wire_ids(own) == first
            with pytest.raises(
                UnavailableError, match=f"the schema registry at {server.url} does not answer"
            ):
                registry.wire_ids([subjects.own(schemas.load("Receipt")), _unseen()])
            assert registry.wire_ids(own[:1]) == {own[0].fingerprint: first[own[0].fingerprint]}

    @pytest.mark.parametrize("content", ["", "{", '{"http://elsewhere": {"00": 1}}'])
    def test_a_file_that_is_damaged_or_of_another_registry_is_not_used(
        self, tmp_path: Path, content: str
    ) -> None:
        cache = tmp_path / "registry-ids.json"
        cache.write_text(content, encoding="utf-8")
        with (
            opened("http://127.0.0.1:9", cache) as registry,
            pytest.raises(UnavailableError, match="does not answer"),
        ):
            registry.wire_ids(SCHEMAS[:1])

    def test_signals_are_written_and_read_without_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def unreachable(*_args: object, **_kwargs: object) -> None:
            pytest.fail("the registry was asked")

        monkeypatch.setattr(Registry, "_call", unreachable)
        for draft in samples.DRAFTS:
            signed = samples.composed(draft)
            assert signed.read_header().schema_fingerprint == signed.schema.fingerprint


def _unseen() -> schemas.RecordSchema:
    return schemas.record_schema(
        fastavro.parse_schema({"type": "record", "name": "be.kruispunt.Unseen", "fields": []})
    )


class TestAnswersThatAreNone:
    @pytest.mark.parametrize(
        ("status", "body", "expected"),
        [
            (500, b"boom", "answered 500 to POST"),
            (503, b"", "answered 503 to POST"),
            (401, b"who are you", "answered 401 to POST"),
            (404, b"{}", "knows nothing of"),
            (200, b"<html>a proxy</html>", "is no schema registry"),
        ],
    )
    def test_become_one_error(self, status: int, body: bytes, expected: str) -> None:
        with (
            answering(lambda *_: (status, body)) as server,
            opened(server.url) as registry,
            pytest.raises(UnavailableError, match=expected),
        ):
            registry.wire_ids(SCHEMAS[:1])

    def test_a_refusal_that_is_no_json_is_shown_as_it_is(self) -> None:
        with (
            answering(lambda *_: (422, b"not today")) as server,
            opened(server.url) as registry,
            pytest.raises(ContractError, match=r"incompatible-schema: be\.kruispunt\.\w+: not today"),
        ):
            registry.register(SCHEMAS[0])

    def test_messages_of_a_registry_that_has_them(self) -> None:
        answer = json.dumps({"is_compatible": False, "messages": ["at /fields/3/type it differs"]}).encode()
        with (
            answering(lambda method, *_: (200, answer) if method == "POST" else (404, b"")) as server,
            opened(server.url) as registry,
        ):
            assert registry.incompatibilities(SCHEMAS[0]) == ["at field 3, type it differs"]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("differs at /fields/3/type", "differs at field 3, type"),
        ("at /fields/3/type/1/symbols/2, so", "at field 3, type, 1, symbol 2, so"),
        ("nothing to translate", "nothing to translate"),
    ],
)
def test_pointers_become_words(message: str, expected: str) -> None:
    assert translated(message) == expected

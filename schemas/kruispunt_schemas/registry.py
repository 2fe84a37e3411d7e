"""The schema registry over its Confluent API: a convenience for tools, never a judge.

Rules
-----
1. Ids are looked up once and kept in a file, so that a program starts and runs without the registry afterwards.
2. Compatibility is full transitive, set by `prepare`, for a registry starts at NONE.
3. A refusal is translated: the registry names JSON pointers only, so what changed is added in words (`evolution`).

Must not: be asked on the path of a signal.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from kruispunt_schemas.evolution import changes
from kruispunt_schemas.failures import ContractError, UnavailableError
from kruispunt_schemas.schema import RecordSchema

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS: Final = 10.0
COMPATIBILITY: Final = "FULL_TRANSITIVE"
CACHE_FILE: Final = "registry-ids.json"
"""Where every process of a data folder keeps the ids."""
_MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"
_POINTER: Final = re.compile(r"(?<= )/[\w/~-]+")
_DIFFERENCES: Final = re.compile(r"list of diff types: \[(.*)\]")


class Registry:
    """A client of one registry; ``cache`` is a JSON file of ids by address and fingerprint."""

    def __init__(self, url: str, cache: Path | None = None) -> None:
        self._url = url.rstrip("/")
        self._cache = cache

    @cached_property
    def _http(self) -> httpx.Client:
        """Made when first needed: most programs find their ids in the file and never ask."""
        import httpx  # noqa: PLC0415 - a third of a second that a worker need not spend

        return httpx.Client(
            base_url=self._url,
            timeout=TIMEOUT_SECONDS,
            headers={"Accept": _MEDIA_TYPE, "Content-Type": _MEDIA_TYPE},
            trust_env=False,
        )

    def close(self) -> None:
        """Let go of the connection."""
        if "_http" in self.__dict__:
            self._http.close()

    def prepare(self) -> None:
        """Set full transitive compatibility for every subject."""
        self._call("PUT", "/config", {"compatibility": COMPATIBILITY})

    def register(self, schema: RecordSchema) -> int:
        """Register a schema and return its id; raise ContractError, with the reason, when it is incompatible."""
        try:
            answer = self._call(
                "POST", f"/subjects/{quote(schema.subject)}/versions", {"schema": schema.json}
            )
        except ContractError as error:
            told = "; ".join([error.detail, *self._changes(schema)])
            raise ContractError(error.reason, schema.subject, told) from None
        return self._remember(schema, int(answer["id"]))

    def incompatibilities(self, schema: RecordSchema) -> list[str]:
        """Return why a schema does not fit the versions registered, empty when it does."""
        path = f"/compatibility/subjects/{quote(schema.subject)}/versions?verbose=true"
        answer = self._call("POST", path, {"schema": schema.json})
        if answer.get("is_compatible", False):
            return []
        told = [translated(str(message)) for message in answer.get("messages", [])]
        return told + self._changes(schema) or ["not compatible"]

    def wire_ids(self, schemas: Iterable[RecordSchema]) -> dict[bytes, int]:
        """Return the id of each schema by fingerprint, from the file or else from the registry.

        Raise UnavailableError when an id is in neither and the registry does not answer.
        """
        known = self._known()
        return {
            schema.fingerprint: known[schema.fingerprint.hex()]
            if schema.fingerprint.hex() in known
            else self._look_up(schema)
            for schema in schemas
        }

    def schema_json(self, wire_id: int) -> str:
        """Return the JSON of a registered schema."""
        return str(self._call("GET", f"/schemas/ids/{wire_id}", None)["schema"])

    def _changes(self, schema: RecordSchema) -> list[str]:
        try:
            latest = self._call("GET", f"/subjects/{quote(schema.subject)}/versions/latest", None)
        except UnavailableError:
            return []
        return changes(str(latest["schema"]), schema.json)

    def _look_up(self, schema: RecordSchema) -> int:
        answer = self._call("POST", f"/subjects/{quote(schema.subject)}", {"schema": schema.json})
        return self._remember(schema, int(answer["id"]))

    def _known(self) -> dict[str, int]:
        if self._cache is None or not self._cache.is_file():
            return {}
        try:
            found: dict[str, int] = json.loads(self._cache.read_text()).get(self._url, {})
        except ValueError:
            return {}
        return found

    def _remember(self, schema: RecordSchema, wire_id: int) -> int:
        if self._cache is not None:
            known = {**self._known(), schema.fingerprint.hex(): wire_id}
            self._cache.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._cache.with_suffix(
                f".{os.getpid()}.tmp"
            )  # several processes may learn an id at once
            temporary.write_text(json.dumps({self._url: known}, indent=1))
            temporary.replace(self._cache)
        return wire_id

    def _call(self, method: str, path: str, body: object) -> dict[str, Any]:
        import httpx  # noqa: PLC0415 - see _http

        try:
            response = self._http.request(method, path, content=None if body is None else json.dumps(body))
        except httpx.HTTPError as error:
            raise UnavailableError(
                f"the schema registry at {self._url} does not answer ({type(error).__name__})"
            ) from None
        if response.status_code in (409, 422):
            raise ContractError("incompatible-schema", path.split("/")[2], translated(_message(response)))
        if response.status_code == 404:
            raise UnavailableError(
                f"the schema registry at {self._url} knows nothing of {path}: run `kruispunt provision`"
            )
        if response.is_error:
            raise UnavailableError(f"the schema registry answered {response.status_code} to {method} {path}")
        try:
            answer: dict[str, Any] = response.json()
        except ValueError:
            raise UnavailableError(f"what answers at {self._url} is no schema registry") from None
        return answer


def _message(response: httpx.Response) -> str:
    """Return what a refusal says, without its envelope and the name of the exception behind it."""
    try:
        text = str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        text = response.text
    found = _DIFFERENCES.search(text)
    return found.group(1) if found else text


def translated(message: str) -> str:
    """Return a registry's refusal with its JSON pointers as words: ``/fields/3/type`` is 'field 3, type'."""

    def words(match: re.Match[str]) -> str:
        text = match.group(0).strip("/").replace("/", ", ")
        return re.sub(r"\b(field|symbol)s, (\d+)", r"\1 \2", text)

    return _POINTER.sub(words, message)

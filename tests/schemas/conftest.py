from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import httpx
import pytest
from kruispunt_schemas.registry import Registry
from kruispunt_schemas.schema import RecordSchema

from tests.stacks import StackUnderTest


class Subjects:
    """The real registry, with subjects of one test's own in it and those of other projects before them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.registry = Registry(url)
        self._run = f"t{uuid4().hex[:8]}"

    def own(self, schema: RecordSchema) -> RecordSchema:
        """Return the schema under a subject that no other test uses."""
        return replace(schema, name=f"{self._run}.{schema.name}")

    def ask(self, path: str) -> httpx.Response:
        """Ask the registry as any tool does."""
        return httpx.get(f"{self.url}{path}", trust_env=False, timeout=10)


@pytest.fixture(scope="session")
def registry_url(stack: StackUnderTest) -> str:
    """A registry in which other projects were first, so that ids do not start where ours would."""
    url = stack.addresses.registry
    run = uuid4().hex[:8]
    for number in range(5):
        schema = f'{{"type": "record", "name": "Other{run}{number}", "fields": []}}'
        answer = httpx.post(
            f"{url}/subjects/other.project.{run}.{number}/versions",
            json={"schema": schema},
            trust_env=False,
            timeout=10,
        )
        answer.raise_for_status()
    return url


@pytest.fixture
def subjects(registry_url: str) -> Iterator[Subjects]:
    found = Subjects(registry_url)
    found.registry.prepare()
    yield found
    found.registry._http.close()

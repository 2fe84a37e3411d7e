"""Fixtures of every test: the servers, chosen with ``--stack=embedded|containers|external``, started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kruispunt_deploy.stack import LocalStack

from tests.stacks import KINDS, StackUnderTest, opened


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--stack``."""
    parser.addoption("--stack", choices=KINDS, default=KINDS[0], help="Which servers the tests run on.")


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[StackUnderTest]:
    """Running Kafka, PostgreSQL and registry; ``stack.addresses`` says where."""
    with opened(request.config.getoption("--stack")) as found:
        yield found


@pytest.fixture
def local_stack(stack: StackUnderTest) -> LocalStack:
    """The embedded stack, for tests that kill its parts; skipped on servers that are not ours to kill."""
    if stack.local is None:
        pytest.skip("only with --stack=embedded: this test kills servers")
    return stack.local

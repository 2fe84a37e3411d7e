"""A real table, followed: no row is skipped, whenever its transaction commits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest
from kruispunt_producers.adapters.followed_table import FollowedTable
from kruispunt_schemas.failures import ConfigurationError, UnavailableError

from tests.producers.servers import legacy_schema
from tests.stacks import StackUnderTest

Passed = tuple[list[str], str | None]


@pytest.fixture
def url(stack: StackUnderTest) -> Iterator[str]:
    with legacy_schema(stack.addresses) as found:
        run(found, "create table dossier (nummer serial, ref text primary key, tekst text)")
        yield found


def run(url: str, statement: LiteralString) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def passed(url: str, cursor: str | None) -> Passed:
    """Return the references that one pass reads, and the cursor after it."""
    found: list[str] = []
    for batch in FollowedTable(url, "dossier", "ref").batches(cursor):
        found += [record.position for record in batch.records]
        cursor = batch.cursor or cursor
    return found, cursor


def test_a_row_that_commits_late_is_read(url: str) -> None:
    """A plain "nummer above the cursor" would have skipped it for good."""
    with psycopg.connect(url) as slow:
        slow.execute("insert into dossier (ref, tekst) values ('begun first', 'x')")
        run(url, "insert into dossier (ref, tekst) values ('committed first', 'x')")
        first, cursor = passed(url, None)
        assert first == ["committed first"]
        still, cursor = passed(url, cursor)
        assert "begun first" not in still
        slow.commit()
    numbers = [row[0] for row in rows(url, "select ref from dossier order by nummer")]
    assert numbers == ["begun first", "committed first"]
    late, cursor = passed(url, cursor)
    assert "begun first" in late
    assert passed(url, cursor)[0] == []


def rows(url: str, statement: LiteralString) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchall()


def test_several_transactions_in_any_order_of_commit(url: str) -> None:
    connections = [psycopg.connect(url) for _ in range(4)]
    seen: set[str] = set()
    cursor: str | None = None
    try:
        for place, connection in enumerate(connections):
            connection.execute("insert into dossier (ref) values (%s)", (f"row {place}",))
        for place in (2, 0, 3, 1):
            connections[place].commit()
            found, cursor = passed(url, cursor)
            assert f"row {place}" in found
            seen.update(found)
    finally:
        for connection in connections:
            connection.close()
    assert seen == {f"row {place}" for place in range(4)}
    assert passed(url, cursor)[0] == []


def test_changes_are_read_again_and_what_was_rolled_back_is_not(url: str) -> None:
    run(url, "insert into dossier (ref, tekst) values ('a', 'x'), ('b', 'x')")
    first, cursor = passed(url, None)
    assert first == ["a", "b"]
    with psycopg.connect(url) as connection:
        connection.execute("update dossier set tekst = 'y' where ref = 'a'")
        connection.rollback()
    assert passed(url, cursor)[0] == []
    run(url, "update dossier set tekst = 'z' where ref = 'b'")
    assert passed(url, cursor)[0] == ["b"]


def test_rows_of_a_subtransaction_are_read(url: str) -> None:
    with psycopg.connect(url) as slow:
        slow.execute("select 1")
        with slow.transaction():
            slow.execute("insert into dossier (ref) values ('inner')")
        run(url, "insert into dossier (ref) values ('outer')")
        cursor = passed(url, None)[1]
        slow.commit()
    assert "inner" in passed(url, cursor)[0]


def test_references_show_what_was_deleted(url: str) -> None:
    run(url, "insert into dossier (ref) values ('a'), ('b')")
    run(url, "delete from dossier where ref = 'a'")
    assert FollowedTable(url, "dossier", "ref").references() == frozenset({"b"})


def test_a_cursor_of_another_database_or_the_future_reads_from_the_start(url: str) -> None:
    run(url, "insert into dossier (ref) values ('a')")
    cursor = passed(url, None)[1]
    assert cursor is not None
    kept = json.loads(cursor)
    assert passed(url, json.dumps({**kept, "database": "another"}))[0] == ["a"]
    assert passed(url, json.dumps({**kept, "horizon": kept["horizon"] + 1_000_000}))[0] == ["a"]


def test_errors_name_the_table_and_no_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match="no table absent"):
        list(FollowedTable(url, "absent", "ref").batches(None))
    with pytest.raises(UnavailableError, match="source database does not answer") as caught:
        list(FollowedTable("postgresql://someone:hunter2@127.0.0.1:1/none", "dossier", "ref").batches(None))
    assert "hunter2" not in str(caught.value)

"""The posting box's tables.

Rules
-----
1. ``posting.number`` is the order of sending. Writers take the write lock first, so numbers are committed in order.
2. A payload lives until the broker has it, then its bytes are overwritten; the digest stays, so that the same id can
   be recognised.
3. ``header`` and ``proof`` of a signal stay for good; its sections are the source's to keep.
4. ``tally`` counts what is queued, by triggers, so that the bound costs nothing to check.

Must not: be changed without raising ``LAYOUT`` and a step that brings an older file along.
"""

from __future__ import annotations

from typing import Final

LAYOUT: Final = 1
"""Number of the layout, in ``user_version``; a file of another layout is refused."""

PRAGMAS: Final = (
    "pragma journal_mode = wal",
    "pragma synchronous = full",
    "pragma foreign_keys = on",
    "pragma busy_timeout = 30000",
    "pragma secure_delete = on",
)

STATEMENTS: Final = (
    """create table posting (
        number integer primary key autoincrement,
        identifier text not null unique,
        record_type text not null,
        fingerprint blob not null,
        digest blob not null,
        payload blob,
        headers text not null,
        size integer not null,
        enqueued_at text not null,
        broker_offset integer,
        header blob,
        proof blob
    ) strict""",
    "create index posting_queued on posting (number) where broker_offset is null",
    """create table version (
        reference text not null,
        version integer not null,
        identifier text not null unique references posting (identifier),
        source text not null,
        signal_type text not null,
        lifecycle text not null,
        classification text not null,
        content blob not null,
        primary key (reference, version)
    ) strict, without rowid""",
    """create table refusal (
        source text not null,
        position text not null,
        reason text not null,
        field text not null,
        refused_at text not null,
        primary key (source, position)
    ) strict, without rowid""",
    "create table cursor (source text primary key, value text not null) strict, without rowid",
    "create table trouble (one integer primary key check (one = 1), text text not null, since text not null) strict",
    "create table tally (one integer primary key check (one = 1), queued integer not null, bytes integer not null) strict",
    "insert into tally values (1, 0, 0)",
    """create trigger posting_enqueued after insert on posting begin
        update tally set queued = queued + 1, bytes = bytes + new.size;
    end""",
    """create trigger posting_acknowledged after update of broker_offset on posting
        when old.broker_offset is null and new.broker_offset is not null begin
        update tally set queued = queued - 1, bytes = bytes - old.size;
    end""",
    f"pragma user_version = {LAYOUT}",
)

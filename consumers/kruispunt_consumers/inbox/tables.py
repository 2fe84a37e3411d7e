"""The tables of the inbox's file.

Rules
-----
1. ``item.payload`` is the one column with content; it is overwritten with zeros when it is erased (secure_delete).
2. ``position`` holds the next offset, written in the transaction that keeps what was read before it.
3. ``receipt`` rows never change but for ``posted``; a receipt that was not handed over is owed.
4. ``ended`` remembers what was replaced or withdrawn, so that a view arriving after its own withdrawal is not shown.
5. ``renamed`` holds every change of the pseudonyms of a view, in the order of the topic: the last one counts.

Must not: be changed without raising ``LAYOUT`` and a step that brings an older file along.
"""

from __future__ import annotations

from typing import Final

LAYOUT: Final = 3
"""Number of the layout, in ``user_version``; a file of a later one, or of one without a step, is refused."""

_RENAMED: Final = (
    """create table renamed (
        number integer primary key,
        output_id text not null unique,
        view text not null,
        originator text not null,
        persons text not null,
        changed_at text not null
    ) strict""",
    "create index renamed_view on renamed (view)",
)

STEPS: Final = {
    1: ("alter table item add column reply_due_at text",),
    2: (
        "alter table item add column again integer not null default 0",
        "alter table item add column corroborates text not null default '[]'",
        *_RENAMED,
    ),
}
"""What brings a file of a layout to the next one."""

PRAGMAS: Final = (
    "pragma journal_mode = wal",
    "pragma synchronous = full",
    "pragma secure_delete = on",
    "pragma busy_timeout = 30000",
)

STATEMENTS: Final = (
    """create table item (
        output_id text primary key,
        kind text not null,
        state text not null,
        digest blob not null,
        broker_offset integer not null,
        appended_at text not null,
        stored_at text not null,
        originator text,
        signal_type text,
        signal_id text,
        version integer,
        lifecycle text,
        classification text,
        published_at text,
        decision_id text,
        grounds text not null default '[]',
        shown text not null default '[]',
        withheld text not null default '[]',
        affects text not null default '[]',
        ended_by text,
        reason text,
        field text,
        fingerprint blob,
        payload blob,
        public_key blob,
        key_id text,
        bundle text,
        reply_due_at text,
        again integer not null default 0,
        corroborates text not null default '[]'
    ) strict""",
    "create index item_in_order on item (broker_offset)",
    """create table ended (
        output_id text not null,
        by_output text not null,
        state text not null,
        originator text not null,
        primary key (output_id, by_output)
    ) strict, without rowid""",
    """create table receipt (
        receipt_id text primary key,
        output_id text not null,
        result text not null,
        reason text,
        stored_at text not null,
        posted integer not null default 0
    ) strict""",
    "create index receipt_owed on receipt (receipt_id) where posted = 0",
    *_RENAMED,
    """create table status (
        output_id text primary key,
        posting_offset integer not null,
        record_type text,
        signal_id text,
        verdict text not null,
        reason text,
        field text
    ) strict""",
    """create table alert (
        number integer primary key,
        kind text not null,
        broker_offset integer not null,
        until integer,
        output_id text,
        reason text not null,
        field text not null,
        raised_at text not null,
        unique (kind, broker_offset, reason, field)
    ) strict""",
    "create table position (one integer primary key check (one = 1), next_offset integer not null) strict",
    "insert into position values (1, 0)",
    f"pragma user_version = {LAYOUT}",
)

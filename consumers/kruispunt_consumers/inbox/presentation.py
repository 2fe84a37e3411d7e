"""What an analyst sees: the list, one signal, and what arrives.

Rules
-----
1. Every text that anyone outside this program wrote passes through `untrusted`.
2. A section is a titled panel; opinions stand apart from facts; a withheld section is shown as withheld with the rules,
   an absent one as not given.
3. States and classifications differ in words first, in colour second.

Must not: read the store, or record anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Final
from uuid import UUID

from kruispunt_schemas.clocks import overdue
from kruispunt_schemas.needtoknow.rules import Language
from kruispunt_schemas.records.frame import Lifecycle
from kruispunt_schemas.records.sections import Sections
from kruispunt_schemas.untrusted import MAX_ROWS, neutralised, shown
from rich.box import HEAVY, ROUNDED, SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from kruispunt_consumers.inbox import wording
from kruispunt_consumers.inbox.consultation import Opened
from kruispunt_consumers.inbox.intake import Event, Outcome
from kruispunt_consumers.inbox.kept import Alert, AlertKind, HeaderFacts, Item, KeptStatus, Kind, State
from kruispunt_consumers.inbox.section_text import LABEL, moment, section_body

SHORT_ID: Final = 8
"""Characters of an output id in the list; `show` takes them."""

RELEASED_TO_NOBODY: Final = frozenset({"distribution"})
"""Withheld from everyone, so that the list need not say it; `show` does."""

_STATE_STYLES: Final = {
    State.CURRENT: "green",
    State.REPLACED: "yellow",
    State.WITHDRAWN: "red",
    State.REJECTED: "bold red",
    State.NOTICE: LABEL,
}
_CLASSIFICATION_STYLES: Final = {
    "UNCLASSIFIED": "",
    "RESTRICTED": "yellow",
    "CONFIDENTIAL": "bold yellow",
    "SECRET": "bold red",
    "TOP_SECRET": "bold white on red",
}
_OUTCOME_STYLES: Final = {
    Outcome.STORED: "green",
    Outcome.AGAIN: "green",
    Outcome.RENAMED: "yellow",
    Outcome.RECALLED: "yellow",
    Outcome.WITHDRAWN: "yellow",
    Outcome.REJECTED: "bold red",
    Outcome.GAP: "bold red",
}


def listing(
    items: Sequence[Item],
    now: datetime,
    again: AbstractSet[UUID] = frozenset(),
    language: Language = Language.EN,
) -> Table:
    """Return the table of what was received: two lines for each, so that it fits a narrow terminal.

    There are more for a request for information (until when it is to be answered) and for what a judgement of its person
    changed. again: outputs that were decided again.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name, fixed in (("output", True), ("received", True), ("what, from whom", False)):
        table.add_column(name, no_wrap=fixed)
    table.add_column("ground, and what is withheld", overflow="fold")
    table.add_column("state", no_wrap=True)
    for item in items:
        table.add_row(
            Text(str(item.output_id)[:SHORT_ID]),
            Text(_short_time(item.appended_at)),
            _what(item, now),
            _why(item, again, language),
            Text(item.state.value, style=_STATE_STYLES[item.state]),
        )
    return table


def alert_table(alerts: Sequence[Alert]) -> Table:
    """Return the alerts, oldest first."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold red", title_justify="left")
    for name in ("alert", "since", "offset", "output", "what it means"):
        table.add_column(name, overflow="fold")
    for alert in alerts[-MAX_ROWS:]:
        table.add_row(
            Text(alert.kind.value, style="red"),
            Text(_short_time(alert.raised_at)),
            Text(str(alert.offset)),
            Text("" if alert.output_id is None else str(alert.output_id)[:SHORT_ID]),
            shown(meaning(alert)),
        )
    return table


def refusal_table(statuses: Sequence[KeptStatus]) -> Table:
    """Return this participant's own postings that admission refused."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold red")
    for name in ("own posting refused", "type", "reason", "field"):
        table.add_column(name, overflow="fold")
    for status in statuses[-MAX_ROWS:]:
        table.add_row(
            Text(f"offset {status.posting_offset}"),
            shown(status.record_type or "?"),
            shown(status.reason or ""),
            shown(status.field or "whole record"),
        )
    return table


def signal(opened: Opened, language: Language = Language.EN) -> RenderableType:
    """Return one signal for an analyst."""
    return Group(*_warnings(opened), _header_panel(opened, language), *_section_panels(opened, language))


def arrival(event: Event) -> Text:
    """Return what became of one record, on one line; no content."""
    style = _OUTCOME_STYLES.get(event.outcome, LABEL)
    line = Text.assemble((f"{event.outcome.value:<9} ", style), (f"offset {event.offset:<6} ", LABEL))
    item = event.item
    if item is not None:
        line.append(f"{str(item.output_id)[:SHORT_ID]} ")
        if item.facts is not None:
            facts = item.facts
            line.append(f"{_type_words(facts.signal_type)} from {neutralised(facts.originator)}, ")
            line.append(f"{_version_words(facts)}, {_classification_words(facts.classification)}")
            if item.kind is Kind.VIEW:
                line.append(f"; {_counts(facts)}", style=LABEL)
    if event.status is not None:
        what = neutralised(event.status.record_type or "posting")
        line.append(
            f"own {what} at offset {event.status.posting.offset}: {event.status.verdict.value.lower()}"
        )
        if event.status.reason:
            line.append(
                f" ({neutralised(event.status.reason)}: {neutralised(event.status.field or 'whole record')})",
                "red",
            )
    if event.affected:
        line.append(
            f"{'; ' if item and item.facts else ''}{_ended_words(event)} {', '.join(str(each)[:SHORT_ID] for each in event.affected)}"
        )
    for alert in event.alerts:
        line.append(f" {neutralised(meaning(alert))}", style="red")
    return line


def meaning(alert: Alert) -> str:
    """Return what an alert means and what to do."""
    why = f"{alert.reason}: {alert.field}" if alert.field else alert.reason
    match alert.kind:
        case AlertKind.REJECTED:
            return f"did not verify ({why}); not shown, the backbone is told"
        case AlertKind.UNREADABLE:
            return f"cannot be read ({why}); tell the operator of the backbone"
        case AlertKind.RETENTION_GAP:
            return f"offsets {alert.offset} to {(alert.until or alert.offset) - 1} were gone before they were read: ask the operator for what was in them"
        case AlertKind.FOREIGN_SUPERSESSION:
            return "a record of another originator named this output; nothing was changed"
        case AlertKind.FOREIGN_STATUS:
            return "a status of another participant's posting; not kept"


def _what(item: Item, now: datetime) -> Text:
    facts = item.facts
    if facts is None:
        name = "unverified output" if item.state is State.REJECTED else item.kind.value
        return Text(name, style=LABEL)
    style = _CLASSIFICATION_STYLES.get(facts.classification, "red")
    return Text.assemble(
        f"{_type_words(facts.signal_type)}\n{_version_words(facts)}, ",
        shown(facts.originator),
        ", ",
        (_classification_words(facts.classification), style),
        *(("\n", reply) if (reply := _reply(item, now)) is not None else ()),
    )


def _reply(item: Item, now: datetime) -> Text | None:
    """Return until when a request is to be answered, None for anything else; whether it was, the inbox does not know."""
    due_at = item.facts.reply_due_at if item.facts is not None and item.state is State.CURRENT else None
    if due_at is None:
        return None
    late = overdue(due_at, now)
    return Text(f"reply {'was ' if late else ''}due {moment(due_at)}", style="bold red" if late else "yellow")


def _why(item: Item, again: AbstractSet[UUID], language: Language) -> Text:
    if item.state is State.REJECTED:
        return shown(f"{item.reason}: {item.field or 'whole record'}", "red")
    if item.kind is Kind.PSEUDONYMS:
        return Text(f"{wording.said('renamed', language)}\n{_ids(item.affects)}", style=LABEL)
    if item.facts is None or item.kind is Kind.RECALL:
        return Text(f"takes back {_ids(item.affects)}", style=LABEL)
    text = shown(", ".join(code.removeprefix("ground-").replace("-", " ") for code in item.facts.grounds))
    text.append(f"\n{len(item.facts.shown)} shown", style="green")
    withheld = [row.section for row in item.facts.withheld if row.section not in RELEASED_TO_NOBODY]
    if withheld:
        text.append("; withheld: ").append_text(shown(", ".join(withheld), "red"))
    for line in _judged(item, again, language):
        text.append(f"\n{line}", style="yellow")
    return text


def _judged(item: Item, again: AbstractSet[UUID], language: Language) -> Iterator[str]:
    """Give what a judgement or another signal says of a view, one line each."""
    if item.facts is not None and item.facts.again:
        yield wording.said("again", language)
    if item.state is State.WITHDRAWN and item.ended_by is not None and item.ended_by in again:
        yield f"{wording.said('taken', language)} {_ids([item.ended_by])}"
    if item.facts is not None and item.facts.corroborates:
        yield f"{wording.said('same event', language)} {_ids(item.facts.corroborates)}"


def _counts(facts: HeaderFacts) -> str:
    return f"{len(facts.shown)} sections shown, {len(facts.withheld)} withheld"


def _version_words(facts: HeaderFacts) -> str:
    lifecycle = "" if facts.lifecycle == Lifecycle.ORIGINAL else f" {wording.enumerated(facts.lifecycle)}"
    return f"v{facts.version}{lifecycle}"


def _type_words(name: str) -> str:
    return neutralised("".join(f" {each.lower()}" if each.isupper() else each for each in name).strip())


def _classification_words(name: str) -> str:
    return neutralised(name.replace("_", " "))


def _short_time(at: datetime) -> str:
    return at.strftime("%m-%d %H:%M:%S")


def _ids(identifiers: Sequence[UUID]) -> str:
    return ", ".join(str(each)[:SHORT_ID] for each in identifiers) or "nothing"


def _ended_words(event: Event) -> str:
    words = {
        Outcome.STORED: "replaces",
        Outcome.AGAIN: "takes the place of",
        Outcome.RENAMED: "other pseudonyms for",
    }
    return words.get(event.outcome, "took back")


def _warnings(opened: Opened) -> Iterator[RenderableType]:
    item = opened.content.item
    if item.state is State.REPLACED:
        yield Panel(
            Text(f"There is a later version: {item.ended_by}. Do not act on this one."),
            title="REPLACED",
            border_style="yellow",
            box=HEAVY,
        )


def _header_panel(opened: Opened, language: Language) -> Panel:
    header, delivery, item = opened.view.header, opened.view.delivery, opened.content.item
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style=LABEL, width=22)
    grid.add_column(overflow="fold")
    classification = Text(
        _classification_words(header.classification.value),
        style=_CLASSIFICATION_STYLES.get(header.classification.value, "bold red"),
    )
    if header.handling:
        classification.append("  " + ", ".join(_classification_words(each.value) for each in header.handling))
    version = f"{header.version}, {wording.enumerated(header.lifecycle.value)}"
    if header.lifecycle is Lifecycle.CORRECTION and delivery.replaces:
        version += f"; replaces {_ids(delivery.replaces)}"
    grid.add_row("Originator", shown(header.originator, style="bold"))
    grid.add_row("Classification", classification)
    grid.add_row("Version", Text(version))
    grid.add_row("Observed", Text(moment(header.observed_at)))
    grid.add_row("Published", Text(moment(header.published_at)))
    grid.add_row("Received", Text(moment(item.appended_at)))
    if (reply := _reply(item, opened.consulted_at)) is not None:
        grid.add_row("Request", reply)
    grid.add_row(
        "You receive it because",
        shown(" ".join(wording.ground(code, language) for code in delivery.grounds) or "?"),
    )
    if opened.persons:
        grid.add_row("Persons (pseudonyms)", _persons(opened, language))
    for line in _judged(item, frozenset(), language):
        grid.add_row("", Text(line, style="yellow"))
    grid.add_row("Signature", _signature(opened))
    grid.add_row("Signal", Text(str(header.signal_id), style=LABEL))
    grid.add_row("Output, decision", Text(f"{delivery.output_id}, {delivery.decision_id}", style=LABEL))
    grid.add_row("Consultation", _consultation(opened))
    return Panel(
        grid,
        title=Text(_type_words(header.signal_type).upper(), style="bold"),
        title_align="left",
        box=HEAVY,
    )


def _persons(opened: Opened, language: Language) -> Text:
    text = shown(", ".join(opened.persons))
    if (renamed := opened.content.renamed) is not None:
        text.append(f"\n{moment(renamed.changed_at)}: {wording.said('renamed', language)}", style="yellow")
    return text


def _signature(opened: Opened) -> Text:
    content = opened.content
    return Text.assemble(
        ("verified", "green"),
        f" under key {neutralised(content.key_id)} of {neutralised(opened.view.header.originator)},",
        f" bundle {content.bundle[:12]}; the sections below are the ones that were signed",
    )


def _consultation(opened: Opened) -> Text:
    return Text.assemble(
        "recorded for ",
        shown(opened.user),
        ", purpose ",
        shown(opened.purpose),
        (f" ({opened.consultation_id})", LABEL),
    )


def _section_panels(opened: Opened, language: Language) -> Iterator[Panel]:
    sections: Sections = opened.view.signed.read_sections()
    withheld = {row.section: row.rules for row in opened.view.delivery.withheld}
    names = [name for name, _ in opened.view.signed.sections]
    for name in sorted(names, key=lambda each: each in wording.ASSESSMENTS):
        section = sections.get(name)
        if section is not None:
            opinion = name in wording.ASSESSMENTS
            yield _panel(wording.title(name), section_body(section), "magenta" if opinion else "cyan")
        elif name in withheld:
            why = Text.assemble(("withheld: ", "red"), shown(wording.rules(withheld[name], language)))
            why.append_text(shown(f"  ({', '.join(withheld[name])})" if withheld[name] else "", style=LABEL))
            yield _panel(wording.title(name), why, LABEL)
        else:
            yield _panel(wording.title(name), Text("not given", style=LABEL), LABEL)


def _panel(title: str, body: RenderableType, style: str) -> Panel:
    return Panel(body, title=shown(title), title_align="left", border_style=style, box=ROUNDED)

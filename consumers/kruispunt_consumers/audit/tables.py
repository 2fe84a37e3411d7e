"""The balance as an auditor reads it: postings, refusals, deliveries, receipts, rules, findings, verdict.

Rules: every name that comes from a topic is printed as plain text, never as markup; control characters are shown as
``?``. Must not: compute a figure (`balance` does).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from kruispunt_schemas.schema import SIGNAL_TYPES
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from kruispunt_consumers.audit.balance import ParticipantBalance, Verdict
from kruispunt_consumers.audit.endings import Ending
from kruispunt_consumers.audit.findings import TITLES, Finding, Rule, Severity

TOP: Final = 3
"""Reasons named in one row."""
SHOWN: Final = 25
"""Findings printed; --json has all that were kept."""


def plain(text: str, style: str = "") -> Text:
    """Return text of a topic as it may be printed."""
    return Text("".join(item if item.isprintable() else "?" for item in text), style=style)


def show(verdict: Verdict, console: Console) -> None:
    """Print the whole balance."""
    parts: list[RenderableType] = [_postings(verdict)]
    if verdict.total.quarantined or verdict.total.duplicate:
        parts.append(_dropped(verdict))
    parts.append(_deliveries(verdict))
    parts.append(_rules(verdict))
    parts.extend(_findings(verdict))
    parts.append(_verdict(verdict))
    console.print(Group(*parts))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right", overflow="fold")
    return table


def _count(value: int, style: str = "") -> Text:
    return Text(f"{value:,}" if value else "-", style=style if value else "dim")


def _postings(verdict: Verdict) -> Table:
    table = _table(
        "Postings and how they ended",
        *("participant", "posted", "decided", "duplicate", "quarantine", "access", "under way", "expired"),
    )
    for name, item in sorted(verdict.participants.items()):
        table.add_row(plain(name), *_figures(item))
    table.add_section()
    table.add_row(Text("all", style="bold"), *_figures(verdict.total))
    return table


def _figures(item: ParticipantBalance) -> list[Text]:
    return [
        _count(item.posted),
        _count(item.decided),
        _count(item.duplicate),
        _count(item.quarantined, "yellow"),
        _count(item.access),
        _count(item.under_way, "yellow"),
        _count(item.expired),
    ]


def _dropped(verdict: Verdict) -> Table:
    table = _table("Duplicates and refusals", "outcome", "reason", "postings")
    table.columns[1].justify = "left"
    for ending, counts in (
        (Ending.DUPLICATE, verdict.duplicates()),
        (Ending.QUARANTINED, verdict.refusals()),
    ):
        for reason, count in counts.most_common():
            table.add_row(ending.value, plain(reason.lower().replace("_", " ")), f"{count:,}")
    return table


def _deliveries(verdict: Verdict) -> Table:
    table = _table(
        "Deliveries and receipts",
        *("recipient", "views", "withdrawals", "sections", "withheld", "acknowledged", "outstanding"),
        "withheld most by",
    )
    table.columns[-1].justify = "left"
    silent = 0
    for name, item in sorted(verdict.received.items()):
        if not item.views and not item.withdrawals:
            silent += 1
            continue
        answer = verdict.acknowledgements.get(name)
        table.add_row(
            plain(name),
            _count(item.views),
            _count(item.withdrawals),
            _count(item.released.total()),
            _count(item.withheld.total()),
            _count(answer.stored + answer.withdrawn + answer.rejected if answer else 0),
            _count(answer.outstanding if answer else 0, "yellow"),
            plain(_top(item.withheld_by)),
        )
    if silent:
        table.add_section()
        table.add_row(Text(f"{silent} more got statuses only", style="dim"), *[Text("")] * 7)
    return table


def _top(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count:,}" for reason, count in Counter(counts).most_common(TOP))


def _rules(verdict: Verdict) -> Table:
    table = _table("Rules", "rule", "", "checked", "failed", "under way", "attested")
    table.columns[1].justify = "left"
    for rule in Rule:
        count = verdict.rules[rule]
        style = "red" if count.failed else "yellow" if count.warned or count.under_way else ""
        table.add_row(
            Text(rule.value, style=style),
            Text(TITLES[rule], style=style),
            _count(count.checked),
            _count(count.failed, "bold red"),
            _count(count.under_way, "yellow"),
            _count(count.attested),
        )
    return table


def _findings(verdict: Verdict) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for severity, style in (
        (Severity.FAILURE, "red"),
        (Severity.UNDER_WAY, "yellow"),
        (Severity.WARNING, "cyan"),
    ):
        found = [item for item in verdict.findings if item.severity is severity]
        if not found:
            continue
        lines.append(Text(f"{severity.value.capitalize()}", style=f"bold {style}"))
        lines.extend(_line(item) for item in found[:SHOWN])
        if len(found) > SHOWN:
            lines.append(Text(f"  and {len(found) - SHOWN:,} more: --json has them", style="dim"))
        lines.append(Text(""))
    return lines


def _line(item: Finding) -> Text:
    return Text.assemble(f"  {item.rule.value}  ", plain(item.subject), ": ", plain(item.sentence))


def _verdict(verdict: Verdict) -> Text:
    total = verdict.total
    checked = sum(count.checked for count in verdict.rules.values())
    attested = sum(count.attested for count in verdict.rules.values())
    signals = sum(count for name, count in verdict.record_types().items() if name in SIGNAL_TYPES)
    facts = (
        f"{total.posted:,} postings ({signals:,} signals), {verdict.records:,} records read, {checked:,} checks"
        f", {verdict.repeats:,} harmless repeats"
    )
    if attested:
        facts += f", {attested:,} attested without content"
    if not verdict.adds_up:
        return Text(f"DOES NOT ADD UP: {verdict.failures:,} failures. {facts}.", style="bold red")
    if verdict.waiting:
        return Text(
            f"ADDS UP SO FAR: {verdict.waiting:,} things are under way. {facts}.", style="bold yellow"
        )
    return Text(f"ADDS UP: every posting is accounted for. {facts}.", style="bold green")

"""The balance as an auditor reads it: postings, refusals, deliveries, receipts, rules, findings, verdict.

Rule: every name that comes from a topic passes through `untrusted`. Must not: compute a figure (`balance` does).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kruispunt_schemas.schema import SIGNAL_TYPES
from kruispunt_schemas.untrusted import shown
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from kruispunt_consumers.audit.balance import Acknowledgement, ParticipantBalance, Verdict
from kruispunt_consumers.audit.deliveries import Received
from kruispunt_consumers.audit.findings import TITLES, Finding, Rule, Severity

FOLDED: Final = 34
"""Width of a column that folds, characters."""
TOP: Final = 2
"""Reasons named in one row."""
NOTHING: Final = "-"
SHOWN: Final = 25
"""Findings printed; --json has all that were kept."""


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


@dataclass(frozen=True, slots=True)
class Column:
    """A column; one that is optional is left out when it holds no figure at all."""

    title: str
    optional: bool = False
    text: bool = False
    folds: bool = False


def _table(
    title: str, columns: Sequence[Column], rows: Sequence[Sequence[Text]], total: Sequence[Text] = ()
) -> Table:
    kept = [
        place
        for place, column in enumerate(columns)
        if not column.optional or any(row[place].plain not in ("", NOTHING) for row in rows)
    ]
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for place in kept:
        column = columns[place]
        left = place == 0 or column.text
        table.add_column(
            column.title,
            justify="left" if left else "right",
            no_wrap=not column.folds,
            max_width=FOLDED if column.folds else None,
            overflow="fold" if column.folds else "ellipsis",
        )
    for row in rows:
        table.add_row(*(row[place] for place in kept))
    if total:
        table.add_section()
        table.add_row(*(total[place] for place in kept))
    return table


def _count(value: int, style: str = "") -> Text:
    return Text(f"{value:,}" if value else NOTHING, style=style if value else "dim")


def _postings(verdict: Verdict) -> Table:
    columns = (
        Column("participant"),
        Column("posted"),
        Column("decided"),
        Column("duplicate"),
        Column("refused"),
        Column("access"),
        Column("under way", optional=True),
        Column("expired", optional=True),
    )
    rows = [[shown(name), *_figures(item)] for name, item in sorted(verdict.participants.items())]
    total = [Text("all", style="bold"), *_figures(verdict.total)]
    return _table("Postings and how they ended", columns, rows, total)


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
    columns = (Column("outcome"), Column("reason", text=True), Column("postings"))
    rows = [
        [Text(ending), shown(reason.lower().replace("_", "-")), _count(count)]
        for ending, counts in (("duplicate", verdict.duplicates()), ("refused", verdict.refusals()))
        for reason, count in counts.most_common()
    ]
    return _table("Duplicates and refusals", columns, rows)


def _deliveries(verdict: Verdict) -> Table:
    columns = (
        Column("recipient", folds=True),
        Column("views"),
        Column("withdrawn", optional=True),
        Column("withheld"),
        Column("kept back"),
        Column("no receipt"),
    )
    rows: list[list[Text]] = []
    others = 0
    for name, item in sorted(verdict.received.items()):
        kept_back = verdict.kept_back.get(name, {})
        if not item.views and not item.withdrawals and not kept_back:
            others += 1
            continue
        answer = verdict.acknowledgements.get(name, Acknowledgement())
        rows.append(
            [
                Text.assemble(shown(name), "\n", _reasons(item, kept_back)),
                _count(item.views),
                _count(item.withdrawals),
                _count(item.withheld.total()),
                _count(sum(kept_back.values())),
                _count(answer.outstanding, "yellow"),
            ]
        )
    table = _table(
        "Deliveries: sections withheld, whole signals kept back, and why",
        columns,
        rows,
    )
    if others:
        table.caption = f"{others} more received statuses of their own postings only"
        table.caption_justify = "left"
    return table


def _reasons(item: Received, kept_back: Mapping[str, int]) -> Text:
    """Return what withheld the most sections, and what kept whole signals back."""
    top = [f"{reason} {count:,}" for reason, count in item.withheld_by.most_common(TOP)]
    top += [f"whole: {guard} {count:,}" for guard, count in Counter(kept_back).most_common(1)]
    return shown((", ".join(top) or "nothing withheld"), style="dim")


def _rules(verdict: Verdict) -> Table:
    columns = (
        Column("rule"),
        Column("", text=True),
        Column("checked"),
        Column("failed"),
        Column("under way", optional=True),
        Column("attested", optional=True),
    )
    rows: list[list[Text]] = []
    for rule in Rule:
        count = verdict.rules[rule]
        style = "red" if count.failed else "yellow" if count.warned or count.under_way else ""
        rows.append(
            [
                Text(rule.value, style=style),
                Text(TITLES[rule], style=style),
                _count(count.checked),
                _count(count.failed, "bold red"),
                _count(count.under_way, "yellow"),
                _count(count.attested),
            ]
        )
    return _table("Rules", columns, rows)


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
    return Text.assemble(f"  {item.rule.value}  ", shown(item.subject), ": ", shown(item.sentence))


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
        return Text(f"DOES NOT ADD UP: {_plural(verdict.failures, 'failure')}. {facts}.", style="bold red")
    if verdict.waiting:
        return Text(
            f"ADDS UP SO FAR: {_plural(verdict.waiting, 'thing')} under way. {facts}.", style="bold yellow"
        )
    return Text(f"ADDS UP: every posting is accounted for. {facts}.", style="bold green")


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"

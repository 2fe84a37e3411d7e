"""What the commands about past decisions show a person.

Rule: identifiers and texts are shown as they are, never read as markup. Must not: decide.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from kruispunt_schemas.jurist.titles import title
from kruispunt_schemas.needtoknow import again, fact_words
from kruispunt_schemas.needtoknow.comparison import Changed, Difference
from kruispunt_schemas.needtoknow.counterfactual import Change, PolicyChange
from kruispunt_schemas.needtoknow.explanation import Explained, Explanation, Together
from kruispunt_schemas.needtoknow.rules import ERROR, NO_GROUND, Language, rules, sentence
from kruispunt_schemas.records.backbone import Decision
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

MOST_ANSWERS: Final = 6
"""Answers to why not that are shown for a section; all of them stand in the JSON."""

MOST_NAMES: Final = 6
"""Participants with one outcome that are named; all of them stand in the JSON."""

Answers = Mapping[str, tuple[Sequence[tuple[Change, ...]], Sequence[PolicyChange]]]


def show_explanation(
    console: Console,
    decision: Decision,
    found: Explanation,
    policies: str,
    language: Language,
    *,
    held: bool,
) -> None:
    """Show what a participant received, section by section, with rules, law, facts and evidence.

    held: it holds a view now.
    """
    sent = found.sent or title("kept" if held else "nothing", language)
    console.print(
        Text(
            f"{decision.signal_type} {decision.signal_id}, version {decision.version}, {found.participant}: "
            f"{sent}; bundle {decision.bundle[:12]}{_again(decision, language)}"
        )
    )
    for sections, item in _together(found.sections):
        console.print()
        style = "bold green" if item.released else "bold red"
        verb = title("released" if item.released else "refused", language)
        console.print(Text(f"{', '.join(sections)}: {verb}", style=style))
        for name in _behind(item):
            console.print(Text(f"  {name}: {sentence(policies, name, language)}"))
            if (rule := rules(policies).get(name)) is not None:
                console.print(Text(f"    {rule.law} ({title(rule.confidence.value, language)})", style="dim"))
        for fact in item.mattered:
            value = fact_words.shown(fact.fact, fact.value, language)
            where = f" [{'; '.join(fact.evidence)}]" if fact.evidence else ""
            console.print(Text(f"  - {fact_words.called(fact.fact, language)}: {value}{where}"))


def show_everyone(
    console: Console, decision: Decision, found: Collection[Together], policies: str, language: Language
) -> None:
    """Show who received what of a signal, who did not, and the sentence of the rule behind each."""
    console.print(
        Text(
            f"{decision.signal_type} {decision.signal_id}, version {decision.version}, {decision.originator}; "
            f"bundle {decision.bundle[:12]}{_again(decision, language)}"
        )
    )
    table = Table(
        title("recipients", language), title("sections", language), title("sentence", language),
        box=SIMPLE_HEAD, pad_edge=False, show_lines=True,
    )  # fmt: skip
    for item in found:
        parts = [(released, rule, "green") for released, rule in item.released]
        parts += [(withheld, rule, "red") for withheld, rule in item.withheld]
        for place, (sections, names, style) in enumerate(parts or [((), (NO_GROUND,), "dim")]):
            said = " ".join(sentence(policies, name, language) for name in names or (ERROR,))
            table.add_row(
                Text(_named(item.participants) if place == 0 else ""),
                Text(", ".join(sections) or title("nothing", language), style=style),
                Text(f"{said} ({', '.join(names)})" if parts else said),
            )
    console.print(table)


def _again(decision: Decision, language: Language) -> str:
    """Return which judgement a decision again is for, nothing for a first one."""
    if decision.judgement_id is None:
        return ""
    return f"; {title('again', language)} {decision.judgement_id} ({again.number(decision)})"


def _named(participants: Sequence[str]) -> str:
    rest = len(participants) - MOST_NAMES
    return ", ".join(participants[:MOST_NAMES]) + (f" + {rest}" if rest > 0 else "")


def show_why_not(
    console: Console,
    decision: Decision,
    found: Explanation,
    answers: Answers,
    policies: str,
    language: Language,
) -> None:
    """Show for each section what would have released it; of those released that they were."""
    if told := _again(decision, language):
        console.print(Text(told.removeprefix("; ")))
    if received := [item.section for item in found.sections if item.released]:
        console.print(Text(f"{', '.join(received)}: {title('received', language)}", style="bold green"))
    by_section = {item.section: item for item in found.sections}
    for sections, (changes, instead) in _alike(answers):
        console.print()
        console.print(Text(", ".join(sections), style="bold red"))
        for name in _behind(by_section[sections[0]]):
            console.print(Text(f"  {name}: {sentence(policies, name, language)}"))
        if not changes:
            console.print(Text(f"  {title('no change', language)}"))
        else:
            console.print(Text(f"  {title('would', language)}"))
        for answer in changes[:MOST_ANSWERS]:
            console.print(Text(f"  - {' + '.join(change.said(language) for change in answer)}"))
        if len(changes) > MOST_ANSWERS:
            console.print(Text(f"  … {len(changes) - MOST_ANSWERS} more: --json"))
        if instead:
            console.print(Text(f"  {title('without', language)}"))
        for item in instead[:MOST_ANSWERS]:
            console.print(Text(f"  - {_of_policy(item)}"))


def show_difference(console: Console, difference: Difference, changes: Sequence[Changed], most: int) -> None:
    """Show how many past outcomes would be otherwise, by what, and the first of them."""
    console.print(
        f"{difference.decisions} decisions, {difference.touched} would be otherwise: "
        f"{difference.gained} sections gained, {difference.lost} lost"
    )
    for name, counter in (
        ("participants", difference.participants),
        ("types", difference.types),
        ("sections", difference.sections),
        ("rules", difference.rules),
    ):
        if counter:
            shown = ", ".join(f"{key} {count}" for key, count in counter.most_common(MOST_ANSWERS))
            rest = len(counter) - MOST_ANSWERS
            console.print(Text(f"  {name}: {shown}{f', and {rest} more' if rest > 0 else ''}"))
    if changes and most:
        table = Table(
            "signal",
            "type",
            "participant",
            "section",
            "",
            "rules",
            box=None,
            header_style="bold",
            pad_edge=False,
        )
        for item in changes[:most]:
            mark = Text("gained", style="green") if item.gained else Text("lost", style="red")
            table.add_row(
                str(item.signal_id)[:8],
                item.signal_type,
                item.participant,
                item.section,
                mark,
                ", ".join(item.rules),
            )
        console.print(table)
    if len(changes) > most:
        console.print(f"… {len(changes) - most} more: --json, or --most {len(changes)}")


def _behind(item: Explained) -> tuple[str, ...]:
    return item.grounds if item.released else item.guards or (NO_GROUND,)


def _together(sections: Collection[Explained]) -> list[tuple[list[str], Explained]]:
    """Return sections with one explanation together."""
    found: dict[tuple[object, ...], tuple[list[str], Explained]] = {}
    for item in sections:
        key = (item.released, item.grounds, item.guards, str(item.mattered))
        found.setdefault(key, ([], item))[0].append(item.section)
    return list(found.values())


def _alike(
    answers: Answers,
) -> list[tuple[list[str], tuple[Sequence[tuple[Change, ...]], Sequence[PolicyChange]]]]:
    """Return sections with the same answers together."""
    found: dict[str, tuple[list[str], tuple[Sequence[tuple[Change, ...]], Sequence[PolicyChange]]]] = {}
    for section, answer in answers.items():
        found.setdefault(str(answer), ([], answer))[0].append(section)
    return list(found.values())


def _of_policy(item: PolicyChange) -> str:
    parts = [f"{item.ground}: {part.text}" for part in item.conditions]
    return " + ".join([*parts, *item.guards])

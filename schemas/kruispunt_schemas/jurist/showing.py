"""What the jurist's commands show a person: tables of verdicts, findings, survivors, lines and previews.

Rule: texts of files are shown as they are, never read as markup. Must not: judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kruispunt_schemas import schema as schemas
from kruispunt_schemas.jurist.mutation import Score
from kruispunt_schemas.jurist.overview import overview, titled
from kruispunt_schemas.jurist.page import SIGNS, WITHHELD, legend
from kruispunt_schemas.jurist.preview import Preview
from kruispunt_schemas.jurist.soundness import Finding, Weight
from kruispunt_schemas.jurist.titles import title
from kruispunt_schemas.jurist.trial import Judged, Result
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.rules import Language, sentence


def table_of(*heads: str) -> Table:
    """Return an empty table."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold")
    return table


def show_results(
    console: Console, results: Mapping[str, Sequence[Result]], policies: str, language: Language
) -> None:
    """Show the verdicts by file; of a case that failed what came instead, with the sentence."""
    table = table_of("", "case", "participants", "why")
    for name, cases in results.items():
        table.add_row("", Text(name, style="bold"), "", "")
        for result in cases:
            mark = Text("passes", style="green") if result.passed else Text("FAILS", style="bold red")
            table.add_row(mark, Text(result.case.id), str(len(result.judged)), Text(result.case.why))
    console.print(table)
    for cases in results.values():
        for result in cases:
            for judged in result.judged:
                if not judged.passed:
                    _show_failure(console, result, judged, policies, language)


def _show_failure(
    console: Console, result: Result, judged: Judged, policies: str, language: Language
) -> None:
    console.print()
    console.print(Text(f"{result.case.id}: {judged.participant}", style="bold red"))
    console.print(Text(f"  expected: {judged.expected}"))
    for mistake in judged.mistakes:
        console.print(Text(f"  instead: {mistake}"))
    for rule in judged.grounds if judged.released else judged.reasons:
        console.print(Text(f"  {rule}: {sentence(policies, rule, language)}", style="dim"))


def show_findings(console: Console, findings: Iterable[Finding]) -> None:
    """Show findings, mistakes first; those with one text together."""
    together: dict[tuple[Weight, str], list[str]] = {}
    for finding in findings:
        together.setdefault((finding.weight, finding.text), []).append(finding.subject)
    table = table_of("", "rule or participant", "finding")
    for (weight, text), subjects in together.items():
        style = "bold red" if weight is Weight.MISTAKE else "yellow"
        table.add_row(Text(weight.value, style=style), Text(", ".join(subjects)), Text(text))
    console.print(table)


def show_score(console: Console, score: Score) -> None:
    """Show the mutants that no case noticed, and the score."""
    if score.survivors:
        table = table_of("survives: no case fails when", "")
        for mutant in score.survivors:
            table.add_row(Text(mutant.rule, style="bold"), Text(mutant.change))
        console.print(table)
    console.print(f"{len(score.killed)} of {score.total} mutants are noticed by a case ({percent(score)} %)")


def percent(score: Score) -> int:
    """Return the share of mutants that a case notices, rounded down."""
    return 100 * len(score.killed) // score.total if score.total else 100


def show_overview(console: Console, bundle: Bundle, language: Language) -> None:
    """Show who may get what, by type and section."""
    console.print(legend(language))
    for name, lines in overview(bundle).items():
        sections = [section for section in schemas.load(name).sections if section != "distribution"]
        console.print()
        table = table_of(name, *sections)
        for line in lines:
            cells = (line.cells.get(section) for section in sections)
            signs = (
                "" if cell is None else WITHHELD if cell.way is None else SIGNS[cell.way] for cell in cells
            )
            table.add_row(titled(bundle, line.participants), *signs)
        console.print(table)


def show_preview(console: Console, found: Preview, bundle: Bundle, language: Language) -> None:
    """Show who would receive a draft, who not and why."""
    table = table_of(
        title("recipients", language),
        title("sections", language),
        title("rule", language),
        title("sentence", language),
    )
    for item in found.foreseen:
        who = Text(titled(bundle, item.participants))
        for rules, sections, style in (*_by_rules(item.released, "green"), *_by_rules(item.withheld, "red")):
            words = "\n".join(sentence(bundle.policies, rule, language) for rule in rules)
            table.add_row(who, Text(", ".join(sections), style=style), Text("\n".join(rules)), Text(words))
            who = Text("")
    console.print(table)
    console.print(f"{title('no ground', language)}: {found.groundless}")
    console.print(Text(title("signal alone", language), style="bold"))


def _by_rules(
    by_section: Mapping[str, tuple[str, ...]], style: str
) -> list[tuple[tuple[str, ...], list[str], str]]:
    found: dict[tuple[str, ...], list[str]] = {}
    for section, rules in by_section.items():
        found.setdefault(rules, []).append(section)
    return [(rules, sections, style) for rules, sections in found.items()]

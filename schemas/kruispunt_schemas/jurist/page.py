"""The page that the jurist signs: every rule with its law and sentence, and who may get what, as Markdown.

Rules
-----
1. The page follows from the bundle and the language alone, byte for byte: a test compares it with ``docs/policy.md``.
2. Grounds are numbered G1, G2, ... in the policy's order; a cell has the sign of its way and the numbers of its grounds.

Must not: read a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from kruispunt_schemas import schema as schemas
from kruispunt_schemas.jurist.overview import Cell, Way, overview, titled
from kruispunt_schemas.jurist.titles import title
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.rules import Language, Rule, rules

SIGNS: Final = {Way.ALWAYS: "●", Way.TERRITORY: "◐", Way.FOLLOWS: "◔", Way.ADDRESSED: "○"}
WITHHELD: Final = "✕"


def page(bundle: Bundle, language: Language) -> str:
    """Return the page of a bundle."""
    return "\n".join(_lines(bundle, language)) + "\n"


def numbered(policies: str) -> dict[str, str]:
    """Return the number of each ground (rule 2)."""
    grounds = (rule for rule in rules(policies).values() if rule.permits)
    return {rule.id: f"G{number}" for number, rule in enumerate(grounds, start=1)}


def legend(language: Language) -> str:
    """Return what the signs of the cells mean."""
    signs = [f"{sign} {title(way.name.lower(), language)}" for way, sign in SIGNS.items()]
    return " · ".join([*signs, f"{WITHHELD} {title('withheld', language)}"])


def _lines(bundle: Bundle, language: Language) -> Iterator[str]:
    numbers = numbered(bundle.policies)
    ruled = list(rules(bundle.policies).values())
    yield f"# {title('page', language)}"
    yield ""
    yield f"<!-- Made by `kruispunt policy table --language {language.value} --write`; not edited by hand. -->"
    yield ""
    yield f"{len(ruled)} rules, {len(bundle.participants)} participants, {len(schemas.SIGNAL_TYPES)} types of signal."
    yield ""
    yield "![policy](policy.svg)"
    yield ""
    yield f"## {title('grounds', language)}"
    yield ""
    yield from _rules([rule for rule in ruled if rule.permits], numbers, language)
    yield f"## {title('guards', language)}"
    yield ""
    yield from _rules([rule for rule in ruled if not rule.permits], numbers, language)
    yield f"## {title('who', language)}"
    yield ""
    yield legend(language)
    for name, lines in overview(bundle).items():
        sections = [section for section in schemas.load(name).sections if section != "distribution"]
        yield ""
        yield f"### {name}"
        yield ""
        yield f"| {title('recipients', language)} | {' | '.join(sections)} |"
        yield f"|---|{'---|' * len(sections)}"
        for line in lines:
            cells = [_cell(line.cells.get(section), numbers) for section in sections]
            yield f"| {titled(bundle, line.participants)} | {' | '.join(cells)} |"


def _rules(ruled: Sequence[Rule], numbers: dict[str, str], language: Language) -> Iterator[str]:
    heads = [title(name, language) for name in ("rule", "sentence", "sections", "law")]
    yield f"| {' | '.join(heads)} |"
    yield "|---|---|---|---|"
    for rule in ruled:
        number = f"{numbers[rule.id]} " if rule.id in numbers else ""
        sections = ", ".join(rule.sections) if rule.sections is not None else title("every", language)
        law = f"{rule.law} ({title(rule.confidence.value, language)})"
        yield f"| {number}`{rule.id}` | {rule.sentences[language]} | {sections} | {law} |"
    yield ""


def _cell(cell: Cell | None, numbers: dict[str, str]) -> str:
    if cell is None:
        return ""
    if cell.way is None:
        return WITHHELD
    shown = sorted((numbers[ground] for ground in cell.grounds), key=lambda number: int(number[1:]))
    return f"{SIGNS[cell.way]} {' '.join(shown)}"

"""What ``persons link`` and ``evaluate`` tell, on a screen and as a document.

Must not: judge.
"""

from __future__ import annotations

from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from kruispunt_processors.lists.alignment import Counts
from kruispunt_processors.persons.evaluation import Evaluation, Measure
from kruispunt_processors.persons.model import Model


def show_counts(console: Console, counts: Counts, model: Model, *, two: bool) -> None:
    """Show what became of the rows."""
    rows = f"{counts.rows_a:,} and {counts.rows_b:,} rows" if two else f"{counts.rows_a:,} rows"
    console.print(
        f"{rows}: {counts.links:,} linked, {counts.reviews:,} pairs to review, by model {model.version}; "
        f"{counts.compared:,} pairs share a key and were compared"
    )
    if counts.cut:
        console.print(
            f"{counts.cut:,} rows share a key with too many others: not all of these were compared, and what was found so is for review"
        )


def show_evaluation(console: Console, found: Evaluation, completeness: Measure | None) -> None:
    """Show the figures with their intervals."""
    table = Table("measure", "value", "95% interval", "of", title="As decided", title_justify="left")
    for name, measure in _measures(found, completeness).items():
        if measure is not None:
            value = "-" if measure.value is None else f"{measure.value:.4f}"
            bounds = f"{measure.interval.low:.4f} to {measure.interval.high:.4f}"
            table.add_row(name.replace("_", " "), value, bounds, f"{measure.part:,} of {measure.whole:,}")
    console.print(table)
    links = found.links
    console.print(
        f"{links.right:,} right, {links.wrong:,} wrong, {links.missed:,} missed; {found.reviews:,} pairs to review"
    )


def document(found: Evaluation, completeness: Measure | None) -> dict[str, object]:
    """Return the figures as one document."""
    measures = {
        name: None
        if measure is None
        else {**asdict(measure), "interval": [measure.interval.low, measure.interval.high]}
        for name, measure in _measures(found, completeness).items()
    }
    return {**measures, **asdict(found.links), "reviews": found.reviews}


def _measures(found: Evaluation, completeness: Measure | None) -> dict[str, Measure | None]:
    return {
        "precision": found.precision,
        "recall": found.recall,
        "f1": found.f1,
        "recall_with_review": found.recall_with_review,
        "pairs_completeness": completeness,
    }

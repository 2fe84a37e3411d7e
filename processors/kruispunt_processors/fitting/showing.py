"""What a fit changes, on a screen and as a document.

Must not: judge.
"""

from __future__ import annotations

from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from kruispunt_processors.fitting.fitted import Fitted
from kruispunt_processors.lists.showing import document as evaluation_document


def show(console: Console, found: Fitted) -> None:
    """Show weights old and new and what they would change."""
    counted = ", ".join(f"{count:,} {name}" for name, count in found.counted)
    console.print(f"{found.mentions:,} mentions; pairs counted: {counted}")
    table = Table("field", "level", found.before, found.after, "met", "at random", title="Weights in bits", title_justify="left")  # fmt: skip
    for change in found.changes:
        before, after = change.weights
        name = " + name" if change.before.u is None else ""
        new = "kept" if change.after is None else f"{after:+.2f}{name}"
        table.add_row(
            change.field,
            change.level,
            f"{before:+.2f}{name}",
            new,
            f"{change.met:,}",
            f"{change.at_random:,}",
        )
    console.print(table)
    effect = found.effect
    before, after = effect.links
    console.print(
        f"Links: {before:,} by {found.before}, {after:,} by {found.after} ({effect.gained:,} gained, {effect.lost:,} lost); "
        f"pairs to review: {effect.reviews[0]:,} and {effect.reviews[1]:,}"
    )
    if effect.evaluated is not None:
        table = Table("measure", found.before, found.after, title="Against the truth", title_justify="left")
        for name in ("precision", "recall", "f1", "recall_with_review"):
            values = [getattr(each, name) for each in effect.evaluated]
            cells = [
                "-"
                if each.value is None
                else f"{each.value:.4f} ({each.interval.low:.4f} to {each.interval.high:.4f})"
                for each in values
            ]
            table.add_row(name.replace("_", " "), *cells)
        console.print(table)


def document(found: Fitted) -> dict[str, object]:
    """Return a fit as a document."""
    effect = found.effect
    return {
        "before": found.before,
        "after": found.after,
        "mentions": found.mentions,
        "counted": dict(found.counted),
        "changes": [
            {**asdict(change), "weight_before": change.weights[0], "weight_after": change.weights[1]}
            for change in found.changes
        ],
        "links": effect.links,
        "reviews": effect.reviews,
        "gained": effect.gained,
        "lost": effect.lost,
        "evaluated": None
        if effect.evaluated is None
        else [evaluation_document(each, None) for each in effect.evaluated],
    }

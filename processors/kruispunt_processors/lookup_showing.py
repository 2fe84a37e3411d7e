"""A person and a decision on a screen and as a document.

Must not: ask the database; show a name that was not opened.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from uuid import UUID

from kruispunt_schemas.untrusted import MAX_ROWS, more_rows, shown
from rich.console import Console
from rich.table import Table

from kruispunt_processors.database.lookup import Decided, Person
from kruispunt_processors.persons.mentions import Keyring
from kruispunt_processors.persons.recomputation import Recomputed


@dataclass(frozen=True, slots=True)
class Identity:
    """What a mention says, opened: names as written, birth as yyyy-mm-dd with 00 for unknown, number."""

    names: tuple[str, ...]
    birth: str
    birth_place: str
    number: str


def identities(person: Person, keyring: Keyring) -> dict[UUID, Identity]:
    """Return what each mention of a person says; raise SealError where a key is not here."""
    found = {}
    for each in person.mentions:
        folded = keyring.open(each.mention_id, each.sealed)
        written = keyring.as_written(each.mention_id, each.sealed)
        names = tuple(
            " ".join(part for part in (name.given, name.particle, name.family) if part)
            for name in written.names
        )
        year, month, day = folded.birth
        birth = f"{year:04}-{month:02}-{day:02}" if any(folded.birth) else ""
        found[each.mention_id] = Identity(names, birth, written.birth_place, folded.number)
    return found


def show_person(console: Console, person: Person, opened: dict[UUID, Identity] | None) -> None:
    """Show a person."""
    console.print(f"Person {person.reference}, since {person.since:%Y-%m-%d %H:%M}")
    if person.aliases:
        console.print(f"Also known as {', '.join(person.aliases)}")
    if person.judged_by is not None:
        console.print(f"Last judged by {person.judged_by}")
    holders = Table("holder", "in the capacity of", "since", title="Held by", title_justify="left")
    for each in person.holders[:MAX_ROWS]:
        holders.add_row(each.participant, each.capacity, f"{each.since:%Y-%m-%d %H:%M}")
    console.print(holders)
    mentions = Table(title=f"Mentions: {len(person.mentions)}", title_justify="left")
    for column in ("mention", "signal at", "type", "since", "match", "posterior", "model"):
        mentions.add_column(column, overflow="fold")
    if opened is not None:
        mentions.add_column("says", overflow="fold")
    for mention in person.mentions[:MAX_ROWS]:
        cells = [
            str(mention.mention_id)[:8],
            mention.out,
            mention.capacity,
            f"{mention.since:%Y-%m-%d %H:%M}",
            mention.match.value.lower(),
            f"{mention.posterior:.6f}",
            mention.model or "-",
        ]
        if opened is None:
            mentions.add_row(*cells)
            continue
        says = opened[mention.mention_id]
        lines = [*says.names, " ".join(part for part in (says.birth, says.birth_place, says.number) if part)]
        mentions.add_row(*cells, shown("\n".join(lines), lines=True))
    console.print(mentions)
    if rest := more_rows(max(len(person.mentions), len(person.holders))):
        console.print(rest)


def person_document(person: Person, opened: dict[UUID, Identity] | None) -> dict[str, object]:
    """Return a person as a document: without seals, and with names only where they were opened."""
    document = asdict(person)
    for mention in document["mentions"]:
        del mention["sealed"]
        if opened is not None:
            mention["says"] = asdict(opened[mention["mention_id"]])
    return document


def show_decision(console: Console, found: Decided, again: Recomputed | None) -> None:
    """Show what was decided of a mention, and that it would be decided so again, or not."""
    recorded, mention = found.recorded, found.mention
    console.print(f"Mention {mention.mention_id}, signal at {mention.out}")
    counts = "" if found.counts_as == recorded.reference else f"; it counts as {found.counts_as} now"
    console.print(f"{recorded.match.value.lower()}: person {recorded.reference}{counts}")
    if again is None:
        console.print(
            "It was decided before the resolver recorded what a match rests on: no model, no weights"
        )
        return
    facts = Table(show_header=False, title=f"By model {recorded.model}", title_justify="left")
    facts.add_row("posterior, recorded", f"{recorded.posterior:.6f}")
    facts.add_row("posterior, computed again", f"{again.again.posterior:.6f}")
    facts.add_row("found by", ", ".join(recorded.found_by) or "-")
    facts.add_row("guards", ", ".join(recorded.guards) or "-")
    facts.add_row("compared with", str(recorded.compared_with or "-"))
    facts.add_row("runner-up", recorded.runner_up or "-")
    console.print(facts)
    if again.compared is not None:
        fields = Table("field", "level", "bits", title="Beside that mention", title_justify="left")
        for line in again.compared.fields:
            fields.add_row(line.field, line.level, f"{line.weight:+.2f}")
        fields.add_section()
        fields.add_row("together", "", f"{again.compared.weight:+.2f}")
        console.print(fields)
    if again.differences:
        console.print(
            f"Today it would be {again.match.value.lower()}, or as likely otherwise. What can be the cause:"
        )
        for each in again.differences:
            console.print(f"- {each}")
    else:
        console.print("Decided again today, it is the same")


def decision_document(found: Decided, again: Recomputed | None) -> dict[str, object]:
    """Return a decision as a document."""
    return {
        "mention": found.mention.mention_id,
        "signal": found.mention.out,
        "counts_as": found.counts_as,
        "recorded": asdict(found.recorded),
        "again": None if again is None else asdict(again),
        "same": None if again is None else not again.differences,
    }

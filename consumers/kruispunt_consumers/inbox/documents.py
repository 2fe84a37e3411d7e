"""The same for scripts: what ``--json`` prints, as plain values; `untrusted.json_text` writes them.

Rule: keys are those of the contract; what is withheld is named as withheld with its rules.
Must not: hold what the terminal does not show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass

from kruispunt_schemas.needtoknow.rules import Language

from kruispunt_consumers.inbox import wording
from kruispunt_consumers.inbox.consultation import Opened
from kruispunt_consumers.inbox.intake import Event
from kruispunt_consumers.inbox.kept import Alert, Item, KeptStatus

Document = Mapping[str, object]


def plain(value: object) -> object:
    """Return records as mappings and tuples as lists, all the way down; ``salt`` is left out."""
    if is_dataclass(value):
        return {
            field.name: plain(getattr(value, field.name)) for field in fields(value) if field.name != "salt"
        }
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


def list_document(
    participant: str, items: Sequence[Item], alerts: Sequence[Alert], refused: Sequence[KeptStatus]
) -> Document:
    """Return the document of ``inbox list``."""
    return {
        "participant": participant,
        "items": [plain(item) for item in items],
        "alerts": [plain(alert) for alert in alerts],
        "refused_postings": [plain(status) for status in refused],
    }


def signal_document(opened: Opened, language: Language = Language.EN) -> Document:
    """Return the document of ``inbox show``; rules are said in the language."""
    view, content = opened.view, opened.content
    withheld = {row.section: row.rules for row in view.delivery.withheld}
    sections = view.signed.read_sections()
    shown: dict[str, object] = {}
    for name, _ in view.signed.sections:
        if (section := sections.get(name)) is not None:
            shown[name] = {"state": "shown", "content": plain(section)}
        elif name in withheld:
            rules = list(withheld[name])
            shown[name] = {"state": "withheld", "rules": rules, "words": wording.rules(rules, language)}
        else:
            shown[name] = {"state": "not given"}
    return {
        "output_id": view.output_id,
        "state": content.item.state,
        "ended_by": content.item.ended_by,
        "received_at": content.item.appended_at,
        "reply_due_at": content.item.facts.reply_due_at if content.item.facts else None,
        "header": plain(view.header),
        "grounds": [
            {"rule": code, "words": wording.ground(code, language)} for code in view.delivery.grounds
        ],
        "decision_id": view.delivery.decision_id,
        "replaces": list(view.delivery.replaces),
        "decided_again": content.item.facts is not None and content.item.facts.again,
        "corroborates": list(view.delivery.corroborates),
        "persons": list(opened.persons),
        "renamed": plain(content.renamed),
        "signature": {"verified": True, "key_id": content.key_id, "bundle": content.bundle},
        "sections": shown,
        "consultation": {
            "consultation_id": opened.consultation_id,
            "user": opened.user,
            "purpose": opened.purpose,
            "consulted_at": opened.consulted_at,
        },
    }


def event_document(event: Event) -> Document:
    """Return one record of ``inbox follow --json``: one line each."""
    return {
        "outcome": event.outcome,
        "offset": event.offset,
        "item": plain(event.item),
        "status": plain(event.status),
        "affected": list(event.affected),
        "alerts": [plain(alert) for alert in event.alerts],
    }

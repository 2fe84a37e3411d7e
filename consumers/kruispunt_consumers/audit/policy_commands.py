"""``kruispunt policy explain``, ``why-not`` and ``diff``: what was decided, why, and what would be decided otherwise.

Exit codes: 0 it could be told; 1 what is recorded does not follow from the policy; 2 it could not be told. Must not: judge.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click
from kruispunt_schemas.command import console, json_option, print_json, stderr
from kruispunt_schemas.jurist.options import language_option
from kruispunt_schemas.jurist.resolving import givable
from kruispunt_schemas.needtoknow import again, counterfactual
from kruispunt_schemas.needtoknow.explanation import Explanation, everyone
from kruispunt_schemas.needtoknow.explanation import explain as explained
from kruispunt_schemas.needtoknow.rules import NO_GROUND, Language, rules, sentence
from kruispunt_schemas.records.backbone import Decision
from kruispunt_schemas.settings import Settings

from kruispunt_consumers.audit import past as pasts
from kruispunt_consumers.audit import policy_tables as tables
from kruispunt_consumers.audit.past import Past
from kruispunt_consumers.topic_reader import TopicReader

CLIENT: Final = "kruispunt-policy"

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Data folder of the local stack (default: KRUISPUNT_DATA, else .kruispunt).",
)


def read(data: Path | None) -> Past:
    """Return past decisions and bundles of the backbone that the settings name."""
    settings = Settings() if data is None else Settings(data=data)
    return pasts.read_past(TopicReader(settings.addresses().brokers, client=CLIENT))


@click.command(epilog="Example: kruispunt policy explain 3f2a9c ltf-antwerpen --language nl")
@click.argument("signal")
@click.argument("participant", required=False)
@data_option
@language_option
@json_option
def explain(
    signal: str, participant: str | None, data: Path | None, language: Language, as_json: bool
) -> None:
    """Explain what PARTICIPANT received of SIGNAL and why, from the decision record; without one, what everybody did.

    SIGNAL: the first digits of a signal's, a decision's or a delivery's id; a signal that was decided again is explained as it
    stands now. Exits with 1 when the recorded outcome does not follow.
    """
    if participant is None:
        _explain_to_all(read(data), signal, language, as_json=as_json)
        return
    past = read(data)
    decision, found, policies = _explained(past, signal, participant)
    held = again.standing(past.cited(decision), past.until(decision)).get(participant)
    if as_json:
        holds = None if held is None else held.output_id
        print_json({**_named(decision), "holds": holds, **_as_json(found, policies, language)})
    else:
        tables.show_explanation(console, decision, found, policies, language, held=held is not None)
    if not found.agrees:
        stderr.print(
            "The recorded outcome does not follow from the recorded facts. Next: kruispunt audit replay"
        )
        sys.exit(1)


def _explain_to_all(past: Past, signal: str, language: Language, *, as_json: bool) -> None:
    decision = past.decision(signal)
    bundle = past.cited(decision)
    found = everyone(bundle, decision)
    if as_json:
        outcomes = [asdict(item) for item in found]
        print_json({**_named(decision), "outcomes": outcomes})
    else:
        tables.show_everyone(console, decision, found, bundle.policies, language)


@click.command(name="why-not", epilog="Example: kruispunt policy why-not 3f2a9c ltf-gent --language fr")
@click.argument("signal")
@click.argument("participant")
@data_option
@language_option
@json_option
def why_not(signal: str, participant: str, data: Path | None, language: Language, as_json: bool) -> None:
    """Tell the smallest change of a fact, or of the policy, that would have given SIGNAL to PARTICIPANT.

    Every smallest set of changes is given, most plausible first; none of them is said to be right. A section that no
    ground gives to anyone is left out.
    """
    past = read(data)
    decision, found, policies = _explained(past, signal, participant)
    engine = pasts.parsed(past.cited(decision)).engine
    answers = {
        item.section: (
            counterfactual.facts_to_change(engine, policies, found.facts, item.section),
            counterfactual.rules_to_change(policies, found.facts, item.section),
        )
        for item in found.sections
        if not item.released and givable(policies, (item.section,))
    }
    if not as_json:
        tables.show_why_not(console, decision, found, answers, policies, language)
        return
    print_json(
        {
            **_named(decision),
            "received": [item.section for item in found.sections if item.released],
            "withheld": {
                section: {
                    "facts": [[change.said(language) for change in answer] for answer in changes],
                    "rules": [
                        {
                            "ground": item.ground,
                            "conditions": [part.text for part in item.conditions],
                            "guards": item.guards,
                        }
                        for item in instead
                    ],
                }
                for section, (changes, instead) in answers.items()
            },
        }
    )


@click.command(epilog="Example: kruispunt policy diff 9c41d0 ./policy")
@click.argument("old")
@click.argument("new")
@click.option("--most", type=click.IntRange(0), default=20, show_default=True, help="Changes to list.")
@data_option
@json_option
def diff(old: str, new: str, most: int, data: Path | None, as_json: bool) -> None:
    """Show which past outcomes would be otherwise under NEW than under OLD.

    Each is the first digits of an announced bundle, or a policy file or folder, which is tried on the bundle that each
    decision cites. Every decision that stands is decided again from its recorded facts.
    """
    past = read(data)
    difference, changes = pasts.counted(pasts.differences(past, pasts.side(past, old), pasts.side(past, new)))
    if as_json:
        print_json({**difference.counts(), "changes": [asdict(item) for item in changes]})
    else:
        tables.show_difference(console, difference, changes, most)


def _explained(past: Past, signal: str, participant: str) -> tuple[Decision, Explanation, str]:
    decision = past.decision(signal)
    policy = pasts.parsed(past.cited(decision))
    return decision, explained(policy.bundle, policy.engine, decision, participant), policy.bundle.policies


def _named(decision: Decision) -> dict[str, Any]:
    """Return what says which decision it is; judgement and round: of a decision again."""
    return {
        "decision": decision.decision_id,
        "bundle": decision.bundle,
        "judgement": decision.judgement_id,
        "round": again.number(decision),
    }


def _as_json(found: Explanation, policies: str, language: Language) -> dict[str, Any]:
    known = rules(policies)
    named = {rule for item in found.sections for rule in (*item.grounds, *item.guards)} | {NO_GROUND}
    return {
        **asdict(found),
        "rules": {
            name: {
                "sentence": sentence(policies, name, language),
                "law": known[name].law if name in known else None,
                "confidence": known[name].confidence if name in known else None,
            }
            for name in sorted(named)
        },
    }

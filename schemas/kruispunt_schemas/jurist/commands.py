"""``kruispunt policy``: the group, and its commands that need the reviewed files alone.

Exit codes: 0 as it should be; 1 something is not, with what to do; 2 it could not be told. The group shows what the
installed rooms add to it. Must not: judge.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.progress import Progress

from kruispunt_schemas.command import InstalledCommands, console, json_option, print_json, stderr
from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.jurist import mutation, showing, soundness, trial
from kruispunt_schemas.jurist import preview as previews
from kruispunt_schemas.jurist.case import Case
from kruispunt_schemas.jurist.case_files import read_cases
from kruispunt_schemas.jurist.options import bundle_of_files, language_option, policy_option
from kruispunt_schemas.jurist.page import page
from kruispunt_schemas.jurist.picture import picture
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.rules import Language, sentence


class PolicyCommands(InstalledCommands):
    """The commands about the policy that the installed rooms have."""

    entries = "kruispunt.policy"


@click.group(cls=PolicyCommands)
def policy() -> None:
    """Read, test, compare and activate the need-to-know policy; explain what it decided."""


@click.command(epilog="Example: kruispunt policy check")
@policy_option
@json_option
def check(path: Path | None, as_json: bool) -> None:
    """Look for mistakes: rules without words, rules that never matter, rules that no case exercises.

    Exits with 1 when there is a mistake; a remark is for the jurist to judge.
    """
    bundle = bundle_of_files(path)
    findings = soundness.check(bundle, []) if _unsound(bundle) else soundness.check(bundle, _prepared(bundle))
    mistakes = [item for item in findings if item.weight is soundness.Weight.MISTAKE]
    if as_json:
        print_json({"sound": not mistakes, "findings": [asdict(item) for item in findings]})
    else:
        showing.show_findings(console, findings)
        console.print(f"{len(mistakes)} mistakes, {len(findings) - len(mistakes)} remarks")
        if mistakes:
            stderr.print(
                "Next: mend the rule in policy/, or write the case in reference/cases/ (docs/policy-cases.md)"
            )
    sys.exit(1 if mistakes else 0)


@click.command(epilog="Example: kruispunt policy cases --language nl")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True))
@policy_option
@click.option("--mutate", is_flag=True, help="Weaken the policy rule by rule: some case must fail each time.")
@click.option(
    "--at-least",
    type=click.IntRange(0, 100),
    default=100,
    show_default=True,
    metavar="PERCENT",
    help="With --mutate: the share of mutants that a case must notice.",
)
@language_option
@json_option
def cases(
    files: tuple[Path, ...], path: Path | None, mutate: bool, at_least: int, language: Language, as_json: bool
) -> None:
    """Run the jurist's cases: FILES or folders of them, the reviewed ones by default.

    Exits with 1 when a case fails, or with --mutate when too many weakened policies go unnoticed.
    """
    bundle = bundle_of_files(path)
    by_file = read_cases(files or None)
    engine = PolicyEngine(bundle.policies, bundle.policy_schema)
    prepared = {name: _each_prepared(found, bundle) for name, found in by_file.items()}
    results = {
        name: [trial.judge(item, engine.evaluate, bundle) for item in found]
        for name, found in prepared.items()
    }
    failed = [result.case.id for found in results.values() for result in found if not result.passed]
    if failed or not mutate:
        _tell_cases(results, failed, bundle, language, as_json)
        sys.exit(1 if failed else 0)
    with Progress(console=stderr, disable=as_json, transient=True) as bar:
        task = bar.add_task("mutants", total=None)
        score = mutation.score(
            [item for found in prepared.values() for item in found],
            bundle,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    enough = 100 * len(score.killed) >= at_least * score.total
    if as_json:
        survivors = [{"rule": item.rule, "change": item.change} for item in score.survivors]
        print_json({"mutants": score.total, "noticed": len(score.killed), "survivors": survivors})
    else:
        showing.show_score(console, score)
        if not enough:
            stderr.print("Next: write a case that fails when a rule is weakened so (docs/policy-cases.md)")
    sys.exit(0 if enough else 1)


@click.command(epilog="Example: kruispunt policy table --language fr")
@policy_option
@click.option("--write", is_flag=True, help="Write policy.md and policy.svg into the folder.")
@click.option(
    "--check", "compare", is_flag=True, help="Exit with 1 when the files in the folder are not current."
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("docs"),
    show_default=True,
    help="Where the files lie.",
)
@language_option
@json_option
def table(
    path: Path | None, write: bool, compare: bool, folder: Path, language: Language, as_json: bool
) -> None:
    """Show who may get what: participants that are equal in it, by signal type and section, with grounds and law."""
    bundle = bundle_of_files(path)
    files = {"policy.md": page(bundle, language), "policy.svg": picture(bundle, language)}
    stale = [name for name, text in files.items() if _text(folder / name) != text] if compare else []
    if write:
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    if as_json:
        print_json({"bundle": bundle.name, "current": not stale, "stale": stale, "files": sorted(files)})
    elif write or compare:
        console.print(
            f"{folder}: {'written' if write else 'not current: ' + ', '.join(stale) if stale else 'current'}"
        )
    else:
        showing.show_overview(console, bundle, language)
    if stale and not write:
        stderr.print("Next: kruispunt policy table --write, and read what has changed before you sign")
        sys.exit(1)


@click.command(epilog="Example: kruispunt policy preview draft.json --language de")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@policy_option
@language_option
@json_option
def preview(file: Path, path: Path | None, language: Language, as_json: bool) -> None:
    """Show who would receive a draft signal, who not and why, from the signal alone.

    FILE: a draft as JSON (signal_type, originator, sections), or the signal table of a case as TOML or JSON. Followers
    are never consulted: the answer shows nothing of what others hold.
    """
    bundle = bundle_of_files(path)
    text = _text(file)
    if text is None:
        raise PolicyError(f"{file.name}: it cannot be read as text")
    found = previews.preview(
        previews.read(text, file.name), bundle, PolicyEngine(bundle.policies, bundle.policy_schema)
    )
    if not as_json:
        showing.show_preview(console, found, bundle, language)
        return
    rules = {
        rule
        for item in found.foreseen
        for by in (item.released, item.withheld)
        for names in by.values()
        for rule in names
    }
    print_json(
        {
            "sections": found.sections,
            "recipients": [asdict(item) for item in found.foreseen],
            "without_ground": found.groundless,
            "followers_consulted": False,
            "sentences": {rule: sentence(bundle.policies, rule, language) for rule in sorted(rules)},
        }
    )


def _tell_cases(
    results: Mapping[str, Sequence[trial.Result]],
    failed: Sequence[str],
    bundle: Bundle,
    language: Language,
    as_json: bool,
) -> None:
    count = sum(len(found) for found in results.values())
    if as_json:
        print_json(
            {
                "cases": count,
                "failed": failed,
                "results": [
                    {
                        "file": name,
                        "case": result.case.id,
                        "passed": result.passed,
                        "participants": [asdict(item) for item in result.judged],
                    }
                    for name, found in results.items()
                    for result in found
                ],
            }
        )
        return
    showing.show_results(console, results, bundle.policies, language)
    console.print(f"{count} cases, {len(failed)} fail")
    if failed:
        stderr.print("Next: mend the rule in policy/, or the case if it asks what the law does not")


def _unsound(bundle: Bundle) -> bool:
    try:
        PolicyEngine(bundle.policies, bundle.policy_schema)
    except PolicyError:
        return True
    return False


def _prepared(bundle: Bundle) -> list[trial.Prepared]:
    return [item for found in read_cases().values() for item in _each_prepared(found, bundle)]


def _each_prepared(found: Sequence[Case], bundle: Bundle) -> list[trial.Prepared]:
    """Prepare cases; raise PolicyError with every mistake of all of them."""
    prepared, mistakes = [], []
    for case in found:
        try:
            prepared.append(trial.prepare(case, bundle))
        except PolicyError as error:
            mistakes.append(str(error))
    if mistakes:
        raise PolicyError("\n".join(mistakes))
    return prepared


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None

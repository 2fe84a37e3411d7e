"""Options that the commands of ``kruispunt policy`` share, and the policy that they are about.

Rule: the policy is that of the reviewed files with every participant, unless a path says otherwise. Must not: decide.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.needtoknow.authoring import make, read_participants
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.rules import Language

F = TypeVar("F", bound=Callable[..., Any])

RULES = "need_to_know.cedar"
SCHEMA = "need_to_know.cedarschema"


def language_option(function: F) -> F:
    """Add ``--language``: that of the sentences."""
    return click.option(
        "--language",
        type=click.Choice([item.value for item in Language]),
        default=Language.EN.value,
        envvar="KRUISPUNT_LANGUAGE",
        show_default=True,
        callback=lambda _context, _option, value: Language(value),
        help="Language of the sentences (KRUISPUNT_LANGUAGE).",
    )(function)


def policy_option(function: F) -> F:
    """Add ``--policy``: another policy than the reviewed one."""
    return click.option(
        "--policy",
        "path",
        type=click.Path(path_type=Path, exists=True),
        default=None,
        help=f"A policy file, or a folder with {RULES}, instead of the reviewed one.",
    )(function)


def bundle_of_files(path: Path | None = None) -> Bundle:
    """Return the bundle of the reviewed files with every participant; path: another policy for it."""
    bundle = make({}, read_participants(everything=True))
    return bundle if path is None else with_policy(bundle, path)


def with_policy(bundle: Bundle, path: Path) -> Bundle:
    """Return a bundle with the policy of a file or folder; of a file alone the schema stays."""
    rules = path / RULES if path.is_dir() else path
    schema = rules.with_name(SCHEMA)
    if not rules.is_file():
        raise PolicyError(f"{path}: there is no {RULES}")
    try:
        changes = {"policies": rules.read_text(encoding="utf-8")}
        if schema.is_file():
            changes["policy_schema"] = schema.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: {error}") from None
    own = {name: getattr(bundle, name) for name in Bundle.model_fields}
    return Bundle.model_validate({**own, **changes})

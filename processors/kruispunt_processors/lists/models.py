"""The model that a command is asked to use: a version of this distribution, or a file that is tried out.

Must not: put a version in force.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from kruispunt_schemas.failures import ConfigurationError

from kruispunt_processors.persons.model import CURRENT, Model, parse, text_of


def model_option(function: Any) -> Any:
    """Add ``--model``."""
    return click.option(
        "--model",
        "model_name",
        default=CURRENT,
        show_default=True,
        metavar="VERSION|FILE.toml",
        help="The weights: a version, or a file that is tried out.",
    )(function)


def text_and_model(name: str) -> tuple[str, Model]:
    """Return the text of a version or a file, and the model that it says; raise ConfigurationError when it says none."""
    path = Path(name)
    if path.suffix != ".toml":
        text = text_of(name)
        return text, parse(name, text)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: no model ({type(error).__name__})") from None
    return text, parse(path.stem, text)


def is_version(name: str) -> bool:
    """Tell whether this distribution has a version of that name."""
    try:
        text_of(name)
    except ConfigurationError:
        return False
    return True

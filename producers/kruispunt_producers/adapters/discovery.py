"""Which adapters there are: the entry-point group ``kruispunt.adapters`` of every installed package.

Rules
-----
1. An entry point's object is an `Adapter`; an agency's own package contributes one without a change here.
2. ``module:OBJECT`` names an adapter that is importable but not installed as an entry point.
3. Without a name, the one adapter whose scheme and participant patterns fit is taken; none or several is an error that
   lists the names.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from kruispunt_schemas.failures import ConfigurationError

from kruispunt_producers.adapters.protocol import Adapter, Source

GROUP = "kruispunt.adapters"
_URL_SCHEMES = ("postgresql", "postgres")


def installed() -> dict[str, Adapter]:
    """Return the installed adapters by name."""
    loaded = (entry.load() for entry in entry_points(group=GROUP))
    return {adapter.name: adapter for adapter in loaded if isinstance(adapter, Adapter)}


def choose(participant: str, source: str, name: str | None = None) -> Adapter:
    """Return the adapter for a participant and a source; raise ConfigurationError when that is not one."""
    known = installed()
    if name is not None:
        if ":" in name:
            return _imported(name)
        if name not in known:
            raise ConfigurationError(f"no adapter is called {name}; installed: {', '.join(sorted(known))}")
        return known[name]
    fitting = [
        adapter
        for adapter in known.values()
        if adapter.scheme == scheme_of(source) and adapter.serves(participant)
    ]
    if len(fitting) != 1:
        names = ", ".join(sorted(adapter.name for adapter in fitting or known.values()))
        raise ConfigurationError(
            f"{'no' if not fitting else 'more than one'} adapter is made for {participant} and "
            f"{scheme_of(source)}: choose with --adapter ({names})"
        )
    return fitting[0]


def scheme_of(source: str) -> str:
    """Return what a source address starts with; raise ConfigurationError when it has no scheme."""
    scheme, colon, rest = source.partition(":")
    if not colon or not rest:
        raise ConfigurationError(
            "a source is written as SCHEME:ADDRESS, for example csv:DIR or postgresql://..."
        )
    return "postgresql" if scheme in _URL_SCHEMES else scheme


def open_source(adapter: Adapter, source: str) -> Source:
    """Open a source by its address."""
    scheme = scheme_of(source)
    return adapter.open(source if scheme == "postgresql" else source.partition(":")[2])


def _imported(name: str) -> Adapter:
    module, _, attribute = name.partition(":")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # an adapter on trial lies where its author stands
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"{name} cannot be imported: {error}") from None
    if not isinstance(found, Adapter):
        raise ConfigurationError(f"{name} is no adapter")
    return found

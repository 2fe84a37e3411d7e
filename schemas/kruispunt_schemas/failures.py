"""The tree of errors: what a caller can catch, and no more.

::

    KruispuntError                 every failure of ours; its text is safe to show and to log
    ├── ConfigurationError         a setting is missing, half given or impossible
    ├── ContractError              bytes or values break the contract; names the field
    ├── PolicyError                a bundle cannot be loaded
    └── UnavailableError           a server did not answer within its bound
        └── AwaitedError           what must come first has not come: a bundle's bytes, an earlier version, a release

Rules: a text names fields and positions, never values of a signal. Business outcomes (refused, duplicate, withheld)
are values, not exceptions.
"""

from __future__ import annotations


class KruispuntError(Exception):
    """A failure whose text may be shown, logged and stored; it holds no content of a signal."""


class ConfigurationError(KruispuntError):
    """A setting is missing, half given or impossible."""


class ContractError(KruispuntError):
    """Bytes or values break the contract. ``reason`` is a stable code, ``field`` a dotted path ('' for the whole)."""

    def __init__(self, reason: str, field: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {field or 'record'}{': ' + detail if detail else ''}")
        self.reason = reason
        self.field = field
        self.detail = detail


class PolicyError(KruispuntError):
    """A bundle cannot be loaded; the text names the policy, participant or territory."""


class UnavailableError(KruispuntError):
    """A server did not answer within its bound."""


class AwaitedError(UnavailableError):
    """What must come first has not come: it is waited for, however long; no message is to blame."""

"""What can go wrong at the posting box; the texts hold ids and numbers, never content.

::

    KruispuntError
    ├── BoxFullError                     the stated bound of queued postings or bytes is reached
    ├── ContractError
    │   ├── IdentifierConflictError      the same id with other bytes
    │   └── PostingTooLargeError         above what a topic takes
    └── UnavailableError
        └── FlusherBusyError             another process sends for this participant
"""

from __future__ import annotations

from kruispunt_schemas.failures import ContractError, KruispuntError, UnavailableError


class BoxFullError(KruispuntError):
    """The box holds as much unsent as its limits allow; nothing of the transaction was kept."""


class IdentifierConflictError(ContractError):
    """A posting with this id exists with other bytes: one id can only ever have one content."""


class PostingTooLargeError(ContractError):
    """A posting is larger than a record on ``out.*`` may be."""


class FlusherBusyError(UnavailableError):
    """Another process holds the participant's flusher lock."""

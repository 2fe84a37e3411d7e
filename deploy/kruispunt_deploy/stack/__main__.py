"""The detached supervisor: ``python -m kruispunt_deploy.stack DATA BROKERS``; it runs until SIGTERM."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from threading import Event

from kruispunt_schemas.command import stderr
from kruispunt_schemas.failures import KruispuntError

from kruispunt_deploy.stack import LocalStack, ended_by_signals


def main(data: str, brokers: str) -> int:
    """Open the stack and wait for a signal; return the exit code."""
    with contextlib.suppress(KeyboardInterrupt), ended_by_signals():
        try:
            # `kruispunt down` is a good end: it has time for archives, and says what it waits for.
            with (
                LocalStack(Path(data), brokers=3 if brokers == "3" else 1),
                contextlib.suppress(KeyboardInterrupt),
            ):
                Event().wait()
        except KruispuntError as error:
            stderr.print(str(error), markup=False)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

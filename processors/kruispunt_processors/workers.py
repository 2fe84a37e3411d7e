"""What a worker of each role is made of: settings, servers, stage, topics. The only place that puts them together.

Each role imports its own stage: admit never loads a database driver, and a restart is quicker for it.

Must not: hold a rule of any stage.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NoReturn

import structlog
from kruispunt_schemas import failpoints, keys, topics, tracing
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.command import log_to_stderr
from kruispunt_schemas.failures import ConfigurationError, KruispuntError, UnavailableError
from kruispunt_schemas.registry import CACHE_FILE, Registry
from kruispunt_schemas.reports import Report, State
from kruispunt_schemas.settings import Settings

from kruispunt_processors.bundles import BundleFollower, BundleRegister, announced
from kruispunt_processors.engine import application
from kruispunt_processors.engine.agent import install, own_topics
from kruispunt_processors.engine.condition import Condition, Look
from kruispunt_processors.engine.stage import Stage
from kruispunt_processors.engine.supervision import Progress
from kruispunt_processors.outputs import Outbound

ROLES: Final = ("admit", "resolve", "route")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What every stage is built from."""

    settings: Settings
    register: BundleRegister
    outbound: Outbound


def run(role: str, settings: Settings, port: int = 0) -> NoReturn:
    """Run the worker of a role until it is told to stop; exits the process.

    port: of its pages, 0 for a free one. Raise ConfigurationError when something is missing and UnavailableError
    when a server does not answer; the report says so too.
    """
    # The libraries' own loggers say warnings only.
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    log_to_stderr()
    failpoints.arm(settings.failpoint)
    tracing.start(f"kruispunt.{role}")
    report = Report.begin(settings.data, role)
    try:
        _run(role, settings, report, port)
    except KruispuntError as error:
        state = State.WAITING if isinstance(error, UnavailableError) else State.REFUSED
        report.failed(state, str(error))
        report.write(settings.data)
        raise


def _run(role: str, settings: Settings, report: Report, port: int) -> NoReturn:
    addresses = settings.addresses()
    keys.read_backbone(settings.data)  # first: it says best that nothing is provisioned
    register, progress, ending = BundleRegister(), Progress(), application.Ending()
    with closing(Registry(addresses.registry, settings.data / CACHE_FILE)) as registry:
        wire_ids = registry.wire_ids([schemas.load(name) for name in schemas.TOPIC_TYPES])
    stage, look = STAGES[role](Parts(settings, register, Outbound(f"/backbone/{role}", wire_ids)))
    app = application.create(role, addresses.brokers, settings.data)
    # The topics must be known before the app starts: a copy of the bundles is read first.
    participants = _participants(addresses.brokers)
    sources = [*SOURCES[role](sorted(participants)), topics.RETRY.name]

    def renew() -> None:
        if role == "admit" and register.participants() != participants:
            log.info("participants-added", role=role)
            ending.renew()

    follower = BundleFollower(addresses.brokers, register, renew)
    install(app, stage, sources, progress)
    condition = Condition(progress, report, register.is_fresh, look)
    shift = application.Shift(
        condition, follower.start, settings.data, ending, port, lambda: register.fresh_at
    )
    application.run(app, shift)


Made = tuple[Stage, Look | None]
"""A stage, and what asks the database for its unfinished claims."""


def _admit(parts: Parts) -> Made:
    from kruispunt_processors.admit.stage import AdmitStage  # noqa: PLC0415

    return AdmitStage(parts.register, parts.outbound, keys.read_backbone(parts.settings.data).case), None


def _resolve(parts: Parts) -> Made:
    from kruispunt_processors.database import unfinished  # noqa: PLC0415
    from kruispunt_processors.database.connection import open_engine  # noqa: PLC0415
    from kruispunt_processors.resolve.stage import ResolveStage  # noqa: PLC0415

    engine = open_engine(parts.settings.database_address())
    read_keys = functools.partial(keys.read_backbone, parts.settings.data)
    stage = ResolveStage(engine, parts.outbound, read_keys, _now)
    return stage, lambda: unfinished.of_resolve(engine)


def _route(parts: Parts) -> Made:
    from kruispunt_processors.database import unfinished  # noqa: PLC0415
    from kruispunt_processors.database.connection import open_engine  # noqa: PLC0415
    from kruispunt_processors.route.stage import RouteStage  # noqa: PLC0415

    engine = open_engine(parts.settings.database_address())
    pseudonym = keys.read_backbone(parts.settings.data).pseudonym
    stage = RouteStage(engine, parts.register, parts.outbound, pseudonym, _now)
    return stage, lambda: unfinished.of_route(engine)


STAGES: Final[dict[str, Callable[[Parts], Made]]] = {"admit": _admit, "resolve": _resolve, "route": _route}
SOURCES: Final[dict[str, Callable[[list[str]], list[str]]]] = {
    "admit": own_topics,
    "resolve": lambda _: [topics.ADMITTED.name],
    "route": lambda _: [topics.RESOLVED.name],
}


def _participants(brokers: str) -> frozenset[str]:
    """Return the participants of all bundles announced: their topics are subscribed to by name."""
    found = asyncio.run(announced(brokers)).participants()
    if not found:
        raise ConfigurationError("no bundle is announced on audit.bundles: run `kruispunt provision`")
    return found


def _now() -> datetime:
    return datetime.now(UTC)

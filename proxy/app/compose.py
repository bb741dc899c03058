"""Puts the edges under the gateway: every concrete class of the product is named here."""

from __future__ import annotations

import logging
import os
import random
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.app.adapters import AdapterBuilder
from proxy.app.clock import Bell, SystemClock
from proxy.app.learning import Learning
from proxy.app.link_secret import link_secret
from proxy.app.notices import Notices
from proxy.app.orphans import orphan_chores
from proxy.app.readiness import Readiness
from proxy.app.reload import Reload
from proxy.app.source_links import source_links
from proxy.app.spool import own_folder, spool_root
from proxy.app.tracing import tracing
from proxy.app.watch import marks_of
from proxy.artifacts.inputs import HashedInputs
from proxy.artifacts.pictures import PictureRules, Pictures
from proxy.artifacts.store import open_artifacts
from proxy.domain.errors import StoreUnavailable
from proxy.domain.video import PICTURE_BYTES_MAX
from proxy.gateway.announcements import Announcements
from proxy.gateway.archive import Archive
from proxy.gateway.balances import BalanceBook
from proxy.gateway.callbacks import Callbacks
from proxy.gateway.decisions import Decisions
from proxy.gateway.health import HealthBook
from proxy.gateway.live import Current, Live
from proxy.gateway.openings import Openings
from proxy.gateway.runtime import Runtime
from proxy.gateway.standby import Standby
from proxy.gateway.upkeep import Upkeep
from proxy.gateway.usage import UsageBook
from proxy.gateway.waiting import Waiters
from proxy.gateway.worker import Worker
from proxy.http.links import Links
from proxy.outgoing.session import open_sessions
from proxy.store.accounts import RedisAccounts
from proxy.store.admission import RedisAdmission
from proxy.store.archive import RedisLedgerStream
from proxy.store.client import Client, Timeouts
from proxy.store.decisions import RedisDecisionLog
from proxy.store.hints import RedisHints
from proxy.store.jobs import RedisJobs
from proxy.store.keys import Keys
from proxy.store.letters import RedisLetters
from proxy.store.lines import RedisLines
from proxy.store.registry import RedisAccountRegistry
from proxy.store.slots import RedisSlots
from proxy.store.work import RedisWork
from proxy.telemetry.logs import Logs
from proxy.telemetry.metrics import Metrics
from proxy.telemetry.observers import CRASH_AT, CrashAt, Fanout
from proxy.telemetry.outages import StoreOutages
from proxy.telemetry.shadow import ShadowRefusals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AsyncExitStack

    from proxy.app.chores import Chore
    from proxy.app.options import Role, ServeOptions
    from proxy.app.watch import Marks
    from proxy.config.load import Loaded
    from proxy.config.settings import ServerSettings
    from proxy.domain.ids import TeamId
    from proxy.domain.policy import Snapshot
    from proxy.gateway.ports.runtime import Observer
    from proxy.store.address import Address

DEFAULT_RETENTION_S = 90 * 86_400
"""For jobs whose team has left the configuration."""

_LOGGER = logging.getLogger("greenlight")
_WORKER_LOGGER = logging.getLogger("greenlight.worker")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A process put together, not yet running; `chores`, by name, run as long as it does."""

    runtime: Runtime
    client: Client
    metrics: Metrics
    worker: Worker
    reload: Reload
    readiness: Readiness
    links: Links
    callbacks: Callbacks
    spool_dir: Path
    look: Callable[[], Marks]
    chores: Mapping[str, Chore]


@dataclass(frozen=True, slots=True)
class _Local:
    """What belongs to this process alone; `siblings` are those of its deployment, with itself."""

    clock: SystemClock
    bell: Bell
    observer: Observer
    learning: Learning
    waiters: Waiters
    siblings: int
    links: Links
    notices: Notices


async def compose(
    stack: AsyncExitStack, options: ServeOptions, loaded: Loaded, address: Address
) -> Parts:
    """Build everything; what must be closed again is left to the stack.

    Args:
        stack: closes connections and removes temporary files, in reverse.
        options: where the files are.
        loaded: the configuration they hold now.
        address: where the store listens.

    Raises:
        OSError: a folder cannot be made or written.
        ValueError: credentials or the artifact URL cannot be used.
    """
    clock, bell, waiters = SystemClock(), Bell(), Waiters()
    learning, metrics = Learning(clock), _metrics(clock, loaded.snapshot)
    sessions = await stack.enter_async_context(open_sessions())
    notices = Notices(sessions, clock, loaded.server)
    listeners = (*learning.observers, waiters, notices.troubles)
    observer = _observers(metrics, clock, *listeners, *tracing(stack, loaded.server, clock))
    spool = stack.enter_context(own_folder(spool_root(loaded.server.artifacts.url)))
    links = Links(secret=link_secret(loaded.server), public_url=loaded.server.public_url)
    builder = AdapterBuilder(sessions=sessions, clock=clock, spool_dir=spool, secret=links.secret)
    live = Live(Current(snapshot=loaded.snapshot, providers=builder.build(loaded.server)))
    client = _client(stack, loaded.server, address, observer)
    pictures = Pictures(sessions, _picture_rules(loaded.server), spool_dir=spool)
    local = _Local(clock, bell, observer, learning, waiters, options.siblings, links, notices)
    runtime = _runtime(loaded.server, live, client, pictures=pictures, local=local)
    return Parts(
        runtime=runtime,
        client=client,
        metrics=metrics,
        worker=Worker(runtime, woken=bell.wait, report=_report),
        reload=Reload(
            options,
            live,
            builder=builder,
            clock=clock,
            observer=observer,
            applied=_applied(metrics, pictures, notices),
            loaded=loaded,
        ),
        readiness=Readiness(runtime.accounts, runtime.openings, clock),
        links=links,
        callbacks=Callbacks(runtime, links.secret),
        spool_dir=spool,
        look=lambda: marks_of(options.config, loaded.policies),
        chores=_chores(runtime, client, learning, notices=notices, role=options.role),
    )


def _metrics(clock: SystemClock, snapshot: Snapshot) -> Metrics:
    metrics = Metrics(clock, version=version("greenlight-proxy"))
    metrics.set_catalog(snapshot)
    return metrics


def _observers(metrics: Metrics, clock: SystemClock, *listeners: Observer) -> Fanout:
    """Whoever wants to know: metrics, logs, and in crash tests the one that ends the process."""
    crash = (CrashAt(os.environ[CRASH_AT]),) if CRASH_AT in os.environ else ()
    logs = (Logs(), StoreOutages(clock), ShadowRefusals(clock))
    return Fanout(metrics, *logs, *listeners, *crash)


def _applied(metrics: Metrics, pictures: Pictures, notices: Notices) -> Callable[[Loaded], None]:
    """What a reload changes beside the configuration in force."""

    def applied(again: Loaded) -> None:
        metrics.set_catalog(again.snapshot)
        pictures.rules = _picture_rules(again.server)
        notices.use(again.server)

    return applied


def _chores(
    runtime: Runtime, client: Client, learning: Learning, *, notices: Notices, role: Role
) -> dict[str, Chore]:
    """What the use cases need done beside them, now and then."""
    workers = notices.chores(runtime, client, role) | orphan_chores(runtime, client, role)
    workers |= learning.chores(runtime, client)
    return {
        "upkeep": Upkeep(runtime).watch,
        "decisions": lambda: runtime.decisions.share(
            RedisDecisionLog(client, Keys()), runtime.live, runtime.clock
        ),
        "openings": lambda: runtime.openings.watch(runtime.live, runtime.observer),
        "doubts": lambda: runtime.doubts.watch(runtime.jobs, runtime.observer, runtime.clock),
        "waiters": lambda: runtime.waiters.watch(runtime.jobs, runtime.clock),
        **workers,
    }


def _client(
    stack: AsyncExitStack, server: ServerSettings, address: Address, observer: Observer
) -> Client:
    timeouts = Timeouts(
        connect_s=server.store.connect_timeout_s, answer_s=server.store.socket_timeout_s
    )
    client = Client(
        address, timeouts=timeouts, observer=observer, random=random.SystemRandom().random
    )
    stack.push_async_callback(client.close)
    return client


def _runtime(
    server: ServerSettings, live: Live, client: Client, *, pictures: Pictures, local: _Local
) -> Runtime:
    keys, clock, retention_s = Keys(), local.clock, _retention(live)
    artifacts = open_artifacts(server.artifacts.url)
    balances, accounts = BalanceBook(clock), RedisAccounts(client, keys)
    archive = Archive(RedisLedgerStream(client, keys), artifacts)
    announcer = Announcements(live)
    draw = random.SystemRandom().random
    health = HealthBook(live, balances, local.observer, random=draw, random_bytes=os.urandom)
    return Runtime(
        live=live,
        admission=RedisAdmission(client, keys),
        accounts=accounts,
        jobs=RedisJobs(client, keys, retention_s=retention_s, announcer=announcer),
        work=RedisWork(
            client, keys, retention_s=retention_s, observer=local.observer, announcer=announcer
        ),
        lines=RedisLines(client, keys, observer=local.observer),
        slots=RedisSlots(client),
        hints=RedisHints(client, keys),
        artifacts=artifacts,
        inputs=HashedInputs(
            artifacts, pictures.fetched, random_bytes=os.urandom, bytes_max=PICTURE_BYTES_MAX
        ),
        clock=clock,
        observer=local.observer,
        balances=balances,
        usage=UsageBook(balances, accounts, clock),
        archive=archive,
        openings=Openings(
            RedisAccountRegistry(client, keys), accounts, archive, balances=balances, clock=clock
        ),
        render_times=local.learning.times,
        conditions=local.learning.conditions(health),
        health=health,
        decisions=Decisions(local.observer),
        waiters=local.waiters,
        letters=RedisLetters(client, keys),
        addresses=local.notices.addresses,
        standby=Standby(live, clock, siblings=local.siblings),
        random=draw,
        random_bytes=os.urandom,
        is_traced=server.tracing_endpoint is not None,
        wake=local.bell.ring,
        link_to_source=source_links(live, local.links, clock),
    )


def _retention(live: Live) -> Callable[[TeamId], int]:
    """How long, in seconds, a team's jobs are kept by the configuration in force."""

    def retention_s(team: TeamId) -> int:
        known = live.snapshot.teams.get(team)
        return known.retention.jobs_s if known else DEFAULT_RETENTION_S

    return retention_s


def _picture_rules(server: ServerSettings) -> PictureRules:
    return PictureRules(
        origins=server.image_urls.origins,
        timeout_s=server.image_urls.timeout_s,
        bytes_max=PICTURE_BYTES_MAX,
    )


def _report(what: str, error: Exception) -> None:
    if isinstance(error, StoreUnavailable):
        return  # told once by StoreOutages, and counted; every step of every job meets it
    _WORKER_LOGGER.error("a step of %s failed", what, exc_info=error)

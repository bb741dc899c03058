"""The ports of a stage over its store, put together as the composition root does it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from proxy.artifacts.store import open_artifacts
from proxy.gateway.announcements import Announcements
from proxy.gateway.archive import Archive
from proxy.gateway.decisions import Decisions
from proxy.gateway.openings import Openings
from proxy.gateway.runtime import Runtime
from proxy.gateway.standby import Standby
from proxy.gateway.usage import UsageBook
from proxy.store.accounts import RedisAccounts
from proxy.store.admission import RedisAdmission
from proxy.store.archive import RedisLedgerStream
from proxy.store.hints import RedisHints
from proxy.store.jobs import RedisJobs
from proxy.store.letters import RedisLetters
from proxy.store.lines import RedisLines
from proxy.store.registry import RedisAccountRegistry
from proxy.store.slots import RedisSlots
from proxy.store.work import RedisWork
from proxy.telemetry.observers import Fanout
from tests.source_builders import a_link

if TYPE_CHECKING:
    from tests.gateway.harness import Stage


def compose(stage: Stage) -> Runtime:
    """Everything that a stage's use cases may reach."""
    artifacts = open_artifacts(f"file://{stage.folder}")
    client, keys = stage.client, stage.keys
    balances, accounts = stage.balances, RedisAccounts(client, keys)
    archive = Archive(RedisLedgerStream(client, keys), artifacts)
    registry = RedisAccountRegistry(client, keys)
    announcer = Announcements(stage.live)
    return Runtime(
        live=stage.live,
        admission=RedisAdmission(client, keys),
        accounts=accounts,
        jobs=RedisJobs(client, keys, retention_s=lambda _: 3600, announcer=announcer),
        work=RedisWork(
            client,
            keys,
            retention_s=lambda _: 3600,
            observer=stage.observer,
            announcer=announcer,
        ),
        lines=RedisLines(client, keys, observer=stage.observer),
        slots=RedisSlots(client),
        hints=RedisHints(client, keys),
        artifacts=artifacts,
        inputs=stage.shelf.inputs_in(artifacts),
        clock=stage.clock,
        observer=Fanout(stage.observer, stage.render_times, stage.success, stage.waiters),
        balances=balances,
        usage=UsageBook(balances, accounts, stage.clock),
        archive=archive,
        openings=Openings(registry, accounts, archive, balances=balances, clock=stage.clock),
        render_times=stage.render_times,
        conditions=stage.closures,
        health=stage.health,
        decisions=Decisions(stage.observer),
        waiters=stage.waiters,
        letters=RedisLetters(client, keys),
        addresses=stage.addresses,
        standby=Standby(stage.live, stage.clock),
        random=lambda: 0.5,
        random_bytes=os.urandom,
        wake=stage.bell.ring,
        link_to_source=lambda job: a_link(stage.snapshot, job),
    )

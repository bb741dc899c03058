"""Keeps gauges fresh: of balances and jobs from the store, the same in every replica.

What is read for them also says which keys are revoked: `gateway.standby` keeps it.
"""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from proxy.domain.errors import StoreUnavailable
from proxy.domain.forecast import linear
from proxy.domain.no_route import why_never
from proxy.gateway.admin.providers import slots_held

if TYPE_CHECKING:
    from pathlib import Path

    from proxy.gateway.ports.admission import BalanceState
    from proxy.gateway.ports.census import CensusTaker
    from proxy.gateway.runtime import Runtime
    from proxy.telemetry.metrics import Metrics

INTERVAL_S = 5.0
COUNT_S = 15.0
"""Counting jobs asks for each that is under way."""


async def refresh_gauges(
    runtime: Runtime, metrics: Metrics, *, interval_s: float = INTERVAL_S
) -> None:
    """Look at streams and balances now and then, until cancelled."""
    while True:
        metrics.set_streams(runtime.waiters.streams)
        # Without the store they are stale; that it is away is told elsewhere, once.
        with suppress(StoreUnavailable):
            await _refresh(runtime, metrics)
        _show_health(runtime, metrics)
        await runtime.clock.sleep(interval_s)


async def count_jobs(runtime: Runtime, metrics: Metrics, taker: CensusTaker) -> None:
    """Count unfinished jobs now and then, until cancelled."""
    while True:
        with suppress(StoreUnavailable):
            metrics.set_census(await taker.take(tuple(runtime.live.snapshot.teams)))
        await runtime.clock.sleep(COUNT_S)


async def count_slots(runtime: Runtime, metrics: Metrics) -> None:
    """Count held slots and waiting jobs now and then, until cancelled."""
    while True:
        with suppress(StoreUnavailable):
            used = await slots_held(runtime)
            lines = await runtime.lines.counts()
            waiting: dict[tuple[str, str], int] = {
                (line.team, line.provider): count for line, count in lines.items()
            }
            metrics.set_slots(used, waiting)
        await runtime.clock.sleep(COUNT_S)


async def watch_disk(runtime: Runtime, metrics: Metrics, folder: Path) -> None:
    """Look how much room is left for videos now and then, until cancelled."""
    while True:
        with suppress(OSError):
            usage = await asyncio.to_thread(shutil.disk_usage, folder)
            metrics.set_disk(usage.free, usage.total)
        await runtime.clock.sleep(COUNT_S)


async def _refresh(runtime: Runtime, metrics: Metrics) -> None:
    snapshot = runtime.live.snapshot
    rows: dict[tuple[str, str], BalanceState] = {}
    for team in snapshot.teams.values():
        balances = runtime.balances.of(snapshot, team, None)
        state = await runtime.accounts.team_state(team.id, balances, ())
        for row in state.balances:
            owner = "" if row.balance.is_organisation else team.id
            rows[owner, row.balance.budget_id] = row
        runtime.standby.learn_revoked(team.id, state.revoked)
    now_ms = runtime.balances.now_ms()
    metrics.set_balances((owner, row) for (owner, _), row in rows.items())
    metrics.set_forecasts(
        (owner, budget, linear(row.spent_micro_usd, row.balance.period, now_ms))
        for (owner, budget), row in rows.items()
    )


def _show_health(runtime: Runtime, metrics: Metrics) -> None:
    """Show what this process knows of provider accounts, also without the store."""
    snapshot, health = runtime.live.snapshot, runtime.health.known
    drained: dict[tuple[str, str], bool] = {
        (provider.name, account.name): health.is_drained(provider.name, account.name)
        for provider in snapshot.providers.values()
        for account in provider.accounts
        if account.is_configured
    }
    metrics.set_health(runtime.health.states(snapshot), drained)
    closed, now_s = runtime.conditions.now(snapshot).closed, runtime.clock.now_s()
    may_go: dict[tuple[str, str], bool] = {}
    for offer in snapshot.offers:
        if why_never(offer, snapshot) is None and not offer.lifecycle.is_retired(now_s):
            of = (offer.provider, offer.model)
            may_go[of] = may_go.get(of, False) or offer.id not in closed
    metrics.set_offers(may_go)

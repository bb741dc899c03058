"""Keeps gauges fresh: of balances and jobs from the store, the same in every replica."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from proxy.domain.errors import StoreUnavailable

if TYPE_CHECKING:
    from proxy.gateway.ports.admission import BalanceState
    from proxy.gateway.runtime import Runtime
    from proxy.telemetry.metrics import Metrics

INTERVAL_S = 5.0


async def refresh_gauges(
    runtime: Runtime, metrics: Metrics, *, interval_s: float = INTERVAL_S
) -> None:
    """Look at streams, balances and counts of jobs now and then, until cancelled."""
    while True:
        metrics.set_streams(runtime.waiters.streams)
        # Without the store they are stale; that it is away is told elsewhere, once.
        with suppress(StoreUnavailable):
            await _refresh(runtime, metrics)
        await runtime.clock.sleep(interval_s)


async def _refresh(runtime: Runtime, metrics: Metrics) -> None:
    snapshot = runtime.live.snapshot
    rows: dict[tuple[str, str], BalanceState] = {}
    jobs: dict[tuple[str, str], int] = {}
    for team in snapshot.teams.values():
        balances = runtime.balances.of(snapshot, team, None)
        state = await runtime.accounts.team_state(team.id, balances, ())
        for row in state.balances:
            owner = "" if row.balance.is_organisation else team.id
            rows[owner, row.balance.budget_id] = row
        jobs[team.id, "running"] = state.running_jobs
        jobs[team.id, "waiting"] = state.open_jobs - state.running_jobs
    metrics.set_balances((owner, row) for (owner, _), row in rows.items())
    metrics.set_jobs(jobs)

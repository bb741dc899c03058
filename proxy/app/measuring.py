"""What is measured now and then, beside what events tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.app.gauges import count_jobs, count_slots, refresh_gauges, watch_disk
from proxy.gateway.proving import Proving
from proxy.store.census import RedisCensus
from proxy.store.errands import RedisErrands
from proxy.store.keys import Keys
from proxy.store.ledger import RedisLedger
from proxy.telemetry.loop_lag import sample_loop_lag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.app.chores import Chore
    from proxy.app.compose import Parts
    from proxy.app.options import Role
    from proxy.domain.proof import Verification


def measuring(parts: Parts, role: Role) -> Mapping[str, Chore]:
    """The chores that measure; counting jobs and proving the ledger is for those that work."""
    runtime, metrics, client, keys = parts.runtime, parts.metrics, parts.client, Keys()
    ledger = RedisLedger(client, keys)

    async def verify() -> Verification:
        return await runtime.archive.verify(ledger)

    chores: dict[str, Chore] = {
        "gauges": lambda: refresh_gauges(runtime, metrics),
        "disk": lambda: watch_disk(runtime, metrics, parts.spool_dir),
        "loop_lag": lambda: sample_loop_lag(runtime.clock, metrics.observe_loop_lag),
    }
    if role.works:
        proving = Proving(runtime, RedisErrands(client, keys), verify)
        chores["slots"] = lambda: count_slots(runtime, metrics)
        chores["census"] = lambda: count_jobs(runtime, metrics, RedisCensus(client, keys))
        chores["proving"] = proving.watch
    return chores

"""Keeping a lease while a step takes its time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from proxy.domain.errors import StoreUnavailable
from proxy.gateway.ports.jobs import LostLease

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.domain.job import Job
    from proxy.gateway.runtime import Runtime

RENEWALS_PER_LEASE = 3


@asynccontextmanager
async def heartbeat(runtime: Runtime, *jobs: Job) -> AsyncIterator[None]:
    """Renew the jobs' leases three times per lease until the block ends.

    A lost lease stops the renewals, not the block: its own commit is fenced and will find out.
    """
    try:
        async with asyncio.TaskGroup() as group:
            beats = [group.create_task(_beat(runtime, job)) for job in jobs]
            try:
                yield
            finally:
                for beat in beats:
                    beat.cancel()
    except BaseExceptionGroup as failed:
        # Give the block's exception back as it was raised, with what it was raised from.
        error = failed.exceptions[0]
        raise error from error.__cause__


async def _beat(runtime: Runtime, job: Job) -> None:
    lease_s = runtime.live.snapshot.engine.lease_s
    while True:
        await runtime.clock.sleep(lease_s / RENEWALS_PER_LEASE)
        try:
            await runtime.work.commit(job, job, due_in_s=lease_s, keeps_lease=True)
        except LostLease:
            return
        except StoreUnavailable:
            continue

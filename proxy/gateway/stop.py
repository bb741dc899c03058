"""Stop at the provider what its client has cancelled, and settle what that cost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.errors import ProviderError
from proxy.domain.failure import FailureKind
from proxy.domain.job import JobError, JobState
from proxy.domain.price import BillsOn, charge
from proxy.gateway.calls import call
from proxy.gateway.lease import heartbeat
from proxy.gateway.ports.jobs import Release, Settle
from proxy.gateway.ports.provider import Cancels

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from proxy.domain.policy import Snapshot
    from proxy.gateway.outcome import Outcome
    from proxy.gateway.ports.jobs import Resolve
    from proxy.gateway.ports.provider import Pending, VideoProvider
    from proxy.gateway.runtime import Runtime

CANCELS_MAX = 3
"""How often a provider is asked to stop one operation that it still calls pending."""
GONE = (FailureKind.UNKNOWN_OUTCOME, FailureKind.MODEL_GONE)
"""How a provider that has deleted what it cancelled answers about it."""


class Stop:
    """Asks providers that can to stop, and settles operations that are gone since."""

    def __init__(self, runtime: Runtime, outcome: Outcome) -> None:
        self._runtime = runtime
        self._outcome = outcome

    async def step(
        self, job: Job, status: Pending, adapter: VideoProvider, *, wait_s: float
    ) -> bool:
        """Have a pending operation cancelled if its client wants that; False if there is no need.

        What it will have cost is written down first: a provider may keep no record of it. `wait_s`
        is when it is asked about again if the provider would not listen.
        """
        is_wanted = job.cancel_requested and job.state is JobState.RUNNING
        if not is_wanted or job.work.cancels >= CANCELS_MAX or not isinstance(adapter, Cancels):
            return False
        asked = await self._write_intent(job, is_free=status.is_waiting)
        assert asked.attempt.operation is not None
        try:
            async with heartbeat(self._runtime, asked):
                made = adapter.cancel(asked.attempt.operation)
                await call(self._runtime, asked, "cancel", made)
        except ProviderError:
            await self._outcome.commit(asked, asked, due_in_s=wait_s)
        else:
            await self._outcome.commit(asked, asked, due_in_s=0.0)
        return True

    async def settle(self, job: Job, kind: FailureKind, snapshot: Snapshot) -> bool:
        """End a job whose operation the provider no longer knows, if we asked to cancel it."""
        if kind not in GONE or not job.work.cancels:
            return False
        error = JobError(code="cancelled", message="the job was cancelled")
        await self._outcome.fail(job, error, _as_billed(job, snapshot))
        return True

    async def _write_intent(self, job: Job, *, is_free: bool) -> Job:
        work = replace(
            job.work,
            polls=job.work.polls + 1,
            malformed=0,
            cancels=job.work.cancels + 1,
            is_cancel_free=is_free,
        )
        lease_s = self._runtime.live.snapshot.engine.lease_s
        return await self._outcome.commit(
            job, replace(job, work=work), due_in_s=lease_s, keeps_lease=True
        )


def _as_billed(job: Job, snapshot: Snapshot) -> Resolve:
    """What a cancelled operation costs: nothing if it had not begun, else as its offer bills."""
    if job.work.is_cancel_free:
        return Release(by="cancelled:not_begun")
    offer = snapshot.offer(job.candidate.offer_id)
    billing = (offer.bills_on if offer else BillsOn()).cancelled
    charged = charge(
        billing, reserved_micro_usd=job.attempt.reserved_micro_usd, reported_micro_usd=None
    )
    by = f"bills_on:{billing.value}"
    return Settle(charged_micro_usd=charged, by=by) if charged else Release(by=by)

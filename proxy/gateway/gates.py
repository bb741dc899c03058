"""What a waiting job must pass to be sent, and where it goes if nothing may go there now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.bucket import LimitMode
from proxy.domain.conditions import Closure
from proxy.domain.failure import Failure, FailureKind
from proxy.domain.health import doors
from proxy.domain.job import JobError
from proxy.gateway.ports.jobs import Gate, NotBegun

if TYPE_CHECKING:
    from proxy.domain.conditions import Closed
    from proxy.domain.job import Job
    from proxy.domain.policy import Account, Snapshot
    from proxy.gateway.outcome import Outcome
    from proxy.gateway.runtime import Runtime


def gate_of(job: Job, snapshot: Snapshot) -> Gate:
    """What a job must pass to be sent to its candidate."""
    is_shadow = snapshot.engine.breaker_mode is LimitMode.SHADOW
    names = () if is_shadow else doors(job.candidate.upstream)
    return Gate(doors=names, digest=snapshot.digest)


def bound_account(job: Job) -> str | None:
    """The account a job must go to: that of its source, or where its attempt has been before."""
    return job.pinned_account or job.attempt.account


class Gates:
    """Decides from memory; the scripts that take a slot and write the intent decide at last."""

    def __init__(self, runtime: Runtime, outcome: Outcome) -> None:
        self._runtime = runtime
        self._outcome = outcome

    async def gate(self, job: Job, snapshot: Snapshot) -> Gate | NotBegun:
        """What a job must pass, or what became of it as nothing new may go to its candidate.

        It goes on where it can. Else it waits for what is drained, ends where the model is gone,
        and is tried where all that is left is unhealthy.

        Raises:
            LostLease: another worker moved the job meanwhile.
        """
        closed = self._closed(job, snapshot)
        if closed is None:
            return gate_of(job, snapshot)
        reason = JobError(code=closed.why.value, message=closed.detail)
        is_ailing = closed.why is Closure.UNHEALTHY
        if await self._outcome.move_on(job, reason, or_unhealthy=not is_ailing) is not None:
            return NotBegun.TAKEN
        if closed.why is Closure.DRAINED:
            return NotBegun.DRAINED
        if closed.why is Closure.MODEL_GONE:
            failure = Failure(kind=FailureKind.MODEL_GONE, message=closed.detail)
            await self._outcome.refuse(job, failure)
            return NotBegun.TAKEN
        return replace(gate_of(job, snapshot), is_panic=True)

    def may_ask(self, job: Job, account: Account, gate: Gate, snapshot: Snapshot) -> bool:
        """Say whether an account may have a slot for a job, as far as this process knows."""
        health, offer = self._runtime.health, snapshot.offer(job.candidate.offer_id)
        if offer is None:
            return True
        closed = health.at_account(offer, account.name, snapshot)
        if closed is not None and (closed.why is not Closure.UNHEALTHY or not gate.is_panic):
            return False
        return not health.rests((offer.provider, account.name), gate)

    def _closed(self, job: Job, snapshot: Snapshot) -> Closed | None:
        """Why nothing new goes to a job's candidate, or to the one account that may make it."""
        offer, bound = snapshot.offer(job.candidate.offer_id), bound_account(job)
        provider = snapshot.providers[job.candidate.provider]
        if offer is not None and bound is not None and provider.has(bound):
            return self._runtime.health.at_account(offer, bound, snapshot)
        return self._runtime.conditions.now(snapshot).closed.get(job.candidate.offer_id)

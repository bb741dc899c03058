"""Unknown outcomes: look up what a lost submit did, and never buy it twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from proxy.domain.engine import UnknownThen
from proxy.domain.errors import ProviderError
from proxy.domain.failure import Failure, FailureKind
from proxy.domain.job import JobError, JobState
from proxy.domain.schedule import is_early_look_up, next_look_up_s
from proxy.gateway.calls import call
from proxy.gateway.lease import heartbeat
from proxy.gateway.ports.jobs import Release, Settle
from proxy.gateway.ports.provider import FindsByAttempt, Pending

if TYPE_CHECKING:
    from proxy.domain.job import Job, Operation, Work
    from proxy.domain.policy import Provider, Snapshot
    from proxy.gateway.live import Current
    from proxy.gateway.outcome import Outcome
    from proxy.gateway.poll import Poll
    from proxy.gateway.ports.provider import VideoProvider
    from proxy.gateway.runtime import Runtime

MANUAL_RECHECK_S = 3600.0
"""A job held for a human is looked at this often, so that a changed config reaches it."""

OUTCOME_UNKNOWN = JobError(
    code="outcome_unknown",
    message="it could not be found out whether the provider made the video",
)


class Unknown:
    """Resolves attempts of which nobody knows what they bought."""

    def __init__(self, runtime: Runtime, outcome: Outcome, poll: Poll) -> None:
        self._runtime = runtime
        self._outcome = outcome
        self._poll = poll

    async def recover(self, job: Job, current: Current) -> None:
        """A submit whose worker died: nobody knows whether the bytes left."""
        after_s = current.snapshot.engine.look_up_after_s
        await self._outcome.hold(job, "worker_lost", due_in_s=after_s[0] if after_s else 0.0)

    async def step(self, job: Job, current: Current) -> None:
        """Make one look-up of an unknown outcome and store what follows."""
        provider = current.snapshot.providers.get(job.candidate.provider)
        adapter = current.providers.get(job.candidate.provider, job.attempt.account or "")
        if provider is None or adapter is None:
            await self._next(job, current.snapshot, has_failed=True)
        elif job.attempt.operation is not None:
            await self._ask(
                job,
                job.attempt.operation,
                adapter=adapter,
                provider=provider,
                snapshot=current.snapshot,
            )
        elif isinstance(adapter, FindsByAttempt):
            await self._find(job, adapter, current.snapshot)
        else:
            await self._give_up(job, job.work, current.snapshot)

    async def _ask(
        self,
        job: Job,
        operation: Operation,
        *,
        adapter: VideoProvider,
        provider: Provider,
        snapshot: Snapshot,
    ) -> None:
        """The operation is known, only its end is not: ask for its status."""
        try:
            async with heartbeat(self._runtime, job):
                asked = adapter.status(operation)
                status = await call(self._runtime, job, "status", asked)
        except ProviderError as error:
            if not await self._poll.end_cancelled(job, error.failure, snapshot):
                await self._next(job, snapshot, has_failed=True)
            return
        if isinstance(status, Pending) and self._poll.is_overdue(job, provider):
            await self._next(job, snapshot, has_failed=True)
            return
        await self._poll.follow(job, status, adapter=adapter, provider=provider, snapshot=snapshot)

    async def _find(self, job: Job, adapter: FindsByAttempt, snapshot: Snapshot) -> None:
        try:
            async with heartbeat(self._runtime, job):
                asked = adapter.find(job.attempt_id)
                operation = await call(self._runtime, job, "find", asked)
        except ProviderError:
            await self._next(job, snapshot, has_failed=True)
            return
        if operation is None:
            await self._next(job, snapshot, has_failed=False)
            return
        submitted_ms = job.attempt.submitted_at_ms or self._runtime.balances.now_ms()
        attempt = replace(job.attempt, operation=operation, submitted_at_ms=submitted_ms)
        after = replace(job, state=JobState.RUNNING, attempts=(*job.attempts[:-1], attempt))
        await self._outcome.commit(job, after, due_in_s=0.0, code="found")

    async def _next(self, job: Job, snapshot: Snapshot, *, has_failed: bool) -> None:
        """Count a look-up that brought nothing; after the last one, decide."""
        work = replace(
            job.work,
            look_ups=job.work.look_ups + 1,
            look_up_failures=job.work.look_up_failures + has_failed,
        )
        now_ms = self._runtime.balances.now_ms()
        elapsed_s = (now_ms - (work.unknown_since_ms or now_ms)) / 1000
        after_s = snapshot.engine.look_up_after_s
        if is_early_look_up(after_s, job.work.look_ups, elapsed_s):
            # A callback hurried it. It found nothing yet, and uses up none of those planned.
            work = job.work
        due_in_s = next_look_up_s(after_s, work.look_ups, elapsed_s)
        if due_in_s is not None:
            await self._outcome.commit(job, replace(job, work=work), due_in_s=due_in_s)
        elif work.look_up_failures:
            await self._give_up(job, work, snapshot)
        else:
            await self._not_accepted(job)

    async def _not_accepted(self, job: Job) -> None:
        """Every look-up found nothing: it was never taken. Release, and go on elsewhere."""
        message = "the submit was lost and the provider has no trace of it"
        failure = Failure(kind=FailureKind.UNAVAILABLE, message=message)
        await self._outcome.fail_over(job, failure, Release(by="not_accepted"))

    async def _give_up(self, job: Job, work: Work, snapshot: Snapshot) -> None:
        error = OUTCOME_UNKNOWN
        match snapshot.engine.unknown_then:
            case UnknownThen.ASSUME_CHARGED:
                charged = job.attempt.reserved_micro_usd
                settle = Settle(charged_micro_usd=charged, by="unknown:assume_charged")
                await self._outcome.fail(job, error, settle)
            case UnknownThen.RELEASE:
                await self._outcome.fail(job, error, Release(by="unknown:release"))
            case UnknownThen.MANUAL:
                held = replace(job, work=work)
                await self._outcome.commit(job, held, due_in_s=MANUAL_RECHECK_S)
            case _:
                assert_never(snapshot.engine.unknown_then)

"""Follow accepted work: status, storing, look-ups of unknown outcomes. One step per claim."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, assert_never

from proxy.domain.errors import ProviderError
from proxy.domain.failure import Failure, FailureKind
from proxy.domain.health_events import RenderFailed
from proxy.domain.job import JobState
from proxy.domain.schedule import JITTER_SHARE, next_poll_s, progress
from proxy.gateway.calls import call
from proxy.gateway.courtesy import place_of
from proxy.gateway.dispatch import slot_lease_s
from proxy.gateway.facts import noticed
from proxy.gateway.fetch import STORING_MAX_S
from proxy.gateway.gates import gate_of
from proxy.gateway.lease import heartbeat
from proxy.gateway.ports.jobs import LostLease
from proxy.gateway.ports.provider import AnswersTogether, Failed, Pending, Succeeded
from proxy.gateway.stop import GONE, Stop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from proxy.domain.job import Job
    from proxy.domain.policy import Provider, Snapshot
    from proxy.gateway.courtesy import Courtesy
    from proxy.gateway.fetch import Fetch
    from proxy.gateway.live import Current
    from proxy.gateway.outcome import Outcome
    from proxy.gateway.ports.provider import Status, VideoProvider
    from proxy.gateway.runtime import Runtime

    Step = Callable[[], Awaitable[None]]

_READ_BADLY = (FailureKind.MALFORMED, FailureKind.INVALID_INPUT)
_SAYS_NOTHING_OF_ONE = (*_READ_BADLY, *GONE)
"""Of a call about many: one of them may be the reason, so each is asked about alone."""
OVERDUE = Failure(kind=FailureKind.UNKNOWN_OUTCOME, message="it did not end in time")
DEFAULT_GIVE_UP_S = 3600.0
"""For jobs whose provider has left the configuration."""


@dataclass(frozen=True, slots=True)
class _Asking:
    """Whom a status call goes to."""

    adapter: VideoProvider
    provider: Provider


class Poll:
    """Asks providers how running operations stand."""

    def __init__(
        self, runtime: Runtime, outcome: Outcome, fetch: Fetch, courtesy: Courtesy
    ) -> None:
        self._runtime = runtime
        self._outcome = outcome
        self._fetch = fetch
        self._courtesy = courtesy
        self._stop = Stop(runtime, outcome)

    async def step(self, job: Job, current: Current) -> None:
        """Ask once about a running or storing job and store what follows."""
        asking = await self._prepare(job, current)
        if asking is None:
            return
        assert job.attempt.operation is not None
        try:
            async with heartbeat(self._runtime, job):
                asked = asking.adapter.status(job.attempt.operation)
                status = await call(self._runtime, job, "status", asked)
        except ProviderError as error:
            await self._status_failed(job, error.failure, asking.provider, current.snapshot)
            return
        await self._follow(job, status, asking, current)

    async def step_together(
        self, jobs: Sequence[Job], current: Current
    ) -> Sequence[tuple[Job, Step]]:
        """Ask once about running jobs of one account that answers for many at a time.

        Returns what is left to do for each job, to be done independently of the others; a job
        that is not among them has been seen to.
        """
        ready: list[tuple[Job, _Asking]] = []
        for job in jobs:
            with suppress(LostLease):
                asking = await self._prepare(job, current)
                ready += [(job, asking)] if asking is not None else []
        if not ready:
            return ()
        alone = [(job, partial(self.step, job, current)) for job, _ in ready]
        try:
            statuses = await self._ask_together([job for job, _ in ready], ready[0][1].adapter)
        except ProviderError as error:
            failure = error.failure
            if failure.kind in _SAYS_NOTHING_OF_ONE:
                return alone
            failed, snapshot = self._status_failed, current.snapshot
            return [
                (job, partial(failed, job, failure, asking.provider, snapshot))
                for job, asking in ready
            ]
        return [
            step if status is None else (job, partial(self._follow, job, status, asking, current))
            for step, (job, asking), status in zip(alone, ready, statuses, strict=True)
        ]

    async def _ask_together(
        self, jobs: Sequence[Job], adapter: VideoProvider
    ) -> Sequence[Status | None]:
        assert isinstance(adapter, AnswersTogether)
        operations = [job.attempt.operation for job in jobs if job.attempt.operation is not None]
        async with heartbeat(self._runtime, *jobs):
            asked = adapter.status_many(operations)
            return await call(self._runtime, jobs[0], "status_many", asked)

    async def _prepare(self, job: Job, current: Current) -> _Asking | None:
        """Whom to ask about a job; None when it is not to be asked about, and was seen to."""
        if job.state is JobState.STORING and await self._fetch.resume(job, current.snapshot):
            return None
        provider = current.snapshot.providers.get(job.candidate.provider)
        adapter = current.providers.get(job.candidate.provider, job.attempt.account or "")
        if job.state is JobState.RUNNING and self.is_overdue(job, provider):
            self._runtime.health.rendered(job, OVERDUE)
            await self._hold(job, "give_up_after", current.snapshot)
            return None
        if provider is None or adapter is None:
            await self._wait_for_account(job, current.snapshot)
            return None
        await self._renew_slot(job, provider, current.snapshot)
        return _Asking(adapter, provider)

    async def _follow(self, job: Job, status: Status, asking: _Asking, current: Current) -> None:
        await self.follow(
            job,
            status,
            adapter=asking.adapter,
            provider=asking.provider,
            snapshot=current.snapshot,
        )

    async def follow(
        self,
        job: Job,
        status: Status,
        *,
        adapter: VideoProvider,
        provider: Provider,
        snapshot: Snapshot,
    ) -> None:
        """Act on an answer to a status call, whatever state the job was in."""
        match status:
            case Pending() | Failed() if job.state is JobState.STORING:
                # It was done before: what it says now only means that its bytes cannot be had.
                await self._fetch.retry(job, "the provider takes its video back", snapshot)
            case Pending():
                wait_s = self._wait_s(job, provider, status.retry_after_s)
                if not await self._stop.step(job, status, adapter, wait_s=wait_s):
                    await self._pending(job, status, snapshot, wait_s=wait_s)
            case Succeeded():
                noticed(self._runtime, job)
                if job.state is not JobState.STORING:
                    self._runtime.health.rendered(job, None)
                await self._fetch.step(job, status, adapter, snapshot)
            case Failed(failure=failure, charge_micro_usd=charge_micro_usd):
                noticed(self._runtime, job)
                self._render_failed(job, failure)
                await self._outcome.fail_accepted(job, failure, charge_micro_usd)
            case _:
                assert_never(status)

    def _render_failed(self, job: Job, failure: Failure) -> None:
        self._runtime.health.rendered(job, failure)
        self._runtime.observer.observe(
            RenderFailed(
                job=job.id,
                provider=job.candidate.provider,
                account=job.attempt.account or "",
                model=job.candidate.model,
                kind=failure.kind.value,
                upstream_code=failure.upstream_code,
                is_classified=failure.is_classified,
            )
        )

    async def end_cancelled(self, job: Job, failure: Failure, snapshot: Snapshot) -> bool:
        """End a job that is gone at its provider since we had it cancelled; False if it is not."""
        return await self._stop.settle(job, failure.kind, snapshot)

    async def _pending(
        self, job: Job, status: Pending, snapshot: Snapshot, *, wait_s: float
    ) -> None:
        elapsed_s = self._elapsed_s(job)
        work = replace(
            job.work,
            polls=job.work.polls + 1,
            malformed=0,
            looked_at_ms=self._runtime.balances.now_ms(),
            progress=progress(
                reported=status.progress,
                elapsed_s=elapsed_s,
                typical_s=self._typical_s(job, snapshot),
                last=job.work.progress,
            ),
        )
        after = replace(job, state=JobState.RUNNING, work=work)
        await self._outcome.commit(job, after, due_in_s=wait_s)

    async def _status_failed(
        self, job: Job, failure: Failure, provider: Provider, snapshot: Snapshot
    ) -> None:
        """A failed status call says nothing of the operation, unless it is gone or unreadable."""
        if await self.end_cancelled(job, failure, snapshot):
            return
        engine = snapshot.engine
        malformed = job.work.malformed + (failure.kind in _READ_BADLY)
        is_unreadable = malformed > engine.status_retries
        if job.state is JobState.RUNNING and (failure.kind in GONE or is_unreadable):
            await self._hold(job, failure.kind.value, snapshot)
            return
        is_lost = failure.kind in GONE or is_unreadable or self._is_stale(job)
        if job.state is JobState.STORING and is_lost:
            await self._fetch.retry(job, failure.message, snapshot)
            return
        wait_s = self._wait_s(job, provider, failure.retry_after_s)
        if failure.kind is FailureKind.THROTTLED:
            rest_s = failure.retry_after_s or engine.throttle_wait_s
            self._courtesy.rest(place_of(job), min(rest_s, provider.give_up_after_s))
        work = replace(job.work, polls=job.work.polls + 1, malformed=malformed)
        await self._outcome.commit(job, replace(job, work=work), due_in_s=wait_s)

    async def _hold(self, job: Job, reason: str, snapshot: Snapshot) -> None:
        after_s = snapshot.engine.look_up_after_s
        await self._outcome.hold(job, reason, due_in_s=after_s[0] if after_s else 0.0)

    async def _wait_for_account(self, job: Job, snapshot: Snapshot) -> None:
        """The account left the configuration: nobody can be asked; keep the money, ask later."""
        if job.state is JobState.STORING and self._is_stale(job):
            await self._fetch.retry(job, "its account is no longer configured", snapshot)
            return
        await self._outcome.commit(job, job, due_in_s=snapshot.engine.lease_s)

    async def put_off(self, job: Job, snapshot: Snapshot) -> None:
        """Come back to a claimed job later: its account is asked enough just now, or rests."""
        rest_s = self._courtesy.rests_s(place_of(job)) or snapshot.engine.retry_wait_s
        due_in_s = rest_s * (1 + JITTER_SHARE * self._runtime.random())
        await self._outcome.commit(job, job, due_in_s=due_in_s)

    async def _renew_slot(self, job: Job, provider: Provider, snapshot: Snapshot) -> None:
        assert job.attempt.account is not None
        await self._runtime.slots.renew(
            provider.name,
            job.attempt.account,
            job.attempt_id,
            lease_s=slot_lease_s(self._runtime, job, provider, snapshot),
            gate=gate_of(job, snapshot),
        )

    def _typical_s(self, job: Job, snapshot: Snapshot) -> float | None:
        """How long a render of the job's offer takes: as learned, else as the catalog says."""
        spread = self._runtime.render_times.of(job.candidate.offer_id)
        if spread is not None:
            return spread.p50_s
        offer = snapshot.offer(job.candidate.offer_id)
        return offer.typical_render_s if offer else None

    def is_overdue(self, job: Job, provider: Provider | None) -> bool:
        """Say whether an accepted job should have ended by now."""
        give_up_s = provider.give_up_after_s if provider else DEFAULT_GIVE_UP_S
        return self._elapsed_s(job) > give_up_s

    def _is_stale(self, job: Job) -> bool:
        return self._elapsed_s(job) > STORING_MAX_S

    def _wait_s(self, job: Job, provider: Provider, retry_after_s: float | None) -> float:
        """Seconds until the next status call; a Retry-After past `give_up_after` is nonsense."""
        wait_s = next_poll_s(
            provider.poll,
            elapsed_s=self._elapsed_s(job),
            is_first=False,
            retry_after_s=retry_after_s,
            random=self._runtime.random,
            spread=self._runtime.render_times.of(job.candidate.offer_id),
        )
        return min(wait_s, provider.give_up_after_s)

    def _elapsed_s(self, job: Job) -> float:
        since_ms = job.attempt.submitted_at_ms or job.attempt.reserved_at_ms
        return max(0.0, (self._runtime.balances.now_ms() - since_ms) / 1000)

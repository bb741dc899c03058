"""What follows from a failure or an end: the failure table put to work, with its money."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.balance import bids_for
from proxy.domain.errors import StoreUnavailable
from proxy.domain.events import FailedOver, OutcomeUnknown
from proxy.domain.failure import REACTIONS, AttemptMoney, Failure, FailureKind
from proxy.domain.job import JobError, JobState, StoppedBy, Work, advance
from proxy.domain.price import Billing, charge
from proxy.gateway import sources
from proxy.gateway.facts import ended, moved, resolved
from proxy.gateway.names import video_name
from proxy.gateway.ports.admission import PeriodMoved
from proxy.gateway.ports.jobs import NextAttempt, Release, Settle
from proxy.gateway.remaining import later, remaining, sent_attempts

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from proxy.domain.ids import ProviderName
    from proxy.domain.job import Job
    from proxy.domain.moderation import Moderation
    from proxy.gateway.ports.jobs import Resolve
    from proxy.gateway.ports.ledger import Mandate
    from proxy.gateway.remaining import Place
    from proxy.gateway.runtime import Runtime

JOB_ERROR_CODES: Mapping[FailureKind, str] = MappingProxyType(
    {
        FailureKind.CONTENT_POLICY: "content_policy",
        FailureKind.INVALID_INPUT: "invalid_input",
        FailureKind.AUTH: "provider_auth",
        FailureKind.ACCOUNT: "provider_account",
        FailureKind.THROTTLED: "provider_throttled",
        FailureKind.UNAVAILABLE: "provider_unavailable",
        FailureKind.UNKNOWN_OUTCOME: "outcome_unknown",
        FailureKind.FAILED_UPSTREAM: "provider_failed",
        FailureKind.MODEL_GONE: "model_gone",
        FailureKind.SOURCE_GONE: "source_gone",
        FailureKind.MALFORMED: "outcome_unknown",
    }
)
PERIOD_TRIES = 4


class Outcome:
    """Ends attempts and jobs: one state-changing script, then the events, then the slot."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def commit(
        self,
        before: Job,
        after: Job,
        *,
        due_in_s: float,
        code: str | None = None,
        keeps_lease: bool = False,
    ) -> Job:
        """Store a step that moves no money, and give the slot back where the attempt leaves it.

        An attempt of unknown outcome keeps its slot until that is known, or the slot's lease ends:
        the provider may be rendering it.
        """
        advance(before.state, after.state)
        stored = await self._runtime.work.commit(
            before, after, due_in_s=due_in_s, keeps_lease=keeps_lease
        )
        if stored.state is not before.state:
            moved(self._runtime, before, stored, code)
        if stored.state is JobState.QUEUED:
            await self.release_slot(before)
        return stored

    async def complete(self, before: Job, after: Job, charged_micro_usd: int, by: str) -> Job:
        """Settle a made video and end its job; `after` holds the artifact."""
        settle = Settle(charged_micro_usd=charged_micro_usd, by=by)
        return await self._finish(before, after, settle)

    async def fail(
        self,
        job: Job,
        error: JobError,
        resolve: Resolve,
        *,
        mandate: Mandate | None = None,
        strike: Moderation | None = None,
    ) -> Job:
        """End a job without a video and without another attempt."""
        after = _failed(job, error, None, self._now_ms())
        return await self._finish(job, after, resolve, mandate=mandate, strike=strike)

    async def miss_deadline(self, job: Job) -> Job:
        """End a queued job past its deadline, with the last provider's code if one failed it."""
        message = "the deadline passed before an attempt could start"
        missed = JobError(code="deadline_exceeded", message=message)
        after = _failed(job, missed, None, self._now_ms())
        sent = [attempt for attempt in job.attempts[:-1] if attempt.submitted_at_ms is not None]
        failed = [attempt.error for attempt in sent if attempt.error is not None]
        if failed:
            after = replace(after, error=failed[-1], stopped_by=StoppedBy.DEADLINE)
        return await self._finish(job, after, Release(by="deadline"))

    async def hold(self, job: Job, reason: str, *, due_in_s: float) -> Job:
        """Note that nobody knows what the attempt bought: its money stays reserved.

        `reason` is a word of ours: events carry it into logs, where a provider's text must not go.
        """
        work = replace(
            job.work,
            look_ups=0,
            look_up_failures=0,
            unknown_since_ms=self._now_ms(),
            was_unknown_in=job.state,
        )
        stored = await self.commit(
            job, replace(job, state=JobState.UNKNOWN, work=work), due_in_s=due_in_s, code=reason
        )
        self._runtime.observer.observe(
            OutcomeUnknown(
                job=job.id,
                provider=job.candidate.provider,
                model=job.candidate.model,
                reason=reason,
            )
        )
        return stored

    async def refuse(self, job: Job, failure: Failure) -> Job:
        """React to a surely refused submit: release, then go on if the table says so.

        A refusal of the content costs what the offer's `bills_on.filtered` says: some providers
        bill it in full, with or without a task.
        """
        release = Release(by=failure.kind.value)
        if REACTIONS[failure.kind].next_candidate:
            return await self.fail_over(job, failure, release)
        if failure.kind is FailureKind.CONTENT_POLICY:
            billed = self._as_billed(job, failure, None)
            resolve = billed if isinstance(billed, Settle) else release
            return await self.fail(job, _error(failure), resolve, strike=self._rule(job))
        return await self.fail(job, _error(failure), release)

    async def fail_accepted(
        self, job: Job, failure: Failure, reported_micro_usd: int | None
    ) -> Job:
        """React to an operation the provider ended without a video: settle as it bills."""
        resolve = self._as_billed(job, failure, reported_micro_usd)
        if REACTIONS[failure.kind].next_candidate:
            return await self.fail_over(job, failure, resolve)
        strike = self._rule(job) if failure.kind is FailureKind.CONTENT_POLICY else None
        return await self.fail(job, _error(failure), resolve, strike=strike)

    async def fail_over(self, job: Job, failure: Failure, resolve: Resolve) -> Job:
        """Resolve the attempt and go on at the first candidate left that fits, else end."""
        left = self._remaining(job)
        following, stopped_by = self._affordable(job, resolve, left)
        if stopped_by is not None:
            after = _failed(job, _error(failure), stopped_by, self._now_ms())
            return await self._finish(job, after, resolve)
        after = _failed(job, _error(failure), StoppedBy.BUDGET_EXCEEDED, self._now_ms())
        stored = await self._reserve_next(job, after, resolve, following)
        assert stored is not None
        return await self._went_on(job, stored, failure.kind.value)

    async def move_on(
        self,
        job: Job,
        reason: JobError,
        *,
        or_unhealthy: bool = False,
        within: Container[ProviderName] | None = None,
    ) -> Job | None:
        """Take a waiting job to a later candidate that fits; None if there is none: it stays.

        Args:
            job: queued; nothing of its attempt is at a provider.
            reason: why it does not wait on; its code stands in events and in the attempt.
            or_unhealthy: whether a candidate that is unhealthy will do.
            within: the providers in question; None is all.

        Raises:
            LostLease: another worker took it.
        """
        release = Release(by=reason.code)
        conditions = self._runtime.conditions.now(self._runtime.live.snapshot)
        left = later(job, self._remaining(job), conditions, or_unhealthy=or_unhealthy)
        if within is not None:
            left = tuple(place for place in left if place[1].provider in within)
        following, stopped_by = self._affordable(job, release, left)
        if stopped_by is not None:
            return None
        after = _failed(job, reason, StoppedBy.NO_CANDIDATE, self._now_ms())
        stored = await self._reserve_next(job, after, release, following, or_stay=True)
        return None if stored is None else await self._went_on(job, stored, reason.code)

    async def _went_on(self, job: Job, stored: Job, reason: str) -> Job:
        """Tell that an attempt was resolved, and where the job went from there."""
        resolved(self._runtime, job, stored)
        if stored.state.is_terminal:
            ended(self._runtime, job, stored)
        else:
            moved(self._runtime, job, stored, reason)
            self._runtime.observer.observe(
                FailedOver(
                    job=job.id,
                    before=job.candidate.provider,
                    after=stored.candidate.provider,
                    model=stored.candidate.model,
                    reason=reason,
                    reserved_micro_usd=stored.attempt.reserved_micro_usd,
                    trace=job.trace,
                )
            )
            self._runtime.wake()
        await self._clear(job, stored)
        return stored

    async def release_slot(self, job: Job) -> None:
        """Give the attempt's slot back; after a crash or without the store its lease runs out."""
        account = job.attempt.account
        if account is not None:
            with suppress(StoreUnavailable):
                await self._runtime.slots.release(job.candidate.provider, account, job.attempt_id)

    async def _reserve_next(
        self,
        job: Job,
        after: Job,
        resolve: Resolve,
        following: tuple[Place, ...],
        *,
        or_stay: bool = False,
    ) -> Job | None:
        runtime = self._runtime
        snapshot = runtime.live.snapshot
        team, key = snapshot.teams[job.team], snapshot.keys.get(job.key)
        await runtime.openings.ensure(snapshot)
        for _ in range(PERIOD_TRIES):
            balances = runtime.balances.of(snapshot, team, key)
            bids = bids_for(
                following, balances, policy=job.plan.policy, metadata=job.request.metadata
            )
            following_attempt = NextAttempt(bids=bids, balances=balances)
            stored = await runtime.work.fail_over(
                job, after, resolve, following_attempt, wait_s=0.0, or_stay=or_stay
            )
            if not isinstance(stored, PeriodMoved):
                return stored
            runtime.balances.follow(stored.now_ms)
        message = "the store's clock moves faster than budgets' periods can be computed"
        raise RuntimeError(message)

    def _remaining(self, job: Job) -> tuple[Place, ...]:
        runtime = self._runtime
        snapshot = runtime.live.snapshot
        return remaining(job, snapshot, runtime.conditions.now(snapshot), runtime.clock.now_s())

    def _affordable(
        self, job: Job, resolve: Resolve, left: tuple[Place, ...]
    ) -> tuple[tuple[Place, ...], StoppedBy | None]:
        """Those of the candidates left that may be tried, or what forbids any further attempt."""
        snapshot = self._runtime.live.snapshot
        if job.team not in snapshot.teams:
            # Without its team nobody's budgets would count another attempt.
            return (), StoppedBy.NO_CANDIDATE
        if sent_attempts(job) >= snapshot.engine.max_attempts:
            return (), StoppedBy.MAX_ATTEMPTS
        if self._now_ms() >= job.deadline_at_ms:
            return (), StoppedBy.DEADLINE
        if not left:
            return (), StoppedBy.NO_CANDIDATE
        charged = job.charged_micro_usd + (
            resolve.charged_micro_usd if isinstance(resolve, Settle) else 0
        )
        cost_max = job.request.max_cost_micro_usd
        fitting = tuple(
            (n, item)
            for n, item in left
            if cost_max is None or charged + item.quote_micro_usd <= cost_max
        )
        return (fitting, None) if fitting else ((), StoppedBy.MAX_COST)

    def _as_billed(self, job: Job, failure: Failure, reported_micro_usd: int | None) -> Resolve:
        if REACTIONS[failure.kind].money is AttemptMoney.RELEASE and not reported_micro_usd:
            return Release(by=failure.kind.value)
        offer = self._runtime.live.snapshot.offer(job.candidate.offer_id)
        billing = Billing.NONE
        if offer is not None:
            is_filtered = failure.kind is FailureKind.CONTENT_POLICY
            billing = offer.bills_on.filtered if is_filtered else offer.bills_on.failed
        charged = charge(
            billing,
            reserved_micro_usd=job.attempt.reserved_micro_usd,
            reported_micro_usd=reported_micro_usd,
        )
        by = "reported" if reported_micro_usd is not None else f"bills_on:{billing.value}"
        return Settle(charged_micro_usd=charged, by=by) if charged else Release(by=by)

    def _rule(self, job: Job) -> Moderation | None:
        """The rule by which a refusal of the content counts against the job's key."""
        key = self._runtime.live.snapshot.keys.get(job.key)
        return None if key is None else key.moderation

    async def _finish(
        self,
        before: Job,
        after: Job,
        resolve: Resolve,
        *,
        mandate: Mandate | None = None,
        strike: Moderation | None = None,
    ) -> Job:
        advance(before.state, after.state)
        stored = await self._runtime.work.finish(
            before, after, resolve, mandate=mandate, strike=strike
        )
        resolved(self._runtime, before, stored)
        ended(self._runtime, before, stored)
        await self._clear(before, stored)
        return stored

    async def _clear(self, before: Job, stored: Job) -> None:
        """Give back what the attempt held beside money: its slot, and bytes nobody needs."""
        await self.release_slot(before)
        if stored.state.is_terminal:
            await sources.drop(self._runtime, stored)
        if stored.state is JobState.CANCELLED and before.state is JobState.STORING:
            await self._runtime.artifacts.delete(video_name(stored))

    def _now_ms(self) -> int:
        return self._runtime.balances.now_ms()


def _error(failure: Failure) -> JobError:
    return JobError(code=JOB_ERROR_CODES[failure.kind], message=failure.message)


def _failed(job: Job, error: JobError, stopped_by: StoppedBy | None, now_ms: int) -> Job:
    """The job as it ends without a video; its last attempt keeps the reason too."""
    attempts = (*job.attempts[:-1], replace(job.attempt, error=error))
    return replace(
        job,
        state=JobState.FAILED,
        attempts=attempts,
        error=error,
        stopped_by=stopped_by,
        ended_at_ms=now_ms,
        work=Work(polls=job.work.polls, progress=job.work.progress),
    )

"""Dispatch: slot, intent, submit, operation. In this order, so that a crash never buys twice."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from proxy.domain.errors import ProviderError, StoreUnavailable
from proxy.domain.events import SlotTaken, Submitting
from proxy.domain.failure import Failure, FailureKind
from proxy.domain.job import JobState, Work
from proxy.domain.schedule import longest_pause_s, next_poll_s
from proxy.gateway.callbacks import remember
from proxy.gateway.calls import call, order_for
from proxy.gateway.facts import cancel, hurry
from proxy.gateway.gates import Gates, bound_account, gate_of
from proxy.gateway.lease import heartbeat
from proxy.gateway.ports.jobs import LostLease, NoSlot, NotBegun, Release
from proxy.gateway.turns import running_max

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from proxy.domain.ids import ProviderName
    from proxy.domain.job import Job, Operation
    from proxy.domain.policy import Account, Provider, Snapshot
    from proxy.gateway.live import Current
    from proxy.gateway.outcome import Outcome
    from proxy.gateway.ports.jobs import Gate, SlotState
    from proxy.gateway.ports.provider import VideoProvider
    from proxy.gateway.runtime import Runtime

UNAVAILABLE_RETRIES = 1
"""How often a surely refused submit is sent again before it is the next candidate's turn."""


class Dispatch:
    """Takes queued jobs to their providers."""

    def __init__(self, runtime: Runtime, outcome: Outcome) -> None:
        self._runtime = runtime
        self._outcome = outcome
        self._gates = Gates(runtime, outcome)

    async def begin(
        self,
        job: Job,
        current: Current,
        full: set[tuple[ProviderName, str]],
        *,
        cost: int,
    ) -> Job | NotBegun:
        """Take a slot and write the intent; TAKEN also when the job ended, or left its provider.

        Accounts are asked in the order of the configuration: the next one takes what the first
        has no room for. A submit that is sent again goes to the account of the first one.

        Args:
            job: a queued job.
            current: the configuration in force.
            full: accounts that have no slot just now; not asked again, and added to.
            cost: what its turn costs the job's line.

        Raises:
            LostLease: another worker moved the job meanwhile.
        """
        provider = await self._provider(job, current)
        if provider is None:
            return NotBegun.TAKEN
        gate = await self._gates.gate(job, current.snapshot)
        if isinstance(gate, NotBegun):
            return gate
        for account in accounts_for(job, provider):
            place = (provider.name, account.name)
            if place in full or not self._gates.may_ask(job, account, gate, current.snapshot):
                continue
            slot = await self._take_slot(job, provider, account, gate=gate)
            if slot.is_taken:
                return await self._write_intent(
                    job, provider, account, slot=slot, snapshot=current.snapshot, cost=cost
                )
            if slot.why in (NoSlot.FULL, NoSlot.NO_TOKEN):
                full.add(place)
            else:
                self._runtime.health.look_again()
        return NotBegun.NO_SLOT

    async def _provider(self, job: Job, current: Current) -> Provider | None:
        """Whom a job goes to; None if it only waited for its end, or must leave, and has."""
        if job.cancel_requested:
            await cancel(self._runtime, job, is_forgotten=job.is_deleted)
            return None
        if self._runtime.balances.now_ms() >= job.deadline_at_ms:
            await self._outcome.miss_deadline(job)
            return None
        provider = current.snapshot.providers.get(job.candidate.provider)
        if provider is None or not provider.is_configured:
            await self._leave(job, f"{job.candidate.provider} is no longer configured")
            return None
        pinned = job.pinned_account
        if pinned is not None and not provider.has(pinned):
            await self._leave(job, f"account {pinned} of {provider.name} is no longer configured")
            return None
        return provider

    async def submit(self, job: Job, current: Current) -> None:
        """Send a submitting job to its provider and store what came of it."""
        runtime = self._runtime
        adapter = self._adapter(job, current)
        if adapter is None:
            await self._leave(job, f"{job.candidate.provider} is no longer configured")
            return
        try:
            async with heartbeat(runtime, job):
                made = adapter.submit(order_for(runtime, job), job.attempt_id)
                operation = await call(runtime, job, "submit", made)
        except ProviderError as error:
            refused = partial(self._refused, failure=error.failure, snapshot=current.snapshot)
            await self._record(job, refused)
            return
        accepted = partial(self._accepted, operation=operation, snapshot=current.snapshot)
        await self._record(job, accepted)

    async def _record(self, job: Job, step: Callable[[Job], Awaitable[None]]) -> None:
        """Store what a submit brought, however long the store is away: nobody else knows it."""
        while True:
            try:
                await self._deliver(job, step)
            except StoreUnavailable:
                runtime = self._runtime
                await runtime.clock.sleep(runtime.live.snapshot.engine.retry_wait_s)
            else:
                return

    async def _deliver(self, job: Job, step: Callable[[Job], Awaitable[None]]) -> None:
        try:
            await step(job)
        except LostLease:
            latest = await self._runtime.jobs.load(job.id)
            if latest is None or not _awaits(latest, job):
                raise
            # Somebody gave us up, and now looks for the very answer that is in our hands.
            await step(latest)

    async def _accepted(self, job: Job, operation: Operation, snapshot: Snapshot) -> None:
        runtime = self._runtime
        attempt = replace(
            job.attempt, operation=operation, submitted_at_ms=runtime.balances.now_ms()
        )
        after = replace(job, state=JobState.RUNNING, attempts=(*job.attempts[:-1], attempt))
        due_in_s = next_poll_s(
            snapshot.providers[job.candidate.provider].poll,
            elapsed_s=0.0,
            is_first=True,
            retry_after_s=None,
            random=runtime.random,
            spread=runtime.render_times.of(job.candidate.offer_id),
        )
        await remember(runtime, after)
        stored = await self._outcome.commit(job, after, due_in_s=due_in_s)
        if stored.cancel_requested:
            await hurry(runtime, stored)

    def _adapter(self, job: Job, current: Current) -> VideoProvider | None:
        return current.providers.get(job.candidate.provider, job.attempt.account or "")

    async def _take_slot(
        self, job: Job, provider: Provider, account: Account, *, gate: Gate
    ) -> SlotState:
        lease_s = slot_lease_s(self._runtime, job, provider, self._runtime.live.snapshot)
        slot = await self._runtime.slots.take(
            provider.name,
            account.name,
            job.attempt_id,
            slots=account.slots,
            submit=account.submit,
            lease_s=lease_s,
            gate=gate,
        )
        if slot.is_new and slot.probes:
            place = (provider.name, account.name)
            self._runtime.health.probes(job, place, slot.probes, lease_s=lease_s)
        return slot

    async def _write_intent(
        self,
        job: Job,
        provider: Provider,
        account: Account,
        *,
        slot: SlotState,
        snapshot: Snapshot,
        cost: int,
    ) -> Job | NotBegun:
        runtime = self._runtime
        if slot.is_new:
            runtime.observer.observe(
                SlotTaken(job=job.id, provider=provider.name, account=account.name)
            )
        begun = await runtime.work.begin(
            job,
            account=account.name,
            running_max=running_max(job.team, snapshot.teams),
            lease_s=snapshot.engine.lease_s,
            cost=cost,
        )
        if isinstance(begun, NotBegun):
            if begun is not NotBegun.TAKEN or (
                slot.is_new and not await self._is_under_way(job, account)
            ):
                await runtime.slots.give_back(
                    provider.name,
                    account.name,
                    job.attempt_id,
                    submit=account.submit,
                    gate=gate_of(job, snapshot),
                )
                runtime.health.look_again()
            return begun
        runtime.observer.observe(
            Submitting(
                job=job.id,
                team=job.team,
                provider=provider.name,
                account=account.name,
                model=job.candidate.model,
                attempt=job.attempt.number,
                queued_s=max(0, runtime.balances.now_ms() - job.attempt.reserved_at_ms) / 1000,
                trace=job.trace,
            )
        )
        return begun

    async def _is_under_way(self, job: Job, account: Account) -> bool:
        """Say whether another worker began the attempt at this account, under the same slot."""
        latest = await self._runtime.jobs.load(job.id)
        return (
            latest is not None
            and latest.state is not JobState.QUEUED
            and not latest.state.is_terminal
            and latest.attempt.number == job.attempt.number
            and latest.attempt.account == account.name
        )

    async def _refused(self, job: Job, failure: Failure, snapshot: Snapshot) -> None:
        match failure.kind:
            case FailureKind.THROTTLED:
                await self._throttled(job, failure, snapshot)
            case FailureKind.UNAVAILABLE if job.work.submit_retries < UNAVAILABLE_RETRIES:
                work = replace(job.work, submit_retries=job.work.submit_retries + 1)
                await self._requeue(job, work, snapshot.engine.retry_wait_s, failure=failure)
            case FailureKind.UNKNOWN_OUTCOME | FailureKind.MALFORMED | FailureKind.FAILED_UPSTREAM:
                # Nothing proves that it was not accepted: it may have bought a video.
                if job.state is JobState.UNKNOWN:
                    return
                after_s = snapshot.engine.look_up_after_s
                due_in_s = after_s[0] if after_s else 0.0
                await self._outcome.hold(job, failure.kind.value, due_in_s=due_in_s)
            case _:
                await self._outcome.refuse(job, failure)

    async def _throttled(self, job: Job, failure: Failure, snapshot: Snapshot) -> None:
        now_ms = self._runtime.balances.now_ms()
        since_ms = job.work.throttled_since_ms or now_ms
        wait_s = failure.retry_after_s or snapshot.engine.throttle_wait_s
        waited_s = (now_ms - since_ms) / 1000
        if waited_s + wait_s > snapshot.engine.max_queue_wait_s:
            await self._outcome.refuse(job, failure)
            return
        work = replace(job.work, throttled_since_ms=since_ms)
        await self._requeue(job, work, wait_s, failure=failure)

    async def _requeue(self, job: Job, work: Work, wait_s: float, *, failure: Failure) -> None:
        after = replace(job, state=JobState.QUEUED, work=work)
        stored = await self._outcome.commit(job, after, due_in_s=wait_s, code=failure.kind.value)
        if stored.cancel_requested:
            await cancel(self._runtime, stored, is_forgotten=stored.is_deleted)

    async def _leave(self, job: Job, message: str) -> None:
        failure = Failure(kind=FailureKind.UNAVAILABLE, message=message)
        await self._outcome.fail_over(job, failure, Release(by="not_configured"))


def accounts_for(job: Job, provider: Provider) -> list[Account]:
    """The accounts a job may go to: that of its source, or where its attempt has been before."""
    accounts = [account for account in provider.accounts if account.is_configured]
    bound = bound_account(job)
    return [account for account in accounts if account.name == bound] or accounts


def _awaits(latest: Job, sent: Job) -> bool:
    """Say whether a job still wants to know what became of a submit.

    An attempt that was sent back to the queue may be under way again: that submit is another one.
    """
    return (
        latest.state in (JobState.SUBMITTING, JobState.UNKNOWN)
        and latest.attempt.number == sent.attempt.number
        and latest.attempt.submitted_at_ms == sent.attempt.submitted_at_ms
        and latest.attempt.operation is None
    )


def slot_lease_s(runtime: Runtime, job: Job, provider: Provider, snapshot: Snapshot) -> float:
    """How long a slot is held without a sign of life: past the longest pause between two polls."""
    spread = runtime.render_times.of(job.candidate.offer_id)
    pause_s = max(longest_pause_s(provider.poll, spread), provider.submit_timeout_s)
    return 2 * pause_s + snapshot.engine.lease_s

"""Events of a job's life, told once the store has confirmed what they say."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.errors import StoreUnavailable
from proxy.domain.events import Ended, EndNoticed, Moved, Resolved
from proxy.domain.job import JobState, Resolution
from proxy.gateway import sources
from proxy.gateway.ports.provider import Cancels

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from proxy.gateway.ports.ledger import Mandate
    from proxy.gateway.runtime import Runtime


def moved(runtime: Runtime, before: Job, after: Job, code: str | None) -> None:
    """Tell that a job went from one state to another; `code` is a word of ours."""
    runtime.standby.follow(after)
    runtime.observer.observe(
        Moved(
            job=after.id,
            team=after.team,
            provider=before.candidate.provider,
            model=before.candidate.model,
            before=before.state,
            after=after.state,
            code=code,
        )
    )


def resolved(runtime: Runtime, before: Job, stored: Job) -> None:
    """Tell how the reservation of the attempt that was current before was resolved."""
    attempt = stored.attempts[before.attempt.number - 1]
    charged = attempt.charged_micro_usd or 0
    is_made = stored.state is JobState.COMPLETED
    error = attempt.error if attempt.submitted_at_ms is not None else None
    assert attempt.resolution is not Resolution.OPEN
    runtime.observer.observe(
        Resolved(
            job=stored.id,
            team=stored.team,
            provider=before.candidate.provider,
            model=before.candidate.model,
            attempt=attempt.number,
            resolution=attempt.resolution,
            reserved_micro_usd=attempt.reserved_micro_usd,
            charged_micro_usd=charged,
            overage_micro_usd=attempt.overage_micro_usd,
            is_wasted=charged > 0 and not is_made,
            offer_id=before.candidate.offer_id,
            is_made=is_made,
            code=error.code if error else None,
            by=attempt.resolved_by or "",
        )
    )


def noticed(runtime: Runtime, job: Job) -> None:
    """Tell that a running job's provider has ended it, and how late that may be noticed."""
    looked_at_ms = job.work.looked_at_ms or job.attempt.submitted_at_ms
    if job.state is JobState.RUNNING and looked_at_ms is not None:
        lag_ms = max(0, runtime.balances.now_ms() - looked_at_ms)
        runtime.observer.observe(
            EndNoticed(
                job=job.id,
                provider=job.candidate.provider,
                model=job.candidate.model,
                lag_s=lag_ms / 1000,
            )
        )


def ended(runtime: Runtime, before: Job, stored: Job) -> None:
    """Tell that a job reached a terminal state."""
    code = stored.error.code if stored.error else None
    moved(runtime, before, stored, code)
    submitted_ms = stored.attempt.submitted_at_ms
    ended_ms = stored.ended_at_ms or runtime.balances.now_ms()
    runtime.observer.observe(
        Ended(
            job=stored.id,
            team=stored.team,
            state=stored.state,
            code=code,
            took_s=max(0, ended_ms - stored.created_at_ms) / 1000,
            render_s=max(0, ended_ms - submitted_ms) / 1000 if submitted_ms else None,
            provider=stored.candidate.provider,
            model=stored.candidate.model,
            offer_id=stored.candidate.offer_id,
            polls=before.work.polls,
            seconds=stored.candidate.shape.seconds,
            trace=stored.trace,
        )
    )


async def cancel(
    runtime: Runtime, job: Job, *, is_forgotten: bool, mandate: Mandate | None = None
) -> Job:
    """Cancel a job in the store, and tell of it if it was this that ended the job."""
    await runtime.openings.ensure_whole()
    cancelled = await runtime.jobs.cancel(job, is_forgotten=is_forgotten, mandate=mandate)
    stored = cancelled.job
    runtime.standby.follow(stored)
    if cancelled.has_ended_it:
        # It may have come back to its queue since it was read: it was queued when it ended.
        queued = replace(stored, state=JobState.QUEUED)
        resolved(runtime, queued, stored)
        ended(runtime, queued, stored)
        await sources.drop(runtime, stored)
    elif stored.state is JobState.RUNNING:
        await hurry(runtime, stored)
    return stored


async def hurry(runtime: Runtime, job: Job) -> None:
    """Have a provider that can stop a job asked to at once; every second may cost."""
    account = job.attempt.account
    assert account is not None
    adapter = runtime.live.current.providers.get(job.candidate.provider, account)
    if adapter is not None and isinstance(adapter, Cancels):
        # Without the hint its next poll does the same, later.
        with suppress(StoreUnavailable):
            await runtime.hints.hint(
                job.attempt_id, message=f"cancel:{job.attempt_id}", least_s=0.0
            )

"""A person decides what became of an attempt whose outcome nobody could find out."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from proxy.domain.job import JobState, Resolution
from proxy.gateway.outcome import Outcome
from proxy.gateway.ports.jobs import AlreadyEnded, LostLease, Release, Settle
from proxy.gateway.unknown import OUTCOME_UNKNOWN

if TYPE_CHECKING:
    from proxy.domain.ids import JobId
    from proxy.domain.job import Job
    from proxy.gateway.ports.ledger import Mandate
    from proxy.gateway.runtime import Runtime

OPERATOR = "operator"
"""`by` of a resolution that a person decided."""
TRIES = 3


class NotResolved(StrEnum):
    """Why a person's decision was not carried out."""

    GONE = "gone"
    """There is no such job."""
    NOT_HELD = "not_held"
    """Its outcome is not unknown (any more)."""
    BUSY = "busy"
    """A worker kept getting hold of it: ask again."""


async def resolve_held(
    runtime: Runtime, job_id: JobId, charged_micro_usd: int | None, mandate: Mandate
) -> Job | NotResolved:
    """End a job in `unknown`: charge its attempt, or release it where nothing is charged (None).

    Deciding the same again returns the job as it ended.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    resolve = (
        Settle(charged_micro_usd=charged_micro_usd, by=OPERATOR)
        if charged_micro_usd
        else (Release(by=OPERATOR))
    )
    await runtime.openings.ensure_whole()
    for _ in range(TRIES):
        job = await runtime.jobs.load(job_id)
        if job is None:
            return NotResolved.GONE
        if job.state is not JobState.UNKNOWN:
            return job if _is_so(job, charged_micro_usd) else NotResolved.NOT_HELD
        try:
            return await Outcome(runtime).fail(job, OUTCOME_UNKNOWN, resolve, mandate=mandate)
        except (LostLease, AlreadyEnded):
            continue
    return NotResolved.BUSY


def _is_so(job: Job, charged_micro_usd: int | None) -> bool:
    attempt = job.attempt
    expected = Resolution.SETTLED if charged_micro_usd else Resolution.RELEASED
    return (
        attempt.resolved_by == OPERATOR
        and attempt.resolution is expected
        and (attempt.charged_micro_usd or 0) == (charged_micro_usd or 0)
    )

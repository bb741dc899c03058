"""Jobs of any team, as administrators see and end them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.errors import JobNotFound, StateConflict
from proxy.domain.ids import JobId, is_job_id
from proxy.gateway import facts
from proxy.gateway.held import NotResolved, resolve_held

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.domain.job import Job
    from proxy.domain.wait import Wait
    from proxy.gateway.ports.jobs import JobSearch, Page, Sought
    from proxy.gateway.ports.ledger import Mandate
    from proxy.gateway.runtime import Runtime


_NOT_RESOLVED = {
    NotResolved.GONE: "the job is gone",
    NotResolved.NOT_HELD: "the outcome of this job is not unknown (any more)",
    NotResolved.BUSY: "a worker has the job in hand; try again",
}


class JobDesk:
    """Everything raises StoreUnavailable."""

    def __init__(self, runtime: Runtime, search: JobSearch) -> None:
        self._runtime = runtime
        self._search = search

    async def find(self, sought: Sought, *, after: JobId | None, limit: int) -> Page:
        """Jobs that are sought, newest first."""
        return await self._search.find(sought, after=after, limit=limit)

    async def read(self, job_id: str) -> Job:
        """One job, also one that its team has deleted. Raises JobNotFound."""
        job = await self._runtime.jobs.load(JobId(job_id)) if is_job_id(job_id) else None
        if job is None:
            raise _not_found(job_id)
        return job

    async def waits(self, jobs: Sequence[Job]) -> Mapping[JobId, Wait]:
        """What those of the jobs that are queued wait for."""
        return await self._runtime.waits.of(self._runtime, jobs)

    async def cancel(self, job_id: str, mandate: Mandate) -> Job:
        """Cancel a job as its team may; one that ended is answered unchanged.

        Raises:
            JobNotFound: there is none.
        """
        job = await self.read(job_id)
        if job.state.is_terminal:
            return job
        cancelled = await facts.cancel(self._runtime, job, is_forgotten=False, mandate=mandate)
        self._runtime.wake()
        self._runtime.waiters.wake(job.id)
        return cancelled

    async def resolve(
        self, job_id: str, mandate: Mandate, *, is_charged: bool, micro_usd: int | None
    ) -> Job:
        """End a job of unknown outcome: charged (what was reserved, if nothing is said) or not.

        Raises:
            JobNotFound: there is none.
            StateConflict: its outcome is known, or a worker kept hold of it.
        """
        job = await self.read(job_id)
        charged = (job.attempt.reserved_micro_usd if micro_usd is None else micro_usd) or None
        ended = await resolve_held(self._runtime, job.id, charged if is_charged else None, mandate)
        if isinstance(ended, NotResolved):
            raise StateConflict(_NOT_RESOLVED[ended])
        self._runtime.waiters.wake(job.id)
        return ended


def _not_found(job_id: str) -> JobNotFound:
    message = f"there is no video {job_id[:64]!r}"
    return JobNotFound(message, param="video_id")

"""Following a job: how it stands now, then each time its client would see something new.

A client that reads slowly gets the newest state when it is ready, never a backlog of older ones.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from proxy.domain.errors import StoreUnavailable, Unauthenticated
from proxy.domain.ids import JobId, is_job_id
from proxy.domain.job import is_over, mark_of
from proxy.gateway import read

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.domain.job import Job
    from proxy.gateway.runtime import Runtime
    from proxy.gateway.views import Caller, JobView
    from proxy.gateway.waiting import Follower

KEEP_ALIVE_S = 15.0
"""After so long without anything new a client is shown that somebody is there."""
BEHIND_S_MAX = 30.0
"""A client that reads nothing for so long is let go."""
LIFE_S = 3600.0
"""A stream ends after this; whoever goes on shows the key again."""


class Reader(Protocol):
    """Who follows."""

    def is_gone(self) -> bool:
        """Say whether nobody reads any more."""

    def is_behind(self) -> bool:
        """Say whether what was sent last has not been taken yet."""


class Following:
    """A job and one who follows it; `view` is how it stood at the beginning."""

    def __init__(
        self,
        runtime: Runtime,
        caller: Caller,
        view: JobView,
        *,
        follower: Follower,
        reader: Reader,
    ) -> None:
        self._runtime = runtime
        self._caller = caller
        self._follower = follower
        self._reader = reader
        self._until_s = runtime.clock.monotonic_s() + LIFE_S
        self._behind_since_s: float | None = None
        self.view = view
        self._tell(view.job)

    async def news(self, *, keep_alive_s: float = KEEP_ALIVE_S) -> AsyncIterator[JobView | None]:
        """How the job stands each time that is new; None when nothing was for a while.

        It ends with the job's end. It also ends when the job was forgotten, the key revoked, the
        reader left or fell behind for good, the process stops, or after LIFE_S.
        """
        job: Job | None = self.view.job
        while job is not None and not is_over(job):
            is_woken = await self._follower.wait(keep_alive_s)
            if self._is_at_its_end():
                return
            if self._behind_since_s is not None:
                continue  # The next look wakes it again, as long as there is something new.
            if not is_woken:
                yield None
                continue
            try:
                job = await self._read()
            except StoreUnavailable:
                continue  # likewise
            if job is not None and mark_of(job) != self._follower.mark:
                self._tell(job)
                yield await read.view_of(self._runtime, job, ())

    def _is_at_its_end(self) -> bool:
        now_s = self._runtime.clock.monotonic_s()
        if not self._reader.is_behind():
            self._behind_since_s = None
        elif self._behind_since_s is None:
            self._behind_since_s = now_s
        return (
            self._follower.is_gone
            or self._runtime.waiters.is_draining
            or now_s >= self._until_s
            or (self._behind_since_s is not None and now_s >= self._behind_since_s + BEHIND_S_MAX)
        )

    def _tell(self, job: Job) -> None:
        self._follower.mark = mark_of(job)

    async def _read(self) -> Job | None:
        """The job, unless it is none of the caller's any more."""
        team, key = self._caller.team.id, self._caller.key.id
        try:
            job, _ = await self._runtime.jobs.read(team, self.view.job.id, (), key=key)
        except Unauthenticated:
            return None
        return None if job is None or job.is_deleted else job


@asynccontextmanager
async def follow(
    runtime: Runtime, caller: Caller, job_id: str, reader: Reader
) -> AsyncIterator[Following]:
    """Follow a job of the caller's team; costs one token of `poll`, however long it is.

    Raises:
        JobNotFound: unknown, deleted, or another team's.
        RateLimited: the poll bucket is empty, or the team follows as many as it may.
        ServerBusy: no room for more here.
    """
    if not is_job_id(job_id):
        await read.get(runtime, caller, job_id)  # which refuses it
    with runtime.waiters.follow(JobId(job_id), caller.team.id, reader.is_gone) as follower:
        view = await read.get(runtime, caller, job_id)
        yield Following(runtime, caller, view, follower=follower, reader=reader)

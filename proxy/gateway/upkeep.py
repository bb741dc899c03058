"""What keeps the store and the artifacts from growing: closed days, and files past their time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from proxy.domain.errors import StoreUnavailable
from proxy.domain.events import UpkeepEnded
from proxy.domain.ids import JobId, TeamId, is_job_id
from proxy.domain.policy import Retention
from proxy.gateway.archive import DamagedArchive
from proxy.gateway.kept import is_handed_out
from proxy.gateway.names import ARRIVING, INPUTS, SOURCES, VIDEOS
from proxy.gateway.ports.artifacts import ArtifactUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from proxy.domain.job import Job
    from proxy.gateway.ports.artifacts import StoredObject
    from proxy.gateway.runtime import Runtime

    Part = Callable[[], Awaitable[int]]

SETTLING_S = 3600.0
"""Younger files are left alone: their job may be on its way into the store."""
YOUNG_S = 86_400.0
"""As long as a job may take, and a create that came to nothing is remembered."""
OF_STRANGERS = Retention(artifacts_s=30 * 86_400, jobs_s=90 * 86_400)
"""For files of teams that left the configuration."""


class Upkeep:
    """Done now and then by every worker; doing it twice at once is a waste, never a fault."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def watch(self) -> None:
        """Keep house until cancelled; what fails is told and tried again the next time."""
        runtime = self._runtime
        parts: dict[str, Part] = {"leftovers": self.clear_leftovers}
        while True:
            await self._do_all(parts)
            parts = self._parts()
            every_s = runtime.live.snapshot.engine.upkeep_every_s
            await runtime.clock.sleep(every_s * (0.5 + runtime.random()))

    async def once(self) -> None:
        """Do everything once; one failing part keeps no other from being done."""
        await self._do_all(self._parts())

    def _parts(self) -> dict[str, Part]:
        return {
            "archive": self.archive_days,
            "artifacts": self.sweep_videos,
            "inputs": self.sweep_inputs,
            "records": self.expire_records,
            "leftovers": self.clear_leftovers,
        }

    async def _do_all(self, parts: Mapping[str, Part]) -> None:
        await asyncio.gather(*(self._do(name, part) for name, part in parts.items()))

    async def _do(self, name: str, part: Part) -> None:
        try:
            ended = UpkeepEnded(part=name, outcome="ok", items=await part())
        except (StoreUnavailable, ArtifactUnavailable, DamagedArchive) as error:
            ended = UpkeepEnded(part=name, outcome=type(error).__name__, items=0)
        self._runtime.observer.observe(ended)

    async def archive_days(self) -> int:
        """Move closed days of the ledger into files; returns how many.

        Raises:
            StoreUnavailable, ArtifactUnavailable, DamagedArchive: what is done stays done.
        """
        now_ms = await self._runtime.accounts.now_ms()
        kept_ms = int(self._runtime.live.snapshot.engine.archive_after_s * 1000)
        return len(await self._runtime.archive.close_days(now_ms - kept_ms))

    async def sweep_videos(self) -> int:
        """Remove videos that are past their time or that no job speaks of; returns how many.

        Raises:
            StoreUnavailable, ArtifactUnavailable: the rest is left for the next time.
        """
        removed = 0
        async for stored, kept in self._old(VIDEOS):
            if self._age_s(stored) >= min(kept.artifacts_s, kept.jobs_s):
                job = await self._job_of(stored)
                # A job that has not ended is about to have its video.
                is_over = job is None or job.state.is_terminal
                if is_over and not (job and is_handed_out(self._runtime, job)):
                    await self._runtime.artifacts.delete(stored.name)
                    removed += 1
        return removed

    async def sweep_inputs(self) -> int:
        """Remove callers' pictures whose job is gone, or was deleted; returns how many.

        Raises:
            StoreUnavailable, ArtifactUnavailable: the rest is left for the next time.
        """
        removed = 0
        async for stored, kept in self._old(INPUTS):
            if await self._is_left_over(stored, kept):
                await self._runtime.artifacts.delete(stored.name)
                removed += 1
        return removed

    async def expire_records(self) -> int:
        """Remove records that their teams keep no longer; returns how many.

        Raises:
            StoreUnavailable: the rest is left for the next time.
        """
        return await self._runtime.jobs.expire(await self._runtime.accounts.now_ms())

    async def clear_leftovers(self) -> int:
        """Remove what processes that were killed left half written or behind; returns how many.

        Raises:
            ArtifactUnavailable: the rest is left for the next time.
        """
        artifacts = self._runtime.artifacts
        before_s = self._runtime.clock.now_s() - SETTLING_S
        removed = await artifacts.clear_unfinished(before_s=before_s)
        async for stored in artifacts.list(SOURCES):
            job = await self._job_of(stored)
            if job is None or job.state.is_terminal:
                await artifacts.delete(stored.name)
                removed += 1
        async for stored in artifacts.list(INPUTS):
            if stored.name.startswith(ARRIVING) and stored.modified_at_s < before_s:
                await artifacts.delete(stored.name)
                removed += 1
        return removed

    async def _old(self, folder: str) -> AsyncIterator[tuple[StoredObject, Retention]]:
        teams = self._runtime.live.snapshot.teams
        async for stored in self._runtime.artifacts.list(folder):
            team = teams.get(TeamId(stored.name.removeprefix(folder).partition("/")[0]))
            if self._age_s(stored) >= SETTLING_S:
                yield stored, team.retention if team else OF_STRANGERS

    def _age_s(self, stored: StoredObject) -> float:
        return self._runtime.clock.now_s() - stored.modified_at_s

    async def _is_left_over(self, stored: StoredObject, kept: Retention) -> bool:
        """Say whether no job needs a picture any more.

        Jobs are asked for on the first day, when those show that came to nothing, and when their
        time is over; in between they need their pictures as long as nobody deletes them.
        """
        age_s = self._age_s(stored)
        if "/" not in stored.name.removeprefix(INPUTS):  # of an earlier version: of many jobs
            return age_s >= kept.jobs_s
        if YOUNG_S <= age_s < kept.jobs_s:
            return False
        job = await self._job_of(stored)
        return job is None or (job.is_deleted and job.state.is_terminal)

    async def _job_of(self, stored: StoredObject) -> Job | None:
        """The job that a file's name speaks of."""
        job_id = stored.name.rpartition("/")[2].partition(".")[0]
        return await self._runtime.jobs.load(JobId(job_id)) if is_job_id(job_id) else None

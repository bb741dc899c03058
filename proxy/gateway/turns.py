"""Whose waiting job goes next: the team with the least under way for its weight."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from proxy.domain.ids import TeamId
    from proxy.domain.job import Job
    from proxy.gateway.runtime import Runtime

WAITING_PER_TEAM = 50
"""How many jobs of a team are looked at in one turn, and as many again further back."""
ORPHAN_RUNNING_MAX = 1
"""How many jobs of a team that left the configuration may run at once."""


@dataclass(slots=True, kw_only=True)
class _Line:
    jobs: deque[Job]
    running: int
    running_max: int
    weight: int

    @property
    def rank(self) -> tuple[float, int]:
        return self.running / self.weight, self.jobs[0].attempt.reserved_at_ms

    @property
    def may_go_on(self) -> bool:
        return bool(self.jobs) and self.running < self.running_max


class Turns:
    """The jobs that may be dispatched now, in a fair order.

    Jobs that only wait for their end (cancelled, or past their deadline) come first and need no
    room. A team that runs all it may, or is frozen, is left out, so that no slot is taken for
    nothing.
    """

    def __init__(self, ending: Iterable[Job], lines: dict[TeamId, _Line]) -> None:
        self._ending = deque(ending)
        self._lines = lines
        self._heap: list[tuple[tuple[float, int], TeamId]] = []
        for team in lines:
            self._push(team)

    def next(self) -> Job | None:
        """The job whose turn it is, None when nobody waits; tell `began` if it was dispatched."""
        if self._ending:
            return self._ending.popleft()
        while self._heap:
            rank, team = heapq.heappop(self._heap)
            line = self._lines[team]
            if not line.may_go_on:
                continue
            if rank != line.rank:
                self._push(team)
                continue
            job = line.jobs.popleft()
            self._push(team)
            return job
        return None

    def began(self, job: Job) -> None:
        """Count a job against its team."""
        self._lines[job.team].running += 1

    def _push(self, team: TeamId) -> None:
        if self._lines[team].may_go_on:
            heapq.heappush(self._heap, (self._lines[team].rank, team))


class Queues:
    """Reads who waits, turn by turn.

    Every turn looks at the oldest jobs of each team, and at one more part of the queues that are
    longer, a later one each time: jobs for an account that is full must not hide those behind
    them that go elsewhere.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._beyond = WAITING_PER_TEAM

    async def turns(self) -> Turns:
        """Read who waits and how much each of their teams has under way."""
        runtime = self._runtime
        waiting = await runtime.work.waiting(WAITING_PER_TEAM, beyond=self._beyond)
        self._beyond = (self._beyond if waiting.has_more else 0) + WAITING_PER_TEAM
        now_ms = runtime.balances.now_ms()
        ending: list[Job] = []
        lines: dict[TeamId, deque[Job]] = {}
        for job in waiting.jobs:
            if job.cancel_requested or now_ms >= job.deadline_at_ms:
                ending.append(job)
            else:
                lines.setdefault(job.team, deque()).append(job)
        return Turns(ending, await self._lines(lines))

    async def _lines(self, waiting: Mapping[TeamId, deque[Job]]) -> dict[TeamId, _Line]:
        runtime = self._runtime
        snapshot = runtime.live.snapshot
        states = await asyncio.gather(
            *(runtime.accounts.team_state(team, (), ()) for team in waiting)
        )
        lines = {}
        for (team, jobs), state in zip(waiting.items(), states, strict=True):
            if state.frozen:
                continue
            known = snapshot.teams.get(team)
            frozen = state.frozen_providers
            lines[team] = _Line(
                jobs=deque(job for job in jobs if job.candidate.provider not in frozen),
                running=state.running_jobs,
                running_max=known.running if known else ORPHAN_RUNNING_MAX,
                weight=known.weight if known else 1,
            )
        return lines

"""Counting jobs by their queues and sets; only those of unknown outcome are looked at."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.ids import JobId
from proxy.domain.job import JobState
from proxy.gateway.ports.census import Census, Standing
from proxy.store.codec import Unreadable, fields_of, job_of
from proxy.store.keys import line_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.ids import TeamId
    from proxy.store.client import Client
    from proxy.store.keys import Keys

UNKNOWN_READ_MAX = 200
"""So many jobs of unknown outcome are read for their age; more are counted only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    jobs: int = 0
    first_ms: float | None = None


_NOBODY = _Waiting()


class RedisCensus:
    """CensusTaker over Redis.

    What is read at different moments need not fit: a job that moves meanwhile may be counted
    twice, or not at all.
    """

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def take(self, teams: Sequence[TeamId]) -> Census:
        """Count the unfinished jobs of teams."""
        now_ms, queued, under_way = await asyncio.gather(
            self._now_ms(),
            self._queued(),
            asyncio.gather(*(self._under_way(team) for team in teams)),
        )
        counts: dict[tuple[TeamId, Standing], int] = {}
        since_ms: dict[Standing, float] = {}
        for team, (running, unfinished) in zip(teams, under_way, strict=True):
            waiting = queued.get(team, _NOBODY)
            counts[team, Standing.QUEUED] = waiting.jobs
            counts[team, Standing.RUNNING] = running
            counts[team, Standing.UNKNOWN] = max(0, unfinished - waiting.jobs - running)
            if waiting.first_ms is not None:
                earliest = since_ms.get(Standing.QUEUED, waiting.first_ms)
                since_ms[Standing.QUEUED] = min(earliest, waiting.first_ms)
        if any(counts[team, Standing.UNKNOWN] for team in teams):
            unknown_ms = await self._unknown_since_ms(teams)
            if unknown_ms is not None:
                since_ms[Standing.UNKNOWN] = unknown_ms
        return Census(
            counts=counts,
            oldest_s={state: max(0.0, now_ms - at_ms) / 1000 for state, at_ms in since_ms.items()},
        )

    async def _queued(self) -> dict[TeamId, _Waiting]:
        """How many jobs of each team wait, in all its lines, and since when the first does."""
        counts = fields_of(await self._client.read(("HGETALL", self._keys.lines())))
        firsts = await asyncio.gather(
            *(self._client.read(("ZRANGE", line, 0, 0, "WITHSCORES")) for line in counts)
        )
        found: dict[TeamId, _Waiting] = {}
        for (line, count), first in zip(counts.items(), firsts, strict=True):
            team, _ = line_of(line)
            before = found.get(team, _NOBODY)
            since_ms = [float(first[1])] if first else []
            since_ms += [before.first_ms] if before.first_ms is not None else []
            found[team] = _Waiting(
                jobs=before.jobs + int(count), first_ms=min(since_ms, default=None)
            )
        return found

    async def _under_way(self, team: TeamId) -> tuple[int, int]:
        """How many jobs of a team run, and how many are unfinished."""
        running, unfinished = await asyncio.gather(
            self._client.read(("SCARD", self._keys.running(team))),
            self._client.read(("HGET", self._keys.team(team), "open")),
        )
        return running, int(unfinished or 0)

    async def _unknown_since_ms(self, teams: Sequence[TeamId]) -> float | None:
        """Since when the oldest job is of unknown outcome: those under way that do not run."""
        due, *running = await asyncio.gather(
            self._client.read(("ZRANGE", self._keys.due(), 0, -1)),
            *(self._client.read(("SMEMBERS", self._keys.running(team))) for team in teams),
        )
        known = {name for members in running for name in members}
        lost = [JobId(name.decode()) for name in due if name not in known][:UNKNOWN_READ_MAX]
        replies = await asyncio.gather(
            *(self._client.read(("HGETALL", self._keys.job(job))) for job in lost)
        )
        found: list[float] = []
        for job, reply in zip(lost, replies, strict=True):
            with suppress(Unreadable):
                read = job_of(job, fields_of(reply))
                if read.state is JobState.UNKNOWN:
                    found.append(read.work.unknown_since_ms or read.created_at_ms)
        return min(found, default=None)

    async def _now_ms(self) -> int:
        seconds, micros = await self._client.read(("TIME",))
        return int(seconds) * 1000 + int(micros) // 1000

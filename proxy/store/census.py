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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.ids import TeamId
    from proxy.store.client import Client
    from proxy.store.keys import Keys

UNKNOWN_READ_MAX = 200
"""So many jobs of unknown outcome are read for their age; more are counted only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    queued: int
    running: int
    open: int
    first_ms: float | None


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
        now_ms, lines = await asyncio.gather(
            self._now_ms(), asyncio.gather(*(self._line(team) for team in teams))
        )
        counts: dict[tuple[TeamId, Standing], int] = {}
        since_ms: dict[Standing, float] = {}
        for team, line in zip(teams, lines, strict=True):
            counts[team, Standing.QUEUED] = line.queued
            counts[team, Standing.RUNNING] = line.running
            counts[team, Standing.UNKNOWN] = max(0, line.open - line.queued - line.running)
            if line.first_ms is not None:
                earliest = since_ms.get(Standing.QUEUED, line.first_ms)
                since_ms[Standing.QUEUED] = min(earliest, line.first_ms)
        if any(counts[team, Standing.UNKNOWN] for team in teams):
            unknown_ms = await self._unknown_since_ms(teams)
            if unknown_ms is not None:
                since_ms[Standing.UNKNOWN] = unknown_ms
        return Census(
            counts=counts,
            oldest_s={state: max(0.0, now_ms - at_ms) / 1000 for state, at_ms in since_ms.items()},
        )

    async def _line(self, team: TeamId) -> _Line:
        waiting = self._keys.waiting(team)
        queued, first, running, open_jobs = await asyncio.gather(
            self._client.read(("ZCARD", waiting)),
            self._client.read(("ZRANGE", waiting, 0, 0, "WITHSCORES")),
            self._client.read(("SCARD", self._keys.running(team))),
            self._client.read(("HGET", self._keys.team(team), "open")),
        )
        return _Line(
            queued=queued,
            running=running,
            open=int(open_jobs or 0),
            first_ms=float(first[1]) if first else None,
        )

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

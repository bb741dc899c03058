"""Lines over Redis: one sorted set for each team and provider, and an index of those in use."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from proxy.domain.ids import JobId, ProviderName
from proxy.domain.job import JobState
from proxy.gateway.ports.lines import JobStand, Line, LineState, Overview, Place
from proxy.store.codec import fields_of
from proxy.store.flags import FLAGS, FREEZE, flags_of, frozen_providers
from proxy.store.keys import PREFIX, line_of
from proxy.store.records import Records
from proxy.store.script import Script

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.domain.ids import TeamId
    from proxy.domain.job import Job
    from proxy.gateway.ports.runtime import Observer
    from proxy.store.client import Client
    from proxy.store.connection import Argument, Reply
    from proxy.store.keys import Keys


class RedisLines:
    """Lines over Redis. What changes them is the scripts of admission and of work."""

    def __init__(self, client: Client, keys: Keys, *, observer: Observer) -> None:
        self._client = client
        self._keys = keys
        self._records = Records(client, observer)
        self._lines = Script.load("lines")

    async def counts(self) -> Mapping[Line, int]:
        """How many jobs stand in each line that is not empty."""
        fields = fields_of(await self._client.read(("HGETALL", self._keys.lines())))
        return {_line(key): int(count) for key, count in fields.items()}

    async def read(self, limits: Mapping[Line, int]) -> list[LineState]:
        """The first jobs of lines, of each at most so many, all read at one instant."""
        keys = [self._keys.organisation(), self._keys.turns()]
        arguments: list[Argument] = []
        for line, limit in limits.items():
            keys += [
                self._keys.waiting(line.team, line.provider),
                self._keys.running(line.team),
                self._keys.team(line.team),
            ]
            arguments += [line.provider, limit]
        shared, *states = await self._lines.run(self._client, keys, arguments)
        flags = flags_of(shared)
        return [
            _state(line, state, limit, flags)
            for (line, limit), state in zip(limits.items(), states, strict=True)
        ]

    async def late(self, now_ms: int, *, limit: int) -> list[JobId]:
        """Queued jobs whose deadline has passed, or that only wait for their end."""
        key = self._keys.deadlines()
        ids = await self._client.read(("ZRANGEBYSCORE", key, "-inf", now_ms, "LIMIT", 0, limit))
        return [JobId(job.decode()) for job in ids]

    async def overview(self) -> Overview:
        """How all lines stand."""
        counts, times, flags = await asyncio.gather(
            self.counts(),
            self._client.read(("HGETALL", self._keys.turns())),
            self._client.read(("HGET", self._keys.organisation(), FLAGS)),
        )
        line_times: dict[Line, int] = {}
        provider_times: dict[ProviderName, int] = {}
        for name, time in fields_of(times).items():
            if name.startswith(PREFIX):
                line_times[_line(name)] = int(float(time))
            else:
                provider_times[ProviderName(name)] = int(float(time))
        shared = flags_of(flags)
        return Overview(
            counts=counts,
            line_times=line_times,
            provider_times=provider_times,
            frozen=FREEZE in shared,
            frozen_providers=frozen_providers(shared),
        )

    async def stands(self, jobs: Sequence[Job]) -> list[JobStand | None]:
        """Where jobs stand, all read in one round trip; None for one that is in no line."""
        teams = list(dict.fromkeys(job.team for job in jobs))
        of_jobs, of_teams = await asyncio.gather(
            asyncio.gather(*(self._place(job) for job in jobs)),
            asyncio.gather(*(self._under_way(team) for team in teams)),
        )
        known = dict(zip(teams, of_teams, strict=True))
        found: list[JobStand | None] = []
        for job, (rank, since_ms) in zip(jobs, of_jobs, strict=True):
            running, flags = known[job.team]
            is_gone = rank is None or since_ms is None
            found.append(
                None
                if is_gone
                else JobStand(
                    position=rank + 1,
                    since_ms=int(float(since_ms)),
                    running=running,
                    is_frozen=FREEZE in flags_of(flags),
                )
            )
        return found

    async def _place(self, job: Job) -> Reply:
        line = self._keys.waiting(job.team, job.candidate.provider)
        return await asyncio.gather(
            self._client.read(("ZRANK", line, job.id)),
            self._client.read(("ZSCORE", line, job.id)),
        )

    async def _under_way(self, team: TeamId) -> Reply:
        return await asyncio.gather(
            self._client.read(("SCARD", self._keys.running(team))),
            self._client.read(("HGET", self._keys.team(team), FLAGS)),
        )

    async def load(self, job: JobId, line: Line | None = None) -> Job | None:
        """A job that waits in a line (None: a late one), None when it waits no more.

        One that is gone, or whose record cannot be read, is set aside: it holds up nobody.
        """
        queue = self._keys.deadlines()
        if line is not None:
            queue = self._keys.waiting(line.team, line.provider)
        asked = self._client.read(("HGETALL", self._keys.job(job)))
        found = await self._records.readable(job, asked, queue)
        if found is None:
            await self._records.put_off(queue, job)
            return None
        has_moved = line is not None and found.candidate.provider != line.provider
        return found if found.state is JobState.QUEUED and not has_moved else None


def _line(key: str) -> Line:
    team, provider = line_of(key)
    return Line(team=team, provider=provider)


def _state(line: Line, reply: Reply, limit: int, shared: frozenset[str]) -> LineState:
    jobs, running, flags, time = reply
    places = tuple(
        Place(job=JobId(job.decode()), since_ms=int(float(since_ms)))
        for job, since_ms in zip(jobs[::2], jobs[1::2], strict=True)
    )
    is_frozen = FREEZE in shared or line.provider in frozen_providers(shared)
    return LineState(
        line=line,
        places=places,
        has_more=len(places) == limit,
        running=running,
        is_held=is_frozen or FREEZE in flags_of(flags),
        time=time,
    )

"""Jobs of any team, newest first: the lists of all teams read as one."""

from __future__ import annotations

import asyncio
import heapq
from typing import TYPE_CHECKING

from proxy.domain.ids import JobId, TeamId
from proxy.gateway.ports.jobs import Page
from proxy.store.codec import STATE_LETTERS, Unreadable, fields_of, job_of
from proxy.store.listing import SCAN_MAX, SCAN_STEP, Listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.job import Job, JobState
    from proxy.gateway.ports.jobs import Sought
    from proxy.store.client import Client
    from proxy.store.keys import Keys
    from proxy.store.listing import Place


class RedisJobSearch:
    """The port JobSearch over Redis."""

    def __init__(self, client: Client, keys: Keys, *, scan_max: int = SCAN_MAX) -> None:
        self._client = client
        self._keys = keys
        self._scan_max = scan_max
        self._listing = Listing(client, keys)

    async def find(self, sought: Sought, *, after: JobId | None, limit: int) -> Page:
        """One page; see the port. A record that cannot be read is left out."""
        teams = [sought.team] if sought.team is not None else await self._teams()
        place = await self._place(after) if after is not None else None
        found: list[Job] = []
        seen = 0
        while len(found) <= limit and seen < self._scan_max:
            count = SCAN_STEP if sought.state else limit + 1 - len(found)
            places = await self._places(teams, place, count, sought.since_ms)
            if not places:
                return _page(found, has_more=False, last=None)
            jobs = await self._read([JobId(name) for _, name in places], sought.state)
            found += [job for job in jobs if job is not None]
            place, seen = places[-1], seen + len(places)
        if len(found) > limit:
            return _page(found[:limit], has_more=True, last=None)
        return _page(found, has_more=True, last=JobId(place[1]) if place else None)

    async def _teams(self) -> list[TeamId]:
        members = await self._client.read(("SMEMBERS", self._keys.teams()))
        return [TeamId(member.decode()) for member in members]

    async def _place(self, job: JobId) -> Place | None:
        known = await self._load(job)
        return None if known is None else (float(known.created_at_ms), job)

    async def _places(
        self, teams: Sequence[TeamId], place: Place | None, count: int, since_ms: int | None
    ) -> list[Place]:
        """The next places of all teams together, newest first."""
        lists = await asyncio.gather(
            *(self._listing.places(team, place, count, is_ascending=False) for team in teams)
        )
        newest = heapq.nlargest(count, (each for listed in lists for each in listed))
        return [each for each in newest if since_ms is None or each[0] >= since_ms]

    async def _read(self, ids: Sequence[JobId], state: JobState | None) -> list[Job | None]:
        if state is not None:
            letter = STATE_LETTERS[state].encode()
            reads = (self._client.read(("HGET", self._keys.job(job), "s")) for job in ids)
            states = await asyncio.gather(*reads)
            ids = [job for job, found in zip(ids, states, strict=True) if found == letter]
        return list(await asyncio.gather(*(self._load(job) for job in ids)))

    async def _load(self, job: JobId) -> Job | None:
        fields = fields_of(await self._client.read(("HGETALL", self._keys.job(job))))
        try:
            return job_of(job, fields) if fields else None
        except Unreadable:
            return None


def _page(jobs: Sequence[Job], *, has_more: bool, last: JobId | None) -> Page:
    return Page(jobs=tuple(jobs), has_more=has_more, last=last or (jobs[-1].id if jobs else None))

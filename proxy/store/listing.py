"""A team's jobs in the order of their creation, page by page."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from proxy.domain.ids import JobId
from proxy.domain.job import Job, status_of
from proxy.gateway.ports.jobs import Page
from proxy.store.codec import CANCEL_FLAG, STATES, Unreadable, fields_of, job_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.ids import TeamId
    from proxy.domain.job import PublicStatus
    from proxy.store.client import Client
    from proxy.store.keys import Keys

    Place = tuple[float, str]

TIES = 32
"""How many jobs more than asked for are listed, for those created in the same millisecond."""
SCAN_STEP = 200
SCAN_MAX = 5_000


class Listing:
    """Reads lists of jobs. Records past their retention leave a list when they are met.

    `scan_max` bounds how many jobs are looked at for one page that wants jobs of one status.
    """

    def __init__(self, client: Client, keys: Keys, *, scan_max: int = SCAN_MAX) -> None:
        self._client = client
        self._keys = keys
        self._scan_max = scan_max

    async def page(
        self,
        team: TeamId,
        *,
        after: JobId | None,
        limit: int,
        is_ascending: bool,
        status: PublicStatus | None,
    ) -> Page:
        """One page; see the port. A record that cannot be read is left out, and where it is."""
        place = await self._place(team, after) if after is not None else None
        found: list[Job] = []
        reached, seen = after, 0
        while len(found) <= limit and seen < self._scan_max:
            count = limit + 1 - len(found) if status is None else SCAN_STEP
            ids, place = await self._listed(team, place, count, is_ascending=is_ascending)
            if not ids:
                return Page(jobs=tuple(found), has_more=False, last=_last(found))
            gone, jobs = await self._read(team, ids, status)
            found += jobs
            # One that is gone is no place to go on from: it stands in the list no more.
            reached = next((job for job in reversed(ids) if job not in gone), reached)
            seen += len(ids) if status is not None else 0
        if len(found) > limit:
            return Page(jobs=tuple(found[:limit]), has_more=True, last=_last(found[:limit]))
        return Page(jobs=tuple(found), has_more=True, last=reached)

    async def _read(
        self, team: TeamId, ids: list[JobId], status: PublicStatus | None
    ) -> tuple[set[JobId], list[Job]]:
        """Ids of those that are gone, which leave the list, and the jobs to show."""
        wanted = ids if status is None else await self._of_status(ids, status)
        read = await asyncio.gather(*(self._load(job) for job in wanted))
        gone = {job for job, record in zip(wanted, read, strict=True) if record is None}
        if gone:
            await self._client.read(("ZREM", self._keys.job_list(team), *sorted(gone)))
        return gone, [job for job in read if isinstance(job, Job) and not job.is_deleted]

    async def _of_status(self, ids: list[JobId], status: PublicStatus) -> list[JobId]:
        """Those of one status, and those that are gone: two small fields of each are read."""
        reads = (self._client.read(("HMGET", self._keys.job(job), "s", "x")) for job in ids)
        heads = await asyncio.gather(*reads)
        return [
            job
            for job, (state, flags) in zip(ids, heads, strict=True)
            if state is None or _is_of(state.decode(), (flags or b"").decode(), status)
        ]

    async def _load(self, job: JobId) -> Job | Unreadable | None:
        fields = fields_of(await self._client.read(("HGETALL", self._keys.job(job))))
        try:
            return job_of(job, fields) if fields else None
        except Unreadable as error:
            return error

    async def _place(self, team: TeamId, job: JobId) -> Place | None:
        score = await self._client.read(("ZSCORE", self._keys.job_list(team), job))
        if score is not None:
            return float(score), job
        record = await self._load(job)  # forgotten, but its place in time is still known
        if not isinstance(record, Job) or record.team != team:
            return None
        return float(record.created_at_ms), job

    async def _listed(
        self, team: TeamId, place: Place | None, count: int, *, is_ascending: bool
    ) -> tuple[list[JobId], Place | None]:
        """Up to `count` ids beyond a place, and the place of the last one."""
        listed = await self.places(team, place, count, is_ascending=is_ascending)
        return [JobId(name) for _, name in listed], listed[-1] if listed else place

    async def places(
        self, team: TeamId, place: Place | None, count: int, *, is_ascending: bool
    ) -> list[Place]:
        """Up to `count` places of jobs beyond a place: when each was created (ms), and its id."""
        key = self._keys.job_list(team)
        begin = "-inf" if is_ascending else "+inf"
        start = begin if place is None else repr(place[0])
        stop, direction = ("+inf", ()) if is_ascending else ("-inf", ("REV",))
        bounds = ("ZRANGE", key, start, stop, "BYSCORE", *direction)
        listed: list[Place] = []
        offset = 0
        while len(listed) < count:
            window = count + TIES
            reply = await self._client.read((*bounds, "LIMIT", offset, window, "WITHSCORES"))
            pairs = zip(reply[::2], reply[1::2], strict=True)
            found = [(float(score), name.decode()) for name, score in pairs]
            listed += [
                item
                for item in found
                if place is None or (item > place if is_ascending else item < place)
            ]
            offset += window
            if len(found) < window:
                break
        return listed[:count]


def _last(jobs: Sequence[Job]) -> JobId | None:
    return jobs[-1].id if jobs else None


def _is_of(letter: str, flags: str, status: PublicStatus) -> bool:
    state = STATES.get(letter)
    if state is None:
        return False
    return status is status_of(state, cancel_requested=CANCEL_FLAG in flags)

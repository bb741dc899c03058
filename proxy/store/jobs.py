"""Jobs as clients see them: reading, listing, cancelling."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from proxy.domain.ids import JobId
from proxy.domain.job import JobState
from proxy.gateway.ports.jobs import Page
from proxy.store.arguments import bucket_fields, bucket_states, bucket_terms, facts_of
from proxy.store.codec import STATE_LETTERS, fields_of, job_of
from proxy.store.script import Script
from proxy.store.steps import LIST_SLACK_MS, new_operation, step_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from proxy.domain.bucket import Bucket, BucketState
    from proxy.domain.ids import TeamId
    from proxy.domain.job import Job
    from proxy.store.client import Client
    from proxy.store.connection import Argument
    from proxy.store.keys import Keys

TIES = 32
"""How many jobs more than asked for are listed, for those created in the same millisecond."""
_OVER = (None, *(STATE_LETTERS[state].encode() for state in JobState if state.is_terminal))
"""Field `s` of a job that is gone or has ended."""


class RedisJobs:
    """Jobs over Redis. `retention_s` says for how long a team's jobs are kept after their end."""

    def __init__(
        self, client: Client, keys: Keys, *, retention_s: Callable[[TeamId], int]
    ) -> None:
        self._client = client
        self._keys = keys
        self._retention_s = retention_s
        self._spend = Script.load("spend")
        self._fetched = Script.load("fetched")
        self._cancel = Script.load("cancel")

    async def read(
        self, team: TeamId, job: JobId, buckets: Sequence[Bucket]
    ) -> tuple[Job | None, tuple[BucketState, ...]]:
        """Spend a token of each bucket and read a job, in one round trip.

        A lost reply costs one token at most. When a bucket refuses, the job is not read.
        """
        keys = [self._keys.team(team), self._keys.job(job)]
        fields, states = await self._spend_and_read(keys, buckets)
        found = job_of(job, fields) if fields else None
        return (found if found is not None and found.team == team else None), states

    async def load(self, job: JobId) -> Job | None:
        """Read a job of any team without spending anything."""
        fields = fields_of(await self._client.read(("HGETALL", self._keys.job(job))))
        return job_of(job, fields) if fields else None

    async def over(self, jobs: Sequence[JobId]) -> frozenset[JobId]:
        """Those of the jobs that ended, were cancelled, or are gone, in one round trip."""
        reads = (self._client.read(("HMGET", self._keys.job(job), "s", "x")) for job in jobs)
        found = await asyncio.gather(*reads)
        return frozenset(
            job for job, (state, flags) in zip(jobs, found, strict=True) if state in _OVER or flags
        )

    async def spend(self, team: TeamId, buckets: Sequence[Bucket]) -> tuple[BucketState, ...]:
        """Spend a token of each bucket, or none. A lost reply costs one token at most."""
        _, states = await self._spend_and_read([self._keys.team(team)], buckets)
        return states

    async def mark_fetched(self, job: Job) -> None:
        """Note that a client has read the job by its id; SDK retries no longer replay it."""
        keys = [self._keys.job(job.id), self._keys.tries(job.key, job.fingerprint)]
        await self._fetched.run(self._client, keys, [job.id])

    async def page(
        self, team: TeamId, *, after: JobId | None, limit: int, is_ascending: bool
    ) -> Page:
        """The team's jobs by creation time; an unknown `after` starts from the beginning.

        Records past their retention leave the list when they are met.
        """
        key = self._keys.job_list(team)
        place = await self._place(team, after) if after is not None else None
        jobs: list[Job] = []
        while len(jobs) <= limit:
            ids, place = await self._listed(
                key, place, limit + 1 - len(jobs), is_ascending=is_ascending
            )
            found = await asyncio.gather(*(self.load(job) for job in ids))
            jobs += [job for job in found if job is not None and not job.is_deleted]
            gone = [job for job, record in zip(ids, found, strict=True) if record is None]
            if gone:
                await self._client.read(("ZREM", key, *gone))
            if not ids:
                break
        return Page(jobs=tuple(jobs[:limit]), has_more=len(jobs) > limit)

    async def cancel(self, job: Job, *, is_forgotten: bool) -> Job:
        """Cancel a job, and forget it if asked; returns it as it stands then.

        Whoever cancels a job knows its id, so it counts as fetched.
        """
        if not job.is_fetched:
            await self.mark_fetched(job)
        while True:
            arguments: list[Argument] = [
                new_operation(),
                job.id,
                job.attempt.number,
                int(is_forgotten),
                self._retention_s(job.team),
                self._retention_s(job.team) * 1000 + LIST_SLACK_MS,
                facts_of(
                    job, job.attempt.candidate, account=job.attempt.account or "", by="cancelled"
                ),
            ]
            keys = step_keys(self._keys, job)
            status, reply = await self._cancel.run(self._client, keys, arguments)
            fields = fields_of(reply)
            if fields:
                job = job_of(job.id, fields)
            if status == b"done":
                return job

    async def queue_position(self, job: Job) -> int | None:
        """Place of a queued job among its team's, from 1; None when it waits no more."""
        rank = await self._client.read(("ZRANK", self._keys.waiting(job.team), job.id))
        return None if rank is None else rank + 1

    async def _spend_and_read(
        self, keys: Sequence[str], buckets: Sequence[Bucket]
    ) -> tuple[dict[str, bytes], tuple[BucketState, ...]]:
        terms = [len(buckets), *bucket_fields(buckets), *bucket_terms(buckets)]
        reply = await self._spend.run(self._client, keys, [1, *terms], again=[0, *terms])
        now_us, _, is_spent, fields, *times = reply
        states = bucket_states(buckets, times, now_us, is_spent=bool(is_spent))
        return fields_of(fields), states

    async def _place(self, team: TeamId, job: JobId) -> tuple[float, str] | None:
        score = await self._client.read(("ZSCORE", self._keys.job_list(team), job))
        if score is not None:
            return float(score), job
        record = await self.load(job)  # forgotten, but its place in time is still known
        if record is None or record.team != team:
            return None
        return float(record.created_at_ms), job

    async def _listed(
        self, key: str, place: tuple[float, str] | None, count: int, *, is_ascending: bool
    ) -> tuple[list[JobId], tuple[float, str] | None]:
        """Up to `count` ids beyond a place, and the place of the last one."""
        begin = "-inf" if is_ascending else "+inf"
        start = begin if place is None else repr(place[0])
        stop, direction = ("+inf", ()) if is_ascending else ("-inf", ("REV",))
        bounds = ("ZRANGE", key, start, stop, "BYSCORE", *direction)
        listed: list[tuple[float, str]] = []
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
        listed = listed[:count]
        return [JobId(name) for _, name in listed], listed[-1] if listed else place

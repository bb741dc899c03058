"""Jobs as clients see them: reading, listing, cancelling."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.errors import KEY_REVOKED, Unauthenticated
from proxy.domain.forgetting import forgotten
from proxy.domain.ids import KeyId
from proxy.domain.job import mark, status_of
from proxy.gateway.ports.jobs import Cancelled, Glimpse
from proxy.store.announcing import Announcing
from proxy.store.arguments import bucket_fields, bucket_states, bucket_terms
from proxy.store.codec import CANCEL_FLAG, DAMAGE, STATES, fields_of, job_of, work_of
from proxy.store.entries import attempt_facts, person_facts
from proxy.store.expiry import Expiry
from proxy.store.listing import Listing
from proxy.store.packing import pack
from proxy.store.script import Script, insist
from proxy.store.steps import new_operation, step_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from proxy.domain.bucket import Bucket, BucketState
    from proxy.domain.ids import JobId, TeamId
    from proxy.domain.job import Job, PublicStatus
    from proxy.gateway.ports.jobs import Page
    from proxy.gateway.ports.ledger import Mandate
    from proxy.gateway.ports.notices import Announcer
    from proxy.store.client import Client
    from proxy.store.connection import Argument, Reply
    from proxy.store.keys import Keys

CANCEL_S = 3.0
"""How long a cancel waits for an answer of a store that is away."""
UNREADABLE = "unreadable"
NO_KEY = KeyId("")
"""Stands where no API key asks; nobody can revoke it."""
REVOKED = -1
"""What spend.lua says instead of "allowed" about a revoked key."""


class RedisJobs:
    """Jobs over Redis. `retention_s` says for how long a team's jobs are kept after their end.

    The `announcer` says who is told of it.
    """

    def __init__(
        self,
        client: Client,
        keys: Keys,
        *,
        retention_s: Callable[[TeamId], int],
        announcer: Announcer | None = None,
    ) -> None:
        self._client = client
        self._keys = keys
        self._retention_s = retention_s
        self._spend = Script.load("spend")
        self._fetched = Script.load("fetched")
        self._cancel = Script.load("cancel")
        self._listing = Listing(client, keys)
        self._expiry = Expiry(client, keys, retention_s=retention_s)
        self._announcing = Announcing(keys, announcer)

    async def read(
        self, team: TeamId, job: JobId, buckets: Sequence[Bucket], *, key: KeyId
    ) -> tuple[Job | None, tuple[BucketState, ...]]:
        """Spend a token of each bucket and read a job, in one round trip.

        A lost reply costs one token at most. When a bucket refuses, the job is not read.

        Raises:
            Unauthenticated: the API key was revoked.
        """
        keys = [self._keys.team(team), self._keys.job(job)]
        fields, states = await self._spend_and_read(keys, buckets, key)
        found = job_of(job, fields) if fields else None
        return (found if found is not None and found.team == team else None), states

    async def load(self, job: JobId) -> Job | None:
        """Read a job of any team without spending anything."""
        fields = fields_of(await self._client.read(("HGETALL", self._keys.job(job))))
        return job_of(job, fields) if fields else None

    async def glimpses(self, jobs: Sequence[JobId]) -> Mapping[JobId, Glimpse]:
        """What clients would see of these jobs, in one round trip."""
        reads = (
            self._client.read(("HMGET", self._keys.job(job), "s", "x", "n", "w")) for job in jobs
        )
        found = await asyncio.gather(*reads)
        return {job: _glimpse(*fields) for job, fields in zip(jobs, found, strict=True)}

    async def spend(
        self, team: TeamId, buckets: Sequence[Bucket], *, key: KeyId
    ) -> tuple[BucketState, ...]:
        """Spend a token of each bucket, or none. A lost reply costs one token at most.

        Raises:
            Unauthenticated: the API key was revoked.
        """
        _, states = await self._spend_and_read([self._keys.team(team)], buckets, key)
        return states

    async def spend_as_admin(self, buckets: Sequence[Bucket]) -> tuple[BucketState, ...]:
        """Spend a token of each bucket of an administrator's, or none."""
        keys = [self._keys.organisation()]
        _, states = await self._spend_and_read(keys, buckets, NO_KEY)
        return states

    async def mark_fetched(self, job: Job) -> None:
        """Note that a client has read the job by its id; SDK retries no longer replay it."""
        keys = [self._keys.job(job.id), self._keys.tries(job.key, job.fingerprint)]
        await self._fetched.run(self._client, keys, [job.id])

    async def page(
        self,
        team: TeamId,
        *,
        after: JobId | None,
        limit: int,
        is_ascending: bool,
        status: PublicStatus | None = None,
    ) -> Page:
        """The team's jobs by creation time; an unknown `after` starts from the beginning."""
        return await self._listing.page(
            team, after=after, limit=limit, is_ascending=is_ascending, status=status
        )

    async def cancel(
        self, job: Job, *, is_forgotten: bool, mandate: Mandate | None = None
    ) -> Cancelled:
        """Cancel a job, and forget it if asked.

        Whoever cancels a job knows its id, so it counts as fetched. Insists on an answer for a
        while: a second cancel could not tell that it was the first one that ended the job.
        """
        if not job.is_fetched:
            await self.mark_fetched(job)
        while True:
            operation = new_operation()
            over = replace(job, cancel_requested=True)
            ended, letters = self._announcing.of(over, charged_micro_usd=job.charged_micro_usd)
            arguments: list[Argument] = [
                operation,
                job.id,
                job.attempt.number,
                int(is_forgotten),
                self._retention_s(job.team),
                pack(replace(job, request=forgotten(job.request))) if is_forgotten else "",
                attempt_facts(job, job.attempt, by="cancelled"),
                ended,
                self._announcing.of(over, charged_micro_usd=None)[0],
            ]
            keys = [*step_keys(self._keys, job), self._keys.audit(), *letters]
            if mandate is not None:
                who = [mandate.operation, mandate.actor, mandate.role, mandate.reason]
                arguments += [*who, person_facts(mandate.actor, mandate.reason)]
            status, reply = await self._insist_on_cancel(keys, arguments)
            fields = fields_of(reply)
            if fields:
                job = job_of(job.id, fields)
            if status == b"done":
                return Cancelled(job=job, has_ended_it=fields.get("l") == operation.encode())

    async def _insist_on_cancel(self, keys: list[str], arguments: list[Argument]) -> Reply:
        return await insist(
            lambda: self._cancel.run(self._client, keys, arguments), at_most_s=CANCEL_S
        )

    async def expire(self, now_ms: int) -> int:
        """Remove records that their teams keep no longer; returns how many."""
        return await self._expiry.run(now_ms)

    async def _spend_and_read(
        self, keys: Sequence[str], buckets: Sequence[Bucket], key: KeyId
    ) -> tuple[dict[str, bytes], tuple[BucketState, ...]]:
        terms = [len(buckets), key, *bucket_fields(buckets), *bucket_terms(buckets)]
        reply = await self._spend.run(self._client, keys, [1, *terms], again=[0, *terms])
        now_us, allowed, is_spent, fields, *times = reply
        if allowed == REVOKED:
            raise Unauthenticated(KEY_REVOKED)
        states = bucket_states(buckets, times, now_us, is_spent=bool(is_spent))
        return fields_of(fields), states


def _glimpse(
    state: bytes | None, flags: bytes | None, number: bytes | None, work: bytes | None
) -> Glimpse:
    if state is None or number is None:
        return Glimpse(is_over=True, mark="")
    is_cancelled = CANCEL_FLAG.encode() in (flags or b"")
    try:
        status = status_of(STATES[state.decode()], cancel_requested=is_cancelled)
        seen = mark(status, attempt=int(number), progress=work_of(work).progress)
    except DAMAGE:
        # Whoever reads it whole is told; nobody else's look fails for it.
        return Glimpse(is_over=False, mark=UNREADABLE)
    return Glimpse(is_over=status.is_last or bool(flags), mark=seen)

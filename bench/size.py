"""Redis memory per finished job: growth of used_memory over many whole lives, ledger included."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bench.sample import Sampler
from proxy.domain.job import JobState
from proxy.domain.video import Artifact
from proxy.domain.video_event import message_id
from proxy.gateway.ports.admission import Accepted
from proxy.gateway.ports.jobs import NotBegun, Settle
from proxy.gateway.ports.notices import Outcome, Reply, Sending
from proxy.store.admission import RedisAdmission
from proxy.store.client import Client
from proxy.store.jobs import RedisJobs
from proxy.store.keys import Keys
from proxy.store.outbox import RedisOutbox, letter_id
from proxy.store.work import RedisWork
from proxy.telemetry.observers import Fanout

if TYPE_CHECKING:
    from proxy.domain.ids import TeamId
    from proxy.domain.job import Job
    from proxy.gateway.ports.notices import Announcer
    from proxy.store.address import Address

AT_ONCE = 100
RETENTION_S = 90 * 24 * 3600
ARTIFACT_BYTES = 8_123_456


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Bytes of used_memory per finished job, as left behind and once its client has fetched it."""

    jobs: int
    bytes_per_job: float
    bytes_per_fetched_job: float


async def measure_size(address: Address, *, jobs: int, announcer: Announcer | None = None) -> Size:
    """Let `jobs` jobs live from admission to a settled end, then weigh what is left of them.

    With an `announcer` each end is told, and taken.
    """
    client, keys = Client(address), Keys()
    # SYNC: what is freed in the background would still count before, and be missing after.
    await client.call(("FLUSHALL", "SYNC"))
    life = _Life(client, keys, announcer)
    await life.run()  # what is there once, whatever the number of jobs
    before = await _used_bytes(client)
    finished = []
    for _ in range(0, jobs, AT_ONCE):
        finished += await asyncio.gather(*(life.run() for _ in range(AT_ONCE)))
    after = await _used_bytes(client)
    for start in range(0, len(finished), AT_ONCE):
        batch = finished[start : start + AT_ONCE]
        await asyncio.gather(*(life.jobs.mark_fetched(job) for job in batch))
    fetched = await _used_bytes(client)
    await client.call(("FLUSHALL", "SYNC"))
    await client.close()
    return Size(
        jobs=len(finished),
        bytes_per_job=(after - before) / len(finished),
        bytes_per_fetched_job=(fetched - before) / len(finished),
    )


class _Life:
    """One job from its create to its end, by the steps that the gateway takes."""

    def __init__(self, client: Client, keys: Keys, announcer: Announcer | None) -> None:
        self._admission = RedisAdmission(client, keys)
        self._work = RedisWork(
            client, keys, retention_s=_retention_s, observer=Fanout(), announcer=announcer
        )
        self._announcer = announcer
        self._outbox = RedisOutbox(client, keys)
        self.jobs = RedisJobs(client, keys, retention_s=_retention_s)
        self._sampler = Sampler()
        self._tasks = 0

    async def run(self) -> Job:
        admitted = await self._admission.admit(self._sampler.command(time.time_ns() // 1_000_000))
        if not isinstance(admitted, Accepted):
            raise TypeError(admitted)
        job = await self._work.begin(admitted.job, account="main", running_max=10**6, lease_s=30)
        if isinstance(job, NotBegun):
            raise TypeError(job)
        self._tasks += 1
        operation: dict[str, object] = {"task_id": f"84123{self._tasks:014d}"}
        attempt = replace(job.attempt, operation=operation)
        running = replace(job, state=JobState.RUNNING, attempts=(attempt,))
        job = await self._work.commit(job, running, due_in_s=0)
        [job] = await self._work.claim([job.id], lease_s=30)
        storing = replace(job, state=JobState.STORING, work=replace(job.work, polls=4))
        job = await self._work.commit(job, storing, due_in_s=30)
        ended = await self._work.finish(job, self._completed(job), _settle(job))
        if self._announcer is not None:
            await self._take_letters(ended, self._announcer)
        return ended

    async def _take_letters(self, job: Job, announcer: Announcer) -> None:
        announcement = announcer.of(job, charged_micro_usd=job.charged_micro_usd)
        for addressee in announcement.addressees if announcement else ():
            name = letter_id(message_id(job.id), addressee.receiver)
            letter = await self._outbox.take(name, lease_s=30, patience_s=3600)
            if letter is None:
                raise LookupError(name)
            reply = Reply(status=204)
            taken = Sending(outcome=Outcome.DELIVERED, reply=reply, took_s=0.123)
            await self._outbox.note(letter, taken)

    def _completed(self, job: Job) -> Job:
        return replace(
            job,
            state=JobState.COMPLETED,
            artifact=Artifact(
                sha256=job.fingerprint, size_bytes=ARTIFACT_BYTES, media_type="video/mp4"
            ),
            artifact_expires_at_ms=job.created_at_ms + RETENTION_S * 1000,
        )


def _settle(job: Job) -> Settle:
    return Settle(charged_micro_usd=job.attempt.reserved_micro_usd, by="price_book")


def _retention_s(team: TeamId) -> int:
    del team
    return RETENTION_S


async def _used_bytes(client: Client) -> int:
    for line in (await client.read(("INFO", "memory"))).decode().splitlines():
        name, _, value = line.partition(":")
        if name == "used_memory":
            return int(value)
    raise AssertionError

"""Admission: one script decides about a create and writes all of it, or nothing."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.bucket import LimitMode
from proxy.domain.ids import JobId
from proxy.domain.job import Attempt, JobState
from proxy.domain.period import FOREVER_MS
from proxy.gateway.ports.admission import (
    TOO_MANY_JOBS_RETRY_S,
    Accepted,
    BucketEmpty,
    CoolingDown,
    Frozen,
    KeyConflict,
    OverBudget,
    PeriodMoved,
    Replayed,
    Revoked,
    TooManyOpen,
)
from proxy.store.arguments import (
    Books,
    bucket_fields,
    bucket_states,
    bucket_terms,
    lines_of,
)
from proxy.store.codec import fields_of, job_of
from proxy.store.entries import job_facts
from proxy.store.flags import refusals_field
from proxy.store.packing import pack
from proxy.store.script import Script
from proxy.store.steps import new_operation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.bucket import BucketState
    from proxy.domain.ids import KeyId
    from proxy.domain.job import Job
    from proxy.gateway.ports.admission import AdmitCommand, AdmitResult
    from proxy.store.client import Client
    from proxy.store.connection import Argument, Reply
    from proxy.store.keys import Keys

FIRST_LINE = 11
"""Where the providers' lines begin in KEYS."""
VALUES = 5
"""How many values stand between the clock and the buckets in the script's reply."""


class RedisAdmission:
    """Admission over Redis."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self.script = Script.load("admit")
        self._note_refusal = Script.load("note_refusal")

    async def admit(self, command: AdmitCommand) -> AdmitResult:
        """Admit a job all or nothing; asked twice for one job id, it answers the same.

        Raises:
            StoreUnavailable: nobody knows whether the job was admitted; asking again tells.
        """
        books = Books.of(command.job.team, command.balances)
        arguments = arguments_of(command, books, not_after_ms=self._not_after_ms(command))
        reply = await self.script.run(self._client, self.keys_of(command), arguments)
        code, now_us, *values = reply
        (first, second, third, passed, cooling), times = values[:VALUES], values[VALUES:]
        buckets = bucket_states(command.buckets, times, now_us, is_spent=code in (b"A", b"D"))
        if code == b"A":
            job = _accepted(command.job, first, second, third)
            passed = books.named(passed)
            return Accepted(job=job, buckets=buckets, passed=passed, is_cooling=cooling > 0)
        if code == b"D":
            fields = fields_of(first)
            job = job_of(command.job.id, fields)
            return Accepted(job=job, buckets=buckets, passed=books.named(fields.get("g", b"")))
        if code == b"R":
            return await self._replayed(command, JobId(first.decode()), buckets)
        return _refused(reply, books, buckets)

    async def note_refusal(
        self, key: KeyId, fingerprint: str, *, sdk_try: int, retry_after_s: int
    ) -> None:
        """Remember a create that was refused before admission, where its next try must know."""
        keys = [self._keys.tries(key, fingerprint)]
        arguments: list[Argument] = [new_operation(), sdk_try, retry_after_s]
        await self._note_refusal.run(self._client, keys, arguments)

    def _not_after_ms(self, command: AdmitCommand) -> int:
        """When nobody waits for the answer any more: a create that was refused stays refused."""
        if command.asked_at_ms is None:
            return FOREVER_MS
        return command.asked_at_ms + self._client.patience_ms

    def keys_of(self, command: AdmitCommand) -> list[str]:
        """KEYS of the admit script."""
        keys, job = self._keys, command.job
        tries = keys.tries(job.key, job.fingerprint)
        idempotency = tries
        if command.idempotency_key is not None:
            idempotency = keys.idempotency(job.key, command.idempotency_key)
        return [
            keys.job(job.id),
            keys.team(job.team),
            keys.organisation(),
            keys.job_list(job.team),
            keys.lines(),
            keys.ledger(),
            tries,
            keys.teams(),
            idempotency,
            keys.deadlines(),
            *lines_of(keys, job, command.bids),
        ]

    async def _replayed(
        self, command: AdmitCommand, job: JobId, buckets: tuple[BucketState, ...]
    ) -> AdmitResult:
        fields = fields_of(await self._client.read(("HGETALL", self._keys.job(job))))
        if fields:
            return Replayed(job=job_of(job, fields), buckets=buckets)
        # Its record is past retention: the binding outlived what it was bound to.
        stale = self._keys.tries(command.job.key, command.job.fingerprint)
        if command.idempotency_key is not None:
            stale = self._keys.idempotency(command.job.key, command.idempotency_key)
        await self._client.call(("DEL", stale), resend=("DEL", stale))
        return await self.admit(command)


def arguments_of(
    command: AdmitCommand, books: Books, *, not_after_ms: int = FOREVER_MS
) -> list[Argument]:
    """ARGV of the admit script, in the order its header gives."""
    job = command.job
    start_ms, end_ms = books.bounds_ms()
    return [
        job.id,
        pack(job),
        job.created_at_ms,
        command.queued_max,
        command.sdk_try,
        job.fingerprint,
        job.team,
        len(command.buckets),
        books.of_team,
        books.of_organisation,
        len(command.bids),
        start_ms,
        min(end_ms, not_after_ms),
        TOO_MANY_JOBS_RETRY_S,
        job_facts(job),
        "" if command.cool_down is None else refusals_field(job.key),
        int(command.cool_down is LimitMode.SHADOW),
        "open",
        *bucket_fields(command.buckets),
        *books.fields(),
        *bucket_terms(command.buckets),
        *books.limits(),
        *books.bids(job, command.bids, first_line=FIRST_LINE),
        job.deadline_at_ms,
    ]


_REFUSED: Mapping[bytes, AdmitResult] = MappingProxyType({b"K": KeyConflict(), b"X": Revoked()})
"""Refusals that say nothing more."""


def _refused(reply: Reply, books: Books, buckets: tuple[BucketState, ...]) -> AdmitResult:
    code, now_us, first, second, third, fourth, fifth, *_ = reply
    found: AdmitResult
    match code:
        case b"L":
            found = BucketEmpty(buckets=buckets)
        case b"M":
            found = CoolingDown(left_ms=first, buckets=buckets)
        case b"O":
            found = TooManyOpen(open_jobs=first, buckets=buckets)
        case b"P":
            found = PeriodMoved(now_ms=now_us // 1000)
        case b"F":
            found = Frozen(what=first.decode())
        case b"B":
            found = OverBudget(
                balance=books.balances[first],
                quote_micro_usd=second,
                spent_micro_usd=third,
                reserved_micro_usd=fourth,
                buckets=buckets,
                lifted_micro_usd=fifth,
            )
        case _:
            found = _REFUSED[code]
    return found


def _accepted(job: Job, candidate: int, micro_usd: int, now_ms: int) -> Job:
    attempt = Attempt(
        number=1, candidate=candidate, reserved_micro_usd=micro_usd, reserved_at_ms=now_ms
    )
    return replace(job, state=JobState.QUEUED, fence=0, attempts=(attempt,))

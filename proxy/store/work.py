"""The worker's side of the store: queues, leases, fences, and the steps that move money."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.ids import JobId, TeamId
from proxy.domain.job import JobState
from proxy.domain.turn import TURN
from proxy.gateway.ports.admission import PeriodMoved
from proxy.gateway.ports.jobs import NotBegun, Settle
from proxy.store.announcing import Announcing
from proxy.store.arguments import Books, lines_of
from proxy.store.codec import (
    STATE_LETTERS,
    attempt_text,
    end_text,
    submitted_text,
    work_text,
)
from proxy.store.entries import attempt_facts, job_facts, person_facts
from proxy.store.flags import refusals_field
from proxy.store.records import Records
from proxy.store.script import Script, insist
from proxy.store.steps import STEP_KEYS, new_operation, step_keys, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from proxy.domain.job import Job
    from proxy.domain.moderation import Moderation
    from proxy.gateway.ports.jobs import NextAttempt, Resolve
    from proxy.gateway.ports.ledger import Mandate
    from proxy.gateway.ports.notices import Announcer
    from proxy.gateway.ports.runtime import Observer
    from proxy.store.client import Client
    from proxy.store.connection import Argument
    from proxy.store.keys import Keys


class RedisWork:
    """Work over Redis. `retention_s` says for how long a team's jobs are kept after their end.

    The `announcer` says who is told of it.
    """

    def __init__(
        self,
        client: Client,
        keys: Keys,
        *,
        retention_s: Callable[[TeamId], int],
        observer: Observer,
        announcer: Announcer | None = None,
    ) -> None:
        self._client = client
        self._keys = keys
        self._retention_s = retention_s
        self._records = Records(client, observer)
        self._announcing = Announcing(keys, announcer)
        self._due = Script.load("due")
        self._claim = Script.load("claim")
        self._begin = Script.load("begin")
        self._commit = Script.load("commit")
        self._finish = Script.load("finish")
        self._fail_over = Script.load("fail_over")

    async def due(self, limit: int) -> tuple[list[JobId], float | None]:
        """Ids of jobs whose step is due, and seconds until the next after them (None: no more)."""
        ids, wait_ms = await self._due.run(self._client, [self._keys.due()], [limit, 0])
        wait_s = None if wait_ms < 0 else wait_ms / 1000
        return [JobId(job.decode()) for job in ids], wait_s

    async def claim(self, jobs: Sequence[JobId], *, lease_s: float) -> list[Job]:
        """Lease due jobs to this worker, raising their fences; those taken by others are out.

        One whose record cannot be read is set aside, and keeps nobody from the others.
        """
        claimed = await asyncio.gather(*(self._claim_one(job, lease_s) for job in jobs))
        return [job for job in claimed if job is not None]

    async def begin(
        self, job: Job, *, account: str, running_max: int, lease_s: float, cost: int = TURN
    ) -> Job | NotBegun:
        """Write the intent to submit the current attempt at an account, leased and fenced.

        That is the turn of the job's line; `cost` is how far its virtual time moves on.

        Insists on an answer for a while: an intent that was written without our knowing would
        look like a submit of unknown outcome to whoever finds it.
        """
        attempt = replace(job.attempt, account=account, error=None)
        arguments: list[Argument] = [
            *self._head(job),
            attempt_text(attempt),
            running_max,
            _milliseconds(lease_s),
            job.candidate.provider,
            cost,
            account,
        ]
        keys = [*step_keys(self._keys, job), self._keys.turns()]
        reply = await insist(
            lambda: self._begin.run(self._client, keys, arguments), at_most_s=lease_s / 2
        )
        if reply[0] == b"full":
            return NotBegun.TEAM_FULL
        if reply[0] in (b"frozen", b"drained"):
            return NotBegun(reply[0].decode())
        if reply[0] == b"lost":
            return NotBegun.TAKEN
        return stored(replace(job, attempts=(*job.attempts[:-1], attempt)), reply)

    async def commit(
        self, before: Job, after: Job, *, due_in_s: float, keeps_lease: bool = False
    ) -> Job:
        """Store a step that moves no money; `after.state` queued puts the job back in its queue.

        With `keeps_lease` the caller goes on with the job: no hint cuts `due_in_s` short.

        Insists on an answer where the state changes, as `finish` does.

        Raises:
            LostLease: another worker holds the job, or it is not in `before.state` any more.
        """
        assert not after.state.is_terminal, after.state
        arguments: list[Argument] = [
            *self._head(before, keeps_lease=keeps_lease),
            STATE_LETTERS[after.state],
            _milliseconds(due_in_s),
            STATE_LETTERS[before.state],
            before.deadline_at_ms,
            *_changes(before, after),
        ]
        keys = step_keys(self._keys, before)
        if after.state is before.state:
            return stored(after, await self._commit.run(self._client, keys, arguments))
        reply = await insist(lambda: self._commit.run(self._client, keys, arguments))
        return stored(after, reply)

    async def finish(
        self,
        before: Job,
        after: Job,
        resolve: Resolve,
        *,
        mandate: Mandate | None = None,
        strike: Moderation | None = None,
    ) -> Job:
        """Resolve the current attempt and end the job, in one step.

        Insists on an answer until it comes, however long the store is away: if the job ended and
        nobody knew, nobody would ever tell of its money.

        A job with a requested cancel ends as cancelled whatever `after.state` says. `mandate` is
        that of a person who decided it; it goes on record with the end. With a `strike` the
        refusal of the content is counted against the job's key, by that rule.

        Raises:
            LostLease: another worker holds the job, or it is gone.
            AlreadyEnded: it had ended before; its first resolution stands.
        """
        told, letters = self._told(before, after, resolve)
        arguments = [*self._ending(before, after, resolve), _strike(before, strike), told]
        keys = [*step_keys(self._keys, before), self._keys.audit(), *letters]
        if mandate is not None:
            arguments = [mandate.operation, *arguments[1:], *_mandated(mandate)]
        reply = await insist(lambda: self._finish.run(self._client, keys, arguments))
        return stored(after, reply)

    async def fail_over(
        self,
        before: Job,
        after: Job,
        resolve: Resolve,
        following: NextAttempt,
        *,
        wait_s: float,
        or_stay: bool = False,
    ) -> Job | PeriodMoved | None:
        """Resolve the current attempt, reserve the first bid that fits, queue the job again.

        If none fits, or a cancel was requested, the job ends as `after` says; with `or_stay`,
        where none fits nothing is done and the answer is None. Insists on an answer as `finish`
        does.

        Raises:
            LostLease: another worker holds the job, or it is gone.
            AlreadyEnded: it had ended before; its first resolution stands.
        """
        books = Books.of(before.team, following.balances)
        told, letters = self._told(before, after, resolve)
        arguments = [
            *self._ending(before, after, resolve),
            _milliseconds(wait_s),
            books.of_team,
            books.of_organisation,
            len(following.bids),
            *books.bounds_ms(),
            job_facts(before),
            int(or_stay),
            told,
            *books.fields(),
            *books.limits(),
            *books.bids(before, following.bids, first_line=STEP_KEYS + len(letters) + 1),
            before.deadline_at_ms,
        ]
        lines = lines_of(self._keys, before, following.bids)
        keys = [*step_keys(self._keys, before), *letters, *lines]
        reply = await insist(lambda: self._fail_over.run(self._client, keys, arguments))
        if reply[0] == b"moved":
            return PeriodMoved(now_ms=reply[1])
        return None if reply[0] == b"stays" else stored(after, reply)

    async def _claim_one(self, job: JobId, lease_s: float) -> Job | None:
        keys = [self._keys.job(job), self._keys.due()]
        operation = new_operation(keeps_lease=True)
        arguments: list[Argument] = [operation, job, _milliseconds(lease_s)]
        asked = self._claim.run(self._client, keys, arguments)
        return await self._records.readable(job, asked, self._keys.due())

    def _head(self, before: Job, *, keeps_lease: bool = False) -> list[Argument]:
        operation = new_operation(keeps_lease=keeps_lease)
        return [operation, before.fence, before.attempt.number, before.id]

    def _told(self, before: Job, after: Job, resolve: Resolve) -> tuple[str, list[str]]:
        """Whom to tell of an end, unless a cancel has told them already, and their keys."""
        charged = resolve.charged_micro_usd if isinstance(resolve, Settle) else 0
        return self._announcing.of(after, charged_micro_usd=before.charged_micro_usd + charged)

    def _ending(self, before: Job, after: Job, resolve: Resolve) -> list[Argument]:
        assert after.state.is_terminal, after.state
        is_settled = isinstance(resolve, Settle)
        return [
            *self._head(before),
            STATE_LETTERS[after.state],
            end_text(after),
            submitted_text(after.attempt),
            self._retention_s(before.team),
            "s" if is_settled else "r",
            resolve.charged_micro_usd if isinstance(resolve, Settle) else 0,
            resolve.by,
            attempt_facts(before, after.attempt, by=resolve.by),
            _outcome(after),
        ]


def _changes(before: Job, after: Job) -> list[Argument]:
    """Fields that differ, each with its new value."""
    number = after.attempt.number
    texts = (
        ("w", work_text(before.work), work_text(after.work)),
        (f"o{number}", submitted_text(before.attempt), submitted_text(after.attempt)),
        ("e", end_text(before), end_text(after)),
    )
    changes: list[Argument] = []
    for field, old, new in texts:
        if old != new:
            changes += [field, new]
    return changes


def _mandated(mandate: Mandate) -> list[Argument]:
    """What finish.lua takes more when a person decided: for the audit, and for the entry."""
    who: list[Argument] = [mandate.operation, mandate.actor, mandate.role, mandate.reason]
    return [*who, "resolve", person_facts(mandate.actor, mandate.reason)]


def _strike(job: Job, rule: Moderation | None) -> str:
    """What strike.lua takes; '' counts nothing."""
    if rule is None:
        return ""
    field = refusals_field(job.key)
    return f"{field} {rule.refusals} {rule.within_ms} {rule.cool_down_ms}"


def _outcome(after: Job) -> str:
    """What an attempt came to, in the ledger's words; a cancel in between is the script's."""
    if after.state is JobState.FAILED and after.error is not None:
        return after.error.code
    return after.state.value


def _milliseconds(seconds: float) -> int:
    return max(0, round(seconds * 1000))

"""A store that was lost, put right again from the ledger's entries."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.ids import JobId, TeamId, job_of_attempt
from proxy.gateway.ports.restore import Outlook
from proxy.store.changes import mandated, override_id, owned, posted
from proxy.store.codec import Unreadable, fields_of, job_of
from proxy.store.connection import ReplyError
from proxy.store.entries import facts_text, short_name
from proxy.store.flags import lines_of
from proxy.store.script import Script

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from proxy.domain.ids import AttemptId
    from proxy.domain.job import Job
    from proxy.domain.ledger import Entry
    from proxy.domain.proof import Sums
    from proxy.domain.recovery import End, Lift
    from proxy.gateway.ports.ledger import Mandate, NotPosted, Posted
    from proxy.store.client import Client
    from proxy.store.connection import Argument
    from proxy.store.keys import Keys
    from proxy.store.ledger import RedisLedger

ACTION = "restore"
"""What the audit calls the end of a lost attempt."""
READ_AT_ONCE = 100


class RedisRepairs:
    """The port Repairs over Redis."""

    def __init__(self, client: Client, keys: Keys, ledger: RedisLedger) -> None:
        self._client = client
        self._keys = keys
        self._ledger = ledger
        self._rebuild = Script.load("rebuild")
        self._end_lost = Script.load("end_lost")
        self._overtake = Script.load("overtake")

    async def balances(self) -> tuple[str, Mapping[str, Sums]]:
        """Every balance by its full name, and the last entry at that instant ("" for none)."""
        return await self._ledger.balances()

    async def rebuild(
        self,
        team: TeamId | None,
        sums: Mapping[str, Sums],
        lifts: Sequence[Lift],
        *,
        as_of: str,
    ) -> bool:
        """Set balances and live overrides of one owner, if the ledger's last entry is `as_of`."""
        keys, named = self._keys, team or TeamId("")
        owner = keys.organisation() if team is None else keys.team(team)
        arguments: list[Argument] = [as_of or "-", named, _lift_lines(named, lifts)]
        for name, each in sums.items():
            short = short_name(named, name)
            arguments += [f"{short}|s", each.spent_micro_usd]
            arguments += [f"{short}|r", each.reserved_micro_usd]
        return bool(
            await self._rebuild.run(self._client, [keys.ledger(), owner, keys.teams()], arguments)
        )

    async def unfinished(self) -> Sequence[Job]:
        """Every job that stands in a queue; those whose record cannot be read are left out."""
        lines = await self._client.read(("HKEYS", self._keys.lines()))
        queues = [self._keys.due(), *sorted(line.decode() for line in lines)]
        ids = [
            JobId(job.decode())
            for queue in queues
            for job in await self._client.read(("ZRANGE", queue, 0, -1))
        ]
        found: list[Job] = []
        for first in range(0, len(ids), READ_AT_ONCE):
            some = await asyncio.gather(*map(self._read, ids[first : first + READ_AT_ONCE]))
            found += [job for job in some if job is not None and not job.state.is_terminal]
        return found

    async def recorded(self, attempts: Collection[AttemptId]) -> frozenset[AttemptId]:
        """Those of the attempts of which their job's record knows."""
        names = sorted(attempts)
        known: set[AttemptId] = set()
        for first in range(0, len(names), READ_AT_ONCE):
            some = names[first : first + READ_AT_ONCE]
            answers = await asyncio.gather(*map(self._is_recorded, some))
            known |= {name for name, is_so in zip(some, answers, strict=True) if is_so}
        return frozenset(known)

    async def end_lost(
        self, reserve: Entry, outlook: Outlook, mandate: Mandate
    ) -> Posted | NotPosted:
        """End an attempt whose job is gone: give back what it held, and charge that or nothing."""
        job, number = job_of_attempt(reserve.attempt)
        team, held = TeamId(reserve.team), reserve.reserved_micro_usd
        ended = replace(reserve.charge, by=f"{ACTION}:{outlook}", outcome="outcome_unknown")
        keys = [
            self._keys.change(mandate.operation),
            self._keys.audit(),
            self._keys.ledger(),
            self._keys.job(job),
            self._keys.team(team),
            self._keys.organisation(),
        ]
        arguments: list[Argument] = [
            *mandated(mandate, ACTION, reserve.attempt),
            number,
            held,
            held if outlook is Outlook.CHARGE else 0,
            owned(team, reserve.balances),
            facts_text(team, ended, actor=mandate.actor, reason=mandate.reason),
        ]
        return posted(await self._end_lost.run(self._client, keys, arguments))

    async def overtake(self, job: Job, end: End) -> bool:
        """Note on a job's record how its current attempt ended by the ledger."""
        kind = "s" if end.is_settled else "r"
        text = f"{kind}|{end.charged_micro_usd}|{end.overage_micro_usd}|{end.by}"
        arguments: list[Argument] = [job.fence, job.attempt.number, text]
        return bool(await self._overtake.run(self._client, [self._keys.job(job.id)], arguments))

    async def _read(self, job: JobId) -> Job | None:
        try:
            fields = fields_of(await self._client.read(("HGETALL", self._keys.job(job))))
            return job_of(job, fields) if fields else None
        except (Unreadable, ReplyError):
            return None

    async def _is_recorded(self, attempt: AttemptId) -> bool:
        job, number = job_of_attempt(attempt)
        try:
            return bool(await self._client.read(("HEXISTS", self._keys.job(job), f"a{number}")))
        except ReplyError:  # what stands there is no record at all
            return True


def _lift_lines(team: TeamId, lifts: Sequence[Lift]) -> str:
    return lines_of(
        (
            override_id(lift.operation),
            lift.amount_micro_usd,
            lift.until_ms,
            short_name(team, lift.balance),
        )
        for lift in lifts
    )

"""The ledger: every movement of money in its order, and the proof that all else follows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from proxy.domain.ids import JobId, ProviderName, TeamId
from proxy.domain.proof import Replay, Sums, Verification, Whereabouts
from proxy.store.audit import audit_entry
from proxy.store.changes import RedisChanges
from proxy.store.codec import STATE_LETTERS, fields_of
from proxy.store.connection import ReplyError
from proxy.store.entries import ORGANISATION_OWNER, TEAM_OWNER, entry_of, full_name
from proxy.store.script import Script

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Iterable, Mapping

    from proxy.domain.ledger import Entry
    from proxy.gateway.ports.ledger import AuditEntry
    from proxy.store.client import Client
    from proxy.store.connection import Reply
    from proxy.store.keys import Keys

PAGE = 1000
AT_ONCE = 100
"""How many records a proof reads in one go."""

ENDED = frozenset(letter.encode() for state, letter in STATE_LETTERS.items() if state.is_terminal)

_T = TypeVar("_T")


class RedisLedger(RedisChanges):
    """The port Ledger over Redis: reading and proof here, what persons change in RedisChanges."""

    def __init__(self, client: Client, keys: Keys) -> None:
        super().__init__(client, keys)
        self._sums = Script.load("sums")
        self._whereabouts = Script.load("whereabouts")

    async def entries(
        self, since_ms: int | None = None, until_ms: int | None = None
    ) -> AsyncIterator[Entry]:
        """Entries of [since, until) by the store's clock, oldest first."""
        stream = self._keys.ledger()
        async for entry_id, fields in pages(self._client, stream, *_span(since_ms, until_ms)):
            yield entry_of(entry_id, fields)

    async def audit(
        self, since_ms: int | None = None, until_ms: int | None = None
    ) -> AsyncIterator[AuditEntry]:
        """Changes by persons of [since, until) by the store's clock, oldest first."""
        stream = self._keys.audit()
        async for entry_id, fields in pages(self._client, stream, *_span(since_ms, until_ms)):
            yield audit_entry(entry_id, fields)

    async def verify(
        self,
        *,
        earlier: AsyncIterable[Entry] | None = None,
        limits: Mapping[str, int] | None = None,
    ) -> Verification:
        """Prove the laws from the entries alone, also while money moves.

        Args:
            earlier: entries that were archived and trimmed from the stream, oldest first.
            limits: micro-USD by balance name, of budgets whose limit never changed; with it, each
                reserve is weighed again.
        """
        last, stored = await self.balances()
        replay = Replay(limits)
        if earlier is not None:
            async for entry in earlier:
                replay.post(entry)
        archived = set(replay.charged)
        if last:
            async for entry_id, fields in pages(self._client, self._keys.ledger(), "-", last):
                replay.post(entry_of(entry_id, fields))
        replay.compare(stored)
        replay.exported()
        await self._seek(replay, last)
        for attempt, charged in await self._resolved(replay.charged.keys() - archived):
            replay.resolved(attempt, charged)
        return Verification(
            entries=replay.entries,
            balances=len(replay.sums.keys() | stored.keys()),
            open_attempts=len(replay.held),
            violations=tuple(replay.violations),
        )

    async def balances(self) -> tuple[str, dict[str, Sums]]:
        """Every balance by its full name, and the id of the entry up to which they are the sum."""
        while True:
            members = await self._client.read(("SMEMBERS", self._keys.teams()))
            teams = sorted(TeamId(team.decode()) for team in members)
            keys = [self._keys.ledger(), self._keys.teams(), self._keys.organisation()]
            keys += [self._keys.team(team) for team in teams]
            count, *rest = await self._sums.run(self._client, keys, [len(teams)])
            if count == len(teams):
                break
        last, shared, *own = rest
        stored = _sums_of(ORGANISATION_OWNER, TeamId(""), shared)
        for team, fields in zip(teams, own, strict=True):
            stored |= _sums_of(TEAM_OWNER, team, fields)
        return last.decode(), stored

    async def _seek(self, replay: Replay, last: str) -> None:
        """Look for the job of each attempt that was open, and at the queues."""
        jobs = {attempt.rpartition("-")[0]: replay.owner_of(attempt) for attempt in replay.held}
        lines = {
            job: self._keys.waiting(TeamId(team), ProviderName(provider))
            for job, (team, provider) in jobs.items()
        }
        seen = await _each(self._whereabouts_of(JobId(job), line) for job, line in lines.items())
        known = await self._client.read(("HKEYS", self._keys.lines()))
        queues = [self._keys.due(), *(line.decode() for line in known)]
        members = await _each(self._client.read(("ZRANGE", key, 0, -1)) for key in queues)
        # What happened meanwhile: where those jobs stand is another proof's.
        start = f"({last}" if last else "-"
        later = pages(self._client, self._keys.ledger(), start, "+")
        moved = {fields["attempt"].decode().rpartition("-")[0] async for _, fields in later}
        replay.seek(dict(zip(jobs, seen, strict=True)), moved=moved)
        replay.queued((job.decode() for queue in members for job in queue), moved=moved)

    async def _whereabouts_of(self, job: JobId, line: str) -> Whereabouts | None:
        keys = [self._keys.job(job), self._keys.due(), line, self._keys.lines()]
        try:
            state, number, queues = await self._whereabouts.run(self._client, keys, [job])
        except ReplyError:  # what stands there is no record at all
            return None
        if state is None:
            return None
        return Whereabouts(
            is_over=state in ENDED,
            attempt=f"{job}-{(number or b'?').decode()}",
            queues=queues,
        )

    async def _resolved(self, attempts: Iterable[str]) -> list[tuple[str, int | None]]:
        """What records say about resolved attempts; those that know nothing of them are left out.

        A record that was restored from an older copy may end before its job's last attempt.
        """
        names = sorted(attempts)
        answers = await _each(self._resolution(name) for name in names)
        found = zip(names, answers, strict=True)
        return [
            (name, int(resolution.split(b"|")[1]) if resolution else None)
            for name, (reservation, resolution) in found
            if reservation is not None
        ]

    async def _resolution(self, attempt: str) -> Reply:
        job, _, number = attempt.rpartition("-")
        try:
            return await self._client.read(
                ("HMGET", self._keys.job(JobId(job)), f"a{number}", f"r{number}")
            )
        except ReplyError:  # what stands there is no record at all
            return None, None


async def pages(
    client: Client, stream: str, start: str, end: str
) -> AsyncIterator[tuple[str, dict[str, bytes]]]:
    """Read a stream from one id to another, page by page: ids and fields."""
    while True:
        page = await client.read(("XRANGE", stream, start, end, "COUNT", PAGE))
        for entry_id, fields in page:
            yield entry_id.decode(), fields_of(fields)
        if len(page) < PAGE:
            return
        start = "(" + page[-1][0].decode()


def _span(since_ms: int | None, until_ms: int | None) -> tuple[str, str]:
    """The first and the last id of [since, until)."""
    start = "-" if since_ms is None else str(since_ms)
    return start, "+" if until_ms is None else str(until_ms - 1)


async def _each(asked: Iterable[Awaitable[_T]]) -> list[_T]:
    """Await many reads, some at once."""
    waiting, answers = list(asked), []
    for first in range(0, len(waiting), AT_ONCE):
        answers += await asyncio.gather(*waiting[first : first + AT_ONCE])
    return answers


def _sums_of(owner: str, team: TeamId, reply: object) -> dict[str, Sums]:
    """The balances of one hash by full name."""
    amounts: dict[str, dict[str, int]] = {}
    for field, value in fields_of(reply).items():
        name, _, kind = field.rpartition("|")
        if kind in ("r", "s") and not field.startswith("b|"):
            amounts.setdefault(full_name(team, owner + name), {})[kind] = int(value)
    return {
        name: Sums(reserved_micro_usd=each.get("r", 0), spent_micro_usd=each.get("s", 0))
        for name, each in amounts.items()
    }

"""Removing the records of jobs whose team keeps them no longer."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from proxy.domain.ids import JobId, TeamId
from proxy.store.connection import ReplyError
from proxy.store.listing import Listing
from proxy.store.script import Script

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.store.client import Client
    from proxy.store.keys import Keys

AT_ONCE = 100


class Expiry:
    """Looks at the oldest jobs of each team.

    A record has a life of its own since its job ended: this follows a retention that is shorter by
    now, and takes places out of lists whose record is gone. A damaged record is left to a person.
    """

    def __init__(
        self, client: Client, keys: Keys, *, retention_s: Callable[[TeamId], int]
    ) -> None:
        self._client = client
        self._keys = keys
        self._retention_s = retention_s
        self._listing = Listing(client, keys)
        self._expire = Script.load("expire")

    async def run(self, now_ms: int) -> int:
        """Remove what is past its time; returns how many places were taken out of lists."""
        teams = await self._client.read(("SMEMBERS", self._keys.teams()))
        removed = 0
        for name in sorted(teams):
            team = TeamId(name.decode())
            removed += await self._of_team(team, now_ms - self._retention_s(team) * 1000)
        return removed

    async def _of_team(self, team: TeamId, before_ms: int) -> int:
        removed, place = 0, None
        while True:
            places = await self._listing.places(team, place, AT_ONCE, is_ascending=True)
            # Who was created later cannot have ended earlier.
            due = [JobId(job) for created_ms, job in places if created_ms < before_ms]
            removed += sum(await asyncio.gather(*(self.one(team, job, before_ms) for job in due)))
            if len(due) < AT_ONCE:
                return removed
            place = places[-1]

    async def one(self, team: TeamId, job: JobId, before_ms: int) -> int:
        """Remove a record if its job ended before an instant; 1 when it is gone now, else 0."""
        keys = [self._keys.job(job), self._keys.job_list(team)]
        with suppress(ReplyError):
            removed: int = await self._expire.run(self._client, keys, [job, before_ms])
            return removed
        return 0

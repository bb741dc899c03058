"""Callers who ask for many videos, and for each of them again until it is accepted."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from proxy.store.address import Address
from proxy.store.client import Client
from proxy.store.keys import Keys
from tests.system.money import TEAM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.store.lossy_redis import LossyRedis
    from tests.system.child import Process
    from tests.system.deployment import Deployment

AT_ONCE = 16
OFFERS: tuple[Mapping[str, object], ...] = (
    {"model": "kling-3.0", "seconds": 4},
    {"model": "veo-3.1-fast", "seconds": 4},
    {"model": "gen4.5", "seconds": 4},
    {"model": "sora-2", "seconds": 4},
)
"""What is asked for: a video of each vendor's, in the order of `PROVIDERS`."""
PROVIDERS = ("kling", "vertex", "runway", "openai")
ENDED_WITHIN_S = 3000.0


@dataclass
class Crowd:
    """Creates a video for each of `bodies` at any of the processes; a key makes that safe.

    `passing` are the statuses after which a create is asked for again; `created` grows.
    """

    deployment: Deployment
    processes: list[Process]
    bodies: Sequence[Mapping[str, Any]]
    passing: frozenset[int] = frozenset({429, 503})
    pause_s: float = 0.1
    created: int = 0
    refusals: Counter[int] = field(default_factory=Counter)

    async def create_all(self) -> None:
        """Have every job accepted."""
        numbers = iter(range(len(self.bodies)))
        authorization = {"Authorization": f"Bearer {self.deployment.api_key}"}
        async with aiohttp.ClientSession(headers=authorization) as session:

            async def create_some() -> None:
                for number in numbers:
                    while not await self._is_created(session, number):
                        await asyncio.sleep(self.pause_s)
                    self.created += 1

            await asyncio.gather(*(create_some() for _ in range(AT_ONCE)))

    async def _is_created(self, session: aiohttp.ClientSession, number: int) -> bool:
        url = self.processes[number % len(self.processes)].addresses["base_url"]
        headers = {"Idempotency-Key": f"job-{number}"}
        body = self.bodies[number]
        try:
            async with session.post(f"{url}/videos", json=body, headers=headers) as answer:
                if answer.status == 200:
                    return True
                assert answer.status in self.passing, await answer.text()
                self.refusals[answer.status] += 1
        except aiohttp.ClientError:
            pass
        return False


async def all_ended(redis: LossyRedis) -> None:
    """Wait until the team has no unfinished job."""
    client = Client(Address(path=redis.upstream))
    try:
        async with asyncio.timeout(ENDED_WITHIN_S):
            while int(await client.read(("HGET", Keys().team(TEAM), "open")) or 0):
                await asyncio.sleep(0.5)
    finally:
        await client.close()

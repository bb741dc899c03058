"""What befalls a deployment now and then: processes are killed, answers of the store lost."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.store.lossy_redis import LossyRedis
    from tests.system.child import Process
    from tests.system.deployment import Deployment

KILL_EVERY_S = 5.0
LOSE_EVERY_S = 0.5


async def kill_now_and_then(
    deployment: Deployment, processes: list[Process], over: asyncio.Event
) -> int:
    """Kill a process at random and start it again; returns how often."""
    chance = random.Random(20261124)  # noqa: S311 - a seed that can be replayed
    kills = 0
    while not await passes(over, KILL_EVERY_S * chance.uniform(0.7, 1.3)):
        victim = chance.randrange(len(processes))
        processes[victim].kill()
        kills += 1
        # Off the loop, which carries the processes' connections to the store.
        processes[victim] = await asyncio.to_thread(
            deployment.spawn, "serve", "--config", deployment.config
        )
    return kills


async def lose_now_and_then(redis: LossyRedis, over: asyncio.Event) -> int:
    """Lose one answer of the store now and then; returns how many."""
    chance = random.Random(20261125)  # noqa: S311 - a seed that can be replayed
    lost = 0
    while not await passes(over, LOSE_EVERY_S * chance.uniform(0.5, 1.5)):
        redis.losses = 1
        lost += 1
    return lost


async def meanwhile(
    *mishaps: Callable[[asyncio.Event], Awaitable[int]], work: Awaitable[None]
) -> list[int]:
    """Let mishaps happen until the work is done; returns how often each did."""
    over = asyncio.Event()
    tasks = [asyncio.ensure_future(mishap(over)) for mishap in mishaps]
    try:
        await work
    finally:
        over.set()
        counts = await asyncio.gather(*tasks)
    return counts


async def passes(over: asyncio.Event, within_s: float) -> bool:
    """Wait so long at the most; says whether the event happened."""
    try:
        await asyncio.wait_for(over.wait(), within_s)
    except TimeoutError:
        return False
    return True

"""Whether the store is whole is asked as seldom as can be."""

from __future__ import annotations

import asyncio

from proxy.gateway.wholeness import Wholeness
from tests.gateway.clocks import SteppedClock


class Whole:
    """The archive of a store that is whole, and how often that was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def ensure_whole(self) -> str:
        self.asked += 1
        await asyncio.sleep(0)
        return ""


async def test_those_who_come_together_share_one_look() -> None:
    archive = Whole()
    wholeness = Wholeness(archive, SteppedClock())  # type: ignore[arg-type] # one call
    await asyncio.gather(*(wholeness.ensure() for _ in range(3)))
    assert 1 == archive.asked

"""A client's poll is answered from the store, never by the vendor."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.system.deployment import wait_until

if TYPE_CHECKING:
    from tests.system.deployment import Deployment

POLLS = 200


async def test_two_hundred_polls_make_no_vendor_call(deployment: Deployment) -> None:
    deployment.poll = {"first": "60s", "min": "60s", "max": "60s"}
    deployment.start()
    created = await deployment.create("A boat. [[render=1]]")

    async def is_running() -> bool:
        video = await deployment.video(created["id"])
        calls = (await deployment.simulated("calls"))["calls"]
        return video["status"] == "in_progress" and len(calls) > 0

    await wait_until(is_running, "the job to run")
    before = await deployment.simulated("calls")
    for _ in range(POLLS // 20):
        await asyncio.gather(*(deployment.video(created["id"]) for _ in range(20)))
    assert await deployment.simulated("calls") == before

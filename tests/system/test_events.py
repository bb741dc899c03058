"""Server-sent events of real processes: whichever does the work, and without asking vendors."""

from __future__ import annotations

import asyncio
import json
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.system.deployment import wait_until

if TYPE_CHECKING:
    from tests.system.deployment import Deployment

STREAMS = 20
VIDEO = {"model": "kling-3.0", "seconds": 4}


@dataclass
class EventSource:
    """A client as browsers have it: it connects again, with the id of the last event it has."""

    deployment: Deployment
    video_id: str
    told: list[dict[str, Any]] = field(default_factory=list)
    last: str = ""

    async def follow(self) -> None:
        """Be told everything until the server says that there is nothing more."""
        while await self.connect():
            pass

    async def connect(self) -> bool:
        """One connection until it ends; says whether it is worth another one."""
        headers = {"Authorization": f"Bearer {self.deployment.api_key}"}
        if self.last:
            headers["Last-Event-ID"] = self.last
        url = f"{self.deployment.base_url}/videos/{self.video_id}/events"
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(url) as answer,
        ):
            async for line in answer.content:
                name, _, value = line.decode().strip().partition(": ")
                if name == "id":
                    self.last = value
                elif name == "data":
                    self.told.append(json.loads(value))
            return answer.status == 200

    @property
    def statuses(self) -> list[str]:
        """How the video stood, each time something was told."""
        return [event["status"] for event in self.told]


async def runs(deployment: Deployment, video_id: str) -> None:
    async def is_running() -> bool:
        return bool((await deployment.video(video_id))["status"] == "in_progress")

    await wait_until(is_running, "the job to run")


async def test_every_process_tells_what_any_of_them_does(deployment: Deployment) -> None:
    deployment.poll = {"first": "60s", "min": "60s", "max": "60s"}
    deployment.serve_arguments = ("--workers", "2")
    deployment.start()
    video = await deployment.create("A boat. [[render=1]]", **VIDEO)
    await runs(deployment, video["id"])
    before = await deployment.simulated("calls")
    sources = [EventSource(deployment, video["id"]) for _ in range(STREAMS)]
    following = asyncio.gather(*(source.follow() for source in sources))

    async def all_told() -> bool:
        return all(source.told for source in sources)

    await wait_until(all_told, "the first event of each stream")
    assert before == await deployment.simulated("calls")
    await deployment.api("POST", f"/videos/{video['id']}/cancel")
    await asyncio.wait_for(following, 20)
    for source in sources:
        assert ["in_progress", "failed"] == source.statuses
        assert "cancelled" == source.told[-1]["error"]["code"]


async def test_a_stream_goes_on_at_another_process(deployment: Deployment) -> None:
    """A stop ends it at once; whoever connects again gets what came since, and nothing twice."""
    deployment.start()
    assert deployment.proxy is not None
    video = await deployment.create("A boat. [[render=2]]", **VIDEO)
    await runs(deployment, video["id"])
    source = EventSource(deployment, video["id"])
    first = asyncio.ensure_future(source.connect())

    async def is_told() -> bool:
        return bool(source.told)

    await wait_until(is_told, "the first event")
    deployment.proxy.popen.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(first, 10)
    assert 0 == await asyncio.to_thread(deployment.proxy.popen.wait, 30)
    deployment.start_proxy()
    await asyncio.wait_for(source.follow(), 20)
    assert "completed" == source.statuses[-1]
    assert 1 == source.statuses.count("completed")
    assert {"in_progress", "completed"} == set(source.statuses)
    progress = [event["progress"] for event in source.told]
    assert sorted(set(progress)) == progress, "each was told once, in order"

"""Held answers, learned paces and links, as a real process gives them."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

from proxy.domain.render_times import POLL_AFTER_MS, SAMPLES_MIN
from tests.system.deployment import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.system.deployment import Deployment

LONG = "A slow boat. [[render=60]]"
WAIT = {"Prefer": "wait=60"}


async def test_a_process_that_stops_answers_whoever_waits(deployment: Deployment) -> None:
    deployment.start()
    assert deployment.proxy is not None
    video = await deployment.create(LONG, model="kling-3.0")
    held = asyncio.ensure_future(deployment.api("GET", f"/videos/{video['id']}", headers=WAIT))
    await wait_until(lambda: is_running(deployment, video["id"]), "the job to run")
    assert not held.done()
    deployment.proxy.popen.send_signal(signal.SIGTERM)
    status, body, headers = await asyncio.wait_for(held, 10)
    assert (200, "in_progress") == (status, body["status"])
    assert "Preference-Applied" not in headers
    assert 0 == await asyncio.to_thread(deployment.proxy.popen.wait, 30)


async def is_running(deployment: Deployment, video_id: str) -> bool:
    video = await deployment.video(video_id)
    return bool(video["status"] == "in_progress")


async def test_the_pace_of_polls_is_learned_from_renders(deployment: Deployment) -> None:
    deployment.start()
    path = f"/videos/{(await deployment.create(LONG, model='kling-3.0'))['id']}"

    async def pace_ms() -> int:
        _, _, headers = await deployment.api("GET", path)
        return int(headers["openai-poll-after-ms"])

    assert POLL_AFTER_MS == await pace_ms()
    for _ in range(SAMPLES_MIN):
        short = await deployment.create("A quick boat.", model="kling-3.0", seconds=4)
        await deployment.finished(short["id"])

    async def is_learned() -> bool:
        return await pace_ms() < POLL_AFTER_MS

    await wait_until(is_learned, "a pace from what was rendered")


async def test_links_begin_with_the_public_url(deployment: Deployment, tmp_path: Path) -> None:
    deployment.start()
    assert deployment.proxy is not None
    deployment.proxy.stop()
    config = tmp_path / "config.yaml"
    public = {"public_url": "https://video.example.com/gl/"}
    config.write_text(json.dumps(json.loads(config.read_text()) | public))
    deployment.start_proxy()
    video = await deployment.create("A paper boat.", model="kling-3.0", seconds=4)
    done = await deployment.finished(video["id"])
    link = done["greenlight"]["artifact"]["url"]
    begins = f"https://video.example.com/gl/v1/videos/{video['id']}/content?"
    assert link.startswith(begins)
    # What stands behind the public URL is this process, here without the path before /v1.
    ours = f"{deployment.base_url}/videos/{video['id']}/content?{urlsplit(link).query}"
    root = deployment.base_url.removesuffix("/v1")
    async with aiohttp.ClientSession() as nobody:
        async with nobody.get(ours) as answer:
            assert 200 == answer.status
            assert done["greenlight"]["artifact"]["bytes"] == len(await answer.read())
        async with nobody.get(f"{root}/openapi.json") as answer:
            said = await answer.json()
    assert [{"url": "https://video.example.com/gl"}] == said["servers"]

"""A store that hangs, then dies: polls are answered within their limits, and nothing is bought."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from proxy.store.address import EmbeddedAddress
from proxy.store.embedded import EmbeddedStore
from tests.system.deployment import Deployment, wait_until
from tests.system.money import check_money

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

CAPACITY = 150
"""Of the poll bucket, which hardly refills."""
BACK_WITHIN_S = 5.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """A server that this test looks after."""
    made = EmbeddedStore(EmbeddedAddress(folder=str(tmp_path / "store")))
    made.launch()
    made.wait_ready()
    yield made
    made.stop()


@pytest.fixture
async def deployment(tmp_path: Path, store: EmbeddedStore) -> AsyncIterator[Deployment]:
    folder = tmp_path / "deployment"
    folder.mkdir()
    made = Deployment(folder=folder, store_url=f"unix://{store.address.path}")
    made.team["limits"] = {"poll": {"capacity": CAPACITY, "refill": "1/h"}}
    made.start()
    yield made
    made.stop()


async def poll(deployment: Deployment, video_id: str, times: int) -> list[tuple[int, Any, Any]]:
    """Ask so many times, twenty at once; status, body and headers of each answer."""
    found = []
    for _ in range(times // 20):
        asked = (deployment.api("GET", f"/videos/{video_id}") for _ in range(20))
        found += await asyncio.gather(*asked)
    return found


async def submits(deployment: Deployment) -> int:
    calls = (await deployment.simulated("calls"))["calls"]
    return sum(call["operation"] == "submit" for call in calls)


async def probes(deployment: Deployment) -> list[int]:
    """Status of /livez and /readyz."""
    found = []
    async with aiohttp.ClientSession(deployment.admin_url) as session:
        for path in ("/livez", "/readyz"):
            async with session.get(path) as answer:
                found.append(answer.status)
    return found


async def refuses_creates(deployment: Deployment) -> None:
    for number in range(3):
        body = {"prompt": f"A boat {number}."}
        status, answer, headers = await deployment.api("POST", "/videos", json_body=body)
        assert (503, "store_unavailable") == (status, answer["error"]["code"])
        assert int(headers["Retry-After"]) > 0


def check_known(answers: list[tuple[int, Any, Any]], video: dict[str, Any]) -> None:
    """Each answer is the video as it was, and says that it is stale."""
    for status, body, headers in answers:
        assert status == 200, body
        assert body["greenlight"].pop("stale") is True
        assert int(headers["Greenlight-Stale"]) >= 0
        assert (video["id"], video["status"]) == (body["id"], body["status"])


async def comes_back(deployment: Deployment, key: str) -> None:
    """Within seconds everything goes on by itself."""
    body = {"prompt": f"A boat after {key}.", "model": "kling-3.0"}
    headers = {"Idempotency-Key": key, "Prefer": "wait=20"}

    async def made() -> dict[str, Any] | None:
        status, video, _ = await deployment.api("POST", "/videos", json_body=body, headers=headers)
        return video if status == 200 else None

    video = await wait_until(made, "a create to be accepted", timeout_s=BACK_WITHIN_S)
    assert "completed" == video["status"]

    async def is_green() -> bool:
        return await probes(deployment) == [200, 200]

    await wait_until(is_green, "readiness", timeout_s=BACK_WITHIN_S)


async def test_a_store_that_hangs_and_one_that_dies(
    deployment: Deployment, store: EmbeddedStore
) -> None:
    status, video, _ = await deployment.api(
        "POST",
        "/videos",
        json_body={"prompt": "A boat.", "model": "kling-3.0"},
        headers={"Prefer": "wait=20"},
    )
    assert (200, "completed") == (status, video.get("status")), video
    video = await deployment.video(video["id"])
    bought = await submits(deployment)
    assert store.pid is not None
    os.kill(store.pid, signal.SIGSTOP)
    try:
        check_known(await poll(deployment, video["id"], 100), video)
        await refuses_creates(deployment)

        async def is_red() -> bool:
            return await probes(deployment) == [200, 503]

        await wait_until(is_red, "readiness to be red")
    finally:
        os.kill(store.pid, signal.SIGCONT)
    await comes_back(deployment, "hanging")
    assert "stale" not in (await deployment.video(video["id"]))["greenlight"]

    os.kill(store.pid, signal.SIGKILL)
    answers = await poll(deployment, video["id"], 100)
    refused = [answer for answer in answers if answer[0] == 429]
    assert 100 - (CAPACITY - 100) == len(refused)
    check_known([answer for answer in answers if answer[0] != 429], video)
    for _, body, headers in refused:
        assert "rate_limit_exceeded" == body["error"]["code"]
        assert int(headers["Retry-After"]) > 0
    await refuses_creates(deployment)
    store.stop()
    store.launch()
    store.wait_ready()
    await comes_back(deployment, "dying")
    assert bought + 2 == await submits(deployment)
    assert 3 == len(await deployment.videos())
    await check_money(deployment)

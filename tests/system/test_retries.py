"""Answers that get lost between an SDK and the product never buy a second video."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING

import openai
import pytest

from tests.system.lossy import lossy_proxy

if TYPE_CHECKING:
    from openai.types import Video

    from tests.system.deployment import Deployment

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


async def submits(deployment: Deployment) -> int:
    calls = (await deployment.simulated("calls"))["calls"]
    return sum(call["operation"] == "submit" and call["accepted"] for call in calls)


async def make(client: openai.AsyncOpenAI, prompt: str, **fields: object) -> Video:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return await client.videos.create(prompt=prompt, extra_body=fields or None)


async def settled(deployment: Deployment, count: int) -> list[dict[str, object]]:
    videos = await deployment.videos()
    assert len(videos) == count
    return [await deployment.finished(str(video["id"])) for video in videos]


async def test_a_create_whose_answer_is_lost_twice_buys_one(running: Deployment) -> None:
    async with (
        lossy_proxy(running.base_url, losses=2) as proxy,
        openai.AsyncOpenAI(base_url=proxy.url, api_key=running.api_key, max_retries=2) as client,
    ):
        video = await make(client, "A boat, once.")
    assert proxy.lost == 2
    ended = await settled(running, 1)
    assert ended[0]["id"] == video.id
    assert await submits(running) == 1


async def test_four_equal_creates_one_refused_once_are_four(deployment: Deployment) -> None:
    deployment.team = {"limits": {"submit": {"capacity": 3, "refill": "1/s"}}}
    deployment.start()
    async with openai.AsyncOpenAI(
        base_url=deployment.base_url, api_key=deployment.api_key, max_retries=2
    ) as client:
        videos = await asyncio.gather(*(make(client, "A boat, four times.") for _ in range(4)))
    assert len({video.id for video in videos}) == 4
    await settled(deployment, 4)
    assert await submits(deployment) == 4


async def test_a_refusal_over_budget_and_a_lost_answer_later_buy_one(
    deployment: Deployment,
) -> None:
    deployment.team = {"budgets": [{"id": "tiny", "period": "month", "limit": "$0.50"}]}
    deployment.start()
    dear = {"model": "veo-3.1", "seconds": 4, "audio": False}
    status, _, _ = await deployment.api(
        "POST", "/videos", json_body={"prompt": "A boat, later.", **dear}
    )
    assert status == 402
    deployment.raise_budget("$5.00")
    async with (
        lossy_proxy(deployment.base_url, losses=1) as proxy,
        openai.AsyncOpenAI(
            base_url=proxy.url, api_key=deployment.api_key, max_retries=2
        ) as client,
    ):
        await make(client, "A boat, later.", **dear)
    assert proxy.lost == 1
    await settled(deployment, 1)
    assert await submits(deployment) == 1


async def test_an_idempotency_key_is_honoured(running: Deployment) -> None:
    body = {"prompt": "A boat."}
    headers = {"Idempotency-Key": '"order-1"'}
    first = await running.api("POST", "/videos", json_body=body, headers=headers)
    second = await running.api("POST", "/videos", json_body=body, headers=headers)
    assert (first[0], second[0]) == (200, 200)
    assert first[1]["id"] == second[1]["id"]
    assert second[2]["Idempotency-Replayed"] == "true"
    other = {"prompt": "Another boat."}
    status, answer, _ = await running.api("POST", "/videos", json_body=other, headers=headers)
    assert (status, answer["error"]["code"]) == (409, "idempotency_conflict")

"""Five refused contents make a key pause, whoever refused them; shadow only tells of it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.system.deployment import KEY_ID, wait_until
from tests.system.money import check_money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.system.deployment import Deployment

REFUSED = (
    ("kling-3.0", "outcome=content_policy"),
    ("kling-3.0", "outcome=filtered"),
    ("veo-3.1-fast", "outcome=content_policy"),
    ("veo-3.1-fast", "outcome=filtered"),
    ("kling-3.0", "outcome=content_policy"),
)
"""At the submit, and after it was accepted."""
WATCHED = '{class="moderation",decision="refused",mode="shadow"} 1.0'


async def create(deployment: Deployment) -> tuple[int, dict[str, Any], Mapping[str, str]]:
    body = {"prompt": "A boat.", "model": "kling-3.0"}
    return await deployment.api("POST", "/videos", json_body=body)


async def administered(deployment: Deployment, method: str, path: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {deployment.admin_token}"}
    body = {"reason": "their prompts were reviewed"} if method == "POST" else None
    async with (
        aiohttp.ClientSession(deployment.admin_url, headers=headers) as session,
        session.request(method, f"/admin/v1{path}", json=body) as answer,
    ):
        found: dict[str, Any] = await answer.json()
        assert answer.status == 200, found
        return found


async def metrics(deployment: Deployment) -> str:
    async with (
        aiohttp.ClientSession(deployment.admin_url) as session,
        session.get("/metrics") as answer,
    ):
        return await answer.text()


async def test_a_key_pauses_and_an_operator_ends_it(deployment: Deployment) -> None:
    deployment.team["limits"] = {"mode": "shadow"}
    deployment.start()
    jobs = [
        await deployment.create(f"A boat {n}. [[{directive}]]", model=model)
        for n, (model, directive) in enumerate(REFUSED)
    ]
    ended = await asyncio.gather(*(deployment.finished(job["id"]) for job in jobs))
    assert {"content_policy"} == {video["error"]["code"] for video in ended}

    assert 200 == (await create(deployment))[0]

    async def is_told() -> bool:
        return f"greenlight_limit_decisions_total{WATCHED}" in await metrics(deployment)

    await wait_until(is_told, "what shadow would have refused")
    deployment.team["limits"] = {}
    with deployment.reloading():
        deployment.write()
    status, body, headers = await create(deployment)
    assert (429, "moderation_cooldown") == (status, body["error"]["code"])
    assert 800 < int(headers["Retry-After"]) <= 900
    assert "false" == headers["x-should-retry"]
    quoted = await deployment.api("POST", "/videos/quote", json_body={"prompt": "A boat."})
    assert (200, 429) == (quoted[0], quoted[1]["would"]["status"])

    (key,) = (await administered(deployment, "GET", "/keys"))["data"]
    assert (KEY_ID, 5) == (key["id"], key["refusals"])
    assert key["cooldown_until"] is not None
    await administered(deployment, "POST", f"/keys/{KEY_ID}/end_cooldown")
    assert 200 == (await create(deployment))[0]
    assert deployment.proxy is not None
    lines = [json.loads(line) for line in deployment.proxy.log.read_text().splitlines()]
    (said,) = [line for line in lines if line["logger"] == "greenlight.limits"]
    assert "moderation of team marketing, would have refused 1 requests" in said["message"]
    await check_money(deployment)

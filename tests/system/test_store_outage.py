"""A store that goes away for a while: two lines in the log, and every job goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import aiohttp
import pytest

from proxy.store.address import EmbeddedAddress
from proxy.store.embedded import EmbeddedStore
from tests.system.deployment import Deployment, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """A server that this test looks after."""
    made = EmbeddedStore(EmbeddedAddress(folder=str(tmp_path / "store")))
    made.launch()
    made.wait_ready()
    yield made
    made.stop()


async def is_ready(deployment: Deployment) -> bool:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{deployment.admin_url}/readyz") as answer,
    ):
        return answer.status == 200


async def test_an_outage_is_told_once(tmp_path: Path, store: EmbeddedStore) -> None:
    folder = tmp_path / "deployment"
    folder.mkdir()
    deployment = Deployment(folder=folder, store_url=f"unix://{store.address.path}")
    deployment.start()
    try:
        ids = [
            (await deployment.create(f"A boat {n}. [[render=2]]", model="kling-3.0"))["id"]
            for n in range(5)
        ]
        store.stop()

        async def is_red() -> bool:
            return not await is_ready(deployment)

        async def is_green() -> bool:
            return await is_ready(deployment)

        await wait_until(is_red, "readiness to be red")
        status, body, headers = await deployment.api("POST", "/videos", json_body={"prompt": "x"})
        assert (503, "store_unavailable") == (status, body["error"]["code"])
        assert "Retry-After" in headers
        store.launch()
        store.wait_ready()
        await wait_until(is_green, "readiness to be green")
        for video_id in ids:
            assert "completed" == (await deployment.finished(video_id))["status"]
        assert deployment.proxy is not None

        async def is_told() -> bool:
            assert deployment.proxy is not None
            return "the store answers again" in deployment.proxy.log.read_text()

        await wait_until(is_told, "the end of the outage in the log")
        lines = [json.loads(line) for line in deployment.proxy.log.read_text().splitlines()]
        of_store = [line["message"] for line in lines if line["logger"] == "greenlight.store"]
        begun, over = [line for line in of_store if "failed" in line]
        assert "failed calls are counted until it is back" in begun
        assert "the store answers again:" in over
        assert [] == [
            line for line in lines if "trace" in line or line["message"] == "StoreCalled"
        ]
    finally:
        deployment.stop()

"""The store is lost with everything in it: nothing is spent until the ledger's files are back."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from os import environ
from typing import TYPE_CHECKING, Any

import aiohttp

from proxy.artifacts.store import open_artifacts
from proxy.gateway.archive import Archive
from proxy.store.accounts import RedisAccounts
from proxy.store.address import EmbeddedAddress
from proxy.store.archive import RedisLedgerStream
from proxy.store.client import Client
from proxy.store.embedded import EmbeddedStore
from proxy.store.keys import Keys
from tests.system.deployment import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.system.deployment import Deployment

TWO_DAYS_MS = 2 * 86_400_000
OFFER = {"model": "kling-3.0", "seconds": 4}
LIMIT = "$1.60"
"""Four videos of $0.336 fit, five do not."""


async def lose_store(deployment: Deployment) -> None:
    """Kill the process, archive its ledger as if the day were over, and lose all of its store."""
    assert deployment.proxy is not None
    deployment.proxy.kill()
    folder = deployment.folder / "var"
    store = EmbeddedStore(EmbeddedAddress(folder=str(folder / "redis")))
    store.launch()
    store.wait_ready()
    client, artifacts = Client(store.address), open_artifacts(f"file://{folder}/artifacts")
    now_ms = await RedisAccounts(client, Keys()).now_ms()
    [day] = await Archive(RedisLedgerStream(client, Keys()), artifacts).close_days(
        now_ms + TWO_DAYS_MS
    )
    assert day.rows == 5  # two videos reserved and settled, one reserved
    await client.close()
    store.stop()
    shutil.rmtree(folder / "redis")


async def command(deployment: Deployment, *arguments: str) -> tuple[int, str]:
    """Run a command against the admin listener; its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "proxy", *arguments),
        env=environ
        | {
            "GREENLIGHT_ADMIN_URL": deployment.admin_url,
            "GREENLIGHT_ADMIN_TOKEN": deployment.admin_token,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def ready(deployment: Deployment) -> tuple[int, dict[str, Any]]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{deployment.admin_url}/readyz") as answer,
    ):
        return answer.status, await answer.json()


async def create(deployment: Deployment, prompt: str) -> tuple[int, str | None]:
    status, body, _ = await deployment.api(
        "POST", "/videos", json_body={"prompt": prompt, **OFFER}
    )
    return status, (body.get("error") or {}).get("code")


async def test_what_was_spent_counts_again_after_the_store_was_lost(
    deployment: Deployment,
) -> None:
    deployment.team = {"budgets": [{"id": "monthly", "period": "month", "limit": LIMIT}]}
    deployment.start()
    made = [await deployment.create(f"Boat {number}", **OFFER) for number in range(2)]
    for video in made:
        assert (await deployment.finished(video["id"]))["status"] == "completed"
    lost = await deployment.create("A boat [[kling: outcome=hang]]", **OFFER)
    await wait_until(lambda: is_rendering(deployment, 3), "the vendor to have it")
    await lose_store(deployment)
    deployment.start_proxy()

    status, said = await ready(deployment)
    assert (status, await create(deployment, "Boat")) == (503, (503, "restore_needed")), said
    assert "greenlight ledger restore" in str(said)
    code, text = await command(deployment, "ledger", "restore")
    assert (code, "was lost" in text, f"{lost['id']}-1" in text) == (1, True, True), text

    applied = ("ledger", "restore", "--apply", "--reason", "the disk was lost")
    code, text = await command(deployment, *applied)
    assert (code, "charge or release" in text) == (1, True), text
    code, text = await command(deployment, *applied, "--open", "charge")
    assert (code, "1 ended" in text) == (0, True), text
    code, text = await command(deployment, "ledger", "verify")
    assert (code, "every law holds" in text) == (0, True), text

    _, budget, _ = await deployment.api("GET", "/budget")
    found = {(account["spent"], account["reserved"]) for account in budget["accounts"]}
    assert found == {("1.008000", "0.000000")}  # the team's and the organisation's
    again = await deployment.create("Boat again", **OFFER)
    assert (await deployment.finished(again["id"]))["status"] == "completed"
    assert await create(deployment, "Boat too much") == (402, "budget_exceeded")
    assert not video_of(deployment, lost["id"]).exists()
    assert video_of(deployment, made[0]["id"]).exists()
    assert (await ready(deployment))[0] == 200


async def is_rendering(deployment: Deployment, count: int) -> bool:
    return len((await deployment.simulated("invoice"))["tasks"]) == count


def video_of(deployment: Deployment, job: str) -> Path:
    return deployment.folder / "var" / "artifacts" / "videos" / "marketing" / f"{job}.mp4"

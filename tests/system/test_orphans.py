"""What a vendor has accepted and nobody knows of is found in its own list, and paid for."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from typing_extensions import override

from proxy.domain.ledger import EntryKind
from proxy.store.keys import Keys
from proxy.store.ledger import RedisLedger
from tests.receiver import Receiver, receiving
from tests.system.deployment import FAST_ENGINE, Deployment, wait_until
from tests.system.money import store_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from proxy.domain.ledger import Entry

OFFERS = ({"model": "kling-3.0", "seconds": 4}, {"model": "sora-2", "seconds": 4})


@dataclass
class Alone(Deployment):
    """Both vendors that list what they made; the one that does not say for whom is ours alone."""

    providers: tuple[str, ...] = ("kling", "openai")
    is_sora_alive: bool = True
    engine: dict[str, Any] = field(
        default_factory=lambda: {**FAST_ENGINE, "alert_every": "100ms", "notify_timeout": "1s"}
    )

    @override
    def _config(self) -> dict[str, Any]:
        config = super()._config()
        config["providers"]["openai"]["accounts"][0]["orphans"] = "all"
        config["orphans"] = {"every": "300ms", "grace": "1s", "back": "1d"}
        return config


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
def deployment(tmp_path: Path, receiver: Receiver) -> Iterator[Alone]:
    hook = {
        "on": ["attempt.unattributed"],
        "url": receiver.url,
        "secret": "${WEBHOOK_SECRET}",
        "private": True,
    }
    made = Alone(folder=tmp_path, notify=[hook])
    yield made
    made.stop()


async def charged_to_nobody(deployment: Deployment) -> list[Entry]:
    async with store_of(deployment) as client:
        ledger = RedisLedger(client, Keys())
        assert (await ledger.verify()).violations == ()
        return [entry async for entry in ledger.entries() if entry.kind is EntryKind.UNATTRIBUTED]


async def test_what_a_vendor_has_accepted_is_paid_for_though_the_store_was_lost(
    deployment: Alone, receiver: Receiver
) -> None:
    deployment.start(GREENLIGHT_CRASH_AT="ProviderCalled.submit:2")
    creates = (deployment.create("A boat", **offer) for offer in OFFERS)
    lost = await asyncio.gather(*creates, return_exceptions=True)
    strange = [each for each in lost if not isinstance(each, dict | aiohttp.ClientError)]
    assert strange == []
    await wait_until(lambda: has_died(deployment), "the crash")
    shutil.rmtree(deployment.folder / "var" / "redis")
    deployment.start_proxy()

    async def are_found() -> list[Entry] | None:
        entries = await charged_to_nobody(deployment)
        return entries if len(entries) == len(OFFERS) else None

    entries = await wait_until(are_found, "the orphans to be charged")
    invoice = await deployment.simulated("invoice")
    billed = {task["task_id"]: task["micro_usd"] for task in invoice["tasks"]}
    assert {entry.charge.task: entry.spent_micro_usd for entry in entries} == billed
    assert {(entry.charge.provider, entry.charge.by) for entry in entries} == {
        ("kling", "orphan:reported"),
        ("openai", "orphan:price_book"),
    }

    async def are_told() -> bool:
        tasks = [
            task["task"]
            for delivery in receiver.deliveries
            for task in delivery.content["data"]["tasks"]
        ]
        return sorted(tasks) == sorted(billed)

    await wait_until(are_told, "the receiver to be told")
    # Whoever looks again finds nothing to charge.
    again = len(await looks(deployment)) + 4

    async def are_looked_at_again() -> bool:
        return len(await looks(deployment)) >= again

    await wait_until(are_looked_at_again, "further looks")
    assert len(await charged_to_nobody(deployment)) == len(OFFERS)


async def has_died(deployment: Deployment) -> bool:
    assert deployment.proxy is not None
    return not deployment.proxy.is_running


async def looks(deployment: Deployment) -> list[dict[str, Any]]:
    calls = (await deployment.simulated("calls"))["calls"]
    return [call for call in calls if call["operation"] == "list"]

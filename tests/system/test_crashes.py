"""kill -9 where no step ends: on the wire, in a download, while it starts; with it dies its store.

Every job ends, nothing is bought twice, the ledger is the invoice. What happens between two steps
is in test_crash_points.py.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.system.deployment import Deployment, wait_until
from tests.system.money import all_settled, check_money

if TYPE_CHECKING:
    from collections.abc import Iterator

JOBS = 50
VERTEX = "vertex"
OFFERS = ({"model": "kling-3.0", "seconds": 5}, {"model": "veo-3.1-fast", "seconds": 4})


@pytest.fixture(scope="module")
def crashing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment whose simulator outlives every crash."""
    made = Deployment(folder=tmp_path_factory.mktemp("crashes"))
    made.start()
    yield made
    made.stop()


async def create_some(deployment: Deployment, directive: str = "", count: int = JOBS) -> int:
    """Ask for jobs at both vendors until the proxy dies; returns how many were accepted."""
    prompts = [
        deployment.create(f"Boat {number}. {directive}", **OFFERS[number % 2])
        for number in range(count)
    ]
    answers = await asyncio.gather(*prompts, return_exceptions=True)
    strange = [
        answer
        for answer in answers
        if isinstance(answer, BaseException)
        and not isinstance(answer, aiohttp.ClientError | ConnectionError)
    ]
    assert strange == []
    return sum(isinstance(answer, dict) for answer in answers)


async def recovered(deployment: Deployment, accepted: int, before: int) -> None:
    """Start again and prove that every job ended and every dollar is right."""
    deployment.start_proxy()
    jobs = await all_settled(deployment)
    assert len(jobs) - before >= accepted
    differences = await check_money(deployment)
    assert {item.provider for item in differences} <= {VERTEX}


def kill(deployment: Deployment) -> None:
    assert deployment.proxy is not None
    deployment.proxy.kill()


async def known_jobs(deployment: Deployment) -> int:
    return len(await all_settled(deployment))


async def test_a_crash_while_submits_are_on_the_wire(crashing: Deployment) -> None:
    before = await known_jobs(crashing)
    accepted = await create_some(crashing, "[[submit=accept_then_hang]]")

    async def bytes_left() -> bool:
        calls = (await crashing.simulated("calls"))["calls"]
        hanging = [call for call in calls if call["status"] is None]
        return len(hanging) > 9

    await wait_until(bytes_left, "submits to hang")
    kill(crashing)
    await recovered(crashing, accepted, before)


async def test_a_crash_in_the_middle_of_downloads(crashing: Deployment) -> None:
    before = await known_jobs(crashing)
    accepted = await create_some(crashing, "[[kling: download=slow]]")

    async def downloading() -> bool:
        calls = (await crashing.simulated("calls"))["calls"]
        return bool([call for call in calls[-200:] if call["operation"] == "download"])

    await wait_until(downloading, "downloads")
    kill(crashing)
    await recovered(crashing, accepted, before)


async def test_crashes_at_random_and_during_start_up(crashing: Deployment) -> None:
    before = await known_jobs(crashing)
    chance = random.Random(20261122)  # noqa: S311 - a seed that can be replayed
    accepted = await create_some(crashing, "[[render=2]]")
    for _ in range(3):
        await asyncio.sleep(chance.uniform(0.1, 0.8))
        kill(crashing)
        starting = crashing.spawn_unready(
            "serve", "--config", str(crashing.folder / "config.yaml")
        )
        await asyncio.sleep(chance.uniform(0.2, 1.2))
        starting.kill()
        starting.wait()
        assert starting.stdout is not None
        starting.stdout.close()
        crashing.start_proxy()
    kill(crashing)
    await recovered(crashing, accepted, before)

"""kill -9 between every two steps of a job's life, in several processes on one store at once.

An event is told when its step is done, and so is `StoreCalled`, when a script has answered and
before anybody knows: together they stand between every two steps.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import pytest

from proxy.store.address import EmbeddedAddress
from proxy.store.embedded import EmbeddedStore
from tests.system.deployment import Deployment
from tests.system.doomed import doomed
from tests.system.labels import labelled
from tests.system.money import all_settled, check_money

if TYPE_CHECKING:
    from collections.abc import Iterator

JOBS = 48
OFFERS = ({"model": "kling-3.0", "seconds": 4}, {"model": "veo-3.1-fast", "seconds": 4})
TWO_OFFERS = {
    "policies": ["balanced"],
    "models": ["kling-3.0", "veo-3.1-fast"],
    "default": "balanced",
}
"""One at each vendor, so that a job of Kling's that fails over goes to Vertex, and no further."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Steps that follow one another: a process dies at each point, while jobs go through them.

    `prompts` are given in turn to the jobs of both offers, or of Kling's alone.
    """

    points: tuple[str, ...]
    prompts: tuple[str, ...] = ("A boat.",)
    is_kling: bool = False


PHASES = {
    "admit": Phase(("StoreCalled.admit:5", "Admitted:5")),
    "dispatch": Phase(
        (
            "StoreCalled.slot_take:5",
            "SlotTaken:5",
            "StoreCalled.begin:5",
            "Submitting:5",
            "ProviderCalled.submit:5",
            "StoreCalled.commit:5",
            "Moved.running:5",
        )
    ),
    "fail over": Phase(
        (
            "ProviderCalled.submit:8",
            "ProviderCalled.status:3",
            "StoreCalled.fail_over:3",
            "Resolved:3",
            "FailedOver:3",
            "StoreCalled.zrem:3",
        ),
        prompts=("A boat. [[kling: submit=503]]", "A boat. [[kling: outcome=internal]]"),
        is_kling=True,
    ),
    "store and settle": Phase(
        (
            "StoreCalled.claim:5",
            "ProviderCalled.status:5",
            "Moved.storing:3",
            "Stored:3",
            "StoreCalled.finish:3",
            "Resolved:3",
            "Ended:3",
            "StoreCalled.zrem:3",
        )
    ),
    "look up": Phase(
        ("OutcomeUnknown:2", "ProviderCalled.find:2", "StoreCalled.claim:2"),
        prompts=("A boat. [[submit=accept_then_reset]]",),
        is_kling=True,
    ),
}


@pytest.fixture(scope="module")
def crashing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Simulator and store, which outlive every crash; no proxy is started."""
    folder = tmp_path_factory.mktemp("points")
    store = EmbeddedStore(EmbeddedAddress(folder=str(folder / "redis")))
    store.launch()
    store.wait_ready()
    made = Deployment(
        folder=folder,
        store_url=f"unix://{store.address.path}",
        team={"use": TWO_OFFERS},
        unknown={"look_up_after": ["200ms", "500ms", "1s"], "then": "assume_charged"},
        breaker={"mode": "shadow"},  # what one process meets must not change the next one's way
        render_s=0.3,
    )
    made.start_simulator()
    yield made
    made.stop()
    store.stop()


@pytest.mark.parametrize("name", PHASES)
async def test_a_process_dies_at_each_point_and_nothing_is_lost(
    crashing: Deployment, name: str
) -> None:
    phase = PHASES[name]
    before = len(await all_settled(crashing))
    async with doomed(crashing, *phase.points) as proxies:
        urls = [addresses["base_url"] for addresses in proxies.addresses.values()]
        async with asyncio.TaskGroup() as group:
            group.create_task(create_all(crashing, urls, name))
            urls.append((await proxies.survivor())["base_url"])
        jobs = await all_settled(crashing)
    assert JOBS == len(jobs) - before
    differences = await check_money(crashing)
    # Kling is asked what became of a submit; whether Vertex took one, nobody can say.
    assert {"vertex"} >= {item.provider for item in differences}


async def create_all(deployment: Deployment, urls: list[str], name: str) -> None:
    """Have every job accepted by whoever still lives; a key makes asking again safe."""
    numbers = iter(range(JOBS))
    authorization = {"Authorization": f"Bearer {deployment.api_key}"}
    async with aiohttp.ClientSession(headers=authorization) as session:

        async def create_some() -> None:
            for number in numbers:
                while not await create(session, urls, name, number):
                    await asyncio.sleep(0.02)

        await asyncio.gather(*(create_some() for _ in range(8)))


async def create(session: aiohttp.ClientSession, urls: list[str], name: str, number: int) -> bool:
    """Ask one proxy for a job; False if it did not live to answer, and is asked no more."""
    url = urls[number % len(urls)]
    headers = {"Idempotency-Key": f"{name}-{number}"}
    try:
        async with session.post(
            f"{url}/videos", json=a_create(name, number), headers=headers
        ) as answer:
            assert answer.status == 200, await answer.text()
    except aiohttp.ClientError:
        if len(urls) > 1 and url in urls:
            urls.remove(url)
        return False
    return True


def a_create(name: str, number: int) -> dict[str, object]:
    """The number-th create of a phase; its label finds it at the vendors."""
    phase = PHASES[name]
    prompt = phase.prompts[number % len(phase.prompts)]
    label = f"{name.replace(' ', '-')}-{number}"
    return {"prompt": labelled(prompt, label), **OFFERS[0 if phase.is_kling else number % 2]}

"""Three processes on one store, and a provider that dies: one opening, one probe, no loss."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from proxy.domain.breaker import BreakerState
from proxy.domain.health import doors
from proxy.domain.ids import ProviderName
from proxy.store.address import EmbeddedAddress
from proxy.store.embedded import EmbeddedStore
from proxy.store.health import RedisHealth
from proxy.store.keys import Keys
from tests.breakers import BREAKER_RULES
from tests.system.deployment import Deployment, wait_until
from tests.system.money import all_settled, check_money, store_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from proxy.domain.breaker import Breaker
    from tests.system.child import Process

PROCESSES = 3
BURST = 9
KLING = ProviderName("kling")
MAIN = (KLING, "main")


@pytest.fixture
def shared(deployment: Deployment) -> Iterator[Deployment]:
    """A deployment on a store that runs apart from it, whose breakers open soon."""
    store = EmbeddedStore(EmbeddedAddress(folder=str(deployment.folder / "redis")))
    store.launch()
    store.wait_ready()
    deployment.store_url = f"unix://{store.address.path}"
    deployment.render_s = 0.2
    deployment.breaker = {"failures": 4, "open_min": "1s", "open_max": "2s", "cache": "100ms"}
    deployment.start()
    yield deployment
    deployment.stop()
    store.stop()


class Fleet:
    """Processes that share a store, and what they say together."""

    def __init__(self, deployment: Deployment, processes: Sequence[Process]) -> None:
        self._deployment = deployment
        self._processes = processes
        self._made = 0

    async def let_kling(self, directive: str) -> None:
        """Change what the simulated Kling does with every submit."""
        body = {"provider": "kling", "directive": directive}
        url = f"{self._deployment.simulator_url}/_sim/scenarios"
        async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
            assert answer.status == 200, await answer.text()

    async def make(self, count: int) -> list[str]:
        """Make videos at all processes in turn, all at once; says who made each."""
        headers = {"Authorization": f"Bearer {self._deployment.api_key}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            created = await asyncio.gather(*(self._create(session) for _ in range(count)))
        ended = [await self._deployment.finished(video_id) for video_id in created]
        assert ["completed"] * count == [video["status"] for video in ended]
        return [video["greenlight"]["provider"] for video in ended]

    async def _create(self, session: aiohttp.ClientSession) -> str:
        self._made += 1
        process = self._processes[self._made % len(self._processes)]
        body = {"prompt": f"Boat {self._made}.", "model": "kling-3.0", "seconds": 4}
        url = f"{process.addresses['base_url']}/videos"
        async with session.post(url, json=body) as answer:
            found = await answer.json()
            assert answer.status == 200, found
            return str(found["id"])

    async def submits(self) -> int:
        """How many submits Kling has seen."""
        calls = (await self._deployment.simulated("calls"))["calls"]
        return sum(call["provider"] == "kling" and call["operation"] == "submit" for call in calls)

    async def breaker(self) -> Breaker:
        """The shared breaker of Kling's submits."""
        async with store_of(self._deployment) as client:
            board = RedisHealth(client, Keys())
            seen = await board.exchange([MAIN], {}, rules=BREAKER_RULES, jitter_permille=0)
        known = seen.health.breakers[MAIN]
        name = next(name for name in known if name == doors(name.partition("|")[2])[1])
        return known[name]

    async def is_due(self) -> bool:
        """Say whether the next job is the probe."""
        async with store_of(self._deployment) as client:
            seconds, micros = await client.read(("TIME",))
        now_ms = int(seconds) * 1000 + int(micros) // 1000
        return (await self.breaker()).may_probe(now_ms)

    async def told(self, message: str) -> list[dict[str, Any]]:
        """What all processes have logged of Kling's submits under a message."""
        lines = [
            json.loads(line)
            for process in self._processes
            for line in process.log.read_text().splitlines()
            if f'"message":"{message}"' in line
        ]
        return [line for line in lines if line["operation"] == "submit"]

    async def openings(self) -> float:
        """The metric, added up over the fleet."""
        total = 0.0
        async with aiohttp.ClientSession() as session:
            for process in self._processes:
                async with session.get(f"{process.addresses['admin_url']}/metrics") as answer:
                    text = await answer.text()
                total += sum(
                    sample.value
                    for family in text_string_to_metric_families(text)
                    for sample in family.samples
                    if sample.name == "greenlight_breaker_openings_total"
                    and sample.labels["provider"] == "kling"
                )
        return total


async def test_a_provider_dies_and_comes_back(shared: Deployment) -> None:
    assert shared.proxy is not None
    processes = [shared.proxy]
    processes += [shared.spawn("serve", "--config", shared.config) for _ in range(PROCESSES - 1)]
    fleet = Fleet(shared, processes)
    try:
        await dies_and_comes_back(fleet)
        jobs = await all_settled(shared)
        assert [] == await check_money(shared)
        sent = [a for job in jobs for a in job.attempts if a.submitted_at_ms is not None]
        assert len({job.id for job in jobs}) < len(sent) <= len(jobs) + 4
    finally:
        shared.proxy = None
        for process in processes:
            if process.is_running:
                process.stop()


async def dies_and_comes_back(fleet: Fleet) -> None:
    await fleet.let_kling("submit=503")
    # One after the other, each is sent to Kling twice: the second opens the breaker.
    assert ["vertex", "vertex"] == [(await fleet.make(1))[0] for _ in range(2)]
    assert 4 == await fleet.submits()

    async def is_open() -> bool:
        return (await fleet.breaker()).state is BreakerState.OPEN

    await wait_until(is_open, "the breaker to open")
    assert ["vertex"] * BURST == await fleet.make(BURST)
    await wait_until(fleet.is_due, "the time of the probe")
    assert ["vertex"] * BURST == await fleet.make(BURST)
    probes = await fleet.told("ProbeBegan")
    assert 4 + len(probes) == await fleet.submits()
    assert len(probes) >= 1
    moves = [(each["before"], each["after"]) for each in await fleet.told("BreakerMoved")]
    assert 1 == moves.count(("closed", "open"))
    assert len(probes) == moves.count(("half_open", "open"))
    assert 1 + len(probes) == await fleet.openings()

    await fleet.let_kling("")
    await wait_until(fleet.is_due, "the time of the next probe")
    made = await fleet.make(BURST)
    assert "kling" in made
    assert len(probes) + 1 == len(await fleet.told("ProbeBegan"))
    moves = [(each["before"], each["after"]) for each in await fleet.told("BreakerMoved")]
    assert [("half_open", "closed")] == [move for move in moves if move[1] == "closed"]
    assert BreakerState.CLOSED is (await fleet.breaker()).state
    assert ["kling"] * PROCESSES == await fleet.make(PROCESSES)

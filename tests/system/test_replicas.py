"""Three processes on one store, four vendors, and a kill -9 every two seconds."""

from __future__ import annotations

import asyncio
import hashlib
import random
from typing import TYPE_CHECKING

import aiohttp
import pytest

from proxy.artifacts.store import open_artifacts
from proxy.gateway.names import video_name
from proxy.store.address import EmbeddedAddress
from proxy.store.embedded import EmbeddedStore
from tests.system.child import Process
from tests.system.deployment import Deployment
from tests.system.labels import labelled
from tests.system.money import all_settled, check_money

if TYPE_CHECKING:
    from collections.abc import Iterator

JOBS = 300
PROCESSES = 3
KILLS = 6
KILL_EVERY_S = 2.0
PROVIDERS = ("kling", "vertex", "runway", "openai")
OFFERS = (
    {"model": "kling-3.0", "seconds": 4},
    {"model": "veo-3.1-fast", "seconds": 4},
    {"model": "gen4.5", "seconds": 4},
    {"model": "sora-2", "seconds": 4},
)


@pytest.fixture
def shared(tmp_path: object, deployment: Deployment) -> Iterator[Deployment]:
    """A deployment on a store that runs apart from it, as a Redis elsewhere would."""
    store = EmbeddedStore(EmbeddedAddress(folder=str(deployment.folder / "redis")))
    store.launch()
    store.wait_ready()
    deployment.store_url = f"unix://{store.address.path}"
    deployment.providers = PROVIDERS
    deployment.is_sora_alive = True
    deployment.start()
    yield deployment
    deployment.stop()
    store.stop()


async def create_all(deployment: Deployment, processes: list[Process]) -> int:
    """Ask until every job is accepted, whichever process is up; returns how many were."""
    accepted = 0
    async with aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {deployment.api_key}"}
    ) as session:
        for number in range(JOBS):
            prompt = labelled("A boat. [[render=1]]", f"job-{number}")
            body = {"prompt": prompt, **OFFERS[number % len(OFFERS)]}
            # The key makes asking again safe: an answer lost to a kill buys nothing twice.
            headers = {"Idempotency-Key": f"job-{number}"}
            while True:
                url = processes[number % len(processes)].addresses["base_url"]
                try:
                    async with session.post(f"{url}/videos", json=body, headers=headers) as answer:
                        assert answer.status == 200, await answer.text()
                        accepted += 1
                        break
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05 + number % 7 / 100)
    return accepted


async def kill_now_and_then(deployment: Deployment, processes: list[Process]) -> None:
    """Kill a process at random and start it again, so many times."""
    chance = random.Random(20261122)  # noqa: S311 - a seed that can be replayed
    for _ in range(KILLS):
        await asyncio.sleep(KILL_EVERY_S * chance.uniform(0.8, 1.2))
        victim = chance.randrange(PROCESSES)
        processes[victim].kill()
        processes[victim] = await asyncio.to_thread(
            deployment.spawn, "serve", "--config", deployment.config
        )


async def test_three_hundred_jobs_survive_kills(shared: Deployment) -> None:
    assert shared.proxy is not None
    processes = [shared.proxy]
    processes += [shared.spawn("serve", "--config", shared.config) for _ in range(PROCESSES - 1)]
    try:
        accepted, _ = await asyncio.gather(
            create_all(shared, processes), kill_now_and_then(shared, processes)
        )
        jobs = await all_settled(shared, timeout_s=90.0)
        assert len(jobs) == accepted == JOBS
        differences = await check_money(shared)
        can_find = {"kling"}
        by_attempt = {
            f"{job.id}-{attempt.number}": job.plan.candidates[attempt.candidate].provider
            for job in jobs
            for attempt in job.attempts
        }
        assert not {by_attempt[item.attempt] for item in differences} & can_find
        await every_artifact_is_what_the_vendor_sent(shared)
    finally:
        shared.proxy = None
        for process in processes:
            if process.is_running:
                process.stop()


async def every_artifact_is_what_the_vendor_sent(deployment: Deployment) -> None:
    """Hash what is kept, and compare it with what the simulated vendors say they sent."""
    jobs = [job for job in await all_settled(deployment) if job.artifact is not None]
    assert jobs
    kept = open_artifacts(f"file://{deployment.folder}/var/artifacts")
    sent = await deployment.simulated("clips")
    known = {clip["task_id"]: clip["sha256"] for clip in sent["clips"]}
    for job in jobs:
        digest = hashlib.sha256()
        async for chunk in kept.open(video_name(job)):
            digest.update(chunk)
        assert job.artifact is not None
        assert digest.hexdigest() == job.artifact.sha256
        ids = {str(value) for value in (job.attempt.operation or {}).values()}
        assert job.artifact.sha256 in {known.get(task_id) for task_id in ids}

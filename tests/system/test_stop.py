"""Cancelled at Runway: stopped there at once, and paid to the micro-dollar what that costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.system.deployment import Deployment, wait_until
from tests.system.money import all_settled, check_money

if TYPE_CHECKING:
    from collections.abc import Iterator

PRICE = 480_000
VIA_RUNWAY = {"model": "gen4.5", "seconds": 4}
RUNNING = "[[render=60]]"
WAITING = "[[submit=concurrency render=60]]"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Runway alone, never polled while a test looks on: what is asked there was hurried."""
    made = Deployment(
        folder=tmp_path_factory.mktemp("stop"),
        providers=("runway",),
        poll={"first": "60s", "min": "100ms", "max": "60s"},
    )
    made.start()
    yield made
    made.stop()


async def at_runway(deployment: Deployment, prompt: str, *phases: str) -> str:
    """Create a video and wait until its task is in some phase; returns its id."""
    before = {task["task_id"] for task in await tasks(deployment)}
    created = await deployment.create(prompt, **VIA_RUNWAY)

    async def there() -> bool:
        mine = [task for task in await tasks(deployment) if task["task_id"] not in before]
        body = await deployment.video(created["id"])
        return body["status"] == "in_progress" and [t["status"] in phases for t in mine] == [True]

    await wait_until(there, f"a task that is {phases}")
    return str(created["id"])


async def tasks(deployment: Deployment) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await deployment.simulated("invoice"))["tasks"]
    return found


async def deletes(deployment: Deployment) -> int:
    calls = (await deployment.simulated("calls"))["calls"]
    return sum(call["operation"] == "cancel" and call["status"] == 204 for call in calls)


@pytest.mark.parametrize(
    ("prompt", "phase", "charged"),
    [(RUNNING, "processing", PRICE), (WAITING, "throttled", 0)],
)
async def test_a_cancelled_job_is_stopped_and_costs_what_runway_bills(
    running: Deployment, prompt: str, phase: str, charged: int
) -> None:
    before = await deletes(running)
    video_id = await at_runway(running, prompt, phase)
    status, body, _ = await running.api("POST", f"/videos/{video_id}/cancel")
    assert (200, "failed", "cancelled") == (status, body["status"], body["error"]["code"])
    jobs = await all_settled(running, timeout_s=10.0)
    (job,) = [job for job in jobs if job.id == video_id]
    assert charged == job.charged_micro_usd
    assert before + 1 == await deletes(running)
    assert [] == await check_money(running)


@pytest.mark.parametrize(
    ("prompt", "phase", "charged"),
    [(RUNNING, "processing", PRICE), (WAITING, "throttled", 0)],
)
async def test_a_worker_killed_beside_its_cancel_leaves_the_right_bill(
    deployment: Deployment, prompt: str, phase: str, charged: int
) -> None:
    deployment.providers = ("runway",)
    deployment.start(GREENLIGHT_CRASH_AT="ProviderCalled.cancel")
    video_id = await at_runway(deployment, prompt, phase)
    await deployment.api("POST", f"/videos/{video_id}/cancel")
    proxy = deployment.proxy
    assert proxy is not None

    async def is_dead() -> bool:
        return not proxy.is_running

    await wait_until(is_dead, "the crash")
    deployment.start_proxy()
    (job,) = await all_settled(deployment)
    assert charged == job.charged_micro_usd
    assert 1 == await deletes(deployment)
    assert [] == await check_money(deployment)

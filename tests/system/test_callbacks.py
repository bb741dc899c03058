"""Callbacks end the wait for a job at once, in any of two processes, and nothing else."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

import aiohttp
import pytest

from proxy.simulator.settings import wall_clock_s
from tests.system.deployment import WEBHOOK_SECRET, Deployment, wait_until
from tests.system.money import check_money
from tests.webhooks import as_body, signed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Fields: TypeAlias = dict[str, object]

PROCESSES = 2
LEAST_S = 0.3
VIA_KLING: Fields = {"model": "kling-3.0", "seconds": 4}
# After five renders of an offer the first poll comes when the next is likely done: these make
# fewer than that before the last test that must not be polled.
VIA_TURBO: Fields = {"model": "kling-2.5-turbo", "seconds": 5}
VIA_2_6: Fields = {"model": "kling-2.6", "seconds": 5}
VIA_OPENAI = {"model": "sora-2", "seconds": 4}
QUICK = "[[render=0.3]]"
numbers = itertools.count()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Two processes that poll nothing within a test unless they are called back."""
    made = Deployment(
        folder=tmp_path_factory.mktemp("callbacks"),
        serve_arguments=("--workers", str(PROCESSES)),
        providers=("kling", "openai"),
        is_sora_alive=True,
        are_callbacks_signed=True,
        poll={"first": "60s", "min": f"{LEAST_S * 1000:.0f}ms", "max": "60s"},
        unknown={"look_up_after": ["60s"], "then": "assume_charged"},
        give_up_after="10m",
    )
    made.start()
    made.ask_for_callbacks(PROCESSES)
    yield made
    made.stop()


def addresses(deployment: Deployment) -> dict[str, str]:
    """What `greenlight callbacks` prints, by provider."""
    said = subprocess.run(
        [sys.executable, "-m", "proxy", "callbacks", "--config", deployment.config, "--json"],
        cwd=deployment.folder,
        capture_output=True,
        check=True,
    )
    return {one["provider"]: one["url"] for one in json.loads(said.stdout)["callbacks"]}


async def register(deployment: Deployment) -> None:
    """Tell the simulated OpenAI where its events go."""
    webhook = {
        "provider": "openai",
        "url": addresses(deployment)["openai"],
        "secret": WEBHOOK_SECRET,
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{deployment.simulator_url}/_sim/webhooks", json=webhook) as answer,
    ):
        assert 200 == answer.status


async def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers=headers) as answer,
    ):
        return answer.status


async def calls(deployment: Deployment, task_id: str, operation: str) -> list[dict[str, Any]]:
    logged = (await deployment.simulated("calls"))["calls"]
    return [
        call
        for call in logged
        if call["operation"] == operation and task_id in (call["task_id"] or "").split(",")
    ]


async def at_kling(deployment: Deployment, prompt: str, via: Fields) -> tuple[str, str]:
    """Create a video and wait until Kling has its task; returns both ids."""
    created = await deployment.create(f"Boat {next(numbers)}. {prompt}", **via)

    async def found() -> str | None:
        tasks = (await deployment.simulated("invoice"))["tasks"]
        mine = [task for task in tasks if task["external_id"] == f"{created['id']}-1"]
        return mine[0]["task_id"] if mine else None

    task_id: str = await wait_until(found, "the task")
    return created["id"], task_id


async def called_back(deployment: Deployment, task_id: str, *statuses: int) -> None:
    """Wait until the vendor's callbacks about a task have been answered so."""

    async def there() -> bool:
        told = await calls(deployment, task_id, "callback")
        return [call["status"] for call in told] == list(statuses)

    await wait_until(there, f"callbacks answered {statuses}")


async def end_by_hand(deployment: Deployment, video_id: str, task_id: str) -> None:
    """Send the callback that did not come, and see the video completed."""
    body = as_body({"id": task_id, "status": "succeeded", "external_id": f"{video_id}-1"})
    headers = signed(body, at_s=wall_clock_s(), message_id=task_id, secret=WEBHOOK_SECRET)
    assert 204 == await post(addresses(deployment)["kling"], body, headers)
    assert "completed" == (await deployment.finished(video_id))["status"]


async def test_a_callback_completes_a_job_at_once(running: Deployment) -> None:
    created = await asyncio.gather(*(at_kling(running, QUICK, VIA_KLING) for _ in range(6)))
    for video_id, task_id in created:
        assert "completed" == (await running.finished(video_id))["status"]
        assert 1 == len(await calls(running, task_id, "status"))
    await check_money(running)


async def test_an_openai_shaped_event_completes_a_job_at_once(running: Deployment) -> None:
    await register(running)
    done = await running.create(f"A boat. {QUICK}", **VIA_OPENAI)
    failed = await running.create("A boat. [[render=0.3 outcome=content_policy]]", **VIA_OPENAI)
    assert "completed" == (await running.finished(done["id"]))["status"]
    assert "content_policy" == (await running.finished(failed["id"]))["error"]["code"]
    await check_money(running)


async def test_a_callback_that_comes_twice_is_heard_once(running: Deployment) -> None:
    video_id, task_id = await at_kling(running, "[[render=0.3 callback=twice]]", VIA_2_6)
    assert "completed" == (await running.finished(video_id))["status"]
    told = await calls(running, task_id, "callback")
    assert {204} == {call["status"] for call in told}
    assert 1 == len(await calls(running, task_id, "status"))


@pytest.mark.parametrize("fault", ["forged", "stale", "unsigned"])
async def test_a_callback_that_is_not_the_vendor_s_changes_nothing(
    running: Deployment, fault: str
) -> None:
    video_id, task_id = await at_kling(running, f"[[render=0.3 callback={fault}]]", VIA_2_6)
    await called_back(running, task_id, 401, 401)
    assert [] == await calls(running, task_id, "status")
    assert "in_progress" == (await running.video(video_id))["status"]
    await end_by_hand(running, video_id, task_id)
    await check_money(running)


async def test_a_callback_that_cannot_be_read_changes_nothing(running: Deployment) -> None:
    video_id, task_id = await at_kling(running, "[[render=0.3 callback=garbage]]", VIA_TURBO)
    await called_back(running, task_id, 400, 400)
    assert [] == await calls(running, task_id, "status")
    await end_by_hand(running, video_id, task_id)


async def test_a_flood_polls_the_vendor_no_more_often_than_allowed(
    running: Deployment,
) -> None:
    video_id, task_id = await at_kling(running, "[[render=4 callback=none]]", VIA_TURBO)
    url = addresses(running)["kling"]
    body = as_body({"id": task_id, "status": "succeeded", "external_id": f"{video_id}-1"})
    started_s, sent = time.monotonic(), 0
    while time.monotonic() - started_s < 4 * LEAST_S:
        names = [f"{task_id}-{sent + number}" for number in range(10)]
        now_s = wall_clock_s()
        headers = [
            signed(body, at_s=now_s, message_id=name, secret=WEBHOOK_SECRET) for name in names
        ]
        statuses = await asyncio.gather(*(post(url, body, one) for one in headers))
        assert {204} == set(statuses)
        sent += 10
    polls = len(await calls(running, task_id, "status"))
    took_s = time.monotonic() - started_s
    assert 1 <= polls <= 2 + took_s / LEAST_S
    assert sent > 2 * polls
    await wait_until(lambda: has_ended_there(running, task_id), "its end at the vendor")
    await end_by_hand(running, video_id, task_id)


async def has_ended_there(deployment: Deployment, task_id: str) -> bool:
    tasks = (await deployment.simulated("invoice"))["tasks"]
    return any(t["task_id"] == task_id and t["status"] == "succeeded" for t in tasks)


async def test_a_lost_submit_is_found_as_soon_as_it_calls_back(running: Deployment) -> None:
    video_id, task_id = await at_kling(
        running, "[[render=0.3 submit=accept_then_hang]]", VIA_TURBO
    )
    assert "completed" == (await running.finished(video_id))["status"]
    assert 1 == len(await calls(running, task_id, "find"))
    await check_money(running)


async def test_an_address_is_only_what_it_was_given_for(running: Deployment) -> None:
    kling = addresses(running)["kling"]
    for url in (
        kling + "x",
        kling.replace("/kling/", "/openai/"),
        kling.rpartition("/")[0] + "/" + "A" * 43,
    ):
        assert 404 == await post(url, b"{}", {})


async def test_no_address_and_no_secret_reaches_a_log_or_a_metric(
    running: Deployment,
) -> None:
    video_id, _ = await at_kling(running, QUICK, VIA_KLING)
    await running.finished(video_id)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{running.admin_url}/metrics") as answer,
    ):
        metrics = await answer.text()
    assert running.proxy is not None
    shown = running.proxy.log.read_text() + metrics
    assert "greenlight_callbacks_total" in metrics
    tokens = [urlsplit(url).path.rpartition("/")[2] for url in addresses(running).values()]
    for secret in (*tokens, WEBHOOK_SECRET, WEBHOOK_SECRET.removeprefix("whsec_")):
        assert secret not in shown

"""The ends of videos reach real receivers: over processes, crashes and whatever they answer."""

from __future__ import annotations

import asyncio
import random
import socket
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from openai import AsyncOpenAI
from standardwebhooks import Webhook

from tests.receiver import Receiver, receiving
from tests.system.deployment import FAST_ENGINE, WEBHOOK_SECRET, Deployment, wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

VIDEO = {"model": "kling-3.0", "seconds": 4}
ENGINE = {
    **FAST_ENGINE,
    "alert_every": "100ms",
    "notify_after": ["300ms"] * 40,
    "notify_timeout": "1s",
}
JOBS = 30
BOTH = ["video.completed", "video.failed"]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


def hook(url: str, *events: str) -> dict[str, Any]:
    return {"on": list(events or BOTH), "url": url, "secret": "${WEBHOOK_SECRET}"}


@pytest.fixture
def deployment(tmp_path: Path, receiver: Receiver) -> Iterator[Deployment]:
    """Not started yet; its team has one receiver and signs the URLs of its creates."""
    made = Deployment(
        folder=tmp_path,
        engine=dict(ENGINE),
        team={"webhooks": [hook(f"{receiver.url}/team")], "webhook_secret": "${WEBHOOK_SECRET}"},
        webhook_origins=[receiver.url],
    )
    yield made
    made.stop()


def told(receiver: Receiver) -> list[dict[str, Any]]:
    """What came, each verified by the specification's library."""
    for delivery in receiver.deliveries:
        Webhook(WEBHOOK_SECRET).verify(delivery.body, dict(delivery.headers))
    return [delivery.content for delivery in receiver.deliveries]


def ids(receiver: Receiver) -> list[str]:
    return [delivery.headers["webhook-id"] for delivery in receiver.deliveries]


async def until_told(receiver: Receiver, count: int) -> list[dict[str, Any]]:
    async def there() -> bool:
        return len(receiver.deliveries) >= count

    await wait_until(there, f"{count} messages")
    return told(receiver)


async def test_two_processes_tell_each_end_once(
    deployment: Deployment, receiver: Receiver
) -> None:
    deployment.serve_arguments = ("--workers", "2")
    deployment.start()
    mine = f"{receiver.url}/mine?job=1"
    made = await deployment.create("A boat.", webhook_url=mine, metadata={"shot": "12"}, **VIDEO)
    failed = await deployment.create("A boat. [[kling: outcome=content_policy]]", **VIDEO)
    many = await asyncio.gather(
        *(deployment.create(f"Boat {number}.", **VIDEO) for number in range(8))
    )
    bodies = await until_told(receiver, 11)
    await asyncio.gather(*(deployment.finished(video["id"]) for video in (made, failed, *many)))
    paths = [delivery.path for delivery in receiver.deliveries]
    assert (1, 10) == (paths.count("/mine"), paths.count("/team"))
    by_video = {body["data"]["id"]: body for body in bodies}
    assert {made["id"], failed["id"], *(video["id"] for video in many)} == set(by_video)
    body = by_video[made["id"]]
    video = await deployment.video(made["id"])
    assert ("video.completed", video["completed_at"]) == (body["type"], body["created_at"])
    for name in ("status", "model", "created_at", "error"):
        assert video[name] == body["data"][name]
    for name in ("provider", "cost_usd", "metadata"):
        assert video["greenlight"][name] == body["data"]["greenlight"][name]
    body = by_video[failed["id"]]
    assert ("video.failed", "content_policy") == (body["type"], body["data"]["error"]["code"])
    assert list(range(1, 11)) == sorted({body["sequence"] for body in bodies})
    async with AsyncOpenAI(api_key="unused", webhook_secret=WEBHOOK_SECRET) as client:
        [delivery, *_] = receiver.deliveries
        event = client.webhooks.unwrap(delivery.body.decode(), dict(delivery.headers))
        assert event.type in BOTH


async def test_killed_between_the_end_and_the_sending(
    deployment: Deployment, receiver: Receiver
) -> None:
    deployment.start(GREENLIGHT_CRASH_AT="Ended")
    proxy = deployment.proxy
    assert proxy is not None
    await deployment.create("A boat.", **VIDEO)

    async def is_dead() -> bool:
        return not proxy.is_running

    await wait_until(is_dead, "the crash")
    before = len(receiver.deliveries)
    deployment.start_proxy()
    [body, *more] = await until_told(receiver, 1)
    assert ("video.completed", 0) == (body["type"], len(more) - before)


async def test_killed_while_it_was_being_sent(deployment: Deployment, receiver: Receiver) -> None:
    """Nobody can know whether it was taken: it is sent again, and says that it is the same."""
    receiver.hold = asyncio.Event()
    deployment.start()
    await deployment.create("A boat.", **VIDEO)
    await until_told(receiver, 1)
    assert deployment.proxy is not None
    deployment.proxy.kill()
    receiver.hold.set()
    deployment.start_proxy()
    bodies = await until_told(receiver, 2)
    assert 1 == len(set(ids(receiver)))
    assert bodies[0] == bodies[1]


async def test_a_cancel_is_told_at_once_and_only_once(
    deployment: Deployment, receiver: Receiver
) -> None:
    deployment.start()
    video = await deployment.create("A boat. [[render=1]]", **VIDEO)

    async def is_running() -> bool:
        return bool((await deployment.video(video["id"]))["status"] == "in_progress")

    await wait_until(is_running, "the job to run")
    await deployment.api("DELETE", f"/videos/{video['id']}")
    [body] = await until_told(receiver, 1)
    assert ("cancelled", None) == (
        body["data"]["error"]["code"],
        body["data"]["greenlight"]["cost_usd"]["charged"],
    )
    other = await deployment.create("A boat.", **VIDEO)
    await deployment.finished(other["id"])
    assert [video["id"], other["id"]] == [
        body["data"]["id"] for body in await until_told(receiver, 2)
    ]


async def test_whatever_one_receiver_does_another_is_told(
    deployment: Deployment, receiver: Receiver
) -> None:
    """One is down, one hangs, one is broken a while, one is gone, one is busy, one redirects."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        down = unused.getsockname()[1]
    async with AsyncExitStack() as stack:
        slow, broken, gone, busy, moved = [
            await stack.enter_async_context(receiving()) for _ in range(5)
        ]
        slow.hold = asyncio.Event()
        stack.callback(slow.hold.set)
        broken.answer(500, times=3, body="oh no")
        gone.answer(410, times=9)
        busy.answer(429, Retry_After="2")
        moved.answer(307, times=3, Location=f"{receiver.url}/elsewhere")
        others = [slow.url, broken.url, gone.url, busy.url, moved.url, f"http://127.0.0.1:{down}"]
        deployment.team["webhooks"] += [hook(f"{url}/team") for url in others]
        deployment.webhook_origins += others
        deployment.start()
        await deployment.create("The first boat.", **VIDEO)
        await until_told(receiver, 1)
        async with receiving(down) as back:
            await until_told(back, 1)
        for number in range(2):
            await deployment.create(f"Boat {number}.", **VIDEO)
        await until_told(receiver, 3)
        await until_told(broken, 6)
        await until_told(busy, 4)
        await until_told(moved, 6)
        assert [3, 3, 3] == [len(set(ids(each))) for each in (broken, busy, moved)]
        assert {"/team"} == {delivery.path for delivery in receiver.deliveries}
        assert 1 == len(gone.deliveries)


async def test_where_nothing_is_sent_is_refused_by_name(deployment: Deployment) -> None:
    deployment.start()
    for url in ("http://hooks.example/", "https://10.0.0.1/", "https://user@a.example/", "x"):
        fields = {"prompt": "A boat.", "webhook_url": url, **VIDEO}
        status, body, _ = await deployment.api("POST", "/videos", json_body=fields)
        assert (400, "webhook_url_refused", "webhook_url") == (
            status,
            body["error"]["code"],
            body["error"]["param"],
        )
    del deployment.team["webhook_secret"]
    with deployment.reloading():
        deployment.write()
    fields = {"prompt": "A boat.", "webhook_url": "https://hooks.example/", **VIDEO}
    status, body, _ = await deployment.api("POST", "/videos", json_body=fields)
    assert (400, "webhook_url") == (status, body["error"]["param"])
    assert "webhook_secret" in body["error"]["message"]


async def test_every_end_is_told_or_listed(deployment: Deployment, receiver: Receiver) -> None:
    """Of many jobs, with a receiver that fails at random and is dead in between."""
    deployment.engine["notify_after"] = ["100ms", "100ms"]
    deployment.start()
    chance = random.Random(20261122)  # noqa: S311 - a seed that can be replayed
    receiver.answers.extend(
        (chance.choice((204, 204, 204, 500, 302)), {}, "") for _ in range(4 * JOBS)
    )
    jobs = await asyncio.gather(
        *(deployment.create(f"Boat {number}.", **VIDEO) for number in range(JOBS))
    )
    await asyncio.gather(*(deployment.finished(job["id"]) for job in jobs))

    async def settled() -> bool:
        return [] == (await letters(deployment, "?state=waiting"))

    await wait_until(settled, "the outbox to be empty")
    ended = {"msg_" + job["id"].removeprefix("video_") for job in jobs}
    listed = {letter["id"] for letter in await letters(deployment)}
    taken = [
        letter
        for job in jobs
        for letter in (await deployment.api("GET", f"/videos/{job['id']}/webhooks"))[1]["data"]
        if letter["state"] == "delivered"
    ]
    assert ended == listed | {letter["id"] for letter in taken}
    assert listed.isdisjoint(letter["id"] for letter in taken)
    assert ended == set(ids(receiver)), "each was sent at least once"
    receiver.answers.clear()
    for name in {letter["receiver"] for letter in await letters(deployment)}:
        await replay(deployment, receiver=name)

    async def nothing_listed() -> bool:
        return [] == (await letters(deployment)) and await settled()

    await wait_until(nothing_listed, "the rest to be taken")


async def letters(deployment: Deployment, query: str = "") -> list[dict[str, Any]]:
    """What administrators see."""
    headers = {"Authorization": f"Bearer {deployment.admin_token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{deployment.admin_url}/admin/v1/webhooks{query}") as answer,
    ):
        found: list[dict[str, Any]] = (await answer.json())["data"]
        return found


async def replay(deployment: Deployment, **what: str) -> None:
    headers = {"Authorization": f"Bearer {deployment.admin_token}"}
    url = f"{deployment.admin_url}/admin/v1/webhooks/replay"
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(url, json={**what, "reason": "a test"}) as answer,
    ):
        assert 200 == answer.status, await answer.text()

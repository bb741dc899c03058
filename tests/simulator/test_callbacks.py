"""Callbacks of the simulated vendors: when they come, what they say, how they are signed."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from proxy.simulator.app import running
from proxy.simulator.settings import KlingAccount, SimulatorSettings
from tests.simulator.simulated import Clock, Simulated

SECRET = "whsec_" + base64.b64encode(b"a key of thirty-two bytes, or so").decode()
DEADLINE_S = 10.0


@dataclass
class Listener:
    """A caller's endpoint: keeps what comes, answers `status`."""

    url: str = ""
    status: int = 204
    received: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.received.append((request.headers, await request.read()))
        return web.Response(status=self.status)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, body in self.received]

    async def until(self, count: int) -> None:
        """Wait until so many callbacks have come."""
        await until(lambda: len(self.received) >= count, f"{count} callbacks")
        assert count == len(self.received)


async def until(holds: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline_s, f"still waiting for {what}"
        await asyncio.sleep(0.005)


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    made = Listener()
    app = web.Application()
    app.router.add_post("/hook", made.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    await runner.cleanup()


@pytest.fixture
async def signing(sim_settings: SimulatorSettings) -> AsyncIterator[Simulated]:
    """A simulator whose Kling account has a secret."""
    (first, *others) = sim_settings.kling
    kling: tuple[KlingAccount, ...] = (replace(first, webhook_secret=SECRET), *others)
    settings = replace(sim_settings, kling=kling)
    assert isinstance(settings.now, Clock)
    async with running(settings) as simulator, aiohttp.ClientSession() as session:
        yield Simulated(simulator.url, settings.now, session)


def is_signed(headers: Mapping[str, str], body: bytes) -> bool:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, content, "sha256").digest()).decode()
    return headers["webhook-signature"] == expected


async def create(sim: Simulated, listener: Listener, prompt: str = "a cat") -> str:
    options = {"external_task_id": "e1", "callback_url": listener.url}
    return await sim.kling_id(prompt, options=options)


async def test_kling_tells_of_each_change_as_a_query_shows_it(
    sim: Simulated, listener: Listener
) -> None:
    task_id = await create(sim, listener)
    sim.clock.advance(5)
    await listener.until(1)
    sim.clock.advance(10)
    await listener.until(2)
    working, done = listener.bodies
    assert (task_id, "e1", "processing") == (
        working["id"],
        working["external_id"],
        working["status"],
    )
    assert done == await sim.kling_task(task_id)
    assert "webhook-id" not in listener.received[0][0]
    calls = await sim.calls("kling", "callback")
    assert [(task_id, 204)] * 2 == [(call["task_id"], call["status"]) for call in calls]


async def test_a_secret_signs_and_each_message_has_its_id(
    signing: Simulated, listener: Listener
) -> None:
    await create(signing, listener)
    signing.clock.advance(5)
    await listener.until(1)
    signing.clock.advance(10)
    await listener.until(2)
    assert all(is_signed(headers, body) for headers, body in listener.received)
    assert 2 == len({headers["webhook-id"] for headers, _ in listener.received})
    timestamp = int(listener.received[-1][0]["webhook-timestamp"])
    assert timestamp == int(signing.clock.now_s)


async def test_a_repetition_has_the_same_id(signing: Simulated, listener: Listener) -> None:
    await create(signing, listener, "a cat [[callback=twice render=0]]")
    await listener.until(2)
    first, second = listener.received
    assert (first[0]["webhook-id"], first[1]) == (second[0]["webhook-id"], second[1])


async def test_the_end_may_be_told_before_the_beginning(
    sim: Simulated, listener: Listener
) -> None:
    task_id = await create(sim, listener, "a cat [[callback=reordered]]")
    sim.clock.advance(5)
    told = await sim.kling_id("b [[render=0]]", options={"callback_url": listener.url})
    await listener.until(1)
    sim.clock.advance(10)
    await listener.until(3)
    assert [(told, "succeeded"), (task_id, "succeeded"), (task_id, "processing")] == [
        (body["id"], body["status"]) for body in listener.bodies
    ]


@pytest.mark.parametrize("fault", ["forged", "stale", "unsigned", "garbage"])
async def test_callbacks_can_be_wrong(signing: Simulated, listener: Listener, fault: str) -> None:
    await create(signing, listener, f"a cat [[callback={fault} render=0]]")
    await listener.until(1)
    ((headers, body),) = listener.received
    if fault == "unsigned":
        assert "webhook-signature" not in headers
    else:
        assert (fault != "forged") == is_signed(headers, body)
        age_s = signing.clock.now_s - int(headers["webhook-timestamp"])
        assert (600 if fault == "stale" else 0) == int(age_s)
    assert (fault == "garbage") == (not body.endswith(b"}"))


async def test_a_default_scenario_holds_for_callbacks_too(
    sim: Simulated, listener: Listener
) -> None:
    await sim.post("/_sim/scenarios", {"provider": "kling", "directive": "callback=none"})
    await create(sim, listener, "a cat [[render=0]]")
    await sim.post("/_sim/scenarios", {"provider": "kling", "directive": ""})
    options = {"callback_url": listener.url}
    told = await sim.kling_id("another [[render=0]]", options=options)
    await listener.until(1)
    assert told == listener.bodies[0]["id"]


@pytest.mark.parametrize("url", ["http://192.0.2.1/hook", "http://example.com/hook"])
async def test_nobody_but_this_machine_is_called(sim: Simulated, url: str) -> None:
    await sim.kling_id("a cat [[render=0]]", options={"callback_url": url})
    later = await sim.kling_id("b", options={"callback_url": "http://127.0.0.1:9/hook"})
    sim.clock.advance(10)

    calls: list[dict[str, Any]] = []
    deadline_s = time.monotonic() + DEADLINE_S
    while not calls:
        assert time.monotonic() < deadline_s
        calls = await sim.calls("kling", "callback")
    # Nobody listens at port 9: the log tells of a call without an answer.
    assert [(later, None)] == [(call["task_id"], call["status"]) for call in calls]


async def test_a_task_that_vanishes_is_not_told_of(sim: Simulated, listener: Listener) -> None:
    await create(sim, listener, "a cat [[outcome=vanish]]")
    sim.clock.advance(20)
    done = await sim.kling_id("b [[render=0]]", options={"callback_url": listener.url})
    await listener.until(1)
    assert done == listener.bodies[0]["id"]


@pytest.mark.parametrize(
    ("outcome", "kind"), [("ok", "video.completed"), ("internal", "video.failed")]
)
async def test_openai_tells_of_the_end_with_the_id_alone(
    sim: Simulated, listener: Listener, outcome: str, kind: str
) -> None:
    webhook = {"provider": "openai", "url": listener.url, "secret": SECRET}
    assert 200 == (await sim.post("/_sim/webhooks", webhook)).status
    video_id = await sim.openai_id(f"a cat [[outcome={outcome}]]")
    sim.clock.advance(5)
    sim.clock.advance(10)
    await listener.until(1)
    (event,) = listener.bodies
    assert ("event", kind, {"id": video_id}) == (event["object"], event["type"], event["data"])
    assert is_signed(*listener.received[0])


async def test_a_webhook_is_registered_until_it_is_not(sim: Simulated, listener: Listener) -> None:
    webhook = {"provider": "openai", "url": listener.url}
    await sim.post("/_sim/webhooks", webhook)
    await sim.post("/_sim/webhooks", webhook | {"url": ""})
    await sim.openai_id("a [[render=0]]")
    await sim.post("/_sim/webhooks", webhook)
    told = await sim.openai_id("b [[render=0]]")
    await listener.until(1)
    assert {"id": told} == listener.bodies[0]["data"]
    assert "webhook-signature" not in listener.received[0][0]
    await sim.openai_id("c")
    await sim.post("/_sim/reset", {})
    sim.clock.advance(20)
    assert [] == await sim.calls("openai", "callback")


@pytest.mark.parametrize(
    "body",
    [
        {"provider": "kling", "url": "http://127.0.0.1/"},
        {"provider": "openai"},
        {"provider": "openai", "url": "http://127.0.0.1/", "more": 1},
        [],
    ],
)
async def test_only_openai_has_webhooks_to_register(sim: Simulated, body: object) -> None:
    assert 400 == (await sim.post("/_sim/webhooks", body)).status


async def test_a_listener_that_hangs_keeps_no_other_from_hearing(
    sim: Simulated, listener: Listener
) -> None:
    gate = asyncio.Event()

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    silent = {"callback_url": f"http://127.0.0.1:{port}/"}
    await sim.kling_id("a [[render=0]]", options=silent)
    await sim.kling_id("b [[render=0]]", options={"callback_url": listener.url})
    await listener.until(1)
    gate.set()
    server.close()
    await server.wait_closed()

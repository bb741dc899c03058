"""Submits that are refused, hang, are reset, or succeed without the caller knowing."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from proxy.simulator.app import running
from proxy.simulator.settings import SimulatorSettings
from tests.simulator.simulated import API_KEY, T2V, Answer, Clock, Simulated

Submit = Callable[[str], Awaitable[Answer]]
PROVIDERS = ("kling", "vertex", "runway", "openai")


def submit_of(sim: Simulated, provider: str) -> Submit:
    submits: dict[str, Submit] = {
        "kling": sim.kling,
        "vertex": sim.vertex,
        "runway": sim.runway_submit,
        "openai": sim.openai_submit,
    }
    return submits[provider]


async def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        await asyncio.sleep(0.01)


async def lose(sim: Simulated, provider: str, prompt: str) -> None:
    """Submit, and be left without an answer."""
    short = aiohttp.ClientTimeout(total=0.3)
    async with aiohttp.ClientSession(timeout=short) as session:
        alone = Simulated(sim.url, sim.clock, session)
        with pytest.raises((TimeoutError, aiohttp.ClientError)):
            await submit_of(alone, provider)(prompt)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("400", 400, 1201),
        ("401", 401, 1000),
        ("404", 404, 1203),
        ("429", 429, 1302),
        ("500", 500, 5000),
        ("503", 503, 5001),
        ("504", 504, 5002),
        ("account", 429, 1102),
        ("concurrency", 429, 1303),
        ("content_policy", 400, 1301),
    ],
)
async def test_a_refusal_by_kling_has_its_code_and_creates_nothing(
    sim: Simulated, fault: str, status: int, code: int
) -> None:
    answer = await sim.kling(f"a [[kling: submit={fault} retry_after=9]]")
    assert (status, code) == (answer.status, answer.json["code"])
    assert {"code", "message", "request_id"} == set(answer.json)
    assert "9" == answer.headers["Retry-After"]
    assert [] == (await sim.invoice())["tasks"]
    (call,) = await sim.calls("kling", "submit")
    assert (False, status, None) == (call["accepted"], call["status"], call["task_id"])


@pytest.mark.parametrize(
    ("fault", "status", "word"),
    [
        ("400", 400, "INVALID_ARGUMENT"),
        ("401", 401, "UNAUTHENTICATED"),
        ("404", 404, "NOT_FOUND"),
        ("429", 429, "RESOURCE_EXHAUSTED"),
        ("500", 500, "INTERNAL"),
        ("503", 503, "UNAVAILABLE"),
        ("504", 504, "DEADLINE_EXCEEDED"),
        ("account", 403, "PERMISSION_DENIED"),
        ("concurrency", 429, "RESOURCE_EXHAUSTED"),
        ("content_policy", 400, "INVALID_ARGUMENT"),
    ],
)
async def test_a_refusal_by_vertex_has_its_status_and_creates_nothing(
    sim: Simulated, fault: str, status: int, word: str
) -> None:
    answer = await sim.vertex(f"a [[vertex: submit={fault}]]")
    assert status == answer.status == answer.json["error"]["code"]
    assert word == answer.json["error"]["status"]
    assert [] == (await sim.invoice())["tasks"]


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("400", 400, "Invalid request"),
        ("401", 401, "Unauthorized"),
        ("404", 404, "Not found"),
        ("410", 400, "Validation of body failed"),
        ("429", 429, "too many requests"),
        ("500", 500, "Internal server error"),
        ("503", 503, "unavailable"),
        ("504", 504, "timeout"),
        ("account", 400, "do not have enough credits to run this task"),
    ],
)
async def test_a_refusal_by_runway_has_its_sentence_and_creates_nothing(
    sim: Simulated, fault: str, status: int, words: str
) -> None:
    answer = await sim.runway_submit(f"a [[runway: submit={fault} retry_after=9]]")
    assert status == answer.status
    assert words in answer.json["error"]
    assert "9" == answer.headers["Retry-After"]
    assert [] == (await sim.invoice())["tasks"]


@pytest.mark.parametrize(
    ("fault", "status", "kind", "code"),
    [
        ("400", 400, "invalid_request_error", None),
        ("401", 401, "invalid_request_error", "invalid_api_key"),
        ("404", 404, "invalid_request_error", None),
        ("410", 410, "invalid_request_error", "model_not_found"),
        ("429", 429, "requests", "rate_limit_exceeded"),
        ("500", 500, "server_error", None),
        ("503", 503, "server_error", None),
        ("504", 504, "server_error", None),
        ("account", 429, "insufficient_quota", "insufficient_quota"),
        ("concurrency", 429, "requests", "rate_limit_exceeded"),
        ("content_policy", 400, "invalid_request_error", "moderation_blocked"),
    ],
)
async def test_a_refusal_by_openai_has_its_code_and_creates_nothing(
    sim: Simulated, *, fault: str, status: int, kind: str, code: str | None
) -> None:
    answer = await sim.openai_submit(f"a [[openai: submit={fault} retry_after=9]]")
    assert status == answer.status
    assert (kind, code) == (answer.json["error"]["type"], answer.json["error"]["code"])
    assert "9" == answer.headers["Retry-After"]
    assert [] == (await sim.invoice())["tasks"]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("fault", ["hang", "reset"])
async def test_a_hang_or_reset_creates_nothing(sim: Simulated, provider: str, fault: str) -> None:
    await lose(sim, provider, f"a [[submit={fault}]]")
    assert [] == (await sim.invoice())["tasks"]
    (call,) = await sim.calls(provider, "submit")
    assert (False, None) == (call["accepted"], call["status"])


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("fault", ["accept_then_hang", "accept_then_reset"])
async def test_an_accepted_submit_whose_answer_is_lost_renders_and_is_billed(
    sim: Simulated, provider: str, fault: str
) -> None:
    await lose(sim, provider, f"a [[submit={fault}]]")
    sim.clock.advance(10)
    (task,) = (await sim.invoice())["tasks"]
    assert "succeeded" == task["status"]
    assert task["micro_usd"] > 0
    (call,) = await sim.calls(provider, "submit")
    assert (True, None, task["task_id"]) == (call["accepted"], call["status"], call["task_id"])


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("fault", "status"), [("garbage", 200), ("accept_then_504", 504)])
async def test_an_answer_that_says_nothing_may_hide_an_accepted_task(
    sim: Simulated, provider: str, fault: str, status: int
) -> None:
    if fault == "garbage":
        with pytest.raises(ValueError, match="Expecting"):
            await submit_of(sim, provider)(f"a [[submit={fault}]]")
    else:
        answer = await submit_of(sim, provider)(f"a [[submit={fault}]]")
        assert status == answer.status
    (call,) = await sim.calls(provider, "submit")
    assert (True, status) == (call["accepted"], call["status"])
    assert 1 == len((await sim.invoice())["tasks"])


async def test_a_lost_kling_task_is_found_by_its_external_id(sim: Simulated) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.3)) as session:
        alone = Simulated(sim.url, sim.clock, session)
        with pytest.raises(TimeoutError):
            await alone.kling(
                "a [[submit=accept_then_hang]]", options={"external_task_id": "lost"}
            )
    (task,) = (await sim.get("/kling/tasks?external_task_ids=lost")).json["data"]
    assert ("lost", "submitted") == (task["external_id"], task["status"])


async def ask(sim: Simulated, provider: str, prompt: str) -> Callable[[], Awaitable[Answer]]:
    """Submit and return what asks for the task's status."""
    if provider == "vertex":
        name = await sim.vertex_id(prompt)
        return lambda: sim.fetch(name)
    if provider == "runway":
        task_id = await sim.runway_id(prompt)
        return lambda: sim.runway("GET", f"tasks/{task_id}")
    if provider == "openai":
        video_id = await sim.openai_id(prompt)
        return lambda: sim.openai("GET", f"/{video_id}")
    path = f"/kling/tasks?task_ids={await sim.kling_id(prompt)}"
    return lambda: sim.get(path)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_hanging_status_call_gets_no_answer(sim: Simulated, provider: str) -> None:
    status = await ask(sim, provider, "a [[status=hang status_times=1]]")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await status()
    assert 200 == (await status()).status


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_status_call_can_be_reset_or_garbled(sim: Simulated, provider: str) -> None:
    cut_off = await ask(sim, provider, "a [[status=reset]]")
    with pytest.raises(aiohttp.ClientError):
        await cut_off()
    garbled = await ask(sim, provider, "a [[status=garbage]]")
    with pytest.raises(ValueError, match="Expecting"):
        await garbled()


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_gateway_before_the_vendor_answers_a_page(sim: Simulated, provider: str) -> None:
    status = await ask(sim, provider, "a [[status=502 status_times=1]]")
    submitted = await submit_of(sim, provider)("a [[submit=502 times=1]]")
    for answer in (submitted, await status()):
        assert (502, None) == (answer.status, answer.json)
        assert b"<html>" in answer.body
    calls = [*await sim.calls(provider, "submit"), *await sim.calls(provider, "status")]
    assert [(200, True), (502, False), (502, False)] == [
        (call["status"], call["accepted"]) for call in calls
    ]
    assert 1 == len((await sim.invoice())["tasks"])


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_an_answer_that_is_cut_off_hides_an_accepted_task(
    sim: Simulated, provider: str
) -> None:
    status = await ask(sim, provider, "a [[status=truncated status_times=1]]")
    for asked in (submit_of(sim, provider)("a [[submit=truncated]]"), status()):
        with pytest.raises(aiohttp.ClientPayloadError):
            await asked
    assert 200 == (await status()).status
    assert 2 == len((await sim.invoice())["tasks"])


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_an_answer_may_be_sound_json_of_wrong_types(sim: Simulated, provider: str) -> None:
    submitted = await submit_of(sim, provider)("a [[submit=wrong_types]]")
    status = await ask(sim, provider, "a [[status=wrong_types status_times=1]]")
    asked = await status()
    right = (await status()).json
    for answer in (submitted, asked):
        assert 200 == answer.status
        shared = answer.json.keys() & right.keys()
        assert shared
        assert all(type(answer.json[name]) is not type(right[name]) for name in shared)
    assert 2 == len((await sim.invoice())["tasks"])


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_an_oversized_answer_is_sound_and_far_too_long(
    sim: Simulated, provider: str
) -> None:
    submitted = await submit_of(sim, provider)("a [[submit=oversized]]")
    status = await ask(sim, provider, "a [[status=oversized status_times=1]]")
    for answer in (submitted, await status()):
        assert (200, 8 * 1024**2) == (answer.status, len(answer.body))
        assert isinstance(answer.json, dict)
    assert b"padding" not in (await status()).body
    assert 2 == len((await sim.invoice())["tasks"])


async def hang(url: str) -> None:
    """Submit something that is never answered, until cancelled or cut off."""
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        with pytest.raises(aiohttp.ClientError):
            await session.post(url + T2V, json={"prompt": "a [[submit=hang]]"})


async def wait_for_submit(sim: Simulated) -> None:
    deadline = time.monotonic() + 5
    while not await sim.calls("kling", "submit"):
        assert time.monotonic() < deadline, "the submit never arrived"
        await asyncio.sleep(0.01)


def requests_in_hand() -> int:
    return sum("World.hang" in frames_of(task) for task in asyncio.all_tasks())


def frames_of(task: asyncio.Task[object]) -> str:
    names: list[str] = []
    awaited: object = task.get_coro()
    while hasattr(awaited, "cr_await"):
        names.append(getattr(awaited, "__qualname__", ""))
        awaited = awaited.cr_await
    return " ".join(names)


async def test_a_hang_ends_when_the_client_goes_away(sim: Simulated) -> None:
    async with asyncio.TaskGroup() as group:
        client = group.create_task(hang(sim.url))
        await wait_for_submit(sim)
        await wait_until(lambda: requests_in_hand() == 1)
        client.cancel()
    await wait_until(lambda: requests_in_hand() == 0)


async def test_shutdown_does_not_wait_for_hanging_requests(
    sim_settings: SimulatorSettings,
) -> None:
    async with asyncio.TaskGroup() as group, aiohttp.ClientSession() as session:
        async with running(sim_settings) as simulator:
            group.create_task(hang(simulator.url))
            await wait_for_submit(Simulated(simulator.url, Clock(), session))
            began = time.monotonic()
        assert time.monotonic() - began < 0.9  # less than the grace for well-behaved requests

"""The runwayml client, as its users hold it, against the simulated Runway.

Every client validates answers strictly: a field that its own types do not allow is an error.
"""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
import pytest

from proxy.simulator.app import running
from proxy.simulator.mp4 import make_clip
from proxy.simulator.settings import RunwayAccount, SimulatorSettings
from tests.conformance.clips import duration_and_size

runwayml = pytest.importorskip("runwayml", reason="runwayml is not installed (extra: test)")

# The SDK may not be installed, so its types cannot be named.
Sdk: TypeAlias = Any

CLIPS = Path(__file__).parents[2] / "proxy" / "simulator" / "clips"
PICTURE = (CLIPS / "thumbnail.webp").read_bytes()
DATA_URI = f"data:image/webp;base64,{base64.b64encode(PICTURE).decode()}"
TEXT = {"model": "gen4.5", "prompt_text": "a cat", "ratio": "720:1280", "duration": 3}
RENDER_S = 0.2


@pytest.fixture
async def simulator() -> AsyncIterator[str]:
    account = RunwayAccount(api_secrets=("secret",), concurrency=2)
    settings = SimulatorSettings(runway=(account,), render_s=RENDER_S)
    async with running(settings) as server:
        yield server.url


@pytest.fixture
async def client(simulator: str) -> AsyncIterator[Sdk]:
    async with runwayml.AsyncRunwayML(
        api_key="secret",
        base_url=f"{simulator}/runway",
        max_retries=0,
        _strict_response_validation=True,
    ) as sdk:
        yield sdk


async def seen_until_over(client: Sdk, task_id: str) -> tuple[list[str], Sdk]:
    """Poll to the end; return the statuses in order of appearance, and the last answer."""
    statuses: list[str] = []
    async with asyncio.timeout(10):
        while True:
            task = await client.tasks.retrieve(task_id)
            if task.status not in statuses:
                statuses.append(task.status)
            if task.status in {"SUCCEEDED", "FAILED", "CANCELLED"}:
                return statuses, task
            await asyncio.sleep(RENDER_S / 20)


async def fetch(url: str) -> bytes:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 200
        return await response.read()


async def test_a_text_becomes_a_video_behind_a_url_that_needs_no_key(client: Sdk) -> None:
    created = await client.text_to_video.create(**TEXT)
    assert 36 == created.estimated_cost.credits
    statuses, task = await seen_until_over(client, created.id)
    life = ["PENDING", "RUNNING", "SUCCEEDED"]
    assert [status for status in life if status in statuses] == statuses
    assert "SUCCEEDED" == statuses[-1]
    assert 36 == task.cost.credits
    assert (3.0, 720, 1280) == duration_and_size(await fetch(task.output[0]))


@pytest.mark.parametrize(
    ("fields", "cost", "size"),
    [
        ({"model": "gen4_turbo", "ratio": "1584:672"}, 50, (10.0, 1584, 672)),
        (
            {"model": "gen4.5", "ratio": "960:960", "duration": 2, "prompt_text": "a cat"},
            24,
            (2.0, 960, 960),
        ),
        ({"model": "veo3.1", "ratio": "1920:1080", "duration": 4}, 160, (4.0, 1920, 1080)),
        (
            {"model": "veo3.1_fast", "ratio": "1280:720", "duration": 6, "audio": False},
            60,
            (6.0, 1280, 720),
        ),
    ],
)
async def test_a_picture_becomes_a_video(
    client: Sdk, fields: dict[str, Sdk], cost: int, size: tuple[float, int, int]
) -> None:
    frame = [{"uri": DATA_URI, "position": "first"}]
    created = await client.image_to_video.create(prompt_image=frame, **fields)
    assert cost == created.estimated_cost.credits
    _, task = await seen_until_over(client, created.id)
    assert size == duration_and_size(await fetch(task.output[0]))


async def test_a_video_becomes_another_as_long_as_it(client: Sdk) -> None:
    content = base64.b64encode(make_clip(720, 1280, 6).head).decode()
    created = await client.video_to_video.create(
        model="aleph2",
        video_uri=f"data:video/mp4;base64,{content}",
        prompt_text="at night",
        seed=7,
    )
    ended = (await seen_until_over(client, created.id))[1]
    assert ("SUCCEEDED", 168) == (ended.status, ended.cost.credits)


async def test_a_video_behind_a_url_becomes_another(client: Sdk) -> None:
    created = await client.video_to_video.create(
        model="aleph2", video_uri="https://example.com/cat.mp4", prompt_text="at night"
    )
    assert "SUCCEEDED" in (await seen_until_over(client, created.id))[0]


async def test_more_than_may_run_at_once_is_throttled_not_refused(client: Sdk) -> None:
    slow = TEXT | {"prompt_text": "a cat [[render=1]]"}
    made = [(await client.text_to_video.create(**slow)).id for _ in range(3)]
    ended = await asyncio.gather(*(seen_until_over(client, task_id) for task_id in made))
    assert ["THROTTLED" in statuses for statuses, _ in ended] == [False, False, True]
    assert ["SUCCEEDED"] * 3 == [task.status for _, task in ended]


@pytest.mark.parametrize(
    ("prompt", "code", "cost"),
    [
        ("a cat [[outcome=content_policy]]", "SAFETY.INPUT.TEXT", 36),
        ("a cat [[outcome=filtered]]", "SAFETY.OUTPUT.VIDEO", 36),
        ("a cat [[submit=content_policy]]", "INPUT_PREPROCESSING.SAFETY.TEXT", 36),
        ("a cat [[outcome=internal]]", "INTERNAL", 0),
        (
            "a cat [[outcome=internal code=THIRD_PARTY.UNAVAILABLE]]",
            "THIRD_PARTY.UNAVAILABLE",
            0,
        ),
    ],
)
async def test_a_failed_task_carries_its_code_and_its_cost(
    client: Sdk, prompt: str, code: str, cost: int
) -> None:
    created = await client.text_to_video.create(**TEXT | {"prompt_text": prompt})
    _, task = await seen_until_over(client, created.id)
    assert ("FAILED", code, cost) == (task.status, task.failure_code, task.cost.credits)


async def test_a_task_is_cancelled_by_deleting_it(client: Sdk) -> None:
    prompt = {"prompt_text": "a cat [[render=99]]"}
    created = await client.text_to_video.create(**TEXT | prompt)
    assert await client.tasks.delete(created.id) is None
    with pytest.raises(runwayml.NotFoundError):
        await client.tasks.retrieve(created.id)


async def test_a_cancelled_task_says_what_it_cost(client: Sdk) -> None:
    prompt = {"prompt_text": "a cat [[outcome=cancelled]]"}
    created = await client.text_to_video.create(**TEXT | prompt)
    _, task = await seen_until_over(client, created.id)
    assert ("CANCELLED", 36) == (task.status, task.cost.credits)


async def test_the_organisation_tells_its_limits_and_use(client: Sdk) -> None:
    await client.text_to_video.create(**TEXT)
    told = await client.organization.retrieve()
    assert 2 == told.tier.models["gen4.5"].max_concurrent_generations
    assert 1 == told.usage.models["gen4.5"].daily_generations


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ("400", "BadRequestError", "Invalid"),
        ("account", "BadRequestError", "do not have enough credits to run this task"),
        ("410", "BadRequestError", "model"),
        ("401", "AuthenticationError", "Unauthorized"),
        ("404", "NotFoundError", "Not found"),
        ("429", "RateLimitError", "too many requests"),
        ("503", "InternalServerError", "unavailable"),
    ],
)
async def test_a_refusal_is_raised_as_the_sdk_names_it(
    client: Sdk, fault: str, error: str, words: str
) -> None:
    with pytest.raises(getattr(runwayml, error), match=words) as refused:
        await client.text_to_video.create(**TEXT | {"prompt_text": f"[[submit={fault}]]"})
    assert isinstance(refused.value.body["error"], str)


@pytest.mark.parametrize(
    "fields", [{"ratio": "16:9"}, {"duration": 11}, {"model": "gen4_turbo"}, {"audio": True}]
)
async def test_what_a_model_cannot_do_is_an_issue(client: Sdk, fields: dict[str, Sdk]) -> None:
    extra = {"extra_body": fields} if "audio" in fields else fields
    with pytest.raises(runwayml.BadRequestError) as refused:
        await client.text_to_video.create(**TEXT | extra)
    (issue,) = refused.value.body["issues"]
    assert list(fields) == issue["path"]


async def test_first_and_last_frames_are_taken_with_their_position(client: Sdk) -> None:
    frames = [{"uri": DATA_URI, "position": place} for place in ("first", "last")]
    created = await client.image_to_video.create(
        model="veo3.1", prompt_image=frames, ratio="1280:720", duration=4, negative_prompt="dogs"
    )
    assert "SUCCEEDED" in (await seen_until_over(client, created.id))[0]


async def test_the_sdk_repeats_a_refused_create_without_any_idempotency_key(
    client: Sdk, simulator: str
) -> None:
    twice = client.with_options(max_retries=1)
    prompt = {"prompt_text": "a cat [[submit=429 retry_after=1 times=1]]"}
    assert (await twice.text_to_video.create(**TEXT | prompt)).id
    async with aiohttp.ClientSession() as session:
        calls = await (await session.get(f"{simulator}/_sim/calls")).json()
    assert [429, 200] == [call["status"] for call in calls["calls"]]


async def test_the_sdk_s_own_wait_returns_or_raises_at_the_end(
    client: Sdk, simulator: str
) -> None:
    """One test for both clients and every end: each wait sleeps for about six seconds."""

    def create_and_wait(prompt: str, timeout_s: float, **fields: Sdk) -> Sdk:
        options = {"api_key": "secret", "base_url": f"{simulator}/runway"}
        with runwayml.RunwayML(**options, _strict_response_validation=True) as sdk:
            created = sdk.text_to_video.create(**TEXT | {"prompt_text": prompt} | fields)
            return created.wait_for_task_output(timeout=timeout_s)

    async def wait(prompt: str, timeout_s: float = 30, **fields: Sdk) -> Sdk:
        created = await client.text_to_video.create(**TEXT | {"prompt_text": prompt} | fields)
        return await created.wait_for_task_output(timeout=timeout_s)

    picture = await client.image_to_video.create(
        model="gen4_turbo", prompt_image="https://example.com/cat.png", ratio="1280:720"
    )
    waited: tuple[Sdk, ...] = await asyncio.gather(
        picture.wait_for_task_output(timeout=30),
        asyncio.to_thread(create_and_wait, "a cat", 30),
        wait("a cat [[outcome=content_policy render=0]]"),
        wait("a cat [[outcome=cancelled render=0]]"),
        wait("a cat [[outcome=hang]]", timeout_s=1, model="veo3.1", duration=4),
        asyncio.to_thread(
            create_and_wait, "a [[submit=concurrency render=60]]", 1, model="veo3.1", duration=4
        ),
        return_exceptions=True,
    )
    assert ["SUCCEEDED", "SUCCEEDED"] == [task.status for task in waited[:2]]
    assert ["TaskFailedError"] * 2 == [type(error).__name__ for error in waited[2:4]]
    assert "SAFETY.INPUT.TEXT" == waited[2].task_details.failure_code
    assert "CANCELLED" == waited[3].task_details.status
    assert ["TaskTimeoutError"] * 2 == [type(error).__name__ for error in waited[4:]]
    assert ["RUNNING", "THROTTLED"] == [error.task_details.status for error in waited[4:]]

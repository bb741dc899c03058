"""The unmodified openai client against the edge."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import TYPE_CHECKING

import openai
import pytest

from proxy.domain.errors import BudgetExceeded, RateLimited
from tests.builders import PRINTED_KEY
from tests.http.fakes import VIDEO_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.http.conftest import Client
    from tests.http.fakes import RecordingVideos

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
# The client says so at every call; that its users go on is what this proxy is for.
pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")


@pytest.fixture
async def sdk(client: Client) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=str(client.make_url("/v1")), api_key=PRINTED_KEY, max_retries=0
    ) as made:
        yield made


@pytest.fixture
def blocking_sdk(client: Client) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=str(client.make_url("/v1")), api_key=PRINTED_KEY, max_retries=0
    ) as made:
        yield made


async def test_create_with_extra_fields(sdk: openai.AsyncOpenAI, videos: RecordingVideos) -> None:
    video = await sdk.videos.create(
        prompt="a fox",
        model="kling-3.0",
        seconds="8",
        extra_body={
            "resolution": "1080p",
            "aspect_ratio": "9:16",
            "audio": True,
            "metadata": {"shot": "12"},
            "max_cost_usd": "2.50",
            "deadline_s": 600,
        },
    )
    assert ("queued", "kling-3.0", "8", "1080x1920") == (
        video.status,
        video.model,
        video.seconds,
        video.size,
    )
    assert video.model_extra is not None
    assert {"shot": "12"} == video.model_extra["greenlight"]["metadata"]
    request = videos.calls[-1][1]["request"]
    assert (True, 2_500_000, 600) == (
        request.audio,
        request.max_cost_micro_usd,
        request.deadline_s,
    )


async def test_create_with_a_file(sdk: openai.AsyncOpenAI, videos: RecordingVideos) -> None:
    await sdk.videos.create(
        prompt="a fox", size="720x1280", input_reference=("a.png", PNG, "image/png")
    )
    await sdk.videos.create(prompt="a fox", input_reference=PNG)
    data_url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    await sdk.videos.create(
        prompt="a fox", extra_body={"input_reference": {"image_url": data_url}}
    )
    kinds = [call["media_type"] for name, call in videos.calls if name == "save_input"]
    assert ["image/png"] * 3 == kinds


async def test_retrieve_list_download_and_delete(
    sdk: openai.AsyncOpenAI, videos: RecordingVideos
) -> None:
    ids = [(await sdk.videos.create(prompt=f"fox {n}")).id for n in range(3)]
    assert ids[0] == (await sdk.videos.retrieve(ids[0])).id
    assert ids == [video.id async for video in sdk.videos.list(limit=2, order="asc")]
    videos.complete(ids[0])
    content = await sdk.videos.download_content(ids[0])
    assert VIDEO_BYTES == await content.aread()
    part = await sdk.videos.download_content(ids[0], extra_headers={"Range": "bytes=0-9"})
    assert VIDEO_BYTES[:10] == await part.aread()
    assert (await sdk.videos.delete(ids[0])).deleted
    with pytest.raises(openai.NotFoundError):
        await sdk.videos.retrieve(ids[0])


async def test_create_and_poll_obeys_our_interval(
    sdk: openai.AsyncOpenAI, videos: RecordingVideos
) -> None:
    videos.completes_at_poll = 2
    began_s = time.monotonic()
    video = await sdk.videos.create_and_poll(prompt="a fox")
    assert "completed" == video.status
    polls = [name for name, _ in videos.calls if name == "get"]
    assert 2 == len(polls)
    assert time.monotonic() - began_s < 0.9


async def test_the_blocking_client_works_too(
    blocking_sdk: openai.OpenAI, videos: RecordingVideos
) -> None:
    def use() -> bytes:
        video = blocking_sdk.videos.create(prompt="a fox")
        videos.complete(video.id)
        assert "completed" == blocking_sdk.videos.retrieve(video.id).status
        return blocking_sdk.videos.download_content(video.id).read()

    assert VIDEO_BYTES == await asyncio.to_thread(use)


async def test_models_are_listed(sdk: openai.AsyncOpenAI) -> None:
    assert "cheapest_4k" in {model.id async for model in sdk.models.list()}


async def test_errors_are_the_clients_own(
    sdk: openai.AsyncOpenAI, videos: RecordingVideos
) -> None:
    with pytest.raises(openai.BadRequestError) as bad:
        await sdk.videos.create(prompt="a fox", extra_body={"n": 2})
    assert ("n", "invalid_request") == (bad.value.param, bad.value.code)
    videos.refusal = RateLimited("slow down", retry_after_s=1)
    with pytest.raises(openai.RateLimitError):
        await sdk.videos.create(prompt="a fox")
    with pytest.raises(openai.AuthenticationError):
        await sdk.with_options(api_key="gl_wrong").videos.list()


async def test_a_full_budget_is_never_retried(
    sdk: openai.AsyncOpenAI, videos: RecordingVideos
) -> None:
    videos.refusal = BudgetExceeded("no room", details={"budget": "monthly"})
    with pytest.raises(openai.APIStatusError) as full:
        await sdk.with_options(max_retries=2).videos.create(prompt="a fox")
    assert (402, "budget_exceeded") == (full.value.status_code, full.value.code)
    assert 1 == len(videos.calls)
    assert full.value.request_id

"""The openai client's videos resource, as its users hold it, against the simulated OpenAI.

Every client validates answers strictly: a field that its own types do not allow is an error.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
import openai
import pytest

from proxy.simulator.app import running
from proxy.simulator.settings import OpenAIAccount, SimulatorSettings
from tests.conformance.clips import duration_and_size

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")

CLIPS = Path(__file__).parents[2] / "proxy" / "simulator" / "clips"
A_FILE = ("cat.mp4", b"no real video", "video/mp4")
Sdk: TypeAlias = Any  # bodies that the SDK's types allow, but its hints do not

AS_JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def simulator() -> AsyncIterator[str]:
    account = OpenAIAccount(api_keys=("key",))
    async with running(SimulatorSettings(openai=(account,), render_s=0.1)) as server:
        yield server.url


@pytest.fixture(params=["httpx", "aiohttp"])
async def client(
    request: pytest.FixtureRequest, simulator: str
) -> AsyncIterator[openai.AsyncOpenAI]:
    transport = openai.DefaultAioHttpClient() if request.param == "aiohttp" else None
    async with openai.AsyncOpenAI(
        api_key="key",
        base_url=f"{simulator}/openai/v1",
        http_client=transport,
        max_retries=0,
        _strict_response_validation=True,
    ) as sdk:
        yield sdk


@pytest.fixture
def sync_client(simulator: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        api_key="key",
        base_url=f"{simulator}/openai/v1",
        max_retries=0,
        _strict_response_validation=True,
    ) as sdk:
        yield sdk


async def completed(client: openai.AsyncOpenAI, prompt: str = "a cat", **fields: Sdk) -> Sdk:
    video = await client.videos.create_and_poll(prompt=prompt, **fields)
    assert "completed" == video.status, video.error
    return video


async def test_a_video_is_created_polled_fetched_and_deleted(client: openai.AsyncOpenAI) -> None:
    video = await completed(client, model="sora-2-pro", seconds="8", size="1792x1024")
    assert video == await client.videos.retrieve(video.id)
    assert (100, "a cat", "8") == (video.progress, video.prompt, video.seconds)
    assert video.expires_at == video.completed_at + 3600
    content = await client.videos.download_content(video.id)
    assert (8.0, 1792, 1024) == duration_and_size(content.content)
    deleted = await client.videos.delete(video.id)
    assert (video.id, True) == (deleted.id, deleted.deleted)
    with pytest.raises(openai.NotFoundError):
        await client.videos.retrieve(video.id)
    with pytest.raises(openai.NotFoundError):
        await client.videos.download_content(video.id)


async def test_a_video_can_be_streamed_to_a_file(
    client: openai.AsyncOpenAI, tmp_path: Path
) -> None:
    video = await completed(client, "a cat [[bytes=300kB]]")
    path = tmp_path / "cat.mp4"
    async with client.videos.with_streaming_response.download_content(video.id) as response:
        await response.stream_to_file(path)
    assert 300_000 == path.stat().st_size


@pytest.mark.parametrize(
    ("variant", "content_type"), [("thumbnail", "image/webp"), ("spritesheet", "image/jpeg")]
)
async def test_the_pictures_of_a_video_are_pictures(
    client: openai.AsyncOpenAI, variant: Sdk, content_type: str
) -> None:
    video = await completed(client)
    content = await client.videos.download_content(video.id, variant=variant)
    assert content_type == content.response.headers["Content-Type"]


async def test_a_list_is_read_page_by_page(client: openai.AsyncOpenAI) -> None:
    made = [(await client.videos.create(prompt=f"cat {i}")).id for i in range(3)]
    assert made == [video.id async for video in client.videos.list(limit=2, order="asc")]
    assert made[::-1] == [video.id async for video in client.videos.list(limit=1)]
    page = await client.videos.list(limit=2, after=made[1], order="asc")
    assert (made[2:], False) == ([video.id for video in page.data], page.has_more)


async def test_videos_are_remixed_edited_and_extended(client: openai.AsyncOpenAI) -> None:
    source = await completed(client, seconds="8", size="1280x720")
    remix = await client.videos.remix(source.id, prompt="a dog")
    assert (source.id, "8") == (remix.remixed_from_video_id, remix.seconds)
    # The SDK refuses to send what its own types allow for `video`, so it goes as an extra.
    nothing: Sdk = openai.omit
    by_id = {"video": {"id": source.id}}
    edit = await client.videos.edit(prompt="a dog", video=nothing, extra_body=by_id)
    assert ("8", "1280x720") == (edit.seconds, edit.size)
    longer = await client.videos.extend(
        prompt="on", seconds="4", video=nothing, extra_body=by_id, extra_headers=AS_JSON
    )
    assert "12" == longer.seconds
    from_file = await client.videos.edit(prompt="a dog", video=A_FILE)
    assert "queued" == from_file.status
    assert "8" == (await client.videos.extend(prompt="on", seconds="4", video=A_FILE)).seconds


async def test_a_character_is_made_and_used(client: openai.AsyncOpenAI) -> None:
    made = await client.videos.create_character(name="Tom", video=A_FILE)
    assert made.model_dump() == (await client.videos.get_character(str(made.id))).model_dump()
    cast = {"characters": [{"id": made.id}]}
    assert "queued" == (await client.videos.create(prompt="Tom", extra_body=cast)).status


async def test_a_reference_comes_as_file_as_form_fields_or_as_json(
    client: openai.AsyncOpenAI,
) -> None:
    picture = ("cat.webp", (CLIPS / "thumbnail.webp").read_bytes(), "image/webp")
    with pytest.raises(openai.BadRequestError, match="320x180") as refused:
        await client.videos.create(prompt="a cat", input_reference=picture)
    assert refused.value.code is None
    elsewhere: Sdk = {"input_reference": {"image_url": "https://example.com/cat.png"}}
    assert "queued" == (await client.videos.create(prompt="a", extra_body=elsewhere)).status
    as_json = await client.videos.create(
        prompt="a cat", extra_body=elsewhere, extra_headers=AS_JSON
    )
    assert "queued" == as_json.status


@pytest.mark.parametrize(
    ("outcome", "code"),
    [("internal", "server_error"), ("content_policy", "moderation_blocked")],
)
async def test_a_failed_video_is_returned_with_its_error(
    client: openai.AsyncOpenAI, outcome: str, code: str
) -> None:
    video = await client.videos.create_and_poll(prompt=f"a cat [[outcome={outcome}]]")
    assert "failed" == video.status
    assert video.error is not None
    assert code == video.error.code


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"seconds": "5"}, "seconds", "invalid_value"),
        ({"seconds": 4, "extra_headers": AS_JSON}, "seconds", "invalid_type"),
        ({"size": "1792x1024"}, "size", "invalid_value"),
        ({"model": "sora-9"}, "model", "invalid_value"),
        ({"extra_body": {"duration": "10"}}, "duration", "unknown_parameter"),
    ],
)
async def test_what_the_api_never_had_is_refused_by_name(
    client: openai.AsyncOpenAI, fields: Sdk, param: str, code: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.videos.create(prompt="a cat", **fields)
    assert (param, code) == (refused.value.param, refused.value.code)
    assert str(refused.value.request_id).startswith("req_")


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("400", openai.BadRequestError, None),
        ("401", openai.AuthenticationError, "invalid_api_key"),
        ("404", openai.NotFoundError, None),
        ("410", openai.APIStatusError, "model_not_found"),
        ("429", openai.RateLimitError, "rate_limit_exceeded"),
        ("account", openai.RateLimitError, "insufficient_quota"),
        ("content_policy", openai.BadRequestError, "moderation_blocked"),
        ("503", openai.InternalServerError, None),
        ("reset", openai.APIConnectionError, None),
    ],
)
async def test_a_refusal_is_raised_as_the_sdk_names_it(
    client: openai.AsyncOpenAI, fault: str, error: type[openai.APIError], code: str | None
) -> None:
    with pytest.raises(error) as refused:
        await client.videos.create(prompt=f"a cat [[submit={fault}]]")
    assert code == refused.value.code


async def test_the_sdk_repeats_a_refused_create_without_any_idempotency_key(
    client: openai.AsyncOpenAI, simulator: str
) -> None:
    twice = client.with_options(max_retries=1)
    video = await twice.videos.create(prompt="a cat [[submit=429 retry_after=1 times=1]]")
    assert "queued" == video.status
    async with aiohttp.ClientSession() as session:
        calls = await (await session.get(f"{simulator}/_sim/calls")).json()
    assert [429, 200] == [call["status"] for call in calls["calls"]]


async def test_the_sync_client_sees_the_same(sync_client: openai.OpenAI, tmp_path: Path) -> None:
    def use() -> None:
        videos = sync_client.videos
        video = videos.create_and_poll(prompt="a cat", size="1280x720")
        assert "completed" == video.status
        videos.download_content(video.id).write_to_file(tmp_path / "cat.mp4")
        remix = videos.remix(video.id, prompt="a dog")
        assert [remix.id, video.id] == [item.id for item in videos.list(limit=1)]
        assert "completed" == videos.poll(remix.id).status
        assert videos.delete(video.id).deleted
        with pytest.raises(openai.NotFoundError):
            videos.retrieve(video.id)

    await asyncio.to_thread(use)
    assert (4.0, 1280, 720) == duration_and_size((tmp_path / "cat.mp4").read_bytes())

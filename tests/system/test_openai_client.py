"""Every call of the unmodified openai client's videos and models, over each of its transports."""

from __future__ import annotations

import asyncio
import hashlib
import re
import runpy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai
import pytest
from openai.resources import AsyncVideos, Videos

from tests.providers.accounts import a_png
from tests.system.deployment import Deployment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from openai.types import Video

# The client says so at every call; that its users go on is what this proxy is for.
pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")

ROOT = Path(__file__).parents[2]
API_PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
SERVED = {
    "create",
    "create_and_poll",
    "poll",
    "retrieve",
    "list",
    "delete",
    "download_content",
    "remix",
    "edit",
    "extend",
    "with_raw_response",
    "with_streaming_response",
}
FILE = ("a.mp4", b"some bytes", "video/mp4")
REFUSED: dict[str, dict[str, Any]] = {
    "create_character": {"name": "Mo", "video": FILE},
    "get_character": {"character_id": "char_a"},
}
ADVICE = re.compile(r"not supported yet; .*POST /v1/videos instead$")
TRANSPORTS = ("sync", "async", "aiohttp")


@dataclass
class Sdk:
    """The client over one transport; calls of the blocking one run in a thread."""

    client: openai.OpenAI | openai.AsyncOpenAI

    async def videos(self, name: str, /, **arguments: Any) -> Any:  # noqa: ANN401 - any call's answer
        """Call `client.videos.<name>`."""
        return await self._call(getattr(self.client.videos, name), arguments)

    async def models(self, name: str, /, **arguments: Any) -> Any:  # noqa: ANN401 - any call's answer
        """Call `client.models.<name>`."""
        return await self._call(getattr(self.client.models, name), arguments)

    async def listed(self, **arguments: Any) -> list[Video]:  # noqa: ANN401 - of any kind
        """Every video of every page."""
        if isinstance(self.client, openai.AsyncOpenAI):
            return [video async for video in self.client.videos.list(**arguments)]
        listing = self.client.videos.list
        return await asyncio.to_thread(lambda: list(listing(**arguments)))

    async def bytes_of(self, video_id: str, **arguments: Any) -> bytes:  # noqa: ANN401 - likewise
        """What `download_content` gives."""
        content: bytes = (
            await self.videos("download_content", video_id=video_id, **arguments)
        ).content
        return content

    async def streamed(self, video_id: str) -> bytes:
        """What `with_streaming_response.download_content` gives, chunk by chunk."""
        if isinstance(self.client, openai.AsyncOpenAI):
            streaming = self.client.videos.with_streaming_response
            async with streaming.download_content(video_id) as answer:
                return b"".join([chunk async for chunk in answer.iter_bytes(2**16)])
        return await asyncio.to_thread(self._streamed, video_id)

    def _streamed(self, video_id: str) -> bytes:
        assert isinstance(self.client, openai.OpenAI)
        streaming = self.client.videos.with_streaming_response
        with streaming.download_content(video_id) as answer:
            return b"".join(answer.iter_bytes(2**16))

    async def _call(self, call: Any, arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - any call
        if isinstance(self.client, openai.AsyncOpenAI):
            return await call(**arguments)
        return await asyncio.to_thread(call, **arguments)


@pytest.fixture(params=TRANSPORTS)
async def sdk(request: pytest.FixtureRequest, running: Deployment) -> AsyncIterator[Sdk]:
    """The client as its users make it."""
    url, key = running.base_url, running.api_key
    if request.param == "sync":
        with openai.OpenAI(base_url=url, api_key=key) as blocking:
            yield Sdk(blocking)
        return
    http_client = openai.DefaultAioHttpClient() if request.param == "aiohttp" else None
    async with openai.AsyncOpenAI(base_url=url, api_key=key, http_client=http_client) as client:
        has_aiohttp = "aiohttp" in type(client._client._transport).__module__
        assert has_aiohttp == (request.param == "aiohttp")
        yield Sdk(client)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment whose renders are short."""
    made = Deployment(folder=tmp_path_factory.mktemp("deployment"), render_s=0.2)
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("resource", [Videos, AsyncVideos])
def test_no_call_of_the_client_is_forgotten(resource: type) -> None:
    calls = {name for name in dir(resource) if not name.startswith("_")}
    assert SERVED | set(REFUSED) == calls


def test_the_table_of_calls_is_right() -> None:
    rows = dict(re.findall(r"^\| `client\.videos\.(\w+)` \| (.+?) \|", API_PAGE, re.MULTILINE))
    assert SERVED | set(REFUSED) == set(rows)
    assert set(REFUSED) == {name for name, what in rows.items() if "422" in what}


async def test_a_video_from_create_to_delete(sdk: Sdk) -> None:
    created = await sdk.videos(
        "create",
        prompt="A paper boat",
        model="kling-3.0",
        seconds="4",
        size="1280x720",
        extra_body={"metadata": {"shot": "12"}, "max_cost_usd": "1.00"},
    )
    assert ("kling-3.0", "4", "1280x720") == (created.model, created.seconds, created.size)
    done = await sdk.videos("poll", video_id=created.id)
    assert ("completed", 100) == (done.status, done.progress)
    assert done == await sdk.videos("retrieve", video_id=created.id)
    artifact = done.model_extra["greenlight"]["artifact"]
    content = await sdk.bytes_of(created.id)
    assert artifact["sha256"] == hashlib.sha256(content).hexdigest()
    assert (await sdk.videos("delete", video_id=created.id)).deleted
    with pytest.raises(openai.NotFoundError):
        await sdk.videos("retrieve", video_id=created.id)
    assert (await sdk.videos("delete", video_id=created.id)).deleted


async def test_create_and_poll_with_a_first_frame(sdk: Sdk) -> None:
    done = await sdk.videos(
        "create_and_poll",
        prompt="A paper boat",
        model="kling-3.0",
        input_reference=("first.png", a_png(), "image/png"),
        extra_body={"resolution": "1080p", "aspect_ratio": "9:16"},
    )
    assert ("completed", "1080x1920") == (done.status, done.size), done


async def test_a_download_in_parts_and_as_a_stream(sdk: Sdk) -> None:
    done = await sdk.videos("create_and_poll", prompt="A paper boat", model="kling-3.0")
    whole = await sdk.bytes_of(done.id, variant="video")
    half = len(whole) // 2
    first = await sdk.bytes_of(done.id, extra_headers={"Range": f"bytes=0-{half - 1}"})
    rest = await sdk.bytes_of(done.id, extra_headers={"Range": f"bytes={half}-"})
    assert whole == first + rest
    assert half == len(first)
    assert whole == await sdk.streamed(done.id)


@pytest.mark.parametrize("variant", ["thumbnail", "spritesheet"])
async def test_a_variant_that_is_not_there_says_so(sdk: Sdk, variant: str) -> None:
    done = await sdk.videos("create_and_poll", prompt="A paper boat", model="kling-3.0")
    with pytest.raises(openai.BadRequestError) as refused:
        await sdk.videos("download_content", video_id=done.id, variant=variant)
    assert ("not_supported_yet", "variant") == (refused.value.code, refused.value.param)


async def test_a_list_goes_on_over_its_pages(sdk: Sdk) -> None:
    made = [
        (await sdk.videos("create", prompt=f"Boat {n}", model="kling-3.0")).id for n in range(5)
    ]
    assert made == [video.id for video in await sdk.listed(limit=2, order="asc")][-5:]
    assert made[::-1] == [video.id for video in await sdk.listed(limit=2)][:5]
    after = [video.id for video in await sdk.listed(order="asc", after=made[2])]
    assert made[3:] == after


async def test_the_answer_as_it_came(sdk: Sdk) -> None:
    created = await sdk.videos("create", prompt="A paper boat", model="kling-3.0")
    raw = sdk.client.videos.with_raw_response.retrieve
    answer: Any = await sdk._call(raw, {"video_id": created.id})
    assert created.id == answer.parse().id
    assert 0 < int(answer.headers["openai-poll-after-ms"]) <= 15_000
    again = {"If-None-Match": answer.headers["ETag"], "Prefer": "wait=20"}
    waited: Any = await sdk._call(raw, {"video_id": created.id, "extra_headers": again})
    assert ("wait=20", "completed") == (
        waited.headers["Preference-Applied"],
        waited.parse().status,
    )


@pytest.mark.parametrize("name", REFUSED)
async def test_a_call_that_cannot_be_served_says_what_to_do_instead(sdk: Sdk, name: str) -> None:
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        await sdk.videos(name, **REFUSED[name])
    assert ("not_supported_yet", "invalid_request_error") == (
        refused.value.code,
        refused.value.type,
    )
    assert ADVICE.search(str(refused.value.body["message"]))  # type: ignore[index]


@pytest.mark.parametrize(("name", "arguments"), [("edit", {}), ("extend", {"seconds": "4"})])
async def test_a_video_as_a_file_says_what_to_send_instead(
    sdk: Sdk, name: str, arguments: dict[str, str]
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await sdk.videos(name, prompt="in the rain", video=FILE, **arguments)
    assert ("not_supported_yet", "video") == (refused.value.code, refused.value.param)


async def test_models(sdk: Sdk) -> None:
    listed = {model.id: model for model in (await sdk.models("list")).data}
    for name in ("veo-3.1-fast", "sora-2", "cheapest_4k"):
        assert listed[name] == await sdk.models("retrieve", model=name)
    assert "veo-3.1-fast" == (await sdk.models("retrieve", model="veo-fast")).id
    with pytest.raises(openai.NotFoundError) as unknown:
        await sdk.models("retrieve", model="nothing")
    assert "model_not_found" == unknown.value.code


@pytest.mark.parametrize("page", ["README.md", "docs/api.md"])
def test_the_sample_of_a_page_works(running: Deployment, tmp_path: Path, page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    (sample,) = re.findall(r"```python\n(.*?client\.videos\.create.*?)```", text, re.DOTALL)
    for theirs, ours in (
        ("http://127.0.0.1:8080/v1", running.base_url),
        ("gl_...", running.api_key),
    ):
        assert theirs in sample
        sample = sample.replace(theirs, ours)
    script = tmp_path / "sample.py"
    script.write_text(sample, encoding="utf-8")
    video = runpy.run_path(str(script))["video"]
    assert ("queued", "4", "1920x1080") == (video.status, video.seconds, video.size)
    greenlight = video.model_extra["greenlight"]
    assert greenlight["route"]
    assert greenlight["cost_usd"]["charged"] is None

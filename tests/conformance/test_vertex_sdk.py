"""google-genai, as its users hold it (Vertex mode), against the simulated Vertex AI."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
import pytest
from google.oauth2.credentials import Credentials
from yarl import URL

from proxy.simulator.app import running
from proxy.simulator.settings import SimulatorSettings, VertexProject
from tests.conformance.clips import duration_and_size

genai = pytest.importorskip(
    "google.genai", reason="google-genai is not installed (extra: conformance)"
)
errors = pytest.importorskip("google.genai.errors")
types = pytest.importorskip("google.genai.types")

# The SDK may not be installed, so its types cannot be named.
Sdk: TypeAlias = Any

pytestmark = pytest.mark.filterwarnings(
    "ignore:Inheritance class AiohttpClientSession:DeprecationWarning"  # inside the SDK
)

MODEL = "veo-3.1-fast-generate-001"
CLIPS = Path(__file__).parents[2] / "proxy" / "simulator" / "clips"
TOKEN = "token"


@pytest.fixture
async def simulator() -> AsyncIterator[str]:
    project = VertexProject("film-studio", static_tokens=(TOKEN,))
    async with running(SimulatorSettings(vertex=(project,), render_s=0.05)) as server:
        yield server.url


# The documentation speaks of v1; None leaves the SDK its own default.
@pytest.fixture(params=["v1", None])
async def client(request: pytest.FixtureRequest, simulator: str) -> AsyncIterator[Sdk]:
    options = types.HttpOptions(base_url=f"{simulator}/vertex", api_version=request.param)
    sdk = genai.Client(
        vertexai=True,
        project="film-studio",
        location="us-central1",
        credentials=Credentials(token=TOKEN),  # type: ignore[no-untyped-call]
        http_options=options,
    )
    yield sdk.aio
    await sdk.aio.aclose()
    sdk.close()


async def rendered(
    client: Sdk,
    prompt: str,
    *,
    model: str = MODEL,
    image: Sdk = None,
    video: Sdk = None,
    **config: object,
) -> Sdk:
    operation = await client.models.generate_videos(
        model=model,
        source=types.GenerateVideosSource(prompt=prompt, image=image, video=video),
        config=types.GenerateVideosConfig(**config),
    )
    async with asyncio.timeout(10):
        while not operation.done:
            await asyncio.sleep(0.05)
            operation = await client.operations.get(operation)
    return operation


async def test_inline_videos_are_playable(client: Sdk) -> None:
    operation = await rendered(
        client,
        "a cat",
        number_of_videos=2,
        duration_seconds=6,
        resolution="1080p",
        aspect_ratio="9:16",
        generate_audio=True,
    )
    videos = [video.video for video in operation.response.generated_videos]
    assert ["video/mp4"] * 2 == [video.mime_type for video in videos]
    assert (6.0, 1080, 1920) == duration_and_size(videos[1].video_bytes)


async def test_every_input_is_taken_in_the_form_the_sdk_sends(client: Sdk) -> None:
    data = (CLIPS / "spritesheet.jpg").read_bytes()
    picture = types.Image(image_bytes=data, mime_type="image/jpeg")
    style: Sdk = {"negative_prompt": "dogs", "seed": 7, "person_generation": "allow_adult"}
    framed = await rendered(
        client, "a cat", image=picture, last_frame=picture, duration_seconds=4, **style
    )
    assert 1 == len(framed.response.generated_videos)
    stored = types.Image(gcs_uri="gs://films/cat.png", mime_type="image/png")
    assets = [
        types.VideoGenerationReferenceImage(image=image, reference_type="ASSET")
        for image in (picture, stored)
    ]
    asset = await rendered(client, "a cat", reference_images=assets, duration_seconds=8)
    assert 1 == len(asset.response.generated_videos)


async def test_a_video_is_extended(client: Sdk) -> None:
    first = await rendered(client, "a cat", duration_seconds=4)
    (made,) = first.response.generated_videos
    longer = await rendered(client, "it jumps", video=made.video, duration_seconds=7)
    (whole,) = longer.response.generated_videos
    assert (11.0, 1280, 720) == duration_and_size(whole.video.video_bytes)
    with pytest.raises(errors.ClientError, match="durationSeconds"):
        await rendered(client, "it jumps", video=made.video, duration_seconds=8)


async def test_a_model_that_is_retired_was_not_found(client: Sdk) -> None:
    with pytest.raises(errors.ClientError, match="was not found") as raised:
        await rendered(client, "a cat", model="veo-3.0-generate-001")
    assert (404, "NOT_FOUND") == (raised.value.code, raised.value.status)


async def test_what_a_model_cannot_do_is_an_invalid_argument(client: Sdk) -> None:
    with pytest.raises(errors.ClientError, match="durationSeconds") as raised:
        await rendered(client, "a cat", duration_seconds=5)
    assert (400, "INVALID_ARGUMENT") == (raised.value.code, raised.value.status)


async def test_videos_are_written_to_the_bucket_that_was_named(
    client: Sdk, simulator: str
) -> None:
    operation = await rendered(client, "a cat", output_gcs_uri="gs://films/veo")
    (video,) = [video.video for video in operation.response.generated_videos]
    assert "video/mp4" == video.mime_type
    assert video.video_bytes is None
    assert video.uri.startswith("gs://films/veo/")
    name = video.uri.removeprefix("gs://films/").replace("/", "%2F")
    url = URL(f"{simulator}/vertex/storage/v1/b/films/o/{name}?alt=media", encoded=True)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as stored:
        assert (8.0, 1280, 720) == duration_and_size(await stored.read())


async def test_a_filtered_operation_says_why(client: Sdk) -> None:
    operation = await rendered(client, "a cat [[outcome=filtered]]")
    assert operation.error is None
    assert not operation.response.generated_videos
    assert 1 == operation.response.rai_media_filtered_count
    assert "Support codes" in operation.response.rai_media_filtered_reasons[0]


@pytest.mark.parametrize(("outcome", "code"), [("internal", 13), ("content_policy", 3)])
async def test_a_failed_operation_carries_its_code(client: Sdk, outcome: str, code: int) -> None:
    operation = await rendered(client, f"a cat [[outcome={outcome}]]")
    assert operation.response is None
    assert code == operation.error["code"]


@pytest.mark.parametrize(
    ("fault", "kind", "code", "status"),
    [
        ("400", "ClientError", 400, "INVALID_ARGUMENT"),
        ("429", "ClientError", 429, "RESOURCE_EXHAUSTED"),
        ("account", "ClientError", 403, "PERMISSION_DENIED"),
        ("503", "ServerError", 503, "UNAVAILABLE"),
    ],
)
async def test_a_refusal_is_raised_as_google_names_it(
    client: Sdk,
    fault: str,
    kind: str,
    *,
    code: int,
    status: str,
) -> None:
    with pytest.raises(errors.APIError) as raised:
        await rendered(client, f"a cat [[submit={fault}]]")
    assert (kind, code, status) == (
        type(raised.value).__name__,
        raised.value.code,
        raised.value.status,
    )

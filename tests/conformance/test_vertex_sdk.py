"""google-genai, as its users hold it (Vertex mode), against the simulated Vertex AI."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import av
import pytest
from google.oauth2.credentials import Credentials

from proxy.simulator.app import running
from proxy.simulator.settings import SimulatorSettings, VertexProject

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


@pytest.fixture
async def client() -> AsyncIterator[Sdk]:
    project = VertexProject("film-studio", static_tokens=("token",))
    async with running(SimulatorSettings(vertex=(project,), render_s=0.05)) as simulator:
        options = types.HttpOptions(base_url=f"{simulator.url}/vertex", api_version="v1")
        sdk = genai.Client(
            vertexai=True,
            project="film-studio",
            location="us-central1",
            credentials=Credentials(token="token"),  # type: ignore[no-untyped-call]
            http_options=options,
        )
        yield sdk.aio
        await sdk.aio.aclose()
        sdk.close()


async def rendered(client: Sdk, prompt: str, **config: object) -> Sdk:
    operation = await client.models.generate_videos(
        model=MODEL,
        source=types.GenerateVideosSource(prompt=prompt),
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
    with av.open(io.BytesIO(videos[1].video_bytes), "r") as container:
        stream = container.streams.video[0]
        assert container.duration is not None
        assert (6.0, 1080) == (container.duration / av.time_base, stream.width)


async def test_videos_are_written_to_the_bucket_that_was_named(client: Sdk) -> None:
    operation = await rendered(client, "a cat", output_gcs_uri="gs://films/veo")
    (video,) = [video.video for video in operation.response.generated_videos]
    assert "video/mp4" == video.mime_type
    assert video.video_bytes is None
    assert video.uri.startswith("gs://films/veo/")


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

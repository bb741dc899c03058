from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientPayloadError
from yarl import URL

from tests.builders import PRINTED_KEY
from tests.http.fakes import VIDEO_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.http.links import Links
    from tests.fakes import RecordingObserver
    from tests.http.conftest import Client
    from tests.http.fakes import RecordingVideos, StillClock

SIZE = len(VIDEO_BYTES)
ETAG = f'"{hashlib.sha256(VIDEO_BYTES).hexdigest()}"'


async def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline, "the condition never held"
        await asyncio.sleep(0.005)


async def a_completed_video(client: Client, videos: RecordingVideos) -> str:
    """Create a job, complete it, and return the path of its content."""
    async with client.post("/v1/videos", json={"prompt": "a fox"}) as answer:
        job_id: str = (await answer.json())["id"]
    videos.complete(job_id)
    return f"/v1/videos/{job_id}/content"


async def test_the_whole_file_is_streamed(client: Client, videos: RecordingVideos) -> None:
    path = await a_completed_video(client, videos)
    async with client.get(path) as answer:
        assert VIDEO_BYTES == await answer.read()
        headers = answer.headers
        assert (200, "video/mp4", str(SIZE)) == (
            answer.status,
            headers["Content-Type"],
            headers["Content-Length"],
        )
        assert (ETAG, "bytes", "nosniff") == (
            headers["ETag"],
            headers["Accept-Ranges"],
            headers["X-Content-Type-Options"],
        )
        name = path.split("/")[3]
        assert f'attachment; filename="{name}.mp4"' == headers["Content-Disposition"]
        digest = base64.b64encode(hashlib.sha256(VIDEO_BYTES).digest()).decode()
        assert f"sha-256=:{digest}:" == headers["Repr-Digest"]
        assert '"content";r=19;t=2' == headers["RateLimit"]
    assert (1, 1) == (videos.opened, videos.closed)


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=100-70000", 100, 70_001), ("bytes=-5", SIZE - 5, SIZE)],
)
async def test_a_range_is_206(
    client: Client, videos: RecordingVideos, header: str, start: int, end: int
) -> None:
    path = await a_completed_video(client, videos)
    async with client.get(path, headers={"Range": header}) as answer:
        assert VIDEO_BYTES[start:end] == await answer.read()
        assert 206 == answer.status
        assert f"bytes {start}-{end - 1}/{SIZE}" == answer.headers["Content-Range"]


async def test_a_range_outside_is_416_with_the_size(
    client: Client, videos: RecordingVideos
) -> None:
    path = await a_completed_video(client, videos)
    async with client.get(path, headers={"Range": f"bytes={SIZE}-"}) as answer:
        assert 416 == answer.status
        assert f"bytes */{SIZE}" == answer.headers["Content-Range"]
        assert "range_not_satisfiable" == (await answer.json())["error"]["code"]


async def test_a_range_of_another_version_is_answered_whole(
    client: Client, videos: RecordingVideos
) -> None:
    path = await a_completed_video(client, videos)
    for if_range, status in ((ETAG, 206), ('"another"', 200)):
        headers = {"Range": "bytes=0-9", "If-Range": if_range}
        async with client.get(path, headers=headers) as answer:
            assert status == answer.status
    headers = {"Range": f"bytes={SIZE}-", "If-Range": '"another"'}
    async with client.get(path, headers=headers) as answer:
        assert 200 == answer.status


async def test_a_known_file_is_304(client: Client, videos: RecordingVideos) -> None:
    path = await a_completed_video(client, videos)
    async with client.get(path, headers={"If-None-Match": f'"x", {ETAG}'}) as answer:
        assert (304, ETAG) == (answer.status, answer.headers["ETag"])
    assert 0 == videos.opened


@pytest.mark.parametrize("header", [{}, {"Range": "bytes=0-9"}, {"Range": f"bytes={SIZE}-"}])
async def test_head_tells_of_the_whole_and_opens_nothing(
    client: Client, videos: RecordingVideos, header: dict[str, str]
) -> None:
    """Range is defined for GET alone."""
    path = await a_completed_video(client, videos)
    async with client.head(path, headers=header) as answer:
        assert (200, str(SIZE), b"") == (
            answer.status,
            answer.headers["Content-Length"],
            await answer.read(),
        )
        assert ("bytes", ETAG) == (answer.headers["Accept-Ranges"], answer.headers["ETag"])
    assert 0 == videos.opened


async def test_an_unfinished_video_is_409_and_not_to_be_retried(
    client: Client,
) -> None:
    async with client.post("/v1/videos", json={"prompt": "a fox"}) as created:
        job_id = (await created.json())["id"]
    async with client.get(f"/v1/videos/{job_id}/content") as answer:
        assert (409, "false") == (answer.status, answer.headers["x-should-retry"])
        assert "video_not_ready" == (await answer.json())["error"]["code"]


@pytest.mark.parametrize(
    ("variant", "status", "code"),
    [
        ("video", 200, None),
        ("thumbnail", 400, "not_supported_yet"),
        ("spritesheet", 400, "not_supported_yet"),
        ("gif", 400, "invalid_request"),
    ],
)
async def test_variants(
    client: Client, videos: RecordingVideos, variant: str, status: int, code: str | None
) -> None:
    path = await a_completed_video(client, videos)
    async with client.get(path, params={"variant": variant}) as answer:
        assert status == answer.status
        if code is not None:
            error = (await answer.json())["error"]
            assert (code, "variant") == (error["code"], error["param"])


async def link_of(client: Client, path: str) -> URL:
    async with client.get(path.removesuffix("/content")) as answer:
        artifact = (await answer.json())["greenlight"]["artifact"]
    return URL(artifact["url"])


async def test_a_link_needs_no_key_until_it_expires(
    client: Client, videos: RecordingVideos, clock: StillClock
) -> None:
    link = await link_of(client, await a_completed_video(client, videos))
    no_key = {"Authorization": ""}
    async with client.session.get(link, headers=no_key) as answer:
        assert (200, VIDEO_BYTES) == (answer.status, await answer.read())
        assert "RateLimit" not in answer.headers
    assert "linked_content" == videos.calls[-1][0]
    clock.at_s += 3600
    async with client.session.get(link, headers=no_key) as answer:
        assert 401 == answer.status


async def test_a_link_is_for_one_video(
    client: Client, videos: RecordingVideos, links: Links
) -> None:
    path = await a_completed_video(client, videos)
    other = await a_completed_video(client, videos)
    link = await link_of(client, path)
    moved = link.with_path(other)
    async with client.session.get(moved, headers={"Authorization": ""}) as answer:
        assert 401 == answer.status
    headers = {"Authorization": f"Bearer {PRINTED_KEY}"}
    async with client.session.get(moved.with_query(signature="x"), headers=headers) as answer:
        assert 401 == answer.status
    assert links.public_url is None


async def test_a_source_is_for_the_holder_of_its_own_link_alone(
    client: Client, videos: RecordingVideos, links: Links, clock: StillClock
) -> None:
    path = await a_completed_video(client, videos)
    public = replace(links, public_url=str(client.make_url("")).rstrip("/"))
    link = URL(public.sign_source(path.split("/")[3], now_s=clock.now_s()).url)
    no_key = {"Authorization": ""}
    async with client.session.get(link, headers=no_key) as answer:
        assert (200, VIDEO_BYTES) == (answer.status, await answer.read())
    assert "linked_source" == videos.calls[-1][0]
    as_content = link.update_query(variant="video")
    made = (await link_of(client, path)).update_query(variant="source")
    for refused in (as_content, made):
        async with client.session.get(refused, headers=no_key) as answer:
            assert 401 == answer.status
    async with client.get(path, params={"variant": "source"}) as answer:
        assert 400 == answer.status


async def test_an_artifact_that_is_gone_is_404(client: Client, videos: RecordingVideos) -> None:
    path = await a_completed_video(client, videos)
    videos.is_gone = True
    async with client.get(path) as answer:
        assert (404, "video_not_found") == (answer.status, (await answer.json())["error"]["code"])


async def test_a_failure_before_the_first_byte_is_500(
    client: Client, videos: RecordingVideos
) -> None:
    path = await a_completed_video(client, videos)
    videos.cut_at = 0
    async with client.get(path) as answer:
        assert (500, "internal_error") == (answer.status, (await answer.json())["error"]["code"])


async def test_a_failure_in_the_middle_breaks_the_connection(
    client: Client, videos: RecordingVideos
) -> None:
    path = await a_completed_video(client, videos)
    videos.cut_at = 2**16
    async with client.get(path) as answer:
        assert 200 == answer.status
        with pytest.raises(ClientPayloadError):
            await answer.read()
    assert (1, 1) == (videos.opened, videos.closed)


@pytest.mark.parametrize("is_abrupt", [True, False])
async def test_a_client_that_leaves_closes_the_artifact_quietly(
    client: Client,
    videos: RecordingVideos,
    observer: RecordingObserver,
    caplog: pytest.LogCaptureFixture,
    is_abrupt: bool,
) -> None:
    videos.content_bytes = VIDEO_BYTES * 100
    path = await a_completed_video(client, videos)
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    request = f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {PRINTED_KEY}\r\n\r\n"
    writer.write(request.encode())
    assert (await reader.read(1000)).startswith(b"HTTP/1.1 200")
    # Nobody reads: the server holds a few chunks, not 25 MB, and waits.
    if is_abrupt:
        writer.transport.abort()
    writer.close()
    await wait_until(lambda: videos.closed == 1)
    await wait_until(lambda: getattr(observer.events[-1], "status", None) == 499)
    assert "" == caplog.text

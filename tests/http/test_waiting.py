"""`Prefer: wait=N` on the wire: applied, left early, ended by a shutdown."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.http.test_content import wait_until

if TYPE_CHECKING:
    from tests.http.conftest import Client
    from tests.http.fakes import RecordingVideos

WAIT = {"Prefer": "wait=30"}


async def test_a_create_waits_if_asked(client: Client, videos: RecordingVideos) -> None:
    async with client.post("/v1/videos", json={"prompt": "x"}, headers=WAIT) as answer:
        assert (200, "wait=30") == (answer.status, answer.headers["Preference-Applied"])
    async with client.post("/v1/videos", json={"prompt": "x"}) as answer:
        assert "Preference-Applied" not in answer.headers
    assert [30, None] == [call["wait_s"] for _, call in videos.calls]


async def test_a_retrieve_waits_if_asked(client: Client, videos: RecordingVideos) -> None:
    async with client.post("/v1/videos", json={"prompt": "x"}) as answer:
        path = f"/v1/videos/{(await answer.json())['id']}"
    async with client.get(path, headers={"Prefer": "wait=1000"}) as answer:
        assert (200, "wait=300") == (answer.status, answer.headers["Preference-Applied"])
        etag = answer.headers["ETag"]
    async with client.get(path, headers={**WAIT, "If-None-Match": etag}) as answer:
        assert (304, "wait=30") == (answer.status, answer.headers["Preference-Applied"])
    assert [None, 300, 30] == [call["wait_s"] for _, call in videos.calls]


async def test_a_client_that_leaves_ends_the_wait(client: Client, videos: RecordingVideos) -> None:
    videos.hold = asyncio.Event()
    async with client.post("/v1/videos", json={"prompt": "x"}) as answer:
        path = f"/v1/videos/{(await answer.json())['id']}"
    held = asyncio.ensure_future(client.get(path, headers=WAIT))
    await wait_until(lambda: videos.waiting == 1)
    held.cancel()
    await wait_until(lambda: videos.waiting == 0)


async def test_a_shutdown_answers_whoever_waits(client: Client, videos: RecordingVideos) -> None:
    videos.hold = asyncio.Event()
    async with client.post("/v1/videos", json={"prompt": "x"}) as answer:
        path = f"/v1/videos/{(await answer.json())['id']}"
    held = asyncio.ensure_future(client.get(path, headers=WAIT))
    await wait_until(lambda: videos.waiting == 1)
    await client.server.close()
    async with await held as answer:
        assert 200 == answer.status

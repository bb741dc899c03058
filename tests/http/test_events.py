"""Server-sent events on the wire: what is sent, what is sent again, and how a stream ends."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from proxy.domain.job import JobState
from proxy.domain.policy import Scope
from proxy.http.events import EventRoutes
from proxy.http.keys import CALLER
from tests.builders import PRINTED_KEY
from tests.http.fakes import READ_ONLY_KEY
from tests.http.test_content import wait_until
from tests.job_builders import a_job as made
from tests.job_builders import a_job_id, a_request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiohttp
    from aiohttp.typedefs import Handler

    from proxy.domain.job import Job
    from proxy.http.links import Links
    from tests.http.conftest import Client
    from tests.http.fakes import RecordingVideos, StillClock


@dataclass(frozen=True, slots=True)
class Event:
    """One event as a client reads it."""

    name: str
    id: str
    data: dict[str, Any]


async def a_job(client: Client, videos: RecordingVideos, prompt: str = "a fox") -> Job:
    async with client.post("/v1/videos", json={"prompt": prompt}) as answer:
        return videos.jobs[(await answer.json())["id"]]


def at(job: Job, state: JobState, progress: int) -> Job:
    return replace(job, state=state, work=replace(job.work, progress=progress))


@asynccontextmanager
async def stream(
    client: Client, job: Job, last: str | None = None
) -> AsyncIterator[aiohttp.ClientResponse]:
    headers = {} if last is None else {"Last-Event-ID": last}
    async with client.get(f"/v1/videos/{job.id}/events", headers=headers) as answer:
        yield answer


def parsed(block: str) -> Event:
    fields = dict(line.split(": ", 1) for line in block.splitlines())
    return Event(fields["event"], fields["id"], json.loads(fields["data"]))


async def blocks(answer: aiohttp.ClientResponse, count: int) -> list[str]:
    """The next so many blocks."""
    found = [await answer.content.readuntil(b"\n\n") for _ in range(count)]
    return [block.decode().strip() for block in found]


async def test_a_job_is_told_as_it_stands_then_each_change_and_its_end(
    client: Client, videos: RecordingVideos
) -> None:
    job = await a_job(client, videos)
    async with stream(client, job) as answer:
        assert 200 == answer.status
        assert ("text/event-stream", "no-store, no-transform", "no") == (
            answer.headers["Content-Type"],
            answer.headers["Cache-Control"],
            answer.headers["X-Accel-Buffering"],
        )
        assert "Content-Length" not in answer.headers
        assert answer.headers["RateLimit"]
        retry, first = await blocks(answer, 2)
        assert "retry: 2000" == retry
        assert ("video.updated", "queued-1-0", "queued") == _gist(parsed(first))
        videos.news.put_nowait("")
        videos.news.put_nowait(at(job, JobState.RUNNING, 40))
        videos.news.put_nowait(videos.complete(job.id))
        videos.news.put_nowait(None)
        comment, second, last = await blocks(answer, 3)
        assert comment.startswith(":")
        assert ("video.updated", "in_progress-1-40", "in_progress") == _gist(parsed(second))
        assert ("video.completed", "completed", "completed") == _gist(parsed(last))
        assert b"" == await answer.read()
    async with client.get(f"/v1/videos/{job.id}") as answer:
        assert await answer.json() == parsed(last).data, "the same object that a GET gives"


def _gist(event: Event) -> tuple[str, str, str]:
    return event.name, event.id, event.data["status"]


async def test_a_failure_has_a_name_of_its_own(client: Client, videos: RecordingVideos) -> None:
    job = await a_job(client, videos)
    videos.jobs[job.id] = replace(job, cancel_requested=True)
    videos.news.put_nowait(None)
    async with stream(client, job) as answer:
        _, only = await blocks(answer, 2)
        assert ("video.failed", "failed", "failed") == _gist(parsed(only))
        assert "cancelled" == parsed(only).data["error"]["code"]


async def test_what_the_caller_has_is_not_sent_again(
    client: Client, videos: RecordingVideos
) -> None:
    job = await a_job(client, videos)
    videos.news.put_nowait(at(job, JobState.RUNNING, 1))
    videos.news.put_nowait(None)
    async with stream(client, job, "queued-1-0") as answer:
        retry, first = await blocks(answer, 2)
        assert ("retry: 2000", "in_progress-1-1") == (retry, parsed(first).id)


async def test_the_end_is_sent_to_whoever_does_not_have_it_and_to_nobody_else(
    client: Client, videos: RecordingVideos
) -> None:
    job = await a_job(client, videos)
    videos.complete(job.id)
    for last in (None, "in_progress-1-40", "nonsense"):
        videos.news.put_nowait(None)
        async with stream(client, job, last) as answer:
            assert "completed" == parsed((await blocks(answer, 2))[1]).id
    async with stream(client, job, "completed") as answer:
        assert (204, b"") == (answer.status, await answer.read())


async def test_head_opens_no_stream(client: Client, videos: RecordingVideos) -> None:
    job = await a_job(client, videos)
    async with client.head(f"/v1/videos/{job.id}/events") as answer:
        assert (200, "text/event-stream") == (answer.status, answer.headers["Content-Type"])
    assert "follow" not in [name for name, _ in videos.calls]


async def test_reading_is_enough_and_strangers_are_told_nothing(
    client: Client, videos: RecordingVideos
) -> None:
    job = await a_job(client, videos)
    videos.news.put_nowait(None)
    path = f"/v1/videos/{job.id}/events"
    async with client.get(path, headers={"Authorization": f"Bearer {READ_ONLY_KEY}"}) as answer:
        assert 200 == answer.status
    async with client.get(path, headers={"Authorization": ""}) as answer:
        assert 401 == answer.status
    async with client.get("/v1/videos/video_other/events") as answer:
        assert (404, "video_not_found") == (
            answer.status,
            (await answer.json())["error"]["code"],
        )


async def test_a_client_that_leaves_ends_its_stream(
    client: Client, videos: RecordingVideos
) -> None:
    job = await a_job(client, videos)
    async with stream(client, job) as answer:
        await blocks(answer, 2)
        assert 1 == videos.waiting
        answer.close()
        while videos.waiting:
            videos.news.put_nowait("")
            await asyncio.sleep(0.005)


async def test_a_client_that_does_not_read_costs_no_memory(
    client: Client, videos: RecordingVideos
) -> None:
    """What it has not taken is not added to: the next event waits until there is room."""
    job = await a_job(client, videos, "x" * 32_000)
    host, port = client.server.host, client.server.port
    assert port is not None
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, (host, port))
    reader, writer = await asyncio.open_connection(sock=plain, limit=1024)
    head = f"GET /v1/videos/{job.id}/events HTTP/1.1\r\nHost: x\r\n"
    writer.write(f"{head}Authorization: Bearer {PRINTED_KEY}\r\n\r\n".encode())
    assert b"200" in await reader.readline()
    for percent in range(1000):
        videos.news.put_nowait(at(job, JobState.RUNNING, percent))
    left = 1001
    while videos.news.qsize() < left:  # as long as the system takes something over
        left = videos.news.qsize()
        await asyncio.sleep(0.1)
    assert left > 500, "32 MB were taken in for a client that reads nothing"
    writer.close()
    await wait_until(lambda: _drained(videos))


async def test_a_client_that_takes_nothing_of_one_large_event_is_let_go(
    videos: RecordingVideos, links: Links, clock: StillClock
) -> None:
    job = videos.jobs[a_job_id()] = made(id=a_job_id(), request=a_request("\N{FOX FACE}" * 32_000))
    events = EventRoutes(videos, links=links, clock=clock, write_s=0.1)

    @web.middleware
    async def known(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[CALLER] = videos.authenticate(PRINTED_KEY, Scope.READ)
        return await handler(request)

    app = web.Application(middlewares=[known])
    app.router.add_get("/{id}", events.stream)
    async with TestServer(app) as server:
        assert server.port is not None
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, (server.host, server.port))
        _, writer = await asyncio.open_connection(sock=plain, limit=1024)
        writer.write(f"GET /{job.id} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        for percent in range(20):
            videos.news.put_nowait(at(job, JobState.RUNNING, percent))
        await wait_until(lambda: videos.waiting == 1)
        await wait_until(lambda: videos.waiting == 0)
        writer.close()


def _drained(videos: RecordingVideos) -> bool:
    videos.news.put_nowait(None)
    return videos.waiting == 0


async def test_a_shutdown_ends_streams(client: Client, videos: RecordingVideos) -> None:
    job = await a_job(client, videos)
    async with stream(client, job) as answer:
        await blocks(answer, 2)
        closing = asyncio.ensure_future(client.server.close())
        await wait_until(lambda: videos.is_drained)
        videos.news.put_nowait(None)
        assert b"" == await answer.read()
        await closing

"""Vertex writes to a bucket: the video comes from there, and the token goes nowhere else."""

from __future__ import annotations

import base64
import hashlib
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from typing_extensions import override
from yarl import URL

from tests.system.ending import MODELS, VERTEX
from tests.system.money import check_money
from tests.system.stage import Stage, different, parts_of
from tests.system.task_scenarios import BUCKET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

BUCKET_URI = "gs://films/veo"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


@dataclass
class Storage:
    """Stands where Cloud Storage does: notes who asks for what, and hands on what the vendor has.

    The first request is led to `elsewhere`, as a storage that was broken into would.
    """

    vendor_url: str
    elsewhere: str
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Note the path and the token; ask the simulated vendor with them."""
        token = request.headers.get("Authorization", "")
        self.asked.append((request.raw_path, token))
        if len(self.asked) == 1:
            raise web.HTTPFound(self.elsewhere)
        url = URL(f"{self.vendor_url}{request.raw_path}", encoded=True)
        async with (
            aiohttp.ClientSession(headers={"Authorization": token}) as session,
            session.get(url, allow_redirects=False) as found,
        ):
            headers = {
                name: found.headers[name] for name in ("Location",) if name in found.headers
            }
            answer = web.StreamResponse(status=found.status, headers=headers)
            answer.content_length = found.content_length
            await answer.prepare(request)
            try:
                async for piece in found.content.iter_any():
                    await answer.write(piece)
            except aiohttp.ClientError:
                assert request.transport is not None
                request.transport.abort()
            return answer


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """Serve an application; yields its address."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def application(answer: Any) -> web.Application:  # noqa: ANN401 - aiohttp's handler
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app


@dataclass
class BucketStage(Stage):
    """A stage whose Vertex writes to a bucket."""

    storage_base_url: str = ""

    @override
    def _config(self) -> dict[str, Any]:
        config = super()._config()
        (account,) = config["providers"][VERTEX]["accounts"]
        account["credentials"] |= {
            "storage_uri": BUCKET_URI,
            "storage_base_url": self.storage_base_url,
        }
        return config


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[BucketStage]:
    """A stage of the test's own, not started yet."""
    made = BucketStage(folder=tmp_path)
    yield made
    made.stop()


def claims_of(token: str) -> dict[str, Any]:
    """What a bearer's JWT says, unverified: the simulated vendor has verified it."""
    middle = token.removeprefix("Bearer ").split(".")[1]
    claims: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4))
    )
    return claims


async def content_of(stage: Stage, video_id: str) -> bytes:
    headers = {"Authorization": f"Bearer {stage.api_key}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{stage.base_url}/videos/{video_id}/content") as answer,
    ):
        assert answer.status == 200
        return await answer.read()


async def test_a_video_in_a_bucket_is_fetched_with_the_token_of_its_account(
    stage: BucketStage,
) -> None:
    strays: list[str] = []

    async def stray(request: web.Request) -> web.Response:
        strays.append(str(request.url))
        return web.Response(body=b"not here")

    async with serving(application(stray)) as elsewhere:
        storage = Storage("", f"{elsewhere}/cat.mp4")
        async with serving(application(storage.answer)) as url:
            stage.storage_base_url = url
            stage.start()
            storage.vendor_url = f"{stage.simulator_url}/vertex"
            created = await stage.create(
                "A boat. [[label=first]]", model=MODELS[VERTEX], seconds=4
            )
            video = await stage.finished(created["id"])
            assert video["status"] == "completed", video
            body = await content_of(stage, video["id"])
            await check_money(stage)
            parts = parts_of(BUCKET.scenarios, "bucket")
            await stage.play(parts)
            wrong = different(parts, await stage.endings(parts))
            assert not wrong, "\n".join(wrong)
        (clip, *_) = (await stage.simulated("clips"))["clips"]
        calls = (await stage.simulated("calls"))["calls"]

    assert clip["sha256"] == hashlib.sha256(body).hexdigest()
    assert clip["sha256"] == video["greenlight"]["artifact"]["sha256"]
    paths = {path for path, _ in storage.asked}
    assert all(path.startswith("/storage/v1/b/") for path in paths), paths
    assert storage.asked[0][0].startswith("/storage/v1/b/films/o/veo%2F")
    assert storage.asked[0] == storage.asked[1]
    for _, token in storage.asked:
        assert (stage.service_account, SCOPE) == (
            claims_of(token)["iss"],
            claims_of(token)["scope"],
        )
    assert strays == []
    assert "unknown" not in {call["operation"] for call in calls}

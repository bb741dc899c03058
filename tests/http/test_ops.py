from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from proxy.domain.policy import AdminToken
from proxy.http.apps import admin_app, runner
from tests.builders import a_snapshot
from tests.fakes import RecordingObserver
from tests.http.fakes import StillClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from proxy.domain.policy import Snapshot
    from tests.http.conftest import Client

TOKEN = "gla_o4p5s2aa_" + "t" * 43


class Deployment:
    """What the admin listener is told about."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        token = AdminToken(
            id="o4p5s2aa",
            name="ops1",
            role="operator",
            sha256=hashlib.sha256(TOKEN.encode()).hexdigest(),
        )
        self.current = replace(a_snapshot(), admin_tokens={token.id: token})

    def snapshot(self) -> Snapshot:
        return self.current

    async def readiness(self) -> Sequence[str]:
        return self.problems

    async def metrics(self) -> tuple[bytes, str]:
        return b"greenlight_up 1\n", "text/plain; version=1.0.0; charset=utf-8"


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


@pytest.fixture
async def admin(deployment: Deployment) -> AsyncIterator[Client]:
    app = admin_app(
        table=(),
        snapshot=deployment.snapshot,
        readiness=deployment.readiness,
        metrics=deployment.metrics,
        clock=StillClock(),
        observer=RecordingObserver(),
        random_bytes=lambda count: b"\x07" * count,
    )
    async with TestClient(TestServer(app)) as connected:
        yield connected


async def test_machines_need_no_token(admin: Client) -> None:
    for path in ("/livez", "/readyz"):
        async with admin.get(path) as answer:
            assert (200, "ok") == (answer.status, (await answer.json())["status"])
            assert answer.headers["x-request-id"]


async def test_metrics_keep_their_content_type(admin: Client) -> None:
    async with admin.get("/metrics") as answer:
        assert b"greenlight_up 1\n" == await answer.read()
        assert "text/plain; version=1.0.0; charset=utf-8" == answer.headers["Content-Type"]


async def test_not_ready_is_503_with_the_reasons(admin: Client, deployment: Deployment) -> None:
    deployment.problems = ["the store does not answer"]
    async with admin.get("/readyz") as answer:
        assert 503 == answer.status
        assert ["the store does not answer"] == (await answer.json())["problems"]
    async with admin.get("/livez") as answer:
        assert 200 == answer.status


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer gla_o4p5s2aa_" + "x" * 43,
        "Bearer gla_unknown1_" + "t" * 43,
        "Bearer gl_o4p5s2aa_" + "t" * 43,
        "Bearer gla_o4p5s2aa",
        f"Basic {TOKEN}",
    ],
)
@pytest.mark.parametrize("path", ["/admin/v1/teams", "/admin/v1/"])
async def test_admin_without_a_good_token_is_401(admin: Client, header: str, path: str) -> None:
    async with admin.post(path, headers={"Authorization": header}) as answer:
        error = (await answer.json())["error"]
        assert (401, "invalid_api_key") == (answer.status, error["code"])


async def test_admin_says_which_kind_of_token_it_wants(admin: Client) -> None:
    async with admin.get("/admin/v1/teams") as answer:
        message = (await answer.json())["error"]["message"]
        assert "send an admin token as `Authorization: Bearer gla_...`" == message


async def test_only_token_holders_learn_that_there_is_nothing(admin: Client) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with admin.post("/admin/v1/nothing", headers=headers) as answer:
        error = (await answer.json())["error"]
        assert (404, "route_not_found") == (answer.status, error["code"])


async def test_without_configured_tokens_it_is_401_always(
    admin: Client, deployment: Deployment
) -> None:
    deployment.current = a_snapshot()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with admin.get("/admin/v1/teams", headers=headers) as answer:
        assert 401 == answer.status


@pytest.mark.parametrize("path", ["/", "/v1/videos", "/admin", "/admin/v2/teams"])
async def test_nothing_else_is_served(admin: Client, path: str) -> None:
    async with admin.get(path) as answer:
        assert (404, "route_not_found") == (answer.status, (await answer.json())["error"]["code"])


async def test_a_server_quotes_nothing_that_is_not_http(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    app = admin_app(
        table=(),
        snapshot=deployment.snapshot,
        readiness=deployment.readiness,
        metrics=deployment.metrics,
        clock=StillClock(),
        observer=RecordingObserver(),
        random_bytes=lambda count: b"\x07" * count,
    )
    serving = runner(app)
    await serving.setup()
    await web.TCPSite(serving, "127.0.0.1", 0).start()
    reader, writer = await asyncio.open_connection(*serving.addresses[0][:2])
    writer.write(b"GET /livez HTTP/1.1\r\nHost: a\r\nAuthori zation: canary-secret\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.0 400")
    writer.close()
    await serving.cleanup()
    assert "" == caplog.text

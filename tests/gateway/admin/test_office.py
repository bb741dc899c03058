"""Teams, the audit and the configuration through the admin API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from proxy.domain.instant import iso_ms
from proxy.gateway.archive import DamagedArchive
from proxy.gateway.ports.artifacts import ArtifactUnavailable
from proxy.http.admin.endpoints import EXPORT, Role
from proxy.http.admin.routes import AdminRoute
from proxy.http.apps import admin_app
from proxy.http.keys import STREAM
from tests.fakes import RecordingObserver
from tests.gateway.admin.office import TOKENS
from tests.http.fakes import StillClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.gateway.admin.office import Office


async def test_teams_with_what_they_have_under_way(office: Office) -> None:
    await office.stage.create()
    (team,) = (await office.get("/teams"))["data"]
    assert {
        "id": "marketing",
        "keys": 1,
        "unfinished": 1,
        "running": 0,
        "frozen": None,
    }.items() <= (team.items())
    await office.change(Role.OPERATOR, "/freezes")
    (team,) = (await office.get("/teams"))["data"]
    assert "all" == team["frozen"]


async def test_the_audit_is_told_latest_first_and_filtered(office: Office) -> None:
    await office.change(Role.OPERATOR, "/freezes", provider="kling")
    await office.change(Role.FINANCE, "/freezes", team="marketing")
    await office.change(Role.FINANCE, "/freezes/thaw", team="marketing")

    async def told(query: str) -> list[str]:
        return [each["action"] for each in (await office.get(f"/audit?{query}"))["data"]]

    assert ["thaw", "freeze", "freeze"] == await told("limit=3")
    assert ["thaw"] == await told("limit=1")
    assert (await office.get("/audit?limit=2"))["has_more"]
    assert ["freeze", "freeze"] == await told("action=freeze")
    assert ["freeze"] == await told("target=provider:kling")
    for actor in ("operator1", "oper2345", "operator1 (oper2345)"):
        assert ["freeze"] == await told(f"actor={actor}")
    now_ms = await office.stage.runtime.accounts.now_ms()
    assert [] == await told(f"since={iso_ms(now_ms + 60_000)}")
    assert [] == await told(f"until={iso_ms(now_ms - 60_000)}")


async def test_the_configuration_in_force(office: Office) -> None:
    config = await office.get("/config")
    (process,) = config["processes"]
    assert (True, "d1", ["w"], [], None) == (
        config["uniform"],
        process["digest"],
        process["warnings"],
        process["problems"],
        process["refused_at"],
    )


@pytest.mark.parametrize("is_good", [True, False])
async def test_a_reload_says_what_it_came_to(office: Office, is_good: bool) -> None:
    office.config.is_good = is_good
    answer = await office.change(Role.OPERATOR, "/config/reload")
    (process,) = answer["processes"]
    assert is_good is process["reloaded"]
    assert ([] if is_good else ["p"]) == process["problems"]
    after = "d2" if is_good else "refused"
    assert [("reload", "config", "d1", after)] == await office.audited()


@pytest.mark.parametrize(
    ("failure", "answer"),
    [
        (ArtifactUnavailable("gone"), (503, "store_unavailable")),
        (DamagedArchive("2026-11-01.jsonl is missing"), (500, "archive_damaged")),
    ],
)
async def test_an_archive_that_cannot_be_read_is_told(
    office: Office, failure: Exception, answer: tuple[int, str]
) -> None:
    office.failures.append(failure)
    status, body = await office.ask(Role.VIEWER, "GET", "/ledger/verify")
    assert answer == (status, body["error"]["code"])
    assert ("2026-11-01.jsonl" in body["error"]["message"]) is (status == 500)


async def test_a_file_is_cut_short_when_the_archive_ends_early(office: Office) -> None:
    async def begin(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        request[STREAM] = answer
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        await answer.write(b"half")
        message = "2026-11-01.jsonl is missing"
        raise DamagedArchive(message)

    async def nothing() -> Sequence[str]:
        return ()

    async def metrics() -> tuple[bytes, str]:
        return b"", "text/plain"

    app = admin_app(
        table=[AdminRoute(EXPORT, begin)],
        snapshot=lambda: office.stage.snapshot,
        readiness=nothing,
        metrics=metrics,
        clock=StillClock(),
        observer=RecordingObserver(),
        random_bytes=bytes,
    )
    headers = {"Authorization": f"Bearer {TOKENS[Role.VIEWER]}"}
    async with TestClient(TestServer(app), headers=headers) as client:
        answer = await client.get("/admin/v1/ledger/export")
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()

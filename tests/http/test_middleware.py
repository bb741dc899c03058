from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.domain.events import RequestServed
from tests.builders import PRINTED_KEY

if TYPE_CHECKING:
    from tests.fakes import RecordingObserver
    from tests.http.conftest import Client
from tests.http.fakes import RecordingVideos

OURS = "req_" + "07" * 12


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("abc-1.2_3", "abc-1.2_3"),
        ("", OURS),
        ("a b", OURS),
        ("x" * 129, OURS),
        ("<script>", OURS),
    ],
)
async def test_a_sane_request_id_is_kept(client: Client, given: str, expected: str) -> None:
    async with client.get("/v1/budget", headers={"x-request-id": given}) as answer:
        assert expected == answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/v1/videos", "/v1/videos/video_x", "/nowhere"])
async def test_every_answer_has_a_request_id(client: Client, path: str) -> None:
    async with client.get(path) as answer:
        assert OURS == answer.headers["x-request-id"]
        assert "greenlight" == answer.headers["Server"]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Basic {PRINTED_KEY}",
        PRINTED_KEY,
        f"Bearer {PRINTED_KEY[:-1]}",
        "Bearer gl_ключ_x",
    ],
)
async def test_without_a_good_key_it_is_401_and_nothing_is_called(
    client: Client, videos: RecordingVideos, header: str
) -> None:
    headers = {"Authorization": header}
    async with client.post("/v1/videos", json={"prompt": "x"}, headers=headers) as answer:
        error = (await answer.json())["error"]
        assert (401, "invalid_api_key", "authentication_error") == (
            answer.status,
            error["code"],
            error["type"],
        )
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert PRINTED_KEY[:-1] not in error["message"]
    assert [] == videos.calls


async def test_the_scheme_is_read_in_any_case(client: Client) -> None:
    headers = {"Authorization": f"bearer  {PRINTED_KEY}"}
    async with client.get("/v1/budget", headers=headers) as answer:
        assert 200 == answer.status


async def test_each_request_is_reported_by_template(
    client: Client, observer: RecordingObserver
) -> None:
    async with client.get("/v1/videos/video_secret"):
        pass
    async with client.request("PROPFIND", "/teapot/17"):
        pass
    async with client.post("/v1/videos", json={}):
        pass
    assert [
        RequestServed(
            route="/v1/videos/{id}", method="GET", status=404, took_s=0.0, request_id=OURS
        ),
        RequestServed(route="unmatched", method="OTHER", status=404, took_s=0.0, request_id=OURS),
        RequestServed(route="/v1/videos", method="POST", status=400, took_s=0.0, request_id=OURS),
    ] == observer.events


async def test_nothing_is_said_to_other_origins(client: Client) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    async with client.options("/v1/videos", headers=headers) as answer:
        assert 405 == answer.status
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]

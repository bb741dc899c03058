from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.http.endpoints import NOT_YET

if TYPE_CHECKING:
    from proxy.http.endpoints import Endpoint
    from tests.http.conftest import Client


@pytest.mark.parametrize("endpoint", NOT_YET, ids=lambda endpoint: endpoint.id)
async def test_a_documented_route_that_is_not_built_says_so(
    client: Client, endpoint: Endpoint
) -> None:
    filled = endpoint.path.format(id="video_a", provider="kling", token="t")
    async with client.request(endpoint.method, filled) as answer:
        error = (await answer.json())["error"]
        assert (422, "not_supported_yet", None) == (answer.status, error["code"], error["param"])
        assert f"{endpoint.method} {endpoint.path} is not supported yet; " in error["message"]
        assert endpoint.not_yet
        assert error["message"].endswith(endpoint.not_yet)


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/video", "/v1/videos/", "/v1/videos/a/b", "/livez"]
)
async def test_an_unknown_path_is_404_in_the_same_shape(client: Client, path: str) -> None:
    async with client.get(path) as answer:
        assert (404, "route_not_found") == (answer.status, (await answer.json())["error"]["code"])


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/videos", "GET, HEAD, POST"),
        ("POST", "/v1/videos/video_a", "DELETE, GET, HEAD"),
        ("GET", "/v1/videos/video_a/cancel", "POST"),
        ("DELETE", "/v1/budget", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_405_with_allow(
    client: Client, method: str, path: str, allowed: str
) -> None:
    async with client.request(method, path) as answer:
        assert (405, allowed) == (answer.status, answer.headers["Allow"])
        assert "route_not_found" == (await answer.json())["error"]["code"]


async def test_head_answers_like_get_without_a_body(client: Client) -> None:
    async with client.head("/v1/budget") as answer:
        assert (200, b"") == (answer.status, await answer.read())


async def test_an_odd_path_is_shown_harmlessly(client: Client) -> None:
    async with client.get("/%00%0a" + "x" * 300) as answer:
        message = (await answer.json())["error"]["message"]
        assert message.isprintable()
        assert len(message) < 200

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import (
    REQUEST_CODES,
    BudgetExceeded,
    IdempotencyConflict,
    InvalidRequest,
    NoRoute,
    NotSupportedYet,
    ProxyError,
    RateLimited,
    StoreUnavailable,
)
from proxy.http.errors import STATUS, render, status_of
from tests.http.buckets import a_bucket

if TYPE_CHECKING:
    from tests.http.conftest import Client
    from tests.http.fakes import RecordingVideos

DETAILS = {
    "budget": "monthly",
    "limit": "1.000000",
    "spent": "0.000000",
    "reserved": "0.800000",
    "quote": "0.800000",
    "resets_at": "2026-12-01T00:00:00Z",
}


async def refused(client: Client) -> tuple[int, dict[str, object], dict[str, str]]:
    async with client.post("/v1/videos", json={"prompt": "a fox"}) as answer:
        body = await answer.json()
        assert ["error"] == list(body)
        return answer.status, body["error"], dict(answer.headers)


def test_every_code_has_a_status() -> None:
    assert set(REQUEST_CODES) == set(STATUS)


def test_a_body_has_openais_four_fields() -> None:
    answer = render(InvalidRequest("bad", param="size"), {})
    assert isinstance(answer.body, bytes)
    assert {
        "error": {
            "message": "bad",
            "type": "invalid_request_error",
            "param": "size",
            "code": "invalid_request",
        }
    } == json.loads(answer.body)


def test_details_never_replace_the_four_fields() -> None:
    answer = render(NoRoute("none", details={"code": "other", "skipped": []}), {})
    assert isinstance(answer.body, bytes)
    error = json.loads(answer.body)["error"]
    assert ("no_route", []) == (error["code"], error["skipped"])


def test_a_field_not_built_is_400_and_a_route_422() -> None:
    assert (400, 422) == (
        status_of(NotSupportedYet("x", param="seed")),
        status_of(NotSupportedYet("x")),
    )


async def test_402_names_the_budget(client: Client, videos: RecordingVideos) -> None:
    videos.refusal = BudgetExceeded("no room", details=DETAILS, buckets=(a_bucket(),))
    status, error, headers = await refused(client)
    assert (402, "budget_error", "budget_exceeded") == (status, error["type"], error["code"])
    assert DETAILS == {name: error[name] for name in DETAILS}
    assert ("false", '"submit";r=19;t=2') == (headers["x-should-retry"], headers["RateLimit"])
    assert "Retry-After" not in headers


async def test_429_says_when_to_come_back(client: Client, videos: RecordingVideos) -> None:
    empty = a_bucket(remaining=0, retry_after_us=1_200_000, reset_us=40_000_000)
    videos.refusal = RateLimited("slow down", retry_after_s=1, buckets=(empty,))
    status, error, headers = await refused(client)
    assert (429, "rate_limit_exceeded", "2") == (status, error["code"], headers["Retry-After"])
    assert ('"submit";r=0;t=40', "0") == (
        headers["RateLimit"],
        headers["x-ratelimit-remaining-requests"],
    )
    assert "x-should-retry" not in headers


async def test_429_that_lasts_is_not_to_be_retried(
    client: Client, videos: RecordingVideos
) -> None:
    videos.refusal = RateLimited("full", code="too_many_jobs", retry_after_s=121)
    status, error, headers = await refused(client)
    assert (429, "too_many_jobs") == (status, error["code"])
    assert ("121", "false") == (headers["Retry-After"], headers["x-should-retry"])


async def test_409_is_not_to_be_retried(client: Client, videos: RecordingVideos) -> None:
    videos.refusal = IdempotencyConflict("other request", param="Idempotency-Key")
    status, error, headers = await refused(client)
    assert (409, "idempotency_conflict") == (status, error["code"])
    assert "false" == headers["x-should-retry"]


@pytest.mark.parametrize(("given", "expected"), [(None, "5"), (2, "2")])
async def test_503_fails_closed_and_says_when(
    client: Client, videos: RecordingVideos, given: int | None, expected: str
) -> None:
    videos.refusal = StoreUnavailable("the store does not answer", retry_after_s=given)
    status, error, headers = await refused(client)
    assert (503, "store_unavailable", "server_error") == (status, error["code"], error["type"])
    assert expected == headers["Retry-After"]
    assert "x-should-retry" not in headers


async def test_422_lists_what_was_skipped(client: Client) -> None:
    body = {"prompt": "x", "seconds": 60}
    async with client.post("/v1/videos", json=body) as answer:
        error = (await answer.json())["error"]
    assert (422, "no_route") == (answer.status, error["code"])
    assert {"incapable", "retired"} == {entry["code"] for entry in error["skipped"]}


async def test_a_bug_is_500_with_the_request_id_only(
    client: Client, videos: RecordingVideos, caplog: pytest.LogCaptureFixture
) -> None:
    videos.refusal = ZeroDivisionError("a secret detail")
    headers = {"x-request-id": "req-7"}
    async with client.post("/v1/videos", json={"prompt": "hush"}, headers=headers) as answer:
        error = (await answer.json())["error"]
    assert (500, "internal_error", "server_error") == (answer.status, error["code"], error["type"])
    assert "req-7" in error["message"]
    assert "secret" not in error["message"]
    assert "req-7" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert "hush" not in caplog.text


def test_an_error_without_a_code_of_its_own_is_ours() -> None:
    assert 500 == status_of(ProxyError("bug"))

"""Runway's adapter against exact answers, some of them in the shape the vendor documents."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from proxy.domain.failure import FailureKind
from proxy.gateway.ports.provider import Cancels, Failed, FindsByAttempt, Pending, Succeeded
from tests.providers.accounts import (
    API_SECRET,
    ATTEMPT,
    RUNWAY_OPERATION,
    RUNWAY_UPSTREAM,
    VIDEO,
    Accounts,
    a_lost_input,
    an_input,
    an_order,
    download_failure,
    downloaded,
    failure_of,
)
from tests.providers.behaviours import BROKEN_AFTER_THE_REQUEST, call_s_for
from tests.providers.raw_server import (
    Connection,
    answering,
    answering_in_turn,
    raw_server,
    refused_url,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.gateway.ports.provider import VideoProvider
    from tests.providers.raw_server import Behaviour

K = FailureKind
FIXTURES = Path(__file__).parent / "fixtures"
TASK_ID = str(RUNWAY_OPERATION["task_id"])
ORDER = an_order(upstream=RUNWAY_UPSTREAM)
GARBLED = b"<html>"


def documented(name: str) -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


def a_task(**fields: object) -> dict[str, object]:
    return {"id": TASK_ID, "status": "RUNNING", "createdAt": "2026-11-22T12:00:00Z"} | fields


def canceller(adapter: VideoProvider) -> Cancels:
    assert isinstance(adapter, Cancels)
    return adapter


def routing(answers: Mapping[str, tuple[str, object]]) -> Behaviour:
    """Answer by the beginning of the request line: a status and a body."""

    async def behave(connection: Connection) -> None:
        while True:
            request = await connection.read()
            start = next(start for start in answers if request.line.startswith(start))
            status, body = answers[start]
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            await connection.answer(content, status=status)

    return behave


async def test_a_documented_create_gives_the_operation(accounts: Accounts) -> None:
    async with raw_server(answering(documented("create"))) as server:
        operation = await accounts.runway(f"{server.url}/base/").submit(ORDER, ATTEMPT)
        (request,) = server.requests
    assert RUNWAY_OPERATION == operation
    assert "POST /base/v1/text_to_video HTTP/1.1" == request.line
    assert f"Bearer {API_SECRET}" == request.headers["authorization"]
    assert "2024-11-06" == request.headers["x-runway-version"]


async def test_a_first_frame_travels_as_a_data_url(accounts: Accounts) -> None:
    order = an_order(upstream="gen4_turbo", first_frame=an_input(b"picture" * 9))
    async with raw_server(answering(documented("create"))) as server:
        await accounts.runway(server.url).submit(order, ATTEMPT)
        (request,) = server.requests
    assert "POST /v1/image_to_video HTTP/1.1" == request.line
    sent = request.json
    assert isinstance(sent, dict)
    assert f"data:image/png;base64,{b64encode(b'picture' * 9).decode()}" == sent["promptImage"]


async def test_a_picture_that_is_too_large_is_never_sent(accounts: Accounts) -> None:
    order = an_order(upstream="gen4.5", first_frame=an_input(bytes(4 * 2**20)))
    async with raw_server(answering(documented("create"))) as server:
        failure = await failure_of(accounts.runway(server.url).submit(order, ATTEMPT))
        assert 0 == server.connections
    assert K.INVALID_INPUT is failure.kind


async def test_a_lost_picture_is_our_own_fault(accounts: Accounts) -> None:
    order = an_order(upstream="gen4.5", first_frame=a_lost_input())
    async with raw_server(BROKEN_AFTER_THE_REQUEST["read_then_close"]) as server:
        failure = await failure_of(accounts.runway(server.url).submit(order, ATTEMPT))
    assert K.INVALID_INPUT is failure.kind


async def test_documented_statuses_are_understood(accounts: Accounts) -> None:
    names = (
        "pending", "throttled", "running", "succeeded", "failed_safety", "failed_internal",
        "cancelled",
    )  # fmt: skip
    async with raw_server(answering_in_turn(*(documented(name) for name in names))) as server:
        adapter = accounts.runway(server.url)
        statuses = [await adapter.status(RUNWAY_OPERATION) for _ in names]
        assert f"GET /v1/tasks/{TASK_ID} HTTP/1.1" == server.requests[0].line
        assert "2024-11-06" == server.requests[0].headers["x-runway-version"]
    pending, throttled, running, succeeded, safety, internal, cancelled = statuses
    waiting = Pending(is_waiting=True)
    assert [waiting, waiting, Pending(progress=42)] == [pending, throttled, running]
    assert isinstance(succeeded, Succeeded)
    assert 480_000 == succeeded.charge_micro_usd
    ends = [
        (end.failure.kind, end.failure.upstream_code, end.charge_micro_usd)
        for end in (safety, internal, cancelled)
        if isinstance(end, Failed)
    ]
    assert [
        (K.CONTENT_POLICY, "SAFETY.INPUT.TEXT", 480_000),
        (K.FAILED_UPSTREAM, "INTERNAL.BAD_OUTPUT.CODE01", 0),
        (K.FAILED_UPSTREAM, "CANCELLED", 120_000),
    ] == ends


async def test_a_pending_task_may_ask_for_a_wait(accounts: Accounts) -> None:
    slow = answering(documented("running"), headers={"Retry-After": "7"})
    async with raw_server(slow) as server:
        status = await accounts.runway(server.url).status(RUNWAY_OPERATION)
    assert Pending(progress=42, retry_after_s=7.0) == status


async def test_it_can_cancel_but_not_look_up(accounts: Accounts) -> None:
    adapter = accounts.runway("http://127.0.0.1:1")
    assert isinstance(adapter, Cancels)
    assert not isinstance(adapter, FindsByAttempt)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        ("400 Bad Request", documented("no_credits"), K.ACCOUNT),
        ("400 Bad Request", documented("bad_request"), K.INVALID_INPUT),
        ("400 Bad Request", {"error": "no", "issues": [{"path": ["model"]}]}, K.MODEL_GONE),
        ("400 Bad Request", GARBLED, K.INVALID_INPUT),
        ("401 Unauthorized", {"error": "Invalid API key"}, K.AUTH),
        ("404 Not Found", {"error": "Not found"}, K.MODEL_GONE),
        ("429 Too Many Requests", {"error": "slow down"}, K.THROTTLED),
        ("429 Too Many Requests", b"slow down", K.THROTTLED),
        ("500 Internal Server Error", {"error": "oops"}, K.UNAVAILABLE),
        ("503 Service Unavailable", GARBLED, K.UNAVAILABLE),
        ("502 Bad Gateway", GARBLED, K.UNKNOWN_OUTCOME),
        ("504 Gateway Timeout", {"error": "timeout"}, K.UNKNOWN_OUTCOME),
        ("302 Found", {"id": TASK_ID}, K.UNKNOWN_OUTCOME),
        ("418 I'm a teapot", {"error": "teapot"}, K.UNKNOWN_OUTCOME),
        ("200 OK", b"{", K.UNKNOWN_OUTCOME),
        ("200 OK", [TASK_ID], K.UNKNOWN_OUTCOME),
        ("200 OK", {"id": 7}, K.UNKNOWN_OUTCOME),
        ("200 OK", {"error": "odd"}, K.UNKNOWN_OUTCOME),
    ],
)
async def test_a_submit_is_refused_surely_or_unknown(
    accounts: Accounts, status: str, body: object, kind: FailureKind
) -> None:
    async with raw_server(answering(body, status=status)) as server:
        failure = await failure_of(accounts.runway(server.url).submit(ORDER, ATTEMPT))
        assert 1 == len(server.requests)
    assert kind is failure.kind


async def test_a_refusal_keeps_its_words_and_not_the_secret(accounts: Accounts) -> None:
    body = {"error": f"bad key {API_SECRET}", "issues": [{"message": "see https://a.example/x"}]}
    refusing = answering(body, status="401 Unauthorized", headers={"Retry-After": "9"})
    async with raw_server(refusing) as server:
        failure = await failure_of(accounts.runway(server.url).submit(ORDER, ATTEMPT))
    assert "runway: bad key [redacted]; see [url]" == failure.message
    assert ("http_401", 9.0) == (failure.upstream_code, failure.retry_after_s)


@pytest.mark.parametrize("name", BROKEN_AFTER_THE_REQUEST)
async def test_a_submit_that_breaks_is_unknown_and_sent_once(
    accounts: Accounts, name: str
) -> None:
    async with raw_server(BROKEN_AFTER_THE_REQUEST[name]) as server:
        adapter = accounts.runway(server.url, call_s=call_s_for(name))
        failure = await failure_of(adapter.submit(ORDER, ATTEMPT))
        assert 1 == server.connections
    assert K.UNKNOWN_OUTCOME is failure.kind


async def test_a_refused_connection_is_unavailable(accounts: Accounts) -> None:
    adapter = accounts.runway(refused_url())
    for call in (
        adapter.submit(ORDER, ATTEMPT),
        adapter.status(RUNWAY_OPERATION),
        canceller(adapter).cancel(RUNWAY_OPERATION),
    ):
        assert K.UNAVAILABLE is (await failure_of(call)).kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        ("200 OK", b"{", K.MALFORMED),
        ("200 OK", [], K.MALFORMED),
        ("200 OK", {"error": "odd"}, K.MALFORMED),
        ("200 OK", a_task(status=7), K.MALFORMED),
        ("200 OK", a_task(status="DREAMING"), K.MALFORMED),
        ("200 OK", a_task(status="SUCCEEDED"), K.MALFORMED),
        ("200 OK", a_task(status="SUCCEEDED", output=[]), K.MALFORMED),
        ("200 OK", a_task(id="another"), K.MALFORMED),
        ("404 Not Found", {"error": "Task not found"}, K.UNKNOWN_OUTCOME),
        ("404 Not Found", GARBLED, K.MALFORMED),
        ("400 Bad Request", {"error": "bad id"}, K.MALFORMED),
        ("401 Unauthorized", {"error": "no"}, K.AUTH),
        ("429 Too Many Requests", {"error": "no"}, K.THROTTLED),
        ("502 Bad Gateway", GARBLED, K.UNAVAILABLE),
    ],
)
async def test_an_odd_answer_to_a_status_call(
    accounts: Accounts, status: str, body: object, kind: FailureKind
) -> None:
    async with raw_server(answering(body, status=status)) as server:
        failure = await failure_of(accounts.runway(server.url).status(RUNWAY_OPERATION))
    assert kind is failure.kind


async def test_an_oversized_status_is_malformed(accounts: Accounts) -> None:
    async with raw_server(BROKEN_AFTER_THE_REQUEST["oversized_body"]) as server:
        failure = await failure_of(accounts.runway(server.url).status(RUNWAY_OPERATION))
    assert K.MALFORMED is failure.kind


async def test_an_end_without_a_cost_reports_none(accounts: Accounts) -> None:
    output = ["https://dnznrvs05pmza.cloudfront.net/a.mp4"]
    done, failed = a_task(status="SUCCEEDED", output=output), a_task(status="FAILED")
    async with raw_server(answering_in_turn(done, failed)) as server:
        adapter = accounts.runway(server.url)
        for _ in range(2):
            status = await adapter.status(RUNWAY_OPERATION)
            assert isinstance(status, Succeeded | Failed)
            assert None is status.charge_micro_usd


@pytest.mark.parametrize("http", ["204 No Content", "404 Not Found"])
async def test_a_task_is_cancelled_in_one_call(accounts: Accounts, http: str) -> None:
    async with raw_server(routing({"DELETE": (http, b"")})) as server:
        await canceller(accounts.runway(server.url)).cancel(RUNWAY_OPERATION)
        (request,) = server.requests
    assert f"DELETE /v1/tasks/{TASK_ID} HTTP/1.1" == request.line
    assert "2024-11-06" == request.headers["x-runway-version"]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        ("401 Unauthorized", {"error": "no"}, K.AUTH),
        ("429 Too Many Requests", {"error": "no"}, K.THROTTLED),
        ("503 Service Unavailable", GARBLED, K.UNAVAILABLE),
    ],
)
async def test_a_cancel_that_fails_says_so(
    accounts: Accounts, status: str, body: object, kind: FailureKind
) -> None:
    async with raw_server(routing({"DELETE": (status, body)})) as server:
        adapter = canceller(accounts.runway(server.url))
        failure = await failure_of(adapter.cancel(RUNWAY_OPERATION))
    assert kind is failure.kind


async def test_the_video_is_fetched_without_the_secret(accounts: Accounts) -> None:
    async with raw_server(answering(VIDEO)) as server:
        adapter = accounts.runway(f"{server.url}/runway")
        result = Succeeded(result={"url": f"{server.url}/clips/1.mp4?_jwt=a"})
        assert VIDEO == await downloaded(adapter, result, RUNWAY_OPERATION)
        assert 1 == len(server.requests)
        assert "authorization" not in server.requests[0].headers


def dying(status: str, task: dict[str, object]) -> dict[str, tuple[str, object]]:
    """A server whose old URL answers `status`, and whose task says `task`."""
    answers: dict[str, tuple[str, object]] = {
        "GET /old.mp4": (status, b"gone"),
        "GET /new.mp4": ("200 OK", VIDEO),
        "GET /v1/tasks": ("200 OK", task),
    }
    return answers


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "410 Gone"])
async def test_a_url_that_has_died_is_asked_for_again(accounts: Accounts, status: str) -> None:
    answers = dying(status, {})
    async with raw_server(routing(answers)) as server:
        output = [f"{server.url}/new.mp4"]
        answers["GET /v1/tasks"] = ("200 OK", a_task(status="SUCCEEDED", output=output))
        result = Succeeded(result={"url": f"{server.url}/old.mp4"})
        adapter = accounts.runway(server.url)
        assert VIDEO == await downloaded(adapter, result, RUNWAY_OPERATION)
        assert 3 == len(server.requests)


@pytest.mark.parametrize("path", ["/old.mp4", "/older.mp4"])
async def test_a_fresh_url_is_tried_once(accounts: Accounts, path: str) -> None:
    answers = dying("404 Not Found", {}) | {"GET /older.mp4": ("404 Not Found", b"gone")}
    async with raw_server(routing(answers)) as server:
        task = a_task(status="SUCCEEDED", output=[f"{server.url}{path}"])
        answers["GET /v1/tasks"] = ("200 OK", task)
        result = Succeeded(result={"url": f"{server.url}/old.mp4"})
        failure = await download_failure(accounts.runway(server.url), result, RUNWAY_OPERATION)
        assert len(server.requests) <= 3
    assert (K.UNAVAILABLE, "http_404") == (failure.kind, failure.upstream_code)


async def test_other_failures_of_a_download_ask_for_nothing(accounts: Accounts) -> None:
    async with raw_server(answering(b"", status="503 Service Unavailable")) as server:
        result = Succeeded(result={"url": f"{server.url}/1.mp4"})
        failure = await download_failure(accounts.runway(server.url), result, RUNWAY_OPERATION)
        assert 1 == len(server.requests)
    assert K.UNAVAILABLE is failure.kind


@pytest.mark.parametrize("url", ["https://evil.example/1.mp4", None])
async def test_a_foreign_video_url_is_refused(accounts: Accounts, url: object) -> None:
    adapter = accounts.runway("https://api.example")
    failure = await download_failure(adapter, Succeeded(result={"url": url}), RUNWAY_OPERATION)
    assert K.MALFORMED is failure.kind

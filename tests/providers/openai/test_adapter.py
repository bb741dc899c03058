"""The adapter of the Videos API against exact answers, some in the documented shape."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from multipart import MultipartParser

from proxy.domain.failure import FailureKind
from proxy.gateway.ports.provider import (
    Callback,
    CallbackFault,
    CallbackRefused,
    Cancels,
    Failed,
    FindsByAttempt,
    Pending,
    Succeeded,
    TakesCallbacks,
)
from tests.providers.accounts import (
    ATTEMPT,
    OPENAI_CREDENTIALS,
    OPENAI_KEY,
    OPENAI_OPERATION,
    OPENAI_UPSTREAM,
    VIDEO,
    Accounts,
    HandClock,
    a_lost_input,
    a_png,
    an_input,
    an_order,
    download_failure,
    downloaded,
    failure_of,
    settings_for,
)
from tests.providers.behaviours import BROKEN_AFTER_THE_REQUEST, call_s_for
from tests.providers.raw_server import (
    Connection,
    answering,
    answering_in_turn,
    raw_server,
    refused_url,
)
from tests.webhooks import SECRET, as_body, signed

if TYPE_CHECKING:
    from proxy.gateway.ports.provider import VideoProvider

K = FailureKind
FIXTURES = Path(__file__).parent / "fixtures"
VIDEO_ID = str(OPENAI_OPERATION["task_id"])
ORDER = an_order(upstream=OPENAI_UPSTREAM)
DONE = Succeeded(result={"expires_at_s": None})


def documented(name: str) -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


def a_video(**fields: object) -> dict[str, object]:
    return {"id": VIDEO_ID, "object": "video", "status": "in_progress"} | fields


def refusal(code: str | None = None, **fields: object) -> dict[str, object]:
    return {"error": {"message": "no", "type": "t", "param": None, "code": code} | fields}


async def test_a_documented_create_gives_the_operation(accounts: Accounts) -> None:
    async with raw_server(answering(documented("create"))) as server:
        operation = await accounts.openai(f"{server.url}/v1/").submit(ORDER, ATTEMPT)
        (request,) = server.requests
    assert OPENAI_OPERATION == operation
    assert "POST /v1/videos HTTP/1.1" == request.line
    assert f"Bearer {OPENAI_KEY}" == request.headers["authorization"]
    assert "application/json" == request.headers["content-type"]
    expected = {
        "model": "sora-2",
        "prompt": "a red fox in the snow",
        "seconds": "4",
        "size": "1280x720",
    }
    assert expected == request.json


async def test_a_first_frame_travels_as_a_file(accounts: Accounts) -> None:
    picture = a_png()
    order = an_order(upstream=OPENAI_UPSTREAM, first_frame=an_input(picture))
    async with raw_server(answering(documented("create"))) as server:
        operation = await accounts.openai(server.url).submit(order, ATTEMPT)
        (request,) = server.requests
    assert OPENAI_OPERATION == operation
    kind, _, boundary = request.headers["content-type"].partition("; boundary=")
    assert "multipart/form-data" == kind
    parts = {part.name: part for part in MultipartParser(BytesIO(request.body), boundary)}
    assert ["model", "prompt", "seconds", "size", "input_reference"] == list(parts)
    assert "4" == parts["seconds"].value
    assert picture == parts["input_reference"].raw
    for part in parts.values():
        part.close()


async def test_a_lost_picture_is_our_own_fault(accounts: Accounts) -> None:
    order = an_order(upstream=OPENAI_UPSTREAM, first_frame=a_lost_input())
    async with raw_server(BROKEN_AFTER_THE_REQUEST["read_then_close"]) as server:
        failure = await failure_of(accounts.openai(server.url).submit(order, ATTEMPT))
    assert K.INVALID_INPUT is failure.kind


async def test_an_organization_and_a_project_are_named(accounts: Accounts) -> None:
    credentials = {**OPENAI_CREDENTIALS, "organization": "org-1", "project": "proj_1"}
    async with raw_server(answering(documented("create"))) as server:
        adapter = accounts.build("openai", credentials, settings_for(server.url))
        await adapter.submit(ORDER, ATTEMPT)
        headers = server.requests[0].headers
    assert ("org-1", "proj_1") == (headers["openai-organization"], headers["openai-project"])


async def test_documented_statuses_are_understood(accounts: Accounts) -> None:
    names = ("create", "in_progress", "completed", "failed_moderation", "failed_internal")
    async with raw_server(answering_in_turn(*(documented(name) for name in names))) as server:
        adapter = accounts.openai(server.url)
        queued, running, completed, moderated, internal = [
            await adapter.status(OPENAI_OPERATION) for _ in names
        ]
        assert f"GET /videos/{VIDEO_ID} HTTP/1.1" == server.requests[0].line
    assert [Pending(progress=0), Pending(progress=33)] == [queued, running]
    assert isinstance(completed, Succeeded)
    assert None is completed.charge_micro_usd
    ends = [
        (end.failure.kind, end.failure.upstream_code, end.charge_micro_usd)
        for end in (moderated, internal)
        if isinstance(end, Failed)
    ]
    assert [
        (K.CONTENT_POLICY, "moderation_blocked", None),
        (K.FAILED_UPSTREAM, "server_error", None),
    ] == ends


async def test_a_failed_video_without_an_error_is_a_failure(accounts: Accounts) -> None:
    async with raw_server(answering(a_video(status="failed"))) as server:
        status = await accounts.openai(server.url).status(OPENAI_OPERATION)
    assert isinstance(status, Failed)
    assert (K.FAILED_UPSTREAM, "failed") == (status.failure.kind, status.failure.upstream_code)


async def test_it_can_neither_cancel_nor_look_up(accounts: Accounts) -> None:
    adapter = accounts.openai("http://127.0.0.1:1")
    assert not isinstance(adapter, Cancels | FindsByAttempt)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        ("400 Bad Request", documented("bad_request"), K.INVALID_INPUT),
        ("400 Bad Request", refusal("moderation_blocked"), K.CONTENT_POLICY),
        ("400 Bad Request", refusal(param="model"), K.MODEL_GONE),
        ("400 Bad Request", {"detail": "other"}, K.INVALID_INPUT),
        ("401 Unauthorized", refusal("invalid_api_key"), K.AUTH),
        ("404 Not Found", refusal("model_not_found"), K.MODEL_GONE),
        ("404 Not Found", b"<html>", K.MODEL_GONE),
        ("410 Gone", b"", K.MODEL_GONE),
        ("429 Too Many Requests", documented("no_quota"), K.ACCOUNT),
        ("429 Too Many Requests", refusal("rate_limit_exceeded"), K.THROTTLED),
        ("429 Too Many Requests", b"slow down", K.THROTTLED),
        ("500 Internal Server Error", refusal(), K.UNAVAILABLE),
        ("503 Service Unavailable", b"<html>", K.UNAVAILABLE),
        ("502 Bad Gateway", b"<html>", K.UNKNOWN_OUTCOME),
        ("504 Gateway Timeout", refusal(), K.UNKNOWN_OUTCOME),
        ("409 Conflict", refusal(), K.UNKNOWN_OUTCOME),
        ("307 Temporary Redirect", a_video(), K.UNKNOWN_OUTCOME),
        ("200 OK", b"{", K.UNKNOWN_OUTCOME),
        ("200 OK", [VIDEO_ID], K.UNKNOWN_OUTCOME),
        ("200 OK", a_video(id=7), K.UNKNOWN_OUTCOME),
        ("200 OK", refusal("moderation_blocked"), K.UNKNOWN_OUTCOME),
    ],
)
async def test_a_submit_is_refused_surely_or_unknown(
    accounts: Accounts, status: str, body: object, kind: FailureKind
) -> None:
    async with raw_server(answering(body, status=status)) as server:
        failure = await failure_of(accounts.openai(server.url).submit(ORDER, ATTEMPT))
        assert 1 == len(server.requests)
    assert kind is failure.kind


async def test_a_refusal_keeps_its_words_and_not_the_key(accounts: Accounts) -> None:
    body = refusal("invalid_api_key", message=f"Incorrect API key: {OPENAI_KEY}")
    refusing = answering(body, status="401 Unauthorized", headers={"Retry-After": "9"})
    async with raw_server(refusing) as server:
        failure = await failure_of(accounts.openai(server.url).submit(ORDER, ATTEMPT))
    assert "openai: Incorrect API key: [redacted]" == failure.message
    assert ("invalid_api_key", 9.0) == (failure.upstream_code, failure.retry_after_s)


@pytest.mark.parametrize("name", BROKEN_AFTER_THE_REQUEST)
async def test_a_submit_that_breaks_is_unknown_and_sent_once(
    accounts: Accounts, name: str
) -> None:
    async with raw_server(BROKEN_AFTER_THE_REQUEST[name]) as server:
        adapter = accounts.openai(server.url, call_s=call_s_for(name))
        failure = await failure_of(adapter.submit(ORDER, ATTEMPT))
        assert 1 == server.connections
    assert K.UNKNOWN_OUTCOME is failure.kind


async def test_a_refused_connection_is_unavailable(accounts: Accounts) -> None:
    adapter = accounts.openai(refused_url())
    picture = an_order(upstream=OPENAI_UPSTREAM, first_frame=an_input(a_png()))
    for call in (
        adapter.submit(ORDER, ATTEMPT),
        adapter.submit(picture, ATTEMPT),
        adapter.status(OPENAI_OPERATION),
        downloaded(adapter, DONE, OPENAI_OPERATION),
    ):
        assert K.UNAVAILABLE is (await failure_of(call)).kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        ("200 OK", b"{", K.MALFORMED),
        ("200 OK", [], K.MALFORMED),
        ("200 OK", a_video(status=7), K.MALFORMED),
        ("200 OK", a_video(status="dreaming"), K.MALFORMED),
        ("200 OK", a_video(id="video_another"), K.MALFORMED),
        ("404 Not Found", refusal(), K.UNKNOWN_OUTCOME),
        ("404 Not Found", b"<html>", K.MALFORMED),
        ("400 Bad Request", refusal(), K.MALFORMED),
        ("401 Unauthorized", refusal(), K.AUTH),
        ("429 Too Many Requests", refusal("rate_limit_exceeded"), K.THROTTLED),
        ("502 Bad Gateway", b"<html>", K.UNAVAILABLE),
    ],
)
async def test_an_odd_answer_to_a_status_call(
    accounts: Accounts, status: str, body: object, kind: FailureKind
) -> None:
    async with raw_server(answering(body, status=status)) as server:
        failure = await failure_of(accounts.openai(server.url).status(OPENAI_OPERATION))
    assert kind is failure.kind


async def test_an_oversized_status_is_malformed(accounts: Accounts) -> None:
    async with raw_server(BROKEN_AFTER_THE_REQUEST["oversized_body"]) as server:
        failure = await failure_of(accounts.openai(server.url).status(OPENAI_OPERATION))
    assert K.MALFORMED is failure.kind


async def test_the_video_is_fetched_with_the_key(accounts: Accounts) -> None:
    async with raw_server(answering(VIDEO)) as server:
        adapter = accounts.openai(f"{server.url}/v1")
        assert VIDEO == await downloaded(adapter, DONE, OPENAI_OPERATION)
        (request,) = server.requests
    assert f"GET /v1/videos/{VIDEO_ID}/content HTTP/1.1" == request.line
    assert f"Bearer {OPENAI_KEY}" == request.headers["authorization"]


async def test_the_key_does_not_follow_a_redirect_elsewhere(accounts: Accounts) -> None:
    async with raw_server(answering(VIDEO)) as elsewhere:
        target = {"Location": f"{elsewhere.url}/1.mp4"}
        async with raw_server(answering(b"", status="302 Found", headers=target)) as server:
            adapter = accounts.openai(server.url)
            failure = await download_failure(adapter, DONE, OPENAI_OPERATION)
        assert 0 == elsewhere.connections
    assert K.MALFORMED is failure.kind


async def test_a_redirect_within_the_server_is_followed_with_the_key(accounts: Accounts) -> None:
    async def behave(connection: Connection) -> None:
        while True:
            request = await connection.read()
            if request.line.startswith("GET /files"):
                await connection.answer(VIDEO)
            else:
                target = {"Location": "/files/1.mp4"}
                await connection.answer(b"", status="302 Found", headers=target)

    async with raw_server(behave) as server:
        assert VIDEO == await downloaded(accounts.openai(server.url), DONE, OPENAI_OPERATION)
        assert f"Bearer {OPENAI_KEY}" == server.requests[-1].headers["authorization"]


@pytest.mark.parametrize(
    ("passed_s", "status", "says_expired"),
    [
        (0.0, "404 Not Found", False),
        (61.0, "404 Not Found", True),
        (61.0, "503 Service Unavailable", False),
    ],
)
async def test_a_video_that_has_expired_is_named_so(
    accounts: Accounts, clock: HandClock, passed_s: float, status: str, says_expired: bool
) -> None:
    result = Succeeded(result={"expires_at_s": clock.now_s() + 60})
    clock.passed_s += passed_s
    async with raw_server(answering(refusal(), status=status)) as server:
        adapter = accounts.openai(server.url)
        failure = await download_failure(adapter, result, OPENAI_OPERATION)
    assert (K.UNAVAILABLE, f"http_{status[:3]}") == (failure.kind, failure.upstream_code)
    assert says_expired == ("expired" in failure.message)


async def test_an_expired_video_that_is_still_there_is_taken(accounts: Accounts) -> None:
    async with raw_server(answering(VIDEO)) as server:
        result = Succeeded(result={"expires_at_s": 0})
        assert VIDEO == await downloaded(accounts.openai(server.url), result, OPENAI_OPERATION)


async def test_what_is_no_video_is_malformed(accounts: Accounts) -> None:
    async with raw_server(answering(refusal())) as server:
        adapter = accounts.openai(server.url)
        failure = await download_failure(adapter, DONE, OPENAI_OPERATION)
    assert K.MALFORMED is failure.kind


def listener(adapter: VideoProvider) -> TakesCallbacks:
    assert isinstance(adapter, TakesCallbacks)
    return adapter


@pytest.fixture
def webhooks(accounts: Accounts) -> TakesCallbacks:
    """The account of a registered webhook."""
    credentials = OPENAI_CREDENTIALS | {"webhook_secret": SECRET}
    return listener(accounts.build("openai", credentials, settings_for("https://api.example/v1")))


def an_event(kind: str, **fields: object) -> bytes:
    about = {"data": {"id": VIDEO_ID}} | fields
    return as_body({"id": "evt_1", "object": "event", "created_at": 1, "type": kind} | about)


@pytest.mark.parametrize("kind", ["video.completed", "video.failed"])
def test_an_event_tells_which_video_has_ended(
    webhooks: TakesCallbacks, clock: HandClock, kind: str
) -> None:
    body = an_event(kind)
    told = webhooks.parse_callback(signed(body, at_s=clock.now_s(), message_id="wh_1"), body)
    assert Callback(message="wh_1", is_over=True, name=VIDEO_ID) == told
    assert (True, VIDEO_ID) == (
        webhooks.takes_callbacks,
        webhooks.callback_name(OPENAI_OPERATION),
    )


def test_an_event_about_anything_else_ends_nothing(
    webhooks: TakesCallbacks, clock: HandClock
) -> None:
    body = an_event("response.completed", data={"id": "resp_1"})
    told = webhooks.parse_callback(signed(body, at_s=clock.now_s()), body)
    assert (False, None) == (told.is_over, told.name)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        as_body({"id": "evt_1"}),
        an_event("video.completed", data={}),
        an_event("video.failed", data=7),
    ],
)
def test_an_event_that_cannot_be_read_is_refused(
    webhooks: TakesCallbacks, clock: HandClock, body: bytes
) -> None:
    with pytest.raises(CallbackRefused) as caught:
        webhooks.parse_callback(signed(body, at_s=clock.now_s()), body)
    assert CallbackFault.UNREADABLE is caught.value.fault


def test_an_event_is_always_signed(webhooks: TakesCallbacks) -> None:
    with pytest.raises(CallbackRefused) as caught:
        webhooks.parse_callback({}, an_event("video.completed"))
    assert CallbackFault.FORGED is caught.value.fault


def test_an_account_without_a_webhook_listens_to_nothing(accounts: Accounts) -> None:
    assert not listener(accounts.openai("https://api.example/v1")).takes_callbacks

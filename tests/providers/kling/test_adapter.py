"""Kling's adapter against exact answers, some of them in the shape the vendor documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from proxy.domain.failure import FailureKind
from proxy.gateway.ports.provider import (
    AnswersTogether,
    Failed,
    FindsByAttempt,
    Pending,
    Succeeded,
)
from tests.providers.accounts import (
    API_KEY,
    ATTEMPT,
    KLING_KEY_PAIR,
    KLING_OPERATION,
    VIDEO,
    Accounts,
    HandClock,
    an_order,
    download_failure,
    downloaded,
    failure_of,
)
from tests.providers.behaviours import BROKEN_AFTER_THE_REQUEST, call_s_for
from tests.providers.raw_server import answering, answering_in_turn, raw_server, refused_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.job import Operation
    from proxy.gateway.ports.provider import VideoProvider

K = FailureKind
FIXTURES = Path(__file__).parent / "fixtures"
TASK_ID = str(KLING_OPERATION["task_id"])


def documented(name: str) -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


def envelope(payload: object, *, code: int = 0, message: str = "SUCCEED") -> dict[str, object]:
    return {"code": code, "message": message, "request_id": "r-1", "data": payload}


def a_task(**fields: object) -> dict[str, object]:
    return envelope([{"id": TASK_ID, "status": "processing"} | fields])


def finder(adapter: VideoProvider) -> FindsByAttempt:
    assert isinstance(adapter, FindsByAttempt)
    return adapter


async def test_a_documented_create_gives_the_operation(accounts: Accounts) -> None:
    async with raw_server(answering(documented("create"))) as server:
        adapter = accounts.kling(f"{server.url}/base/")
        operation = await adapter.submit(an_order(), ATTEMPT)
        (request,) = server.requests
    assert {"task_id": TASK_ID, "design": "new", "kind": "text-to-video"} == operation
    assert operation == json.loads(json.dumps(operation))
    assert "POST /base/text-to-video/kling-3.0 HTTP/1.1" == request.line
    assert f"Bearer {API_KEY}" == request.headers["authorization"]


async def test_documented_statuses_are_understood(accounts: Accounts) -> None:
    names = ("processing", "succeeded", "failed_internal", "failed_policy")
    async with raw_server(answering_in_turn(*(documented(name) for name in names))) as server:
        adapter = accounts.kling(server.url)
        pending, succeeded, internal, policy = [
            await adapter.status(KLING_OPERATION) for _ in names
        ]
        assert f"GET /tasks?task_ids={TASK_ID} HTTP/1.1" == server.requests[0].line
    assert Pending() == pending
    assert isinstance(succeeded, Succeeded)
    assert 336_000 == succeeded.charge_micro_usd
    assert isinstance(internal, Failed)
    assert (K.FAILED_UPSTREAM, 0) == (internal.failure.kind, internal.charge_micro_usd)
    assert isinstance(policy, Failed)
    assert (K.CONTENT_POLICY, 0) == (policy.failure.kind, policy.charge_micro_usd)


@pytest.mark.parametrize("http", ["200 OK", "400 Bad Request", "429 Too Many Requests"])
@pytest.mark.parametrize(
    ("code", "kind"), [(1102, K.ACCOUNT), (1303, K.THROTTLED), (1301, K.CONTENT_POLICY)]
)
async def test_the_bodys_code_decides_and_not_the_http_status(
    accounts: Accounts, http: str, code: int, kind: FailureKind
) -> None:
    refusal = envelope(None, code=code, message=f"no, {API_KEY}")
    async with raw_server(answering(refusal, status=http, headers={"Retry-After": "9"})) as server:
        failure = await failure_of(accounts.kling(server.url).submit(an_order(), ATTEMPT))
    assert (kind, str(code), 9.0) == (failure.kind, failure.upstream_code, failure.retry_after_s)
    assert "kling: no, [redacted]" == failure.message


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        ("200 OK", b"{", K.UNKNOWN_OUTCOME),
        ("200 OK", b"<html>", K.UNKNOWN_OUTCOME),
        ("200 OK", b"[1]", K.UNKNOWN_OUTCOME),
        ("200 OK", envelope({"status": "submitted"}), K.UNKNOWN_OUTCOME),
        ("200 OK", envelope(["id"]), K.UNKNOWN_OUTCOME),
        ("200 OK", envelope(None, code=7777), K.UNKNOWN_OUTCOME),
        ("502 Bad Gateway", b"<html>", K.UNKNOWN_OUTCOME),
        ("504 Gateway Timeout", b"<html>", K.UNKNOWN_OUTCOME),
        ("503 Service Unavailable", b"<html>", K.UNAVAILABLE),
        ("500 Internal Server Error", b"", K.UNAVAILABLE),
        ("429 Too Many Requests", b"slow down", K.THROTTLED),
    ],
)
async def test_an_unreadable_answer_to_a_submit(
    accounts: Accounts, status: str, body: object, kind: FailureKind
) -> None:
    async with raw_server(answering(body, status=status)) as server:
        failure = await failure_of(accounts.kling(server.url).submit(an_order(), ATTEMPT))
    assert kind is failure.kind


@pytest.mark.parametrize("name", BROKEN_AFTER_THE_REQUEST)
async def test_a_submit_that_breaks_is_unknown_and_sent_once(
    accounts: Accounts, name: str
) -> None:
    async with raw_server(BROKEN_AFTER_THE_REQUEST[name]) as server:
        adapter = accounts.kling(server.url, call_s=call_s_for(name))
        failure = await failure_of(adapter.submit(an_order(), ATTEMPT))
        assert 1 == server.connections
    assert K.UNKNOWN_OUTCOME is failure.kind


async def test_a_refused_connection_is_unavailable(accounts: Accounts) -> None:
    adapter = accounts.kling(refused_url())
    for call in (
        adapter.submit(an_order(), ATTEMPT),
        adapter.status(KLING_OPERATION),
        finder(adapter).find(ATTEMPT),
    ):
        assert K.UNAVAILABLE is (await failure_of(call)).kind


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", K.MALFORMED),
        (envelope("garbage"), K.MALFORMED),
        (a_task(status=7), K.MALFORMED),
        (a_task(status="dreaming"), K.MALFORMED),
        (a_task(status="succeeded"), K.MALFORMED),
        (a_task(status="succeeded", outputs=[{"type": "video", "url": 7}]), K.MALFORMED),
        (envelope(None, code=7777), K.MALFORMED),
        (envelope([]), K.UNKNOWN_OUTCOME),
        (a_task(id="another"), K.MALFORMED),
        (envelope(None, code=1203), K.UNKNOWN_OUTCOME),
        (envelope(None, code=1303), K.THROTTLED),
        (envelope(None, code=5001), K.UNAVAILABLE),
        (envelope(None, code=1000), K.AUTH),
    ],
)
async def test_an_odd_answer_to_a_status_call(
    accounts: Accounts, body: object, kind: FailureKind
) -> None:
    async with raw_server(answering(body)) as server:
        failure = await failure_of(accounts.kling(server.url).status(KLING_OPERATION))
    assert kind is failure.kind
    if kind is K.UNKNOWN_OUTCOME:
        assert "1203" == failure.upstream_code


def some_tasks(*tasks: object) -> dict[str, object]:
    return envelope(list(tasks))


def one_of_many(adapter: VideoProvider) -> AnswersTogether:
    assert isinstance(adapter, AnswersTogether)
    return adapter


SOME: Sequence[Operation] = [{"task_id": "1"}, {"task_id": "2"}, {"task_id": "3"}]


async def test_many_tasks_are_asked_about_in_one_call(accounts: Accounts) -> None:
    answer = some_tasks(
        {"id": "3", "status": "failed", "message": "Service internal error", "billing": []},
        {"id": 1, "status": "submitted"},
        {"id": "2", "status": "processing"},
    )
    async with raw_server(answering(answer)) as server:
        adapter = one_of_many(accounts.kling(server.url))
        first, second, third = await adapter.status_many(SOME)
        assert "GET /tasks?task_ids=1,2,3 HTTP/1.1" == server.requests[0].line
        assert 50 == adapter.together_max
    assert (Pending(), Pending()) == (first, second)
    assert isinstance(third, Failed)


@pytest.mark.parametrize(
    "bad",
    [
        {"id": "2", "status": 7},
        {"id": "2"},
        {"id": "2", "status": "dreaming"},
        {"id": "2", "status": "succeeded"},
        {"id": "another", "status": "processing"},
        "garbage",
        None,
    ],
)
async def test_one_bad_entry_leaves_only_itself_open(accounts: Accounts, bad: object) -> None:
    answer = some_tasks({"id": "1", "status": "processing"}, bad)
    async with raw_server(answering(answer)) as server:
        told = await one_of_many(accounts.kling(server.url)).status_many(SOME)
    assert [Pending(), None, None] == told


async def test_tasks_of_which_none_is_known_are_all_left_open(accounts: Accounts) -> None:
    async with raw_server(answering(envelope(None, code=1203))) as server:
        assert [None] * 3 == await one_of_many(accounts.kling(server.url)).status_many(SOME)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", K.MALFORMED),
        (envelope({"id": "1"}), K.MALFORMED),
        (envelope(None), K.MALFORMED),
        (envelope(None, code=1302), K.THROTTLED),
        (envelope(None, code=5000), K.UNAVAILABLE),
    ],
)
async def test_a_call_about_many_fails_as_a_whole(
    accounts: Accounts, body: object, kind: FailureKind
) -> None:
    async with raw_server(answering(body)) as server:
        failure = await failure_of(one_of_many(accounts.kling(server.url)).status_many(SOME))
    assert kind is failure.kind


async def test_an_oversized_status_is_malformed(accounts: Accounts) -> None:
    behave = BROKEN_AFTER_THE_REQUEST["oversized_body"]
    async with raw_server(behave) as server:
        failure = await failure_of(accounts.kling(server.url).status(KLING_OPERATION))
    assert K.MALFORMED is failure.kind


@pytest.mark.parametrize(
    ("billing", "charge"), [([], None), (None, None), ([{"charge_type": "gift"}], None)]
)
async def test_a_video_without_a_bill_is_not_free(
    accounts: Accounts, billing: object, charge: int | None
) -> None:
    outputs = [{"type": "video", "url": "https://cdn.klingai.com/a.mp4"}]
    done = a_task(status="succeed", outputs=outputs, billing=billing)
    async with raw_server(answering(done)) as server:
        status = await accounts.kling(server.url).status(KLING_OPERATION)
    assert isinstance(status, Succeeded)
    assert charge == status.charge_micro_usd


@pytest.mark.parametrize(
    ("billing", "charge"),
    [
        ([], 0),
        (None, None),
        ([{"charge_type": "cash", "amount": "0.2", "currency": "USD"}], 200_000),
    ],
)
async def test_a_failed_task_is_charged_as_it_reports(
    accounts: Accounts, billing: object, charge: int | None
) -> None:
    failed = a_task(status="failed", message="Service internal error", billing=billing)
    async with raw_server(answering(failed)) as server:
        status = await accounts.kling(server.url).status(KLING_OPERATION)
    assert isinstance(status, Failed)
    assert charge == status.charge_micro_usd


async def test_an_expired_token_is_signed_again_once(accounts: Accounts, clock: HandClock) -> None:
    expired, accepted = envelope(None, code=1004), documented("create")
    async with raw_server(answering_in_turn(expired, accepted)) as server:
        adapter = accounts.kling(server.url, KLING_KEY_PAIR)
        operation = await adapter.submit(an_order(), ATTEMPT)
        assert TASK_ID == operation["task_id"]
        assert server.requests[0].body == server.requests[1].body
    async with raw_server(answering(expired)) as server:
        clock.passed_s += 60.0
        failure = await failure_of(
            accounts.kling(server.url, KLING_KEY_PAIR).status(KLING_OPERATION)
        )
        assert 2 == len(server.requests)
    assert K.AUTH is failure.kind


async def test_a_refused_api_key_is_not_tried_again(accounts: Accounts) -> None:
    async with raw_server(answering(envelope(None, code=1004))) as server:
        failure = await failure_of(accounts.kling(server.url).submit(an_order(), ATTEMPT))
        assert 1 == len(server.requests)
    assert K.AUTH is failure.kind


async def test_a_lost_submit_is_found_by_its_attempt(accounts: Accounts) -> None:
    found = a_task(external_id=ATTEMPT, status="submitted")
    async with raw_server(answering(found)) as server:
        operation = await finder(accounts.kling(server.url)).find(ATTEMPT)
        assert f"GET /tasks?external_task_ids={ATTEMPT} HTTP/1.1" == server.requests[0].line
    assert {"task_id": TASK_ID, "design": "new"} == operation


@pytest.mark.parametrize("body", [envelope([]), envelope(None, code=1203)])
async def test_a_submit_that_left_no_trace_is_not_found(accounts: Accounts, body: object) -> None:
    async with raw_server(answering(body)) as server:
        assert None is await finder(accounts.kling(server.url)).find(ATTEMPT)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", K.MALFORMED),
        (envelope("garbage"), K.MALFORMED),
        (a_task(external_id="another-1"), K.MALFORMED),
        (a_task(), K.MALFORMED),
        (envelope(None, code=5000), K.UNAVAILABLE),
        (envelope(None, code=1302), K.THROTTLED),
    ],
)
async def test_a_failed_look_up_is_never_taken_for_nothing_found(
    accounts: Accounts, body: object, kind: FailureKind
) -> None:
    async with raw_server(answering(body)) as server:
        failure = await failure_of(finder(accounts.kling(server.url)).find(ATTEMPT))
    assert kind is failure.kind


async def test_the_video_is_fetched_without_the_account_s_key(accounts: Accounts) -> None:
    async with raw_server(answering(VIDEO)) as server:
        adapter = accounts.kling(f"{server.url}/kling")
        result = Succeeded(result={"url": f"{server.url}/clips/1.mp4"})
        assert VIDEO == await downloaded(adapter, result)
        assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize("url", ["https://evil.example/1.mp4", None])
async def test_a_foreign_video_url_is_refused(accounts: Accounts, url: object) -> None:
    adapter = accounts.kling("https://api.example")
    failure = await download_failure(adapter, Succeeded(result={"url": url}))
    assert K.MALFORMED is failure.kind

"""Vertex's adapter against exact answers, some of them in the shape the vendor documents."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from base64 import b64encode
from pathlib import Path

import pytest

from proxy.domain.failure import FailureKind
from proxy.gateway.ports.provider import Failed, FindsByAttempt, Pending, Succeeded
from tests.providers.accounts import (
    ATTEMPT,
    HASTY_S,
    OPERATION_NAME,
    PATIENT_S,
    PRIVATE_KEY_PEM,
    PROJECT,
    VERTEX_OPERATION,
    VERTEX_UPSTREAM,
    VIDEO,
    Accounts,
    a_done_veo_answer,
    an_order,
    download_failure,
    downloaded,
    failure_of,
    files_in,
)
from tests.providers.behaviours import BROKEN_AFTER_THE_REQUEST, call_s_for, in_pieces
from tests.providers.raw_server import (
    Connection,
    answering,
    answering_in_turn,
    head,
    raw_server,
    refused_url,
)

K = FailureKind
FIXTURES = Path(__file__).parent / "fixtures"
ORDER = an_order(upstream=VERTEX_UPSTREAM)
PARENT = OPERATION_NAME.partition("/operations/")[0]
MIB = 2**20


def documented(name: str) -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


def refusal(status: str, message: str = "no") -> dict[str, object]:
    return {"error": {"code": 400, "message": message, "status": status}}


def done(**response: object) -> dict[str, object]:
    return {"name": OPERATION_NAME, "done": True, "response": response}


async def test_a_documented_create_gives_the_operation(accounts: Accounts) -> None:
    async with raw_server(answering(documented("create"))) as server:
        operation = await accounts.vertex(f"{server.url}/base/").submit(ORDER, ATTEMPT)
        (request,) = server.requests
    assert VERTEX_OPERATION == operation
    assert f"POST /base/v1/{PARENT}:predictLongRunning HTTP/1.1" == request.line
    assert request.headers["authorization"].startswith("Bearer eyJ")


async def test_documented_statuses_are_understood(accounts: Accounts, tmp_path: Path) -> None:
    names = ("running", "done", "filtered", "failed_internal", "failed_policy")
    async with raw_server(answering_in_turn(*(documented(name) for name in names))) as server:
        adapter = accounts.vertex(server.url, spool_dir=tmp_path)
        running, succeeded, filtered, internal, policy = [
            await adapter.status(VERTEX_OPERATION) for _ in names
        ]
        (request, *_) = server.requests
    assert f"POST /v1/{PARENT}:fetchPredictOperation HTTP/1.1" == request.line
    assert {"operationName": OPERATION_NAME} == request.json
    assert Pending() == running
    assert isinstance(succeeded, Succeeded)
    assert (1, None) == (succeeded.result["videos"], succeeded.charge_micro_usd)
    kinds = [end.failure.kind for end in (filtered, internal, policy) if isinstance(end, Failed)]
    assert [K.CONTENT_POLICY, K.FAILED_UPSTREAM, K.CONTENT_POLICY] == kinds


async def test_there_is_no_look_up(accounts: Accounts) -> None:
    assert not isinstance(accounts.vertex("http://127.0.0.1:1"), FindsByAttempt)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        ("400 Bad Request", refusal("INVALID_ARGUMENT"), K.INVALID_INPUT),
        ("400 Bad Request", refusal("INVALID_ARGUMENT", "Support codes: 1"), K.CONTENT_POLICY),
        ("429 Too Many Requests", refusal("RESOURCE_EXHAUSTED"), K.THROTTLED),
        ("404 Not Found", refusal("NOT_FOUND"), K.MODEL_GONE),
        ("404 Not Found", b"<html>", K.MODEL_GONE),
        ("503 Service Unavailable", b"<html>", K.UNAVAILABLE),
        ("502 Bad Gateway", b"<html>", K.UNKNOWN_OUTCOME),
        ("504 Gateway Timeout", refusal("DEADLINE_EXCEEDED"), K.UNKNOWN_OUTCOME),
        ("200 OK", b'{"name": ', K.UNKNOWN_OUTCOME),
        ("200 OK", {"name": 7}, K.UNKNOWN_OUTCOME),
        ("200 OK", {"name": "operations/1"}, K.UNKNOWN_OUTCOME),
        ("200 OK", [], K.UNKNOWN_OUTCOME),
    ],
)
async def test_a_submit_is_refused_surely_or_unknown(
    accounts: Accounts, status: str, body: object, kind: FailureKind
) -> None:
    async with raw_server(answering(body, status=status)) as server:
        failure = await failure_of(accounts.vertex(server.url).submit(ORDER, ATTEMPT))
        assert 1 == len(server.requests)
    assert kind is failure.kind


@pytest.mark.parametrize("name", BROKEN_AFTER_THE_REQUEST)
async def test_a_submit_that_breaks_is_unknown_and_sent_once(
    accounts: Accounts, name: str
) -> None:
    async with raw_server(BROKEN_AFTER_THE_REQUEST[name]) as server:
        adapter = accounts.vertex(server.url, call_s=call_s_for(name))
        failure = await failure_of(adapter.submit(ORDER, ATTEMPT))
        assert 1 == server.connections
    assert K.UNKNOWN_OUTCOME is failure.kind


async def test_a_video_inside_an_answer_takes_as_long_as_a_download(
    accounts: Accounts, tmp_path: Path
) -> None:
    """Half a gigabyte of Base64 does not come within the time a status may take."""
    answer = json.dumps(a_done_veo_answer()).encode()
    async with raw_server(in_pieces(answer, pieces=8, pause_s=HASTY_S / 4)) as server:
        adapter = accounts.vertex(
            server.url, call_s=HASTY_S, download_s=PATIENT_S, spool_dir=tmp_path
        )
        status = await adapter.status(VERTEX_OPERATION)
        assert isinstance(status, Succeeded)
        assert VIDEO == await downloaded(adapter, status)


@pytest.mark.parametrize("name", ["hang_before_headers", "hang_after_headers", "slow_loris"])
async def test_an_answer_that_stands_still_ends_with_the_time_of_a_status(
    accounts: Accounts, tmp_path: Path, name: str
) -> None:
    async with raw_server(BROKEN_AFTER_THE_REQUEST[name]) as server:
        adapter = accounts.vertex(server.url, call_s=HASTY_S, download_s=1e9, spool_dir=tmp_path)
        async with asyncio.timeout(PATIENT_S):
            failure = await failure_of(adapter.status(VERTEX_OPERATION))
    assert K.UNAVAILABLE is failure.kind
    assert [] == files_in(tmp_path)


async def test_an_answer_that_never_ends_ends_with_the_time_of_a_download(
    accounts: Accounts, tmp_path: Path
) -> None:
    async with raw_server(BROKEN_AFTER_THE_REQUEST["slow_body"]) as server:
        adapter = accounts.vertex(
            server.url, call_s=PATIENT_S, download_s=HASTY_S, spool_dir=tmp_path
        )
        failure = await failure_of(adapter.status(VERTEX_OPERATION))
    assert K.UNAVAILABLE is failure.kind


async def test_a_refused_connection_is_unavailable(accounts: Accounts) -> None:
    adapter = accounts.vertex(refused_url())
    for call in (adapter.submit(ORDER, ATTEMPT), adapter.status(VERTEX_OPERATION)):
        assert K.UNAVAILABLE is (await failure_of(call)).kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        ("200 OK", b'{"name": "x", "done": tru', K.MALFORMED),
        ("200 OK", {"done": "yes"}, K.MALFORMED),
        ("200 OK", {"done": True}, K.MALFORMED),
        ("200 OK", done(), K.MALFORMED),
        ("200 OK", done(videos="garbage"), K.MALFORMED),
        ("200 OK", done(videos=[{}]), K.MALFORMED),
        ("200 OK", done(videos=[{"gcsUri": "https://evil.example/1.mp4"}]), K.MALFORMED),
        ("200 OK", done(videos=[{"bytesBase64Encoded": ""}]), K.MALFORMED),
        ("200 OK", done(videos=[{"bytesBase64Encoded": None}]), K.MALFORMED),
        ("200 OK", done(videos=[{}, {"bytesBase64Encoded": "AAAA"}]), K.MALFORMED),
        ("200 OK", done(videos=[{"bytesBase64Encoded": 5}]), K.MALFORMED),
        ("404 Not Found", refusal("NOT_FOUND"), K.UNKNOWN_OUTCOME),
        ("404 Not Found", b"<html>", K.MALFORMED),
        ("400 Bad Request", refusal("INVALID_ARGUMENT"), K.MALFORMED),
        ("429 Too Many Requests", refusal("RESOURCE_EXHAUSTED"), K.THROTTLED),
        ("401 Unauthorized", refusal("UNAUTHENTICATED"), K.AUTH),
        ("503 Service Unavailable", b"", K.UNAVAILABLE),
    ],
)
async def test_an_odd_answer_to_a_status_call(
    accounts: Accounts, tmp_path: Path, status: str, body: object, kind: FailureKind
) -> None:
    async with raw_server(answering(body, status=status)) as server:
        adapter = accounts.vertex(server.url, spool_dir=tmp_path)
        failure = await failure_of(adapter.status(VERTEX_OPERATION))
    assert kind is failure.kind
    assert [] == files_in(tmp_path)


@pytest.mark.parametrize("name", BROKEN_AFTER_THE_REQUEST)
async def test_a_status_call_that_breaks_can_be_asked_again(accounts: Accounts, name: str) -> None:
    async with raw_server(BROKEN_AFTER_THE_REQUEST[name]) as server:
        adapter = accounts.vertex(server.url, call_s=call_s_for(name))
        failure = await failure_of(adapter.status(VERTEX_OPERATION))
    is_large = name == "oversized_body"
    assert (K.MALFORMED if is_large else K.UNAVAILABLE) is failure.kind


async def test_a_video_cut_off_in_the_middle_leaves_no_file(
    accounts: Accounts, tmp_path: Path
) -> None:
    text = json.dumps(a_done_veo_answer(bytes(4 * MIB))).encode()

    async def cut(connection: Connection) -> None:
        await connection.read()
        await connection.send(head("200 OK", {"Content-Length": str(len(text))}))
        await connection.send(text[: len(text) // 2])
        connection.reset()

    async with raw_server(cut) as server:
        adapter = accounts.vertex(server.url, spool_dir=tmp_path)
        failure = await failure_of(adapter.status(VERTEX_OPERATION))
    assert K.UNAVAILABLE is failure.kind
    assert [] == files_in(tmp_path)


async def test_a_video_larger_than_allowed_is_malformed(
    accounts: Accounts, tmp_path: Path
) -> None:
    async with raw_server(answering(a_done_veo_answer(bytes(2 * MIB)))) as server:
        adapter = accounts.vertex(server.url, spool_dir=tmp_path, inline_bytes_max=MIB)
        failure = await failure_of(adapter.status(VERTEX_OPERATION))
    assert K.MALFORMED is failure.kind
    assert [] == files_in(tmp_path)


async def test_a_partly_filtered_answer_with_a_video_is_a_success(
    accounts: Accounts, tmp_path: Path
) -> None:
    videos = [{"bytesBase64Encoded": b64encode(VIDEO).decode()}]
    async with raw_server(answering(done(videos=videos, raiMediaFilteredCount=1))) as server:
        adapter = accounts.vertex(server.url, spool_dir=tmp_path)
        result = await adapter.status(VERTEX_OPERATION)
        assert isinstance(result, Succeeded)
        assert VIDEO == await downloaded(adapter, result)
    assert [] == files_in(tmp_path)


async def test_a_success_that_is_dropped_takes_its_file_along(
    accounts: Accounts, tmp_path: Path
) -> None:
    async with raw_server(answering(a_done_veo_answer())) as server:
        result = await accounts.vertex(server.url, spool_dir=tmp_path).status(VERTEX_OPERATION)
        assert isinstance(result, Succeeded)
        assert [result.inline_path] == files_in(tmp_path)
        del result
    assert [] == files_in(tmp_path)


async def test_a_video_that_is_gone_has_to_be_asked_for_again(accounts: Accounts) -> None:
    adapter = accounts.vertex("http://127.0.0.1:1")
    lost = Succeeded(result={}, inline_path=Path("no-such-folder/video.b64"))
    for result in (Succeeded(result={}), lost):
        assert K.UNAVAILABLE is (await download_failure(adapter, result)).kind


@pytest.mark.parametrize("text", ["not*base64", b64encode(b"this is not a video").decode()])
async def test_a_video_that_is_none_is_malformed(
    accounts: Accounts, tmp_path: Path, text: str
) -> None:
    answer = done(videos=[{"bytesBase64Encoded": text}])
    async with raw_server(answering(answer)) as server:
        adapter = accounts.vertex(server.url, spool_dir=tmp_path)
        result = await adapter.status(VERTEX_OPERATION)
    assert isinstance(result, Succeeded)
    assert K.MALFORMED is (await download_failure(adapter, result)).kind
    assert [] == files_in(tmp_path)


async def test_an_unknown_name_is_never_asked_for(accounts: Accounts) -> None:
    async with raw_server(answering({})) as server:
        adapter = accounts.vertex(server.url)
        failure = await failure_of(adapter.status({"name": "../../evil"}))
        assert 0 == server.connections
    assert K.UNKNOWN_OUTCOME is failure.kind


async def test_a_message_never_repeats_the_private_key(accounts: Accounts) -> None:
    body = refusal("UNAUTHENTICATED", f"bad key {PRIVATE_KEY_PEM} of {PROJECT}")
    async with raw_server(answering(body, status="401 Unauthorized")) as server:
        failure = await failure_of(accounts.vertex(server.url).submit(ORDER, ATTEMPT))
    assert "PRIVATE KEY" not in failure.message
    assert PROJECT in failure.message


async def test_a_large_video_is_never_in_memory_whole(accounts: Accounts, tmp_path: Path) -> None:
    """20 MiB of video are 26.7 MiB of answer; the server sends it in small pieces too."""
    video = VIDEO[:24] + bytes(20 * MIB)
    prefix = b'{"name":"n","done":true,"response":{"videos":[{"bytesBase64Encoded":"'
    pieces, suffix = len(video) // 3, b'"}]}}'
    video = video[: pieces * 3]
    length = len(prefix) + pieces * 4 + len(suffix)

    async def send(connection: Connection) -> None:
        await connection.read()
        await connection.send(head("200 OK", {"Content-Length": str(length)}) + prefix)
        for at in range(0, len(video), 48 * 1024):
            await connection.send(b64encode(video[at : at + 48 * 1024]))
        await connection.send(suffix)

    async with raw_server(send) as server:
        adapter = accounts.vertex(server.url, spool_dir=tmp_path)
        tracemalloc.start()
        try:
            result = await adapter.status(VERTEX_OPERATION)
            assert isinstance(result, Succeeded)
            size_bytes = 0
            async for piece in adapter.download(VERTEX_OPERATION, result):
                size_bytes += len(piece)
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert len(video) == size_bytes
    assert peak_bytes < 8 * MIB
    assert [] == files_in(tmp_path)

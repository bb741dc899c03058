"""What a broken exchange means, proved on raw sockets."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver
from typing_extensions import override

from proxy.domain.failure import FailureKind
from proxy.outgoing.session import Sessions
from proxy.providers.exchange import Exchange
from proxy.providers.failures import Failures
from proxy.providers.request_body import RequestBody
from tests.providers.accounts import (
    HASTY_S,
    PATIENT_S,
    Accounts,
    HandClock,
    a_lost_input,
    an_input,
    failure_of,
    settings_for,
)
from tests.providers.behaviours import BROKEN_AFTER_THE_REQUEST, call_s_for
from tests.providers.raw_server import (
    Connection,
    answering,
    full_backlog,
    raw_server,
    refused_url,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from aiohttp.abc import ResolveResult

    from proxy.providers.exchange import Answer

DOCUMENT = {"prompt": "a red fox", "image": ""}
# Larger than what the kernel buffers of a connection hold on both sides.
HUGE_BYTES = 24 * 2**20


def both(session: aiohttp.ClientSession) -> Sessions:
    return Sessions(configured=session, foreign=session)


def exchange(accounts: Accounts, call_s: float = PATIENT_S) -> Exchange:
    settings = settings_for("http://unused", call_s=call_s)
    return Exchange(accounts.sessions, settings, accounts.clock, Failures("somebody"))


def submit(accounts: Accounts, url: str, call_s: float = PATIENT_S) -> Awaitable[Answer]:
    return exchange(accounts, call_s).submit(url, RequestBody(DOCUMENT), {})


def ask(accounts: Accounts, url: str, call_s: float = PATIENT_S) -> Awaitable[Answer]:
    return exchange(accounts, call_s).ask("GET", url, {})


async def test_a_refused_connection_is_surely_not_accepted(accounts: Accounts) -> None:
    failure = await failure_of(submit(accounts, refused_url()))
    assert FailureKind.UNAVAILABLE is failure.kind


async def test_a_connection_that_never_opens_is_surely_not_accepted(accounts: Accounts) -> None:
    async with full_backlog() as url:
        failure = await failure_of(submit(accounts, url, HASTY_S))
    assert FailureKind.UNAVAILABLE is failure.kind


async def test_a_name_that_does_not_resolve_is_surely_not_accepted() -> None:
    class NoResolver(AbstractResolver):
        @override
        async def resolve(
            self, host: str, port: int = 0, family: int = socket.AF_INET
        ) -> list[ResolveResult]:
            raise OSError(None, f"no such host: {host}:{port} ({family})")

        @override
        async def close(self) -> None:
            return

    connector = aiohttp.TCPConnector(resolver=NoResolver())
    async with aiohttp.ClientSession(connector=connector) as session:
        failure = await failure_of(
            submit(
                Accounts(both(session), HandClock()),
                "http://nowhere.example/submit",
            )
        )
    assert FailureKind.UNAVAILABLE is failure.kind


async def test_a_failed_tls_handshake_is_surely_not_accepted(accounts: Accounts) -> None:
    async def speak_plainly(connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with raw_server(speak_plainly) as server:
        url = server.url.replace("http:", "https:")
        failure = await failure_of(submit(accounts, url))
    assert FailureKind.UNAVAILABLE is failure.kind


async def test_a_tls_handshake_that_hangs_is_surely_not_accepted(accounts: Accounts) -> None:
    async with raw_server(Connection.hang) as server:
        url = server.url.replace("http:", "https:")
        failure = await failure_of(submit(accounts, url, HASTY_S))
    assert FailureKind.UNAVAILABLE is failure.kind


async def close_early(connection: Connection) -> None:
    await connection.reader.readexactly(100_000)
    connection.reset()


@pytest.mark.parametrize("behave", [close_early, Connection.hang])
async def test_a_body_that_did_not_leave_whole_is_surely_not_accepted(
    accounts: Accounts, behave: object
) -> None:
    assert callable(behave)
    async with raw_server(behave) as server:
        body = RequestBody(DOCUMENT, an_input(bytes(HUGE_BYTES)))
        failure = await failure_of(exchange(accounts, HASTY_S).submit(server.url, body, {}))
    assert not body.is_sent
    assert FailureKind.UNAVAILABLE is failure.kind


@pytest.mark.parametrize("name", BROKEN_AFTER_THE_REQUEST)
async def test_whatever_breaks_after_the_request_leaves_a_submit_unknown(
    accounts: Accounts, name: str
) -> None:
    async with raw_server(BROKEN_AFTER_THE_REQUEST[name]) as server:
        made = submit(accounts, server.url, call_s_for(name))
        # An answer whose headers came is handed on without a body: the adapter decides.
        if name in {"hang_after_headers", "truncated_body", "slow_body"}:
            answer = await made
            assert (200, None) == (answer.status, answer.body)
        elif name == "oversized_body":
            assert (await made).body is None
        else:
            assert FailureKind.UNKNOWN_OUTCOME is (await failure_of(made)).kind
        assert server.connections == 1


@pytest.mark.parametrize("name", BROKEN_AFTER_THE_REQUEST)
async def test_a_question_that_breaks_can_be_asked_again(accounts: Accounts, name: str) -> None:
    async with raw_server(BROKEN_AFTER_THE_REQUEST[name]) as server:
        failure = await failure_of(ask(accounts, server.url, call_s_for(name)))
    is_large = name == "oversized_body"
    assert (FailureKind.MALFORMED if is_large else FailureKind.UNAVAILABLE) is failure.kind


async def test_a_submit_is_sent_whole_with_its_length(accounts: Accounts) -> None:
    async with raw_server(answering({"ok": True})) as server:
        body = RequestBody(DOCUMENT, an_input(b"picture"))
        answer = await exchange(accounts).submit(f"{server.url}/submit", body, {})
        (request,) = server.requests
    assert (200, b'{"ok": true}') == (answer.status, answer.body)
    assert "POST /submit HTTP/1.1" == request.line
    assert {"prompt": "a red fox", "image": "cGljdHVyZQ=="} == request.json
    assert "transfer-encoding" not in request.headers
    assert "application/json" == request.headers["content-type"]
    assert "identity" == request.headers["accept-encoding"]


async def test_a_lost_input_is_no_fault_of_the_provider(accounts: Accounts) -> None:
    async with raw_server(answering({})) as server:
        body = RequestBody(DOCUMENT, a_lost_input())
        failure = await failure_of(exchange(accounts).submit(server.url, body, {}))
        assert [] == server.requests
    assert FailureKind.INVALID_INPUT is failure.kind


async def test_a_redirect_is_not_followed(accounts: Accounts) -> None:
    elsewhere = {"Location": "http://127.0.0.1:1/"}
    moved = answering(b"", status="307 Temporary Redirect", headers=elsewhere)
    async with raw_server(moved) as server:
        assert 307 == (await submit(accounts, server.url)).status
        assert 307 == (await ask(accounts, server.url)).status
        assert 2 == len(server.requests)


async def test_a_compressed_answer_stays_small(accounts: Accounts) -> None:
    squeezed = answering(b"not even gzip", headers={"Content-Encoding": "gzip"})
    async with raw_server(squeezed) as server:
        assert b"not even gzip" == (await ask(accounts, server.url)).body


async def test_cookies_are_not_kept(accounts: Accounts) -> None:
    async with raw_server(answering({}, headers={"Set-Cookie": "a=b"})) as server:
        await ask(accounts, server.url)
        await ask(accounts, server.url)
        assert "cookie" not in server.requests[1].headers


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("999999999999", 3_600.0),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
async def test_retry_after_is_read_in_both_forms(sent: str, expected: float | None) -> None:
    clock = HandClock(wall_s=1_795_348_800.0)  # 2026-11-22 12:00:00 UTC
    busy = answering(b"", status="429 Too Many Requests", headers={"Retry-After": sent})
    async with raw_server(busy) as server, aiohttp.ClientSession() as session:
        answer = await ask(Accounts(both(session), clock), server.url)
    assert expected == answer.retry_after_s

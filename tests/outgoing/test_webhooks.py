"""Signed messages to a real receiver; what the guard refuses is never connected to."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
from openai import InvalidWebhookSignatureError, OpenAI
from standardwebhooks import Webhook, WebhookVerificationError

from proxy.app.clock import SystemClock
from proxy.domain.notice import Notice, NoticeKind
from proxy.domain.video_event import end_body, receiver_id
from proxy.gateway.ports.notices import Letter, Reply
from proxy.outgoing.session import open_sessions
from proxy.outgoing.url import RefusedUrl, destination_of
from proxy.outgoing.webhooks import Directory, Hook, WebhookSender
from tests.outgoing.hostile import HOSTILE, NAMES
from tests.outgoing.test_fetch import Names
from tests.receiver import receiving
from tests.webhooks import SECRET, signed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.receiver import Receiver

OTHER = "whsec_" + base64.b64encode(b"the next key, of thirty-two bytes").decode()
KINDS = frozenset({NoticeKind.BUDGET_THRESHOLD})
NOTICE = Notice(
    id="msg_1", kind=NoticeKind.BUDGET_THRESHOLD, at_ms=0, data={"budget": "Ausgaben für März"}
)


def a_letter(hook: Hook) -> Letter:
    return Letter(
        id=f"msg_1:{hook.id}",
        receiver=hook.id,
        notice=NOTICE.id,
        kind=NOTICE.kind,
        body=NOTICE.body(),
        tries=1,
        lease="x",
    )


def a_hook(url: str, *secrets: str, is_private: bool = True) -> Hook:
    return Hook(kinds=KINDS, url=url, secrets=secrets or (SECRET,), is_private=is_private)


@asynccontextmanager
async def sending(*hooks: Hook) -> AsyncIterator[WebhookSender]:
    async with open_sessions() as sessions:
        yield WebhookSender(sessions, SystemClock(), Directory(hooks=hooks))


async def sent(hook: Hook, *, within_s: float = 5.0) -> Reply | None:
    async with sending(hook) as sender:
        return await sender.send(a_letter(hook), within_s=within_s)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def test_the_specifications_library_verifies_it(receiver: Receiver) -> None:
    assert Reply(status=204) == await sent(a_hook(f"{receiver.url}/in"))
    [delivery] = receiver.deliveries
    assert ("/in", "application/json") == (delivery.path, delivery.headers["content-type"])
    content = Webhook(SECRET).verify(delivery.body, dict(delivery.headers))
    assert json.loads(NOTICE.body()) == content
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(delivery.body, dict(delivery.headers))


async def test_code_that_shares_nothing_signs_the_same(receiver: Receiver) -> None:
    await sent(a_hook(receiver.url))
    [delivery] = receiver.deliveries
    at_s = int(delivery.headers["webhook-timestamp"])
    assert abs(at_s - SystemClock().now_s()) < 60
    own = signed(delivery.body, at_s=at_s, message_id="msg_1")
    assert own.items() <= delivery.headers.items()


async def test_two_secrets_both_sign(receiver: Receiver) -> None:
    await sent(a_hook(receiver.url, SECRET, OTHER))
    [delivery] = receiver.deliveries
    for secret in (SECRET, OTHER):
        Webhook(secret).verify(delivery.body, dict(delivery.headers))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0", 0.0), ("", None), ("soon", None), ("-3", None), ("9" * 30, 999_999_999.0)],
)
async def test_retry_after_is_read(receiver: Receiver, header: str, seconds: float | None) -> None:
    receiver.answer(503, Retry_After=header)
    assert Reply(status=503, retry_after_s=seconds) == await sent(a_hook(receiver.url))


async def test_retry_after_may_be_a_date(receiver: Receiver) -> None:
    until = datetime.fromtimestamp(SystemClock().now_s() + 120, UTC)
    receiver.answer(429, Retry_After=format_datetime(until, usegmt=True))
    reply = await sent(a_hook(receiver.url))
    assert reply is not None
    assert reply.retry_after_s is not None
    assert 110 < reply.retry_after_s <= 120


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answer(status, Location=f"{receiver.url}/elsewhere")
    assert Reply(status=status) == await sent(a_hook(f"{receiver.url}/in"))
    assert ["/in"] == [delivery.path for delivery in receiver.deliveries]


async def test_a_receiver_that_is_not_private_may_not_be_on_the_loopback(
    receiver: Receiver,
) -> None:
    port = receiver.url.rpartition(":")[2]
    for url in (receiver.url, f"https://127.0.0.1:{port}/", "https://127.0.0.1/"):
        assert Reply(fault="refused_address") == await sent(a_hook(url, is_private=False))
    assert [] == receiver.deliveries


@pytest.mark.parametrize("addresses", NAMES)
async def test_a_name_that_leads_inside_is_not_connected_to(addresses: list[str]) -> None:
    hook = a_hook("https://finance.example/", is_private=False)
    async with open_sessions(resolver=Names(443, [addresses])) as sessions:
        sender = WebhookSender(sessions, SystemClock(), Directory(hooks=(hook,)))
        reply = await sender.send(a_letter(hook), within_s=5.0)
    assert Reply(fault="refused_address") == reply


@pytest.mark.parametrize("url", HOSTILE)
async def test_no_hostile_url_is_sent_to(url: str) -> None:
    assert Reply(fault="refused_address") == await sent(a_hook(url, is_private=False))


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("", ""),
        ("no such tenant", "no such tenant"),
        ("at line\n\x00 7", "at line 7"),
        ("token 0123456789abcdefghijklmnopqrstuvwxyz", "token [redacted]"),
        ("see https://finance.example/x?key=1", "see [url]"),
        ("a " * 900, ("a " * 256)[:511] + "…"),
    ],
)
async def test_how_an_answer_begins_is_kept(receiver: Receiver, body: str, shown: str) -> None:
    receiver.answer(500, body=body)
    assert Reply(status=500, excerpt=shown) == await sent(a_hook(receiver.url))


@pytest.mark.parametrize("ends", [True, False])
async def test_an_answer_counts_without_its_body(ends: bool) -> None:
    left = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        await writer.drain()
        if not ends:
            await left.wait()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert Reply(status=200) == await sent(a_hook(url), within_s=0.2)
        left.set()


async def test_a_receiver_that_does_not_listen() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        assert Reply(fault="unreachable") == await sent(a_hook(url))


async def test_a_receiver_that_does_not_answer(receiver: Receiver) -> None:
    receiver.hold = asyncio.Event()
    assert Reply(fault="timeout") == await sent(a_hook(receiver.url), within_s=0.1)
    receiver.hold.set()


async def test_a_receiver_that_hangs_up() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert Reply(fault="broken_off") == await sent(a_hook(url))


async def test_whoever_left_is_sent_nothing(receiver: Receiver) -> None:
    hook = a_hook(receiver.url)
    async with sending(hook) as sender:
        assert [(hook.id, KINDS)] == [(each.id, each.kinds) for each in sender.receivers]
        sender.use(Directory())
        assert () == sender.receivers
        assert await sender.send(a_letter(hook), within_s=5.0) is None
    assert [] == receiver.deliveries


def test_a_hook_shows_neither_url_nor_secret() -> None:
    hook = a_hook("https://finance.example/hook?token=canary")
    assert f"Hook({hook.id})" == repr(hook)
    assert "canary" not in hook.id


def test_a_private_url_needs_an_origin() -> None:
    with pytest.raises(RefusedUrl):
        destination_of("/hook", is_private=True)


def a_url_letter(url: str, team: str = "marketing") -> Letter:
    return replace(a_letter(a_hook(url)), receiver="origin", team=team, url=url)


@asynccontextmanager
async def delivering(*origins: str) -> AsyncIterator[WebhookSender]:
    """A sender for a team that signs the URLs of its creates with two secrets."""
    directory = Directory(secrets={"marketing": (SECRET, OTHER)}, origins=origins)
    async with open_sessions() as sessions:
        yield WebhookSender(sessions, SystemClock(), directory)


async def test_the_url_of_a_create_is_signed_with_its_team_s_secrets(receiver: Receiver) -> None:
    async with delivering(receiver.url) as sender:
        assert () == sender.receivers
        reply = await sender.send(a_url_letter(f"{receiver.url}/job?n=7"), within_s=5.0)
    assert Reply(status=204) == reply
    [delivery] = receiver.deliveries
    assert "/job" == delivery.path
    for secret in (SECRET, OTHER):
        Webhook(secret).verify(delivery.body, dict(delivery.headers))


async def test_without_a_secret_nothing_is_sent_to_the_url_of_a_create(receiver: Receiver) -> None:
    async with delivering(receiver.url) as sender:
        letter = a_url_letter(receiver.url, team="research")
        assert await sender.send(letter, within_s=5.0) is None
    assert [] == receiver.deliveries


async def test_an_origin_is_one_scheme_host_and_port(receiver: Receiver) -> None:
    elsewhere = receiver.url.replace("127.0.0.1", "localhost")
    async with delivering(elsewhere) as sender:
        reply = await sender.send(a_url_letter(receiver.url), within_s=5.0)
        assert Reply(fault="refused_address") == reply
        assert sender.fault_of(receiver.url) is not None
        assert sender.fault_of(elsewhere + "/in") is None
    assert [] == receiver.deliveries


@pytest.mark.parametrize("url", HOSTILE)
async def test_no_hostile_url_of_a_create_is_taken_or_sent_to(url: str) -> None:
    async with delivering("http://intranet.example:9000") as sender:
        assert sender.fault_of(url) is not None
        reply = await sender.send(a_url_letter(url), within_s=5.0)
    assert (Reply(fault="refused_address") if url else None) == reply


@pytest.mark.parametrize("addresses", NAMES)
async def test_a_url_of_a_create_that_leads_inside_is_not_connected_to(
    addresses: list[str],
) -> None:
    directory = Directory(secrets={"marketing": (SECRET,)})
    async with open_sessions(resolver=Names(443, [addresses])) as sessions:
        sender = WebhookSender(sessions, SystemClock(), directory)
        reply = await sender.send(a_url_letter("https://hooks.example/"), within_s=5.0)
    assert Reply(fault="refused_address") == reply


async def test_a_team_s_receiver_is_its_own_and_told_no_notices(receiver: Receiver) -> None:
    hook = Hook(url=receiver.url, secrets=(SECRET,), team="marketing", origins=(receiver.url,))
    assert receiver_id(receiver.url, "marketing") == hook.id != receiver_id(receiver.url)
    async with sending(hook) as sender:
        assert () == sender.receivers
        assert Reply(status=204) == await sender.send(a_letter(hook), within_s=5.0)


async def test_openai_s_client_unwraps_it(receiver: Receiver) -> None:
    data = '{"id":"video_a","object":"video","status":"completed"}'
    at_ms = int(SystemClock().now_s() * 1000)
    body = end_body("msg_1", "video.completed", data, at_ms=at_ms, sequence=1)
    hook = a_hook(receiver.url)
    async with sending(hook) as sender:
        await sender.send(replace(a_letter(hook), body=body), within_s=5.0)
    [delivery] = receiver.deliveries
    client = OpenAI(api_key="unused", webhook_secret=SECRET)
    event = client.webhooks.unwrap(delivery.body.decode(), dict(delivery.headers))
    assert ("video.completed", "msg_1") == (event.type, event.id)
    assert "video_a" == event.to_dict()["data"]["id"]  # type: ignore[index] # JSON
    with pytest.raises(InvalidWebhookSignatureError):
        client.webhooks.unwrap(delivery.body.decode(), dict(delivery.headers), secret=OTHER)
    client.close()

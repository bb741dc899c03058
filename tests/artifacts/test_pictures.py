"""Pictures at callers' URLs: whole and of a known type, or an error; hostile ones are left."""

from __future__ import annotations

import gzip
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from proxy.artifacts.pictures import PictureRules, Pictures
from proxy.gateway.ports.artifacts import PictureRefused, PictureUnavailable
from proxy.outgoing.session import open_sessions
from tests.outgoing.hostile import HOSTILE
from tests.outgoing.test_fetch import guarded, port_of, redirecting
from tests.providers.raw_server import Connection, answering, head, raw_server, refused_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.outgoing.session import Sessions
    from tests.providers.raw_server import Behaviour

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20
BYTES_MAX = 10_000
PATIENT_S, HASTY_S = 10.0, 0.2


def rules(*origins: str, timeout_s: float = PATIENT_S) -> PictureRules:
    return PictureRules(origins=origins, timeout_s=timeout_s, bytes_max=BYTES_MAX)


async def fetched(pictures: Pictures, url: str) -> tuple[str, bytes]:
    async with pictures.fetched(url) as picture:
        first = b"".join([chunk async for chunk in picture.chunks()])
        assert first == b"".join([chunk async for chunk in picture.chunks()])
        return picture.media_type, first


@asynccontextmanager
async def serving(
    behave: Behaviour, *, timeout_s: float = PATIENT_S
) -> AsyncIterator[tuple[Pictures, str]]:
    """A server that the configuration names, and what fetches from it."""
    async with raw_server(behave) as server, open_sessions() as sessions:
        yield Pictures(sessions, rules(server.url, timeout_s=timeout_s)), f"{server.url}/a.png"


async def refusal(pictures: Pictures, url: str) -> str:
    with pytest.raises(PictureUnavailable) as caught:
        await fetched(pictures, url)
    assert url not in str(caught.value)
    return str(caught.value)


async def test_a_picture_s_type_is_what_its_bytes_show() -> None:
    async def in_pieces(connection: Connection) -> None:
        await connection.read()
        await connection.send(head("200 OK", {"Content-Type": "text/html", "Connection": "close"}))
        for piece in (PNG[:5], PNG[5:13], PNG[13:]):
            await connection.send(piece)

    async with serving(in_pieces) as (pictures, url):
        assert ("image/png", PNG) == await fetched(pictures, url)


@pytest.mark.parametrize("body", [b"", b"GIF89a" + bytes(99), b"<html>", gzip.compress(PNG)])
async def test_what_is_no_picture_is_refused(body: bytes) -> None:
    headers = {"Content-Type": "image/png", "Content-Encoding": "gzip"}
    async with serving(answering(body, headers=headers)) as (pictures, url):
        assert "image/jpeg, image/png, image/webp" in await refusal(pictures, url)


@pytest.mark.parametrize("status", ["201 Created", "206 Partial Content", "404 Not Found"])
async def test_only_200_is_an_answer(status: str) -> None:
    async with serving(answering(PNG, status=status)) as (pictures, url):
        assert f"HTTP {status[:3]}" in await refusal(pictures, url)


async def test_a_large_picture_is_given_up_while_it_comes() -> None:
    async def endless(connection: Connection) -> None:
        await connection.read()
        await connection.send(head("200 OK", {"Connection": "close"}) + PNG)
        while not connection.server.closing.is_set():
            await connection.send(bytes(1000))

    async with serving(endless) as (pictures, url):
        assert "more than 10000 bytes" in await refusal(pictures, url)


async def test_a_picture_as_large_as_allowed_comes() -> None:
    body = PNG.ljust(BYTES_MAX, b"\0")
    async with serving(answering(body)) as (pictures, url):
        assert ("image/png", body) == await fetched(pictures, url)


async def test_a_picture_that_stops_coming_is_given_up() -> None:
    async def stuck(connection: Connection) -> None:
        await connection.read()
        await connection.send(head("200 OK", {"Content-Length": str(len(PNG))}) + PNG[:50])
        await connection.hang()

    async with serving(stuck, timeout_s=HASTY_S) as (pictures, url):
        assert "within 0.2 s" in await refusal(pictures, url)


async def test_a_redirect_gives_no_more_time() -> None:
    async def leading_on(connection: Connection) -> None:
        await connection.read()
        await connection.answer(b"", status="302 Found", headers={"Location": "/b.png"})
        await connection.read()
        await connection.hang()

    async with serving(leading_on, timeout_s=HASTY_S) as (pictures, url):
        assert "within 0.2 s" in await refusal(pictures, url)


async def test_a_picture_that_is_cut_off_is_refused() -> None:
    async def cut(connection: Connection) -> None:
        await connection.read()
        await connection.send(head("200 OK", {"Content-Length": str(len(PNG))}) + PNG[:50])

    async with serving(cut) as (pictures, url):
        assert "whole" in await refusal(pictures, url)


async def test_a_dead_server_is_no_bug() -> None:
    url = refused_url()
    async with open_sessions() as sessions:
        assert "whole" in await refusal(Pictures(sessions, rules(url)), f"{url}/a.png")


async def refused(sessions: Sessions, url: str) -> str:
    with pytest.raises(PictureRefused) as caught:
        await fetched(Pictures(sessions, rules()), url)
    return str(caught.value)


async def test_hostile_urls_make_no_connection() -> None:
    async with raw_server(answering(PNG)) as canary, guarded(canary) as (sessions, _):
        for text in HOSTILE:
            url = text.replace("{port}", str(port_of(canary)))
            assert "secret" not in await refused(sessions, url)
        assert 0 == canary.connections


async def test_public_hosts_are_asked_by_https_only() -> None:
    async with raw_server(answering(PNG)) as canary, guarded(canary) as (sessions, names):
        assert "scheme" in await refused(sessions, "http://pictures.example/a.png")
        assert [] == names.asked


async def test_a_redirect_from_a_configured_server_is_judged_too() -> None:
    async with raw_server(answering(PNG)) as canary:
        async with serving(redirecting(f"{canary.url}/a.png")) as (pictures, url):
            with pytest.raises(PictureRefused, match="scheme"):
                await fetched(pictures, url)
        assert 0 == canary.connections


async def test_rules_hold_from_the_next_picture_on() -> None:
    async with serving(answering(PNG)) as (pictures, url):
        pictures.rules = rules()
        with pytest.raises(PictureRefused):
            await fetched(pictures, url)
        pictures.rules = rules(url.removesuffix("/a.png"))
        assert ("image/png", PNG) == await fetched(pictures, url)

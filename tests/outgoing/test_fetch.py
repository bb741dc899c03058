"""A hostile URL, redirect or name makes no connection: a listening socket is not touched."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver
from typing_extensions import override

from proxy.outgoing.address import is_public
from proxy.outgoing.fetch import REDIRECTS_MAX, fetching
from proxy.outgoing.session import Sessions, open_sessions
from proxy.outgoing.url import Destination, RefusedUrl
from tests.outgoing.hostile import HOSTILE, NAMES
from tests.providers.raw_server import RawServer, answering, head, raw_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiohttp.abc import ResolveResult

    from tests.providers.raw_server import Behaviour, Connection

PATIENT = aiohttp.ClientTimeout(total=5)
ANYWHERE = Destination()
PUBLIC = "127.0.0.2"
"""Stands for a public address where a test needs one that answers."""


@dataclass
class Names(AbstractResolver):
    """Answers every name with the next of `answers` (the last one stays), at one port."""

    port: int
    answers: list[list[str]]
    asked: list[str] = field(default_factory=list)

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(host)
        return [
            {
                "hostname": host,
                "host": address,
                "port": self.port,
                "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                "proto": 0,
                "flags": socket.AI_NUMERICHOST,
            }
            for address in found
        ]

    @override
    async def close(self) -> None:
        return


@asynccontextmanager
async def guarded(
    canary: RawServer,
    *answers: list[str],
    is_allowed: Callable[[str], bool] = is_public,
) -> AsyncIterator[tuple[Sessions, Names]]:
    """Sessions for which every name leads to the port of the canary."""
    names = Names(port_of(canary), list(answers) or [["127.0.0.1"]])
    async with open_sessions(resolver=names, is_allowed=is_allowed) as sessions:
        yield sessions, names


def port_of(server: RawServer) -> int:
    return int(server.url.rpartition(":")[2])


async def fetched(
    sessions: Sessions, url: object, destination: Destination = ANYWHERE, **headers: str
) -> bytes:
    async with fetching(
        sessions, url, destination, timeout=PATIENT, credentials=headers
    ) as response:
        return await response.read()


def redirecting(location: str) -> Behaviour:
    return answering(b"", status="302 Found", headers={"Location": location})


@pytest.mark.parametrize("text", HOSTILE)
async def test_a_hostile_url_makes_no_connection(text: str) -> None:
    async with raw_server(answering(b"secret")) as canary, guarded(canary) as (sessions, _):
        with pytest.raises(RefusedUrl) as caught:
            await fetched(sessions, text.replace("{port}", str(port_of(canary))))
        assert 0 == canary.connections
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", HOSTILE)
async def test_a_redirect_to_a_hostile_url_makes_no_connection(text: str) -> None:
    async with raw_server(answering(b"secret")) as canary, guarded(canary) as (sessions, _):
        location = text.replace("{port}", str(port_of(canary)))
        async with raw_server(redirecting(location)) as vendor:
            with pytest.raises(RefusedUrl):
                await fetched(sessions, f"{vendor.url}/a", Destination(origins=(vendor.url,)))
            assert 1 == vendor.connections
        assert 0 == canary.connections


async def test_a_vendor_of_plain_http_gains_nothing() -> None:
    vendor = Destination(host_suffixes=("vendor.example",), is_http_allowed=True)
    async with raw_server(answering(b"secret")) as canary, guarded(canary) as (sessions, _):
        for text in HOSTILE:
            with pytest.raises(RefusedUrl):
                await fetched(sessions, text.replace("{port}", str(port_of(canary))), vendor)
        assert 0 == canary.connections


@pytest.mark.parametrize("addresses", NAMES, ids=",".join)
async def test_a_name_of_a_closed_address_makes_no_connection(addresses: list[str]) -> None:
    async with (
        raw_server(answering(b"secret")) as canary,
        guarded(canary, addresses) as (sessions, names),
    ):
        with pytest.raises(RefusedUrl):
            await fetched(sessions, "https://pictures.example/a.png")
        assert (0, ["pictures.example"]) == (canary.connections, names.asked)


async def test_without_the_guard_the_canary_is_touched() -> None:
    async with raw_server(answering(b"secret")) as canary:
        connector = aiohttp.TCPConnector(resolver=Names(port_of(canary), [["127.0.0.1"]]))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get("http://pictures.example/a.png") as response,
        ):
            assert b"secret" == await response.read()
        assert 1 == canary.connections


async def test_an_address_that_needs_no_resolver_is_stopped_at_the_socket() -> None:
    async with raw_server(answering(b"secret")) as canary, guarded(canary) as (sessions, names):
        with pytest.raises(aiohttp.ClientConnectorError):
            await sessions.foreign.get(canary.url)
        assert (0, []) == (canary.connections, names.asked)
        async with sessions.configured.get(canary.url) as response:
            assert b"secret" == await response.read()


@asynccontextmanager
async def public_server(port: int) -> AsyncIterator[list[str]]:
    """Serve at the stand-in for a public address, on the port of the canary."""
    lines: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        lines.append(request.decode().partition("\r\n")[0])
        writer.write(head("200 OK", {"Content-Length": "4", "Connection": "close"}) + b"open")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, PUBLIC, port)
    try:
        yield lines
    finally:
        server.close()


async def test_a_name_that_is_rebound_is_judged_again_at_each_connection() -> None:
    vendor = Destination(host_suffixes=("vendor.example",), is_http_allowed=True)
    async with (
        raw_server(answering(b"secret")) as canary,
        public_server(port_of(canary)) as lines,
        guarded(canary, [PUBLIC], ["127.0.0.1"], is_allowed=lambda text: text == PUBLIC) as (
            sessions,
            names,
        ),
    ):
        url = "http://cdn.vendor.example/1.mp4"
        assert b"open" == await fetched(sessions, url, vendor)
        # Past the ten seconds of the DNS cache, as it were.
        connector = sessions.foreign.connector
        assert isinstance(connector, aiohttp.TCPConnector)
        connector.clear_dns_cache()
        with pytest.raises(RefusedUrl):
            await fetched(sessions, url, vendor)
        assert (0, 1, 2) == (canary.connections, len(lines), len(names.asked))


async def test_of_a_mixed_answer_only_the_public_addresses_are_tried() -> None:
    vendor = Destination(host_suffixes=("vendor.example",), is_http_allowed=True)
    async with (
        raw_server(answering(b"secret")) as canary,
        public_server(port_of(canary)),
        guarded(canary, ["127.0.0.1", PUBLIC], is_allowed=lambda text: text == PUBLIC) as (
            sessions,
            _,
        ),
    ):
        assert b"open" == await fetched(sessions, "http://cdn.vendor.example/1.mp4", vendor)
        assert 0 == canary.connections


@pytest.mark.parametrize("hops", [REDIRECTS_MAX, REDIRECTS_MAX + 1])
async def test_redirects_are_followed_up_to_their_number(hops: int) -> None:
    async def behave(connection: Connection) -> None:
        while True:
            done = int((await connection.read()).line.split("/")[1].split(" ")[0])
            if done == hops:
                await connection.answer(b"there")
            else:
                location = {"Location": f"/{done + 1}"}
                await connection.answer(b"", status="307 Temporary Redirect", headers=location)

    async with raw_server(behave) as server, open_sessions() as sessions:
        reading = fetched(sessions, f"{server.url}/0", Destination(origins=(server.url,)))
        if hops <= REDIRECTS_MAX:
            assert b"there" == await reading
        else:
            with pytest.raises(RefusedUrl):
                await reading


async def test_credentials_go_to_configured_origins_only() -> None:
    async with (
        raw_server(answering(b"file")) as storage,
        raw_server(redirecting(f"{storage.url}/b")) as vendor,
        open_sessions() as sessions,
    ):
        both = Destination(origins=(vendor.url, storage.url))
        assert b"file" == await fetched(sessions, f"{vendor.url}/a", both, Authorization="key")
        assert "key" == vendor.requests[0].headers["authorization"]
    async with raw_server(answering(b"secret")) as canary:
        allowed: Callable[[str], bool] = lambda text: text == PUBLIC  # noqa: E731
        async with (
            raw_server(redirecting("http://cdn.vendor.example/b")) as vendor,
            public_server(port_of(canary)) as lines,
            guarded(canary, [PUBLIC], is_allowed=allowed) as (sessions, _),
        ):
            own = Destination(
                origins=(vendor.url,), host_suffixes=("vendor.example",), is_http_allowed=True
            )
            assert b"open" == await fetched(sessions, f"{vendor.url}/a", own, Authorization="key")
        assert ["GET /b HTTP/1.1"] == lines

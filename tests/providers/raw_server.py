"""A TCP server that misbehaves on purpose, below everything an HTTP server would repair."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    Behaviour: TypeAlias = "Callable[[Connection], Awaitable[None]]"

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class Request:
    """One request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> object:
        return json.loads(self.body)


@dataclass
class Connection:
    """One accepted connection, for a behaviour to use."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: RawServer

    async def read(self) -> Request:
        """Read one whole request and keep it."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        line, *fields = head.strip().split("\r\n")
        pairs = (name.split(":", 1) for name in fields)
        headers = {name.lower(): value.strip() for name, value in pairs}
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        request = Request(line, headers, body)
        self.server.requests.append(request)
        return request

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(
        self, body: bytes, *, status: str = "200 OK", headers: Mapping[str, str] | None = None
    ) -> None:
        await self.send(head(status, {"Content-Length": str(len(body))} | dict(headers or {})))
        await self.send(body)

    async def hang(self) -> None:
        await self.server.closing.wait()

    def reset(self) -> None:
        """Close with a TCP reset."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.writer.transport.abort()


@dataclass
class RawServer:
    """A listening server and what it was asked."""

    url: str
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    closing: asyncio.Event = field(default_factory=asyncio.Event)


def head(status: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@asynccontextmanager
async def raw_server(behave: Behaviour) -> AsyncIterator[RawServer]:
    """Serve every connection with `behave` on a free port; it ends by closing the connection."""
    running = RawServer(url="")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await behave(Connection(reader, writer, running))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    running.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield running
    finally:
        running.closing.set()
        server.close()


def answering(
    body: object, *, status: str = "200 OK", headers: Mapping[str, str] | None = None
) -> Behaviour:
    """Answer every request on a connection alike; `body` is bytes, or sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def behave(connection: Connection) -> None:
        while True:
            await connection.read()
            await connection.answer(content, status=status, headers=headers)

    return behave


def answering_in_turn(*bodies: object) -> Behaviour:
    """Answer the requests of the whole server one after the other; the last answer stays."""

    async def behave(connection: Connection) -> None:
        while True:
            await connection.read()
            body = bodies[min(len(connection.server.requests), len(bodies)) - 1]
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            await connection.answer(content)

    return behave


@asynccontextmanager
async def full_backlog() -> AsyncIterator[str]:
    """Yield a URL whose listener completes no connection."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(address)
        try:
            yield f"http://127.0.0.1:{address[1]}"
        finally:
            for client in waiting:
                client.close()


def refused_url() -> str:
    """Return a URL on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"

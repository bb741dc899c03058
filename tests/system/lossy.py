"""A TCP proxy between a client and a server that can lose whole answers."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CHUNK_BYTES = 65536


@dataclass
class LossyProxy:
    """Forwards bytes; while `losses` is above 0, an answer is read and then dropped.

    `lost` counts answers that the server made and the client never saw.
    """

    host: str
    port: int
    losses: int = 0
    lost: int = 0
    url: str = ""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one client connection."""
        upstream_reader, upstream_writer = await asyncio.open_connection(self.host, self.port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forward(reader, upstream_writer))
                group.create_task(self._answer(upstream_reader, writer))
        except* (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            for each in (upstream_writer, writer):
                each.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            if self.losses > 0:
                self.losses -= 1
                self.lost += 1
                writer.transport.abort()
                raise ConnectionResetError
            writer.write(data)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def lossy_proxy(upstream_url: str, *, losses: int) -> AsyncIterator[LossyProxy]:
    """Run a proxy in front of a server; `url` keeps the upstream's path."""
    parts = urlsplit(upstream_url)
    assert parts.hostname is not None
    assert parts.port is not None
    proxy = LossyProxy(host=parts.hostname, port=parts.port, losses=losses)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    proxy.url = f"http://127.0.0.1:{port}{parts.path}"
    try:
        yield proxy
    finally:
        server.close()

"""A unix socket in front of a Redis that can lose one reply after the server has done its work."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proxy.store.address import Address

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

CHUNK_BYTES = 1 << 20


@dataclass
class LossyRedis:
    """Forwards bytes. While `losses` is above 0, an answer is dropped, and the connection with it.

    `on_loss` runs when the server has answered and before the client can know.
    """

    upstream: str
    losses: int = 0
    on_loss: Callable[[], Awaitable[None]] | None = None
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        far_reader, far_writer = await asyncio.open_unix_connection(self.upstream)
        self._writers += [writer, far_writer]
        async with asyncio.TaskGroup() as group:
            group.create_task(self._forward(reader, far_writer))
            group.create_task(self._answer(far_reader, writer))

    async def close(self) -> None:
        """End what is still open."""
        for writer in self._writers:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(CHUNK_BYTES):
                writer.write(data)
        except ConnectionError:
            pass
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            if self.losses > 0:
                self.losses -= 1
                if self.on_loss is not None:
                    await self.on_loss()
                writer.transport.abort()
                return
            writer.write(data)
        writer.close()


@asynccontextmanager
async def lossy_redis(
    upstream: Address, folder: Path
) -> AsyncIterator[tuple[LossyRedis, Address]]:
    """Run one in a folder, and say where it listens."""
    lossy = LossyRedis(upstream=str(upstream.path))
    path = folder / "lossy.sock"
    server = await asyncio.start_unix_server(lossy.serve, path)
    try:
        yield lossy, Address(path=str(path))
    finally:
        server.close()
        await lossy.close()

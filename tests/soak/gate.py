"""A port in front of others that can be shut: whoever comes then is refused."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CHUNK_BYTES = 1 << 16


@dataclass
class Gate:
    """Carries each connection to one of `targets`, the first that takes it; all are ours."""

    targets: Callable[[], Sequence[int]]
    port: int = 0
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _turns: itertools.count[int] = field(default_factory=itertools.count)

    async def open(self) -> None:
        """Listen, at the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def shut(self) -> None:
        """Refuse who comes, and cut off who is there."""
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = await self._reach()
        if far is None:
            writer.transport.abort()
            return
        ends = {writer, far[1]}
        self._open |= ends
        await asyncio.gather(_carry(reader, far[1]), _carry(far[0], writer))
        self._open -= ends

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        ports = self.targets()
        turn = next(self._turns)
        for number in range(len(ports)):
            with suppress(OSError):
                port = ports[(turn + number) % len(ports)]
                return await asyncio.open_connection("127.0.0.1", port)
        return None


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes one way to their end; a reset goes on as a reset."""
    try:
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    except OSError:
        writer.transport.abort()
    writer.close()

"""The body of a submit: it streams, and it knows whether it went out whole."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from proxy.domain.video import OrderInput

# A multiple of 3, so that the Base64 of the pieces can be joined.
_PIECE_BYTES = 768 * 1024


class RequestBody:
    """A JSON document, with an input file as Base64 in its last string.

    `is_sent` turns true just before the last byte is handed to the connection. As long as it is
    false the provider cannot have had the whole request, so it cannot have accepted it.
    `fault` is set when the input is gone or not what it was: no repetition can help.
    """

    def __init__(self, document: Mapping[str, object], source: OrderInput | None = None) -> None:
        """Take a document; its last string must be empty if a `source` is to fill it."""
        text = json.dumps(document, separators=(",", ":"))
        head, gap, tail = text.rpartition('""') if source else (text, "", "")
        assert bool(gap) == bool(source)
        self._head = (head + gap[:1]).encode()
        self._tail = (gap[1:] + tail).encode()
        self._source = source
        self.is_sent = False
        self.fault: Exception | None = None

    @property
    def size_bytes(self) -> int:
        """Exact length of the whole body."""
        return len(self._head) + self._encoded_bytes + len(self._tail)

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the body once, a large input in pieces that are encoded off the event loop."""
        if self._source is None:
            self.is_sent = True
            yield self._head
            return
        yield self._head
        left_bytes = self._encoded_bytes
        try:
            async for piece in _encode(self._source):
                left_bytes -= len(piece)
                yield piece
        except (FileNotFoundError, ValueError) as error:
            self.fault = error
            raise
        if left_bytes:
            self.fault = ValueError("the input is not as long as it was")
            raise self.fault
        self.is_sent = True
        yield self._tail

    @property
    def _encoded_bytes(self) -> int:
        return (self._source.size_bytes + 2) // 3 * 4 if self._source else 0


async def _encode(source: OrderInput) -> AsyncIterator[bytes]:
    waiting = bytearray()
    async for chunk in source.open():
        waiting += chunk
        if len(waiting) >= _PIECE_BYTES:
            whole = len(waiting) // 3 * 3
            yield await asyncio.to_thread(base64.b64encode, waiting[:whole])
            del waiting[:whole]
    yield await asyncio.to_thread(base64.b64encode, waiting)

"""The JSON body of a submit: it streams, and it knows whether it went out whole."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from typing import Protocol

    from proxy.domain.video import OrderInput

    class SubmitBody(Protocol):
        """What a submit sends, once.

        `is_sent` turns true just before the last byte is handed to the connection. As long as it
        is false the provider cannot have had the whole request, so it cannot have accepted it.
        `fault` is set when the input is gone or not what it was: no repetition can help.
        """

        is_sent: bool
        fault: Exception | None

        @property
        def content_type(self) -> str:
            """The header of that name."""

        @property
        def size_bytes(self) -> int:
            """Exact length of the whole body."""

        def stream(self) -> AsyncIterator[bytes]:
            """Yield the body once, in pieces."""


# A multiple of 3, so that the Base64 of the pieces can be joined.
_PIECE_BYTES = 768 * 1024


class RequestBody:
    """A JSON document, with an input file as Base64 in its last string; see `SubmitBody`."""

    content_type = "application/json"

    def __init__(
        self,
        document: Mapping[str, object],
        source: OrderInput | None = None,
        *,
        is_data_url: bool = False,
    ) -> None:
        """Take a document; its last string must be empty if a `source` is to fill it."""
        text = json.dumps(document, separators=(",", ":"))
        head, gap, tail = text.rpartition('""') if source else (text, "", "")
        assert bool(gap) == bool(source)
        prefix = f"data:{source.media_type};base64," if source and is_data_url else ""
        self._head = (head + gap[:1] + prefix).encode()
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
                check_left(left_bytes)
                yield piece
            check_left(-left_bytes)
        except (FileNotFoundError, ValueError) as error:
            self.fault = error
            raise
        self.is_sent = True
        yield self._tail

    @property
    def _encoded_bytes(self) -> int:
        return (self._source.size_bytes + 2) // 3 * 4 if self._source else 0


def check_left(left_bytes: int) -> None:
    """Stop before a byte more than announced is sent: the rest would look like a whole request.

    Raises:
        ValueError: `left_bytes` is negative.
    """
    if left_bytes < 0:
        message = "the input is not as long as it was"
        raise ValueError(message)


async def _encode(source: OrderInput) -> AsyncIterator[bytes]:
    waiting = bytearray()
    async for chunk in source.open():
        waiting += chunk
        if len(waiting) >= _PIECE_BYTES:
            whole = len(waiting) // 3 * 3
            yield await asyncio.to_thread(base64.b64encode, waiting[:whole])
            del waiting[:whole]
    yield await asyncio.to_thread(base64.b64encode, waiting)

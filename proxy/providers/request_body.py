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
    """A JSON document, with input files as Base64 in its last strings; see `SubmitBody`."""

    content_type = "application/json"

    def __init__(
        self, document: Mapping[str, object], *sources: OrderInput, is_data_url: bool = False
    ) -> None:
        """Take a document whose last strings, as many as there are `sources`, are empty."""
        text = json.dumps(document, separators=(",", ":"))
        parts = text.rsplit('""', len(sources)) if sources else [text]
        assert len(parts) == len(sources) + 1
        heads = [_prefix(source) if is_data_url else "" for source in sources]
        opened = [f'{part}"{head}' for part, head in zip(parts, heads, strict=False)]
        texts = [*opened, parts[-1]]
        self._texts = [text.encode() for text in (texts[0], *(f'"{text}' for text in texts[1:]))]
        self._sources = sources
        self.is_sent = False
        self.fault: Exception | None = None

    @property
    def size_bytes(self) -> int:
        """Exact length of the whole body."""
        encoded = sum(_encoded_bytes(source) for source in self._sources)
        return sum(map(len, self._texts)) + encoded

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the body once, a large input in pieces that are encoded off the event loop."""
        for text, source in zip(self._texts, self._sources, strict=False):
            yield text
            async for piece in self._encoded(source):
                yield piece
        self.is_sent = True
        yield self._texts[-1]

    async def _encoded(self, source: OrderInput) -> AsyncIterator[bytes]:
        left_bytes = _encoded_bytes(source)
        try:
            async for piece in _encode(source):
                left_bytes -= len(piece)
                check_left(left_bytes)
                yield piece
            check_left(-left_bytes)
        except (FileNotFoundError, ValueError) as error:
            self.fault = error
            raise


def data_url_bytes(source: OrderInput) -> int:
    """Length of an input as a data URL."""
    return len(_prefix(source)) + _encoded_bytes(source)


def _prefix(source: OrderInput) -> str:
    return f"data:{source.media_type};base64,"


def _encoded_bytes(source: OrderInput) -> int:
    return (source.size_bytes + 2) // 3 * 4


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

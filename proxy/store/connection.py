"""A connection to Redis on which many callers wait for their answers in order."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import hiredis
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence

Argument: TypeAlias = str | bytes | int | float
Reply: TypeAlias = Any
"""What Redis answers: bytes, int, None, or a list of these."""


class ReplyError(Exception):
    """Redis answered with an error."""

    @property
    def kind(self) -> str:
        """The first word of the error, such as NOSCRIPT."""
        return str(self).partition(" ")[0]


class Lost(Exception):
    """The connection ended, or grew silent, before the answer came."""


class Connection(asyncio.Protocol):
    """One socket. Commands of one turn of the loop are written together."""

    def __init__(self, answer_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._answer_s = answer_s
        self._reader = hiredis.Reader(replyError=ReplyError)
        self._waiting: deque[tuple[asyncio.Future[Reply], float]] = deque()
        self._unsent: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._watch: asyncio.TimerHandle | None = None
        self.is_lost = False

    @property
    def waiting(self) -> int:
        """How many answers are outstanding."""
        return len(self._waiting)

    def send(self, command: Sequence[Argument]) -> asyncio.Future[Reply]:
        """Queue a command; the future fails with Lost or ReplyError."""
        answer: asyncio.Future[Reply] = self._loop.create_future()
        if self.is_lost:
            answer.set_exception(Lost("the connection is closed"))
            return answer
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(hiredis.pack_command(tuple(command)))  # type: ignore[arg-type] # its stub names one element
        self._waiting.append((answer, self._loop.time()))
        if self._watch is None:
            self._watch = self._loop.call_later(self._answer_s, self._check_silence)
        return answer

    def close(self) -> None:
        """Close; whoever still waits gets Lost."""
        self._lose("the connection was closed")

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not every loop's transports derive from asyncio's class: uvloop's do not.
        self._transport = cast("asyncio.Transport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not False:
                self._answer(reply)
        except hiredis.ProtocolError:
            self._lose("the server does not speak the Redis protocol")

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(str(exc) if exc else "the server closed the connection")

    def _answer(self, reply: Reply | ReplyError) -> None:
        if not self._waiting:
            self._lose("the server sent an answer nobody asked for")
            return
        future, _ = self._waiting.popleft()
        if future.done():  # its caller was cancelled
            return
        if isinstance(reply, ReplyError):
            future.set_exception(reply)
        else:
            future.set_result(reply)

    def _flush(self) -> None:
        if self._transport is not None and self._unsent and not self.is_lost:
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def _check_silence(self) -> None:
        self._watch = None
        if not self._waiting:
            return
        left_s = self._waiting[0][1] + self._answer_s - self._loop.time()
        if left_s <= 0:
            self._lose(f"no answer within {self._answer_s:g} s")
        else:
            self._watch = self._loop.call_later(left_s, self._check_silence)

    def _lose(self, reason: str) -> None:
        if self.is_lost:
            return
        self.is_lost = True
        if self._watch is not None:
            self._watch.cancel()
        if self._transport is not None:
            self._transport.abort()
        for future, _ in self._waiting:
            if not future.done():
                future.set_exception(Lost(reason))
        self._waiting.clear()

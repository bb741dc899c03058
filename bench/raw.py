"""A blocking connection that sends commands in batches, so that the server is the bottleneck."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import hiredis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.store.connection import Argument, Reply

BATCH = 50
CHUNK_BYTES = 1 << 16


class RawConnection:
    """One unix socket, in lock step."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)
        self._reader = hiredis.Reader()

    def call(self, *command: Argument) -> Reply:
        """Send one command and wait for its answer."""
        self._socket.sendall(packed(command))
        return self._answer()

    def rate(self, commands: Sequence[bytes]) -> float:
        """Send packed commands in batches; returns commands per second.

        Raises:
            hiredis.ReplyError: the server refused one.
        """
        began_s = time.perf_counter()
        for start in range(0, len(commands), BATCH):
            batch = commands[start : start + BATCH]
            self._socket.sendall(b"".join(batch))
            for _ in batch:
                reply = self._answer()
                if isinstance(reply, hiredis.ReplyError):
                    raise reply
        return len(commands) / (time.perf_counter() - began_s)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _answer(self) -> Reply:
        while (reply := self._reader.gets()) is False:
            self._reader.feed(self._socket.recv(CHUNK_BYTES))
        return reply


def packed(command: Sequence[Argument]) -> bytes:
    """A command as it goes over the wire."""
    line: bytes = hiredis.pack_command(tuple(command))  # type: ignore[arg-type] # one, says its stub
    return line

"""Every way to break an exchange, named; see `raw_server`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.providers.accounts import HASTY_S, PATIENT_S
from tests.providers.raw_server import Connection, head

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.providers.raw_server import Behaviour


async def close_before_reading(connection: Connection) -> None:
    connection.writer.close()


async def read_then_close(connection: Connection) -> None:
    await connection.read()


async def read_then_reset(connection: Connection) -> None:
    await connection.read()
    connection.reset()


async def hang_before_headers(connection: Connection) -> None:
    await connection.read()
    await connection.hang()


async def hang_after_headers(connection: Connection) -> None:
    await connection.read()
    await connection.send(head("200 OK", {"Content-Length": "100"}))
    await connection.hang()


async def truncated_body(connection: Connection) -> None:
    await connection.read()
    await connection.send(head("200 OK", {"Content-Length": "100"}) + b'{"code": 0')


async def slow_loris(connection: Connection) -> None:
    """Send the headers byte by byte, each in time, the whole never."""
    await connection.read()
    for byte in head("200 OK", {"X": "y" * 4_000}):
        await connection.send(bytes([byte]))
        if await _is_closing(connection, 0.01):
            return


async def slow_body(connection: Connection) -> None:
    """Send the body byte by byte, each in time, the whole never."""
    await connection.read()
    await connection.send(head("200 OK", {"Content-Length": "4000"}))
    for _ in range(4_000):
        await connection.send(b" ")
        if await _is_closing(connection, 0.01):
            return


def in_pieces(body: bytes, *, pieces: int, pause_s: float) -> Behaviour:
    """Answer with a body that takes its time, without a long pause anywhere."""

    async def behave(connection: Connection) -> None:
        await connection.read()
        await connection.send(head("200 OK", {"Content-Length": str(len(body))}))
        size = -(-len(body) // pieces)
        for start in range(0, len(body), size):
            await connection.send(body[start : start + size])
            if await _is_closing(connection, pause_s):
                return

    return behave


async def not_http(connection: Connection) -> None:
    await connection.read()
    await connection.send(b"\x00\x01\x02 this is not HTTP\r\n\r\n")


async def broken_chunk(connection: Connection) -> None:
    await connection.read()
    await connection.send(head("200 OK", {"Transfer-Encoding": "chunked"}) + b"zz\r\n{}\r\n")


async def endless_header(connection: Connection) -> None:
    await connection.read()
    await connection.send(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000)
    await connection.hang()


async def oversized_body(connection: Connection) -> None:
    await connection.read()
    await connection.send(head("200 OK", {"Content-Length": str(10**9)}))
    for _ in range(64):
        await connection.send(b'"' + b"x" * 65_535)
    await connection.hang()


BROKEN_AFTER_THE_REQUEST: Mapping[str, Behaviour] = {
    behaviour.__name__: behaviour
    for behaviour in (
        close_before_reading,
        read_then_close,
        read_then_reset,
        hang_before_headers,
        hang_after_headers,
        truncated_body,
        slow_loris,
        slow_body,
        not_http,
        broken_chunk,
        endless_header,
        oversized_body,
    )
}


HANGING = frozenset({"hang_before_headers", "hang_after_headers", "slow_loris", "slow_body"})


def call_s_for(name: str) -> float:
    """How long a call to a behaviour may take."""
    return HASTY_S if name in HANGING else PATIENT_S


async def _is_closing(connection: Connection, seconds: float) -> bool:
    try:
        await asyncio.wait_for(connection.server.closing.wait(), seconds)
    except TimeoutError:
        return connection.writer.is_closing()
    return True

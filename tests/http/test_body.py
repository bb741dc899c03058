from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader
from aiohttp.test_utils import make_mocked_request

from proxy.domain.errors import InvalidRequest, PayloadTooLarge
from proxy.http.body import body_chunks, read_body
from tests.builders import PRINTED_KEY
from tests.http.test_content import wait_until

if TYPE_CHECKING:
    from aiohttp import web

    from tests.fakes import RecordingObserver
    from tests.http.conftest import Client
from tests.http.fakes import RecordingVideos


def request_with(*chunks: bytes, is_whole: bool = True) -> web.Request:
    """A request whose body arrives as the chunks given, and then ends or hangs."""
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)
    protocol.connection_made(asyncio.Transport())
    body = StreamReader(protocol, limit=2**16, loop=loop)
    for chunk in chunks:
        body.feed_data(chunk)
    if is_whole:
        body.feed_eof()
    return make_mocked_request("POST", "/", payload=body)


async def test_a_body_is_read_whole() -> None:
    assert b"abcd" == await read_body(request_with(b"ab", b"cd"), bytes_max=4)


async def test_a_body_is_bounded() -> None:
    with pytest.raises(PayloadTooLarge):
        await read_body(request_with(b"ab", b"cd"), bytes_max=3)


async def test_a_body_that_stops_arriving_is_given_up() -> None:
    chunks = body_chunks(request_with(b"ab", is_whole=False), bytes_max=9, stall_s=0.01)
    assert b"ab" == await anext(chunks)
    with pytest.raises(InvalidRequest, match="stopped arriving"):
        await anext(chunks)


@pytest.mark.parametrize(("expectation", "continues"), [("100-Continue", 1), ("miracles", 0)])
async def test_a_body_is_asked_for_where_that_is_expected(
    client: Client, expectation: str, continues: int
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    head = (
        f"POST /v1/videos HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {PRINTED_KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: 15\r\nExpect: {expectation}\r\n"
        "Connection: close\r\n\r\n"
    )
    writer.write(head.encode() + b'{"prompt": "x"}')
    answer = await reader.read()
    assert continues == answer.count(b"HTTP/1.1 100 Continue")
    assert 1 == answer.count(b"HTTP/1.1 200 OK")
    writer.close()


async def test_a_client_that_leaves_in_its_body_is_noted_quietly(
    client: Client,
    observer: RecordingObserver,
    videos: RecordingVideos,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", client.port)
    head = (
        f"POST /v1/videos HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {PRINTED_KEY}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    )
    writer.write(head.encode())
    await writer.drain()
    await wait_until(lambda: videos.authenticated == 1)
    writer.close()
    await wait_until(lambda: bool(observer.events))
    assert [499] == [getattr(event, "status", None) for event in observer.events]
    assert "" == caplog.text
    assert [] == videos.calls

"""The way to Redis: many callers on one connection, explicit timeouts, resends only where told."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from hashlib import sha1
from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import StoreAway, StoreUnavailable
from proxy.domain.events import StoreCalled
from proxy.store.address import Address
from proxy.store.client import Client, Timeouts
from proxy.store.connection import ReplyError
from proxy.store.script import Script
from tests.fakes import RecordingObserver
from tests.store.stores import until_back

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

QUICK = Timeouts(connect_s=0.2, answer_s=0.05)


@asynccontextmanager
async def a_server(
    folder: Path,
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[Address]:
    """A unix socket on which something else than a Redis answers."""
    path = folder / "other.sock"
    writers: list[asyncio.StreamWriter] = []

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(ConnectionError):
            await serve(reader, writer)

    server = await asyncio.start_unix_server(carry, path)
    try:
        yield Address(path=str(path))
    finally:
        server.close()
        for writer in writers:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def test_answers_go_to_those_who_asked(redis_client: Client) -> None:
    async def echo(number: int) -> bytes:
        text: bytes = await redis_client.call(("ECHO", number))
        return text

    answers = await asyncio.gather(*(echo(number) for number in range(200)))
    assert [b"%d" % number for number in range(200)] == answers


async def test_a_caller_that_leaves_does_not_shift_the_answers(redis_client: Client) -> None:
    leaving = asyncio.ensure_future(redis_client.call(("ECHO", "left")))
    await asyncio.sleep(0)
    leaving.cancel()
    assert b"stayed" == await redis_client.call(("ECHO", "stayed"))


async def test_an_unexpected_error_is_a_bug(redis_client: Client) -> None:
    with pytest.raises(ReplyError) as caught:
        await redis_client.call(("NOSUCHCOMMAND",))
    assert "ERR" == caught.value.kind


async def test_a_server_that_will_not_now_is_unavailable(redis_client: Client) -> None:
    await redis_client.call(("CONFIG", "SET", "maxmemory", "1"))
    try:
        with pytest.raises(StoreUnavailable) as caught:
            await redis_client.call(("SET", "x", "y"))
    finally:
        await redis_client.call(("CONFIG", "SET", "maxmemory", "0"))
    assert caught.value.retry_after_s is not None


async def test_a_script_the_server_forgot_is_sent_whole(redis_client: Client) -> None:
    await redis_client.call(("SCRIPT", "FLUSH"))
    script = Script.load("due")
    assert [[], -1] == await script.run(redis_client, ["gl:{main}:due"], [1, 0])
    assert [1] == await redis_client.call(("SCRIPT", "EXISTS", script.digest))


async def test_nobody_there(tmp_path: Path) -> None:
    client = Client(Address(path=str(tmp_path / "none.sock")))
    with pytest.raises(StoreAway):
        await client.call(("PING",))


async def test_silence_ends_every_wait(tmp_path: Path) -> None:
    calls = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        await reader.read()
        writer.close()

    async with a_server(tmp_path, serve) as address:
        client = Client(address, timeouts=QUICK)
        results = await asyncio.gather(
            *(client.call(("PING",)) for _ in range(3)), return_exceptions=True
        )
        assert [StoreAway] * 3 == [type(result) for result in results]
        assert 1 == calls


async def test_who_does_not_speak_redis_is_left(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()
        writer.close()

    async with a_server(tmp_path, serve) as address:
        client = Client(address, timeouts=QUICK)
        with pytest.raises(StoreUnavailable):
            await client.call(("PING",))


async def test_a_lost_connection_is_made_again(redis_client: Client) -> None:
    name = await redis_client.call(("CLIENT", "ID"))
    with pytest.raises(StoreUnavailable):
        await asyncio.gather(
            redis_client.call(("CLIENT", "KILL", "ID", name, "SKIPME", "no")),
            redis_client.call(("PING",)),
        )
    assert b"PONG" == await redis_client.call(("PING",))


async def test_callers_share_one_failed_try(tmp_path: Path) -> None:
    opened = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        await reader.read()
        writer.close()

    async with a_server(tmp_path, serve) as address:
        client = Client(address, timeouts=QUICK)
        results = await asyncio.gather(
            *(client.call(("PING",)) for _ in range(20)), return_exceptions=True
        )
        assert {StoreAway} == {type(result) for result in results}
        assert 1 == opened


class Moody:
    """A server that answers PONG to everything, says nothing, or is not there."""

    def __init__(self) -> None:
        self.is_silent = False
        self.opened_s: list[float] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        self.opened_s.append(asyncio.get_running_loop().time())
        while await reader.read(1 << 16):
            if not self.is_silent:
                writer.write(b"+PONG\r\n")


async def test_a_server_that_hangs_is_known_to_be_away_and_asked_now_and_then(
    tmp_path: Path,
) -> None:
    """Many callers, without a pause, for as long as it takes: hardly a connection is made."""
    moody, loop = Moody(), asyncio.get_running_loop()
    timeouts = Timeouts(connect_s=0.05, answer_s=0.05, retry_s=0.02, retry_s_max=0.08)
    async with a_server(tmp_path, moody.serve) as address:
        client = Client(address, timeouts=timeouts)
        assert b"PONG" == await client.call(("PING",))
        moody.is_silent = True
        with pytest.raises(StoreUnavailable) as first:
            await client.read(("PING",))
        assert StoreUnavailable is first.type, "it may have been heard"
        began_s, asked = loop.time(), 0
        while loop.time() < began_s + 0.5:
            with pytest.raises(StoreAway, match="no connection"):
                await client.read(("PING",))
            asked += 1
            await asyncio.sleep(0)
        assert len(moody.opened_s) <= 12
        assert asked > 20 * len(moody.opened_s), "all but one at a time are told at once"
        moody.is_silent = False

        await until_back(client)
        assert b"PONG" == await client.call(("PING",))


async def test_the_pause_before_the_next_try_has_jitter(tmp_path: Path) -> None:
    """Two processes that lost the same server do not meet it at the same moment."""
    loop = asyncio.get_running_loop()
    nowhere, timeouts = Address(path=str(tmp_path / "none")), Timeouts(retry_s=0.3)
    late = Client(nowhere, timeouts=timeouts, random=lambda: 0.0)
    early = Client(nowhere, timeouts=timeouts, random=lambda: 0.999)
    for client in (late, early):
        with pytest.raises(StoreAway):
            await client.call(("PING",))
    began_s = loop.time()
    back_s: dict[Client, float] = {}
    async with a_server(tmp_path, Moody().serve) as address:
        while len(back_s) < 2:
            for client in {late, early} - back_s.keys():
                client.address = address
                with suppress(StoreAway):
                    await client.call(("PING",))
                    back_s[client] = loop.time() - began_s
            await asyncio.sleep(0.001)
        for client in (late, early):
            await client.close()
    assert back_s[early] > 0.149
    assert back_s[late] > 0.299
    assert back_s[early] < back_s[late]


async def test_a_database_is_selected(redis_address: Address) -> None:
    client = Client(Address(path=redis_address.path, database=3))
    assert b"db=3" in await client.call(("CLIENT", "INFO"))
    await client.close()


async def test_every_call_is_observed(redis_address: Address) -> None:
    recorder = RecordingObserver()
    client = Client(redis_address, observer=recorder)
    await client.call(("PING",))
    with pytest.raises(ReplyError):
        await client.call(("NOSUCHCOMMAND",), operation="admit")
    seen = [event for event in recorder.events if isinstance(event, StoreCalled)]
    assert [("ping", "ok"), ("admit", "error")] == [
        (event.operation, event.outcome) for event in seen
    ]
    await client.close()


async def test_a_script_the_server_has_yet_to_learn_is_no_failure(redis_address: Address) -> None:
    recorder = RecordingObserver()
    client = Client(redis_address, observer=recorder)
    source = "return 'unheard of'"
    script = Script("unheard", source, sha1(source.encode(), usedforsecurity=False).hexdigest())
    await client.call(("SCRIPT", "FLUSH", "SYNC"))
    assert b"unheard of" == await script.run(client, ["gl:{main}:none"], [])
    seen = [event for event in recorder.events if isinstance(event, StoreCalled)]
    assert [("script", "ok"), ("unheard", "ok")] == [
        (event.operation, event.outcome) for event in seen
    ]
    await client.close()


async def test_a_caller_that_leaves_is_no_failure_of_the_store(redis_address: Address) -> None:
    """As when a process stops: its last lines must not cry of a store that is well."""
    recorder = RecordingObserver()
    client = Client(redis_address, observer=recorder)
    await client.call(("PING",))
    leaving = asyncio.ensure_future(client.call(("ECHO", "left")))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert ["ok"] == [event.outcome for event in recorder.of(StoreCalled)]
    await client.close()

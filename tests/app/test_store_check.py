"""A store that is not there yet is waited for, aloud; not for ever, and not while stopping."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from proxy.app.clock import SystemClock
from proxy.app.store_check import answering, tell
from proxy.domain.errors import StoreUnavailable
from proxy.store.address import Address, EmbeddedAddress
from proxy.store.checks import Finding
from proxy.store.client import Client
from proxy.store.embedded import EmbeddedStore

if TYPE_CHECKING:
    from pathlib import Path

BUSY = b"-LOADING Redis is loading the dataset in memory\r\n"


def waits(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "waiting" in record.getMessage()]


async def test_a_store_that_starts_later_is_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = EmbeddedStore(EmbeddedAddress(folder=str(tmp_path / "redis")))
    client, clock = Client(store.address), SystemClock()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(answering(client, clock, stop=asyncio.Event()))
        while not waits(caplog):
            await asyncio.sleep(0)
        store.launch()
    try:
        tell(waiting.result())
        assert "maxmemory-policy is noeviction" in [each.message for each in waiting.result()]
    finally:
        store.stop()
        await client.close()
    (waited,) = waits(caplog)
    assert "no connection to" in waited
    assert "waiting for it up to 60 s" in waited


async def test_a_store_that_loads_its_data_is_waited_for(
    redis_address: Address, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It answers, and tells of itself, but of no key."""
    loads, ended = 3, asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal loads
        assert redis_address.path is not None
        far_reader, far_writer = await asyncio.open_unix_connection(redis_address.path)
        while data := await reader.read(65_536):
            if b"EXISTS" in data and loads > 0:
                loads -= 1
                writer.write(BUSY)
            else:
                far_writer.write(data)
                writer.write(await far_reader.read(65_536))
        for each in (far_writer, writer):
            each.close()
            await each.wait_closed()
        ended.set()

    path = tmp_path / "loading.sock"
    server = await asyncio.start_unix_server(serve, path)
    client = Client(Address(path=str(path)))
    assert await answering(client, SystemClock(), stop=asyncio.Event())
    (waited,) = waits(caplog)
    assert "LOADING" in waited
    await client.close()
    await ended.wait()
    server.close()
    await server.wait_closed()


async def test_it_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    client = Client(Address(path=str(tmp_path / "no.sock")))
    with pytest.raises(StoreUnavailable, match="no connection"):
        await answering(client, SystemClock(), stop=asyncio.Event(), within_s=0.0)


async def test_a_process_that_stops_waits_no_longer(tmp_path: Path) -> None:
    client, stop = Client(Address(path=str(tmp_path / "no.sock"))), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(answering(client, SystemClock(), stop=stop))
        stop.set()
    assert () == waiting.result()


def test_what_is_dangerous_is_told_as_an_error(caplog: pytest.LogCaptureFixture) -> None:
    tell((Finding(message="bad", is_danger=True), Finding(message="good", is_danger=False)))
    assert [("bad", logging.ERROR)] == [
        (record.getMessage(), record.levelno) for record in caplog.records if record.levelno > 20
    ]

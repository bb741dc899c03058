"""Accounts are opened, closed and rezoned once, and only as whoever asks for it knows them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.opening import Opening
from proxy.domain.takeover import Takeover
from proxy.gateway.ports.accounts import Opened, Registered
from proxy.store.keys import Keys
from proxy.store.registry import Openings, RedisAccountRegistry
from tests.builders import MARKETING
from tests.store.dump import dump
from tests.store.money_bench import TapedClient
from tests.store.stores import a_balance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.store.address import Address
    from proxy.store.client import Client

BALANCE = a_balance(id="new")
NAME = BALANCE.account


@pytest.fixture
async def taped(redis_client: Client, redis_address: Address) -> AsyncIterator[TapedClient]:
    client = TapedClient(redis_address)
    yield client
    await client.close()


@pytest.fixture
def registry(taped: TapedClient) -> RedisAccountRegistry:
    return RedisAccountRegistry(taped, Keys())


async def opened(registry: RedisAccountRegistry, known: Registered | None = None) -> Opened:
    return await registry.open(
        NAME, MARKETING, Takeover(BALANCE), timezone="UTC", as_of="7-0", known=known
    )


async def known(registry: RedisAccountRegistry) -> Registered:
    return (await registry.registered())[NAME]


async def test_an_opening_is_on_record(registry: RedisAccountRegistry, taped: TapedClient) -> None:
    assert Opened.NOW is await opened(registry)
    assert Opened.BEFORE is await opened(registry, await known(registry))
    latest, openings = await Openings(taped, Keys()).read()
    assert (await known(registry)).operation == latest
    assert (Opening(account=NAME, period_id="now", period_start_ms=0, as_of="7-0"),) == openings


async def test_an_old_opening_opens_nothing_again(
    registry: RedisAccountRegistry, taped: TapedClient
) -> None:
    await opened(registry)
    tape = taped.last
    await registry.close({NAME: await known(registry)})
    closed = await dump(taped)
    assert b"now" == await taped.read(tape)
    assert closed == await dump(taped)
    assert Opened.NOW is await opened(registry, await known(registry))
    await registry.close({NAME: await known(registry)})
    closed = await dump(taped)
    assert b"stale" == await taped.read(tape)
    assert closed == await dump(taped)


async def test_an_account_that_was_opened_again_is_not_closed_by_who_knew_the_first(
    registry: RedisAccountRegistry,
) -> None:
    await opened(registry)
    first = await known(registry)
    await registry.close({NAME: first})
    await opened(registry, await known(registry))
    await registry.close({NAME: first})
    assert not (await known(registry)).is_closed
    await registry.close({NAME: await known(registry)})
    assert (await known(registry)).is_closed


async def test_a_time_zone_follows_the_one_that_was_known(
    registry: RedisAccountRegistry, taped: TapedClient
) -> None:
    await opened(registry)
    first, before = await known(registry), await Openings(taped, Keys()).read()
    tokyo = replace(first, timezone="Asia/Tokyo", before="UTC", until_ms=5)
    await registry.rezone(NAME, first, tokyo)
    await registry.rezone(NAME, first, replace(first, timezone="Asia/Seoul"))
    assert tokyo == await known(registry)
    await registry.close({NAME: tokyo})
    await registry.rezone(NAME, tokyo, first)
    assert replace(tokyo, is_closed=True) == await known(registry)
    assert before == await Openings(taped, Keys()).read()


async def test_a_record_of_an_earlier_version_is_still_followed(
    registry: RedisAccountRegistry, taped: TapedClient
) -> None:
    await taped.call(("HSET", Keys().accounts(), NAME, "o|UTC||0|op-1"))
    before = Registered(timezone="UTC", operation="op-1")
    assert before == await known(registry)
    assert ("", ()) == await Openings(taped, Keys()).read()
    tokyo = replace(before, timezone="Asia/Tokyo", before="UTC", until_ms=5)
    await registry.rezone(NAME, before, tokyo)
    await registry.close({NAME: tokyo})
    assert replace(tokyo, is_closed=True) == await known(registry)
    assert Opened.NOW is await opened(registry, await known(registry))

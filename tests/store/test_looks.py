"""Turns at looking through vendors' lists: one at a time, each account for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.store.looks import RedisLooks
from tests.builders import KLING, VERTEX

if TYPE_CHECKING:
    from proxy.gateway.ports.looks import LookTurn
    from tests.store.losing import Losing
    from tests.store.stores import Store

NOW_MS = 1_000_000


def looks_of(store: Store) -> RedisLooks:
    return RedisLooks(store.client, store.keys)


async def begun(store: Store, now_ms: int = NOW_MS) -> LookTurn | None:
    return await looks_of(store).begin(KLING, "main", now_ms=now_ms, every_s=10)


async def test_a_turn_comes_again_when_it_is_time(store: Store) -> None:
    turn = await begun(store)
    assert turn is not None
    assert turn.since_ms is None
    assert await begun(store, NOW_MS + 9_999) is None
    assert await looks_of(store).begin(VERTEX, "main", now_ms=NOW_MS, every_s=10) is not None
    await looks_of(store).end(KLING, "main", turn, until_ms=77)
    assert await begun(store, NOW_MS + 9_999) is None
    following = await begun(store, NOW_MS + 10_000)
    assert following is not None
    assert 77 == following.since_ms


async def test_who_comes_late_ends_nobody_else_s_turn(store: Store) -> None:
    slow = await begun(store)
    quick = await begun(store, NOW_MS + 10_000)
    assert slow is not None
    assert quick is not None
    await looks_of(store).end(KLING, "main", quick, until_ms=88)
    await looks_of(store).end(KLING, "main", slow, until_ms=77)
    following = await begun(store, NOW_MS + 20_000)
    assert following is not None
    assert 88 == following.since_ms


@pytest.mark.loses("swap")
async def test_the_end_of_a_turn_whose_reply_is_lost_is_noted_once(losing: Losing) -> None:
    turn = await begun(losing.store)
    assert turn is not None
    await losing.once(lambda far: looks_of(far).end(KLING, "main", turn, until_ms=77))
    following = await begun(losing.store, NOW_MS + 10_000)
    assert following is not None
    assert 77 == following.since_ms

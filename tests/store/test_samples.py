"""The latest render times of each offer, bounded, and never added twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.render_times import SAMPLES_MAX
from tests.store.leaks import leaked_keys

if TYPE_CHECKING:
    from tests.store.stores import Store


async def test_samples_of_every_offer_are_kept_in_order(store: Store) -> None:
    times = store.render_times
    assert {} == await times.exchange({})
    await times.exchange({"kling/v3": [1, 2], "vertex/veo": [9]})
    assert {"kling/v3": [1, 2, 3], "vertex/veo": [9]} == await times.exchange({"kling/v3": [3]})
    assert [] == await leaked_keys(store.client)


async def test_only_the_latest_are_kept(store: Store) -> None:
    times = store.render_times
    await times.exchange({"kling/v3": range(1, SAMPLES_MAX)})
    known = await times.exchange({"kling/v3": [1000, 2000, 3000]})
    assert [*range(3, SAMPLES_MAX), 1000, 2000, 3000] == known["kling/v3"]

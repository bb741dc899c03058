"""The store on the session's server, and a way to it that loses replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.store.script import source_of
from tests.store.losing import Losing, RecordedClient
from tests.store.lossy_redis import lossy_redis
from tests.store.scripts import SCRIPTS
from tests.store.stores import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from proxy.store.address import Address
    from proxy.store.client import Client


@pytest.fixture
def store(redis_client: Client) -> Store:
    """Everything of the store on an empty server."""
    return Store.on(redis_client)


@pytest.fixture
async def losing(
    store: Store, redis_address: Address, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Losing]:
    """What does something once with its reply lost.

    A test says in its mark which scripts' replies it loses, and of which a late copy has an effect
    that ends by itself.
    """
    for name in SCRIPTS:  # else the reply that is lost may be the one that says NOSCRIPT
        await store.client.call(("SCRIPT", "LOAD", source_of(name)))
    mark = request.node.get_closest_marker("loses")
    assert mark is not None, "mark the test: pytest.mark.loses(<script>, ...)"
    async with lossy_redis(redis_address, tmp_path) as (lossy, address):
        client = RecordedClient(address)
        client.sent = []
        await client.call(("PING",))
        far = Store.on(client)
        await far.ledger.openings.read()  # as they are known to whoever has posted before
        losing = Losing(store, far, lossy, client.sent)
        yield losing
        await client.close()
    assert set(mark.args) == {name for name, _ in losing.lost}
    await losing.come_late(mark.kwargs.get("late", ()))

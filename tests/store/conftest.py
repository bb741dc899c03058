"""The store on the session's server, and a way to it that loses replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.store.client import Client
from proxy.store.script import source_of
from tests.store.losing import SCRIPTS, Losing
from tests.store.lossy_redis import lossy_redis
from tests.store.stores import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from proxy.store.address import Address


@pytest.fixture
def store(redis_client: Client) -> Store:
    """Everything of the store on an empty server."""
    return Store.on(redis_client)


@pytest.fixture
async def losing(store: Store, redis_address: Address, tmp_path: Path) -> AsyncIterator[Losing]:
    """What does something once with its reply lost."""
    for name in SCRIPTS:  # else the reply that is lost may be the one that says NOSCRIPT
        await store.client.call(("SCRIPT", "LOAD", source_of(name)))
    async with lossy_redis(redis_address, tmp_path) as (lossy, address):
        client = Client(address)
        await client.call(("PING",))
        far = Store.on(client)
        await far.ledger.openings.read()  # as they are known to whoever has posted before
        yield Losing(store, far, lossy)
        await client.close()

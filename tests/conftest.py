"""Fixtures for tests that need a Redis: one embedded server a session, empty for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.store.address import EmbeddedAddress
from proxy.store.client import Client
from proxy.store.embedded import EmbeddedStore
from proxy.store.keys import Keys
from proxy.store.ledger import RedisLedger
from tests.store.leaks import leaked_keys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from proxy.store.address import Address

# Their checks are assertions of tests, though they are no test modules themselves.
pytest.register_assert_rewrite("tests.gateway.harness", "tests.store.losing")


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """The session's server."""
    store = EmbeddedStore(EmbeddedAddress(folder=str(tmp_path_factory.mktemp("valkey"))))
    store.launch()
    store.wait_ready()
    yield store
    store.stop()


@pytest.fixture
def redis_address(embedded: EmbeddedStore) -> Address:
    """Where the session's server listens."""
    return embedded.address


@pytest.fixture
def redis_url(embedded: EmbeddedStore) -> str:
    """The session's server as a store URL."""
    return f"unix://{embedded.address.path}"


@pytest.fixture
async def redis_client(
    redis_address: Address, request: pytest.FixtureRequest
) -> AsyncIterator[Client]:
    """A client of an empty server.

    Afterwards no key may be left that nobody would ever remove, and every law of the ledger must
    hold, unless the test is marked with what it breaks on purpose.
    """
    client = Client(redis_address)
    await client.call(("FLUSHALL",))
    yield client
    try:
        assert [] == await leaked_keys(client)
        if request.node.get_closest_marker("breaks") is None:
            assert () == (await RedisLedger(client, Keys()).verify()).violations
    finally:
        await client.close()

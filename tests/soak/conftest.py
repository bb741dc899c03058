"""The deployment of the system tests, and a store that loses answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.store.address import EmbeddedAddress
from proxy.store.embedded import EmbeddedStore
from tests.store.lossy_redis import lossy_redis
from tests.system.conftest import deployment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from proxy.store.address import Address
    from tests.store.lossy_redis import LossyRedis

__all__ = ["deployment"]


@pytest.fixture
async def lossy(tmp_path: Path) -> AsyncIterator[tuple[LossyRedis, Address]]:
    """A store of its own behind a socket that now and then loses an answer."""
    store = EmbeddedStore(EmbeddedAddress(folder=str(tmp_path / "redis")))
    store.launch()
    store.wait_ready()
    try:
        async with lossy_redis(store.address, tmp_path) as found:
            yield found
    finally:
        store.stop()

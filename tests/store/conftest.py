"""The store on the session's server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.store.stores import Store

if TYPE_CHECKING:
    from proxy.store.client import Client


@pytest.fixture
def store(redis_client: Client) -> Store:
    """Everything of the store on an empty server."""
    return Store.on(redis_client)

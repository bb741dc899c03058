"""The store a process uses: one that runs elsewhere, or our own, started and watched here."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.store.address import Address, EmbeddedAddress, parse_store_url
from proxy.store.embedded import EmbeddedStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from proxy.gateway.ports.runtime import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStore:
    """Where the store listens, and the child that is ours if we started one.

    `url` leads further processes to the same store.
    """

    url: str
    address: Address
    embedded: EmbeddedStore | None

    async def ready(self) -> None:
        """Wait until our own server answers. Raises EmbeddedStoreError."""
        if self.embedded is not None:
            await asyncio.to_thread(self.embedded.wait_ready)

    async def watch(self, clock: Clock, on_change: Callable[[bool], None]) -> None:
        """Keep our own server alive until cancelled; `on_change` hears when it goes and comes."""
        if self.embedded is not None:
            await self.embedded.supervise(clock, on_change)


@contextmanager
def open_store(url: str, *, stop_s: float) -> Iterator[OpenStore]:
    """Start our own server without waiting for it, or just name another's.

    `stop_s` is how long our own may take to end, before it is killed; it loses nothing by that.

    Raises:
        EmbeddedStoreError: our own cannot be started.
        ValueError: not a store URL.
    """
    address = parse_store_url(url)
    if not isinstance(address, EmbeddedAddress):
        yield OpenStore(url=url, address=address, embedded=None)
        return
    embedded = EmbeddedStore(address)
    embedded.launch()
    try:
        shared = f"unix://{embedded.address.path}"
        yield OpenStore(url=shared, address=embedded.address, embedded=embedded)
    finally:
        embedded.stop(stop_s)

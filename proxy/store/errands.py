"""Errands: a key that lives until the next time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.store.client import Client
    from proxy.store.keys import Keys


class RedisErrands:
    """Errands over Redis."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def take(self, name: str, *, every_s: float) -> bool:
        """Say whether to do it now. After a lost reply nobody does it until the next time."""
        life_ms = max(1, int(every_s * 1000))
        command = ("SET", self._keys.errand(name), "1", "NX", "PX", life_ms)
        return await self._client.read(command) is not None

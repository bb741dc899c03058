"""Errands: a key that lives until the next time, and one that says what came of the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.store.client import Client
    from proxy.store.keys import Keys


RESULT_LIFE_MS = 90 * 86_400_000
"""Longer than any errand rests."""


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

    async def report(self, name: str, result: str) -> None:
        """Let every process know what came of it the last time."""
        key = self._keys.errand_result(name)
        await self._client.read(("SET", key, result, "PX", RESULT_LIFE_MS))

    async def reported(self, name: str) -> str | None:
        """What came of it the last time; None if nobody said."""
        reply = await self._client.read(("GET", self._keys.errand_result(name)))
        return None if reply is None else reply.decode()

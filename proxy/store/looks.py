"""Turns at looking through vendors' lists: a field for each account, compared and set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.gateway.ports.looks import LookTurn
from proxy.store.script import Script
from proxy.store.steps import new_operation

if TYPE_CHECKING:
    from proxy.domain.ids import ProviderName
    from proxy.store.client import Client
    from proxy.store.keys import Keys


class RedisLooks:
    """Looks over Redis. A field holds `due (ms)|since (ms, or nothing)|operation`."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._key = keys.looks()
        self._swap = Script.load("swap")

    async def begin(
        self, provider: ProviderName, account: str, *, now_ms: int, every_s: float
    ) -> LookTurn | None:
        """Take the turn, if it is time for one: the next comes `every_s` later. Else None."""
        field = f"{provider}:{account}"
        held = (await self._client.read(("HGET", self._key, field)) or b"").decode()
        due_ms, since = held.split("|")[:2] if held else ("0", "")
        if now_ms < int(due_ms):
            return None
        text = f"{now_ms + round(every_s * 1000)}|{since}|{new_operation()}"
        if not await self._swap.run(self._client, [self._key], [field, held, text]):
            return None
        return LookTurn(since_ms=int(since) if since else None, text=text)

    async def end(
        self, provider: ProviderName, account: str, turn: LookTurn, *, until_ms: int
    ) -> None:
        """Note up to when it was looked, if nobody else has taken a turn since."""
        due_ms, _, operation = turn.text.split("|")
        text = f"{due_ms}|{until_ms}|{operation}+"
        await self._swap.run(self._client, [self._key], [f"{provider}:{account}", turn.text, text])

"""The ledger's stream as the archive sees it: read by pages, and cut where a file ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.gateway.ports.archive import LedgerPage
from proxy.store.codec import fields_of
from proxy.store.entries import entry_of
from proxy.store.script import Script

if TYPE_CHECKING:
    from proxy.store.client import Client
    from proxy.store.keys import Keys


class RedisLedgerStream:
    """LedgerStream over Redis."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = [keys.ledger(), keys.trimmed()]
        self._page = Script.load("ledger_page")
        self._trim = Script.load("trim")
        self._adopt = Script.load("adopt")

    async def page(self, after_id: str, *, limit: int) -> LedgerPage:
        """At most so many entries after an id ("" is from the beginning), read in one step."""
        trimmed, rows = await self._page.run(self._client, self._keys, [after_id or "-", limit])
        return LedgerPage(
            trimmed_id=trimmed.decode(),
            entries=[entry_of(entry_id.decode(), fields_of(fields)) for entry_id, fields in rows],
            has_more=len(rows) == limit,
        )

    async def trim(self, last_id: str, *, before_ms: int) -> bool:
        """Drop entries up to `last_id`, the last one before `before_ms`; False if it is not."""
        return bool(await self._trim.run(self._client, self._keys, [last_id, before_ms]))

    async def adopt(self, trimmed_id: str) -> str:
        """Say of an empty or older store how far the files go; returns how far they count now."""
        reply = await self._adopt.run(self._client, self._keys, [trimmed_id])
        adopted: str = reply.decode()
        return adopted

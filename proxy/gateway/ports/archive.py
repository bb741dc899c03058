"""The part of the ledger that is in the store: read by pages, and cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.ledger import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPage:
    """Entries after an id, oldest first; those up to `trimmed_id` are only in files ("": none)."""

    trimmed_id: str
    entries: Sequence[Entry]
    has_more: bool


class LedgerStream(Protocol):
    """The part of the ledger that is still in the store. Every method raises StoreUnavailable."""

    async def page(self, after_id: str, *, limit: int) -> LedgerPage:
        """At most so many entries after an id ("" is from the beginning), read in one step."""

    async def trim(self, last_id: str, *, before_ms: int) -> bool:
        """Drop entries up to `last_id`, which stand in files now.

        False, and nothing is dropped, if there are entries after it and before `before_ms`:
        they were written after the file was.
        """

    async def adopt(self, trimmed_id: str) -> str:
        """Say of an empty or older store how far the files go; returns how far they count now."""

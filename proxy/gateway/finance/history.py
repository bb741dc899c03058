"""All entries there ever were: those in the store, and before them those that were archived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.domain.ledger import Entry


class History(Protocol):
    """The ledger from its first entry on."""

    def entries(
        self, since_ms: int | None = None, until_ms: int | None = None
    ) -> AsyncIterator[Entry]:
        """Entries of [since, until) by the store's clock, oldest first."""

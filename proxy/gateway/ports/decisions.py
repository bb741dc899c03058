"""The record of routing decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from proxy.domain.decision import Decision


class DecisionLog(Protocol):
    """The latest decisions of all processes. Every method raises StoreUnavailable."""

    async def append(self, decisions: Sequence[Decision], *, keep: int) -> None:
        """Add one or more, in one replay-safe step, and forget all but about the latest `keep`.

        Called again with the same decisions it adds nothing.
        """

    def read(
        self,
        since_ms: int | None = None,
        until_ms: int | None = None,
        *,
        is_latest_first: bool = False,
    ) -> AsyncIterator[Decision]:
        """Decisions of [since, until) by the store's clock."""

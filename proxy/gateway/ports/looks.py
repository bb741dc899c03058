"""Whose turn it is to look through a vendor's list, and from where on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from proxy.domain.ids import ProviderName


@dataclass(frozen=True, slots=True, kw_only=True)
class LookTurn:
    """A turn at an account. What was begun before `since_ms` was looked at (None: nothing was).

    `text` is what the store holds of it, for `end`.
    """

    since_ms: int | None
    text: str


class Looks(Protocol):
    """Turns are shared by all processes. Every method raises StoreUnavailable."""

    async def begin(
        self, provider: ProviderName, account: str, *, now_ms: int, every_s: float
    ) -> LookTurn | None:
        """Take the turn, if it is time for one: the next comes `every_s` later. Else None."""

    async def end(
        self, provider: ProviderName, account: str, turn: LookTurn, *, until_ms: int
    ) -> None:
        """Note up to when it was looked, if nobody else has taken a turn since."""

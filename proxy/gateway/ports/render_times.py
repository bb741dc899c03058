"""How long renders take: what was learned, and where it is shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.domain.render_times import RenderSpread


class RenderTimes(Protocol):
    """What is known of every offer's renders."""

    @property
    def version(self) -> int:
        """A number that grows whenever that changes."""

    def of(self, offer_id: str) -> RenderSpread | None:
        """The spread of an offer's recent renders, None when too few are known.

        Answered from memory: it may be asked at every step and every request.
        """


class OfferSamples(Protocol):
    """The latest numbers about every offer, such as render times in ms, shared by all."""

    async def exchange(self, fresh: Mapping[str, Sequence[int]]) -> Mapping[str, Sequence[int]]:
        """Add numbers by offer id; returns every offer's latest, oldest first.

        One round trip. Raises StoreUnavailable; then it is unknown whether they were added.
        """

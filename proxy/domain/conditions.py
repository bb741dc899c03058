"""What is known of offers beside the configuration, at the moment a request is planned."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.policy import Offer


class Closure(StrEnum):
    """Why nothing new goes to an offer just now; the words are codes of skipped offers."""

    UNHEALTHY = "unhealthy"
    DRAINED = "drained"
    MODEL_GONE = "model_gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """One offer that is closed; `detail` says for whom to read since when, or until when."""

    why: Closure
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The state of the world by offer id; an offer that is in no mapping is open and unmeasured.

    `latency_s` is the median of recent renders, `success` the share (0 to 1) of recent attempts
    that brought a video.
    """

    closed: Mapping[str, Closed] = field(default_factory=dict)
    latency_s: Mapping[str, float] = field(default_factory=dict)
    success: Mapping[str, float] = field(default_factory=dict)

    def closure(self, offer: Offer, *, is_panic: bool) -> Closed | None:
        """Why an offer is left out; in a panic its health is no reason."""
        closed = self.closed.get(offer.id)
        if closed is not None and is_panic and closed.why is Closure.UNHEALTHY:
            return None
        return closed

    def render_s(self, offer: Offer) -> float | None:
        """How long a render takes: as measured, else as the catalog says, None if nobody knows."""
        return self.latency_s.get(offer.id, offer.typical_render_s)


NOTHING_KNOWN = Conditions()
"""All offers open, none measured."""

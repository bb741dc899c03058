"""The circuit breakers that all processes share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.domain.breaker import BreakerRules, Outcome
    from proxy.domain.conditions import Conditions
    from proxy.domain.health import Health, Place
    from proxy.domain.policy import Snapshot

GONE = "gone"
"""In place of a state: a model is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One or several like outcomes for one breaker."""

    breaker: str
    outcome: Outcome
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one process tells an account's breakers, under an id: told again it is heard once."""

    operation: str
    heard: tuple[Heard, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A state that a report changed; `after` may be GONE."""

    place: Place
    breaker: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """How all accounts stand, at `now_ms` of the store's clock, and what the reports changed."""

    health: Health
    now_ms: int
    moved: tuple[Moved, ...] = field(default=())


class KnownConditions(Protocol):
    """What this process knows of every offer; never older than a few seconds."""

    def now(self, snapshot: Snapshot) -> Conditions:
        """The conditions of a configuration's offers, from memory: asked at every create."""


class HealthBoard(Protocol):
    """The shared state."""

    async def exchange(
        self,
        accounts: Sequence[Place],
        reports: Mapping[Place, Report],
        *,
        rules: BreakerRules,
        jitter_permille: int,
    ) -> Board:
        """Deliver reports, and read how every account stands, all in one round trip.

        Raises StoreUnavailable: some of the reports may have been heard, so they are to be
        delivered again, with what they held and under the same ids.
        """

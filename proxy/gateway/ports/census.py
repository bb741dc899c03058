"""How many jobs there are in which state, and errands that one of all processes does."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.domain.ids import TeamId


class Standing(StrEnum):
    """What an unfinished job waits for: its turn, its provider, or to be known at all."""

    QUEUED = "queued"
    RUNNING = "running"
    """Being submitted, rendered or stored."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """Unfinished jobs: how many by team, and how long (s) the oldest stands as it does."""

    counts: Mapping[tuple[TeamId, Standing], int] = field(default_factory=dict)
    oldest_s: Mapping[Standing, float] = field(default_factory=dict)


class CensusTaker(Protocol):
    """Counts jobs."""

    async def take(self, teams: Sequence[TeamId]) -> Census:
        """Count the unfinished jobs of teams, in a few round trips. Raises StoreUnavailable."""


class Errands(Protocol):
    """Things that need doing now and then, by whichever process comes first."""

    async def take(self, name: str, *, every_s: float) -> bool:
        """Say whether to do it now: True for one caller in that time. Raises StoreUnavailable.

        Whoever gets True and dies leaves it undone until the next time.
        """

    async def report(self, name: str, result: str) -> None:
        """Let every process know what came of it the last time. Raises StoreUnavailable."""

    async def reported(self, name: str) -> str | None:
        """What came of it the last time; None if nobody said. Raises StoreUnavailable."""

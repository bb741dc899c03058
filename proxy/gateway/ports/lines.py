"""Lines: who waits for which provider, and what decides whose turn it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.domain.ids import JobId, ProviderName, TeamId
    from proxy.domain.job import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A team's jobs that wait for one provider, the longest waiting first."""

    team: TeamId
    provider: ProviderName


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A job in its line; `since_ms` (Unix) is from when on it may be dispatched."""

    job: JobId
    since_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineState:
    """The first jobs of a line that may be dispatched now, and whose turn it is.

    `has_more`: there may be others behind them. `running` counts all of the team's jobs under
    way; a line that `is_held` by a freeze gives nobody up. `time` is virtual: of two lines of a
    provider the one that is behind is the next.
    """

    line: Line
    places: tuple[Place, ...]
    has_more: bool
    running: int
    is_held: bool
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStand:
    """A job's place in its line, from 1, and from when on (Unix ms) it may be dispatched.

    `running` counts its team's jobs under way; `is_frozen`: its team's spend is.
    """

    position: int
    since_ms: int
    running: int
    is_frozen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All lines at one instant: how many wait in each, and whose turn it is.

    `times` are virtual, of lines that ever had a turn and of providers: no line is behind its
    provider. `frozen` says that all spend is.
    """

    counts: Mapping[Line, int]
    line_times: Mapping[Line, int]
    provider_times: Mapping[ProviderName, int]
    frozen: bool
    frozen_providers: frozenset[ProviderName]

    def time(self, line: Line) -> int:
        """The virtual time at which a line stands."""
        of_provider = self.provider_times.get(line.provider, 0)
        return max(of_provider, self.line_times.get(line, 0))


class Lines(Protocol):
    """Reading lines. Every method raises StoreUnavailable."""

    async def counts(self) -> Mapping[Line, int]:
        """How many jobs stand in each line that is not empty."""

    async def read(self, limits: Mapping[Line, int]) -> list[LineState]:
        """The first jobs of lines, of each at most so many, all read at one instant."""

    async def late(self, now_ms: int, *, limit: int) -> list[JobId]:
        """Queued jobs whose deadline has passed, or that only wait for their end."""

    async def overview(self) -> Overview:
        """How all lines stand."""

    async def stands(self, jobs: Sequence[Job]) -> list[JobStand | None]:
        """Where jobs stand, all read in one round trip; None for one that is in no line."""

    async def load(self, job: JobId, line: Line | None = None) -> Job | None:
        """A job that waits in a line (None: a late one), None when it waits no more.

        One that is gone, or whose record cannot be read, is set aside: it holds up nobody.
        """

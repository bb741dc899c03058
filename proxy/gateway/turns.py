"""Whose waiting job goes next: of each provider's lines the one that is furthest behind."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.turn import turn_cost

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from proxy.domain.ids import JobId, ProviderName, TeamId
    from proxy.domain.policy import Team
    from proxy.gateway.ports.lines import Line, LineState, Place

ORPHAN_RUNNING_MAX = 1
"""How many jobs of a team that left the configuration may run at once."""
ORPHAN_WEIGHT = 1


def running_max(team: TeamId, teams: Mapping[TeamId, Team]) -> int:
    """How many jobs of a team may run at once."""
    known = teams.get(team)
    return known.running if known else ORPHAN_RUNNING_MAX


def weight_of(team: TeamId, teams: Mapping[TeamId, Team]) -> int:
    """A team's weight among those that wait for a provider."""
    known = teams.get(team)
    return known.weight if known else ORPHAN_WEIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A job that may be dispatched now; `line` None is one that only waits for its end."""

    job: JobId
    line: Line | None


@dataclass(slots=True, kw_only=True)
class _Standing:
    line: Line
    places: deque[Place]
    has_more: bool
    time: int

    @property
    def rank(self) -> tuple[int, int, TeamId]:
        """Who is furthest behind, then who waits longest."""
        return self.time, self.since_ms, self.line.team

    @property
    def since_ms(self) -> int:
        """Since when its first job waits; of a line that was not read so far, longest of all."""
        return self.places[0].since_ms if self.places else 0


class Turns:
    """The jobs that may be dispatched now, in a fair order; read once, and good for one go.

    Every process works the same order out of the same lines: what another one was quicker at is
    counted as if it had been begun here. Jobs that only wait for their end come first and need no
    room. Lines are left out whose team runs all it may, or is frozen, so that no slot is taken
    for nothing.

    Args:
        late: jobs that only wait for their end.
        states: the lines of providers that have room.
        teams: the configuration's.
    """

    def __init__(
        self, late: Iterable[JobId], states: Iterable[LineState], teams: Mapping[TeamId, Team]
    ) -> None:
        self._late = deque(late)
        self._teams = teams
        self._running: dict[TeamId, int] = {}
        self._heaps: dict[ProviderName, list[tuple[tuple[int, int, TeamId], _Standing]]] = {}
        self._closed: set[ProviderName] = set()
        self._on_turn: _Standing | None = None
        self.is_cut = False
        """A line of which not all was read would have been next."""
        self.has_moved = False
        """Somebody was taken: another reading will show others."""
        for state in states:
            if state.places and not state.is_held:
                self._running[state.line.team] = state.running
                standing = _Standing(
                    line=state.line,
                    places=deque(state.places),
                    has_more=state.has_more,
                    time=state.time,
                )
                self._stand(standing)

    def next(self) -> Turn | None:
        """The job whose turn it is, None when there is none; tell `took` or `passed` of it."""
        if self._late:
            return Turn(job=self._late.popleft(), line=None)
        if self._on_turn is not None:
            self._stand(self._on_turn)
            self._on_turn = None
        for provider in list(self._heaps):
            self._clear(provider)
        if not self._heaps:
            return None
        # Lines of several providers meet in `running` only: there who waits longest goes first.
        heap = min(self._heaps.values(), key=lambda heap: heap[0][1].since_ms)
        _, standing = heapq.heappop(heap)
        self._on_turn = standing
        return Turn(job=standing.places.popleft().job, line=standing.line)

    def took(self, share: float = 1.0) -> None:
        """Count the last turn as taken by this process; see `render_share`."""
        if self._on_turn is not None:
            self._running[self._on_turn.line.team] += 1
            self.passed(share)

    def passed(self, share: float = 1.0) -> None:
        """Count the last turn as taken by somebody quicker.

        What its team runs says nothing new: jobs of it may have ended since, and the script that
        begins one knows better.
        """
        if self._on_turn is not None:
            self._on_turn.time += self.cost(self._on_turn.line, share)
            self.has_moved = True

    def cost(self, line: Line, share: float = 1.0) -> int:
        """What a turn costs a line."""
        return turn_cost(weight_of(line.team, self._teams), share)

    def close(self, provider: ProviderName) -> None:
        """There is no room at a provider any more."""
        self._closed.add(provider)
        self._heaps.pop(provider, None)

    def leave_out(self, team: TeamId) -> None:
        """A team runs all it may, or is frozen."""
        self._running[team] = running_max(team, self._teams)

    def _stand(self, standing: _Standing) -> None:
        provider = standing.line.provider
        if (standing.places or standing.has_more) and provider not in self._closed:
            heapq.heappush(self._heaps.setdefault(provider, []), (standing.rank, standing))

    def _clear(self, provider: ProviderName) -> None:
        """Drop the lines in front that give nobody up, and the heap if none is left."""
        heap = self._heaps[provider]
        while heap:
            standing = heap[0][1]
            team = standing.line.team
            if self._running[team] >= running_max(team, self._teams):
                heapq.heappop(heap)
            elif standing.places:
                return
            else:
                self.is_cut = True
                break
        del self._heaps[provider]

"""A drill: what a day's real requests would have become without a model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from proxy.domain.decision import plan_again

if TYPE_CHECKING:
    from collections.abc import Iterable

    from proxy.domain.decision import Decision
    from proxy.domain.ids import ModelName
    from proxy.domain.plan import Candidate
    from proxy.domain.policy import Snapshot

Place = tuple[str, str]
"""Provider and model."""
Way = tuple[Place, Place | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Videos that one offer made, and where they would have gone; None: they would be refused.

    Amounts are the quotes, in micro-USD.
    """

    before: Place
    after: Place | None
    videos: int
    before_micro_usd: int
    after_micro_usd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """What a drill found.

    `videos` were accepted in that time; of `concerned` the model made the first attempt.
    `strangers` are those of teams that have left the configuration, `refused_teams` counts what
    would be refused.
    """

    model: ModelName
    videos: int
    concerned: int
    strangers: int
    moves: tuple[Move, ...]
    refused_teams: tuple[tuple[str, int], ...]


def retire(snapshot: Snapshot, model: ModelName) -> Snapshot:
    """The configuration as if a model had been retired for ever; its successors stay named."""
    offers = tuple(
        replace(offer, lifecycle=replace(offer.lifecycle, retires_at_s=0.0))
        if offer.model == model
        else offer
        for offer in snapshot.offers
    )
    return replace(snapshot, offers=offers)


class Drilling:
    """Plans every decision that took a model again, in a configuration without it.

    Budgets are those of then, and the first candidate counts. What was added is not kept, so that
    a record of any length may be gone through a few decisions at a time.
    """

    def __init__(self, snapshot: Snapshot, model: ModelName) -> None:
        self._without = retire(snapshot, model)
        self._model = model
        self._all = self._strangers = 0
        self._videos: Counter[Way] = Counter()
        self._refused: Counter[str] = Counter()
        self._before: Counter[Way] = Counter()
        self._after: Counter[Way] = Counter()

    def add(self, decisions: Iterable[Decision]) -> None:
        """Go through the next decisions."""
        for decision in decisions:
            candidate = decision.candidate
            if candidate is None:
                continue
            self._all += 1
            if candidate.model != self._model:
                continue
            if decision.team not in self._without.teams:
                self._strangers += 1
                continue
            again = plan_again(decision, self._without)
            self._count(decision, candidate, None if again is None else again.candidates[0])

    def found(self) -> Drill:
        """What was found so far, the most travelled way first."""
        moves = (
            Move(
                before=way[0],
                after=way[1],
                videos=count,
                before_micro_usd=self._before[way],
                after_micro_usd=self._after[way],
            )
            for way, count in sorted(
                self._videos.items(), key=lambda item: (-item[1], item[0][0], item[0][1] or ())
            )
        )
        return Drill(
            model=self._model,
            videos=self._all,
            concerned=self._videos.total() + self._strangers,
            strangers=self._strangers,
            moves=tuple(moves),
            refused_teams=tuple(sorted(self._refused.items())),
        )

    def _count(self, decision: Decision, before: Candidate, after: Candidate | None) -> None:
        there = None if after is None else (after.provider, after.model)
        way: Way = ((before.provider, before.model), there)
        self._videos[way] += 1
        self._before[way] += before.quote_micro_usd
        if after is None:
            self._refused[decision.team] += 1
        else:
            self._after[way] += after.quote_micro_usd

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


def drill(decisions: Iterable[Decision], snapshot: Snapshot, model: ModelName) -> Drill:
    """Plan every decision that took a model again, in a configuration without it.

    Budgets are those of then, and the first candidate counts.
    """
    without = retire(snapshot, model)
    videos = strangers = 0
    tally = _Tally()
    for decision in decisions:
        candidate = decision.candidate
        if candidate is None:
            continue
        videos += 1
        if candidate.model != model:
            continue
        if decision.team not in without.teams:
            strangers += 1
            continue
        again = plan_again(decision, without)
        tally.add(decision, candidate, None if again is None else again.candidates[0])
    return Drill(
        model=model,
        videos=videos,
        concerned=tally.videos.total() + strangers,
        strangers=strangers,
        moves=tally.moves(),
        refused_teams=tuple(sorted(tally.refused.items())),
    )


class _Tally:
    def __init__(self) -> None:
        self.videos: Counter[Way] = Counter()
        self.refused: Counter[str] = Counter()
        self._before: Counter[Way] = Counter()
        self._after: Counter[Way] = Counter()

    def add(self, decision: Decision, before: Candidate, after: Candidate | None) -> None:
        there = None if after is None else (after.provider, after.model)
        way: Way = ((before.provider, before.model), there)
        self.videos[way] += 1
        self._before[way] += before.quote_micro_usd
        if after is None:
            self.refused[decision.team] += 1
        else:
            self._after[way] += after.quote_micro_usd

    def moves(self) -> tuple[Move, ...]:
        """The most travelled way first."""
        return tuple(
            Move(
                before=way[0],
                after=way[1],
                videos=count,
                before_micro_usd=self._before[way],
                after_micro_usd=self._after[way],
            )
            for way, count in sorted(
                self.videos.items(), key=lambda item: (-item[1], item[0][0], item[0][1] or ())
            )
        )

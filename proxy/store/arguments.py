"""Buckets, balances and bids as the scripts take them, and what the scripts say about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.bucket import state_of
from proxy.domain.period import FOREVER_MS
from proxy.domain.policy import OnExceed
from proxy.store.entries import offer_facts, owned_name, short_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.balance import Balance, Bid
    from proxy.domain.bucket import Bucket, BucketState
    from proxy.domain.ids import ProviderName, TeamId
    from proxy.domain.job import Job
    from proxy.store.connection import Argument
    from proxy.store.keys import Keys


@dataclass(frozen=True, slots=True)
class Books:
    """Balances in the scripts' order: those in the team's hash first, then the organisation's."""

    team: TeamId
    balances: tuple[Balance, ...]
    places: tuple[int, ...]
    of_team: int

    @classmethod
    def of(cls, team: TeamId, balances: Sequence[Balance]) -> Books:
        """Bring balances into order; `places` says where each one went."""
        order = sorted(range(len(balances)), key=lambda index: balances[index].is_organisation)
        places = [0] * len(order)
        for place, index in enumerate(order):
            places[index] = place
        of_team = sum(not balance.is_organisation for balance in balances)
        return cls(team, tuple(balances[index] for index in order), tuple(places), of_team)

    @property
    def of_organisation(self) -> int:
        """How many of the balances are the organisation's."""
        return len(self.balances) - self.of_team

    def fields(self) -> list[str]:
        """Names of the hash fields: spent and reserved of each balance."""
        return [
            f"{short_name(self.team, balance.name)}|{kind}"
            for balance in self.balances
            for kind in "sr"
        ]

    def bounds_ms(self) -> tuple[int, int]:
        """Start of the latest and end of the earliest period: now must lie between them."""
        start_ms = max((balance.period.start_ms for balance in self.balances), default=0)
        end_ms = min((balance.period.end_ms for balance in self.balances), default=FOREVER_MS)
        return start_ms, end_ms

    def named(self, numbers: bytes) -> tuple[Balance, ...]:
        """Balances by their numbers, as a script writes them."""
        return tuple(self.balances[int(number)] for number in numbers.split())

    def limits(self) -> list[Argument]:
        """Limit of each balance, as bids.lua takes it."""
        return [_limit(balance) for balance in self.balances]

    def bids(self, job: Job, bids: Sequence[Bid], *, first_line: int) -> list[Argument]:
        """Each bid, then each group of balances that counts one, as bids.lua takes them.

        `first_line` is where `lines_of` the bids begin in KEYS.
        """
        groups: dict[tuple[int, ...], int] = {}
        places_of = {name: at for at, name in enumerate(_providers(job, bids), first_line)}
        lines: list[Argument] = []
        for bid in bids:
            places = tuple(self.places[index] for index in bid.balances)
            group = groups.setdefault(places, len(groups))
            candidate = job.plan.candidates[bid.candidate]
            where = f"{group} {places_of[candidate.provider]}"
            offer = offer_facts(candidate)
            lines.append(f"{bid.candidate} {bid.quote_micro_usd} {where}\n{offer}")
        for places in groups:
            lines.append(" ".join(map(str, places)))
            # Several budgets may limit one account: all are checked, its balance counts once.
            names = dict.fromkeys(self.balances[place].name for place in places)
            lines.append("\n".join(owned_name(self.team, name) for name in names))
        return lines


def lines_of(keys: Keys, job: Job, bids: Sequence[Bid]) -> list[str]:
    """The line of each provider that is bid for, in the order that bids.lua counts on."""
    return [keys.waiting(job.team, provider) for provider in _providers(job, bids)]


def _providers(job: Job, bids: Sequence[Bid]) -> list[ProviderName]:
    names = (job.plan.candidates[bid.candidate].provider for bid in bids)
    return list(dict.fromkeys(names))


def _limit(balance: Balance) -> Argument:
    limit = balance.limit_micro_usd
    match balance.on_exceed:
        case OnExceed.DENY:
            return limit
        case OnExceed.NEXT:
            return -1 - limit
        case OnExceed.ALLOW:
            return f"a{limit}"


def bucket_fields(buckets: Sequence[Bucket]) -> list[str]:
    """Names of the hash fields of buckets."""
    return [f"b|{bucket.name}" for bucket in buckets]


def bucket_terms(buckets: Sequence[Bucket]) -> list[Argument]:
    """Interval (below 0 in shadow) and span in microseconds, of each bucket."""
    terms: list[Argument] = []
    for bucket in buckets:
        interval_us = bucket.limit.interval_us
        terms += [-interval_us if bucket.is_shadow else interval_us, bucket.limit.span_us]
    return terms


def bucket_states(
    buckets: Sequence[Bucket], times_us: Sequence[int], now_us: int, *, is_spent: bool
) -> tuple[BucketState, ...]:
    """What buckets say.

    Args:
        buckets: the buckets asked.
        times_us: the stored time of each, after spending if `is_spent`; 0 or below, and then
            with its sign changed, of one of which nothing was spent all the same.
        now_us: the store's clock.
        is_spent: a token of each was given; else one that has none says when it will.
    """
    return tuple(
        state_of(bucket, abs(time_us), now_us, is_spent=is_spent and time_us > 0)
        for bucket, time_us in zip(buckets, times_us, strict=True)
    )

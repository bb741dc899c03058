"""Buckets, balances and bids as the scripts take them, and what the scripts say about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.bucket import BucketState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.balance import Balance, Bid
    from proxy.domain.bucket import Bucket
    from proxy.domain.job import Job
    from proxy.domain.policy import OnExceed
    from proxy.store.connection import Argument

FACTS_DIGEST_CHARS = 16


@dataclass(frozen=True, slots=True)
class Books:
    """Balances in the scripts' order: those in the team's hash first, then the organisation's."""

    balances: tuple[Balance, ...]
    places: tuple[int, ...]
    of_team: int

    @classmethod
    def of(cls, balances: Sequence[Balance]) -> Books:
        """Bring balances into order; `places` says where each one went."""
        order = sorted(range(len(balances)), key=lambda index: balances[index].is_organisation)
        places = [0] * len(order)
        for place, index in enumerate(order):
            places[index] = place
        sorted_balances = tuple(balances[index] for index in order)
        return cls(
            sorted_balances, tuple(places), sum(not b.is_organisation for b in sorted_balances)
        )

    def fields(self) -> list[str]:
        """Names of the hash fields: spent and reserved of each balance."""
        return [f"{balance.name}|{kind}" for balance in self.balances for kind in "sr"]

    def terms(self) -> list[Argument]:
        """Start, end, limit, and 1 for deny, of each balance."""
        terms: list[Argument] = []
        for balance in self.balances:
            period = balance.period
            is_deny = int(_denies(balance.on_exceed))
            terms += [period.start_ms, period.end_ms, balance.limit_micro_usd, is_deny]
        return terms

    def bids(self, job: Job, bids: Sequence[Bid]) -> list[Argument]:
        """Candidate, quote, facts, count, and places of the balances, of each bid."""
        arguments: list[Argument] = []
        for bid in bids:
            places = [self.places[index] for index in bid.balances]
            facts = facts_of(job, bid.candidate, account="", by="")
            arguments += [bid.candidate, bid.quote_micro_usd, facts, len(places), *places]
        return arguments


def facts_of(job: Job, candidate: int, *, account: str, by: str) -> str:
    """What the ledger says about an attempt beside the money, one fact a line."""
    offer = job.plan.candidates[candidate]
    return "\n".join(
        (
            job.team,
            job.key,
            job.plan.policy,
            offer.provider,
            account,
            offer.model,
            offer.price_id,
            job.snapshot_digest[:FACTS_DIGEST_CHARS],
            by,
        )
    )


def bucket_fields(buckets: Sequence[Bucket]) -> list[str]:
    """Names of the hash fields of buckets."""
    return [f"b|{bucket.name}" for bucket in buckets]


def bucket_terms(buckets: Sequence[Bucket]) -> list[Argument]:
    """Interval and span in microseconds, of each bucket."""
    terms: list[Argument] = []
    for bucket in buckets:
        terms += [bucket.limit.interval_us, bucket.limit.span_us]
    return terms


def bucket_states(
    buckets: Sequence[Bucket], times_us: Sequence[int], now_us: int, *, is_spent: bool
) -> tuple[BucketState, ...]:
    """What buckets say.

    Args:
        buckets: the buckets asked.
        times_us: the stored time of each, after spending if `is_spent`.
        now_us: the store's clock.
        is_spent: a token of each was given; else one that has none says when it will.
    """
    return tuple(
        _bucket_state(bucket, time_us, now_us, is_spent=is_spent)
        for bucket, time_us in zip(buckets, times_us, strict=True)
    )


def _bucket_state(bucket: Bucket, time_us: int, now_us: int, *, is_spent: bool) -> BucketState:
    limit = bucket.limit
    used_us = max(time_us, now_us) - now_us
    wait_us = 0 if is_spent else max(0, used_us + limit.interval_us - limit.span_us)
    return BucketState(
        name=bucket.name,
        capacity=limit.capacity,
        remaining=max(0, (limit.span_us - used_us) // limit.interval_us),
        retry_after_us=wait_us,
        reset_us=used_us,
    )


def _denies(on_exceed: OnExceed) -> bool:
    return on_exceed == "deny"

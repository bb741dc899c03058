"""The kinds of provider failure and what each one means for retry, failover and money."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class FailureKind(StrEnum):
    """How an adapter classifies what a provider answered."""

    CONTENT_POLICY = "content_policy"
    INVALID_INPUT = "invalid_input"
    AUTH = "auth"
    ACCOUNT = "account"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    UNKNOWN_OUTCOME = "unknown_outcome"
    FAILED_UPSTREAM = "failed_upstream"
    MODEL_GONE = "model_gone"
    SOURCE_GONE = "source_gone"
    MALFORMED = "malformed"


class AttemptMoney(StrEnum):
    """What happens to the reservation of the attempt that failed."""

    RELEASE = "release"
    AS_BILLED = "as_billed"
    KEEP = "keep"


class BreakerEffect(StrEnum):
    """What a failure does to the circuit breakers of its account."""

    NONE = "none"
    COUNTS = "counts"
    OPENS_ACCOUNT = "opens_account"
    """Opens at once, for every model of the account."""
    OPENS_MODEL = "opens_model"
    """Opens at once, for this model, until the configuration changes."""
    COOLS = "cools"
    """Nothing new goes there until the provider's Retry-After."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """One row of the failure table."""

    same_provider_again: bool = False
    next_candidate: bool = False
    money: AttemptMoney = AttemptMoney.RELEASE
    breaker: BreakerEffect = BreakerEffect.NONE
    alert: bool = False


REACTIONS: Mapping[FailureKind, Reaction] = MappingProxyType(
    {
        FailureKind.CONTENT_POLICY: Reaction(money=AttemptMoney.AS_BILLED),
        FailureKind.INVALID_INPUT: Reaction(),
        FailureKind.AUTH: Reaction(
            next_candidate=True, breaker=BreakerEffect.OPENS_ACCOUNT, alert=True
        ),
        FailureKind.ACCOUNT: Reaction(
            next_candidate=True, breaker=BreakerEffect.OPENS_ACCOUNT, alert=True
        ),
        FailureKind.THROTTLED: Reaction(
            same_provider_again=True, next_candidate=True, breaker=BreakerEffect.COOLS
        ),
        FailureKind.UNAVAILABLE: Reaction(
            same_provider_again=True, next_candidate=True, breaker=BreakerEffect.COUNTS
        ),
        FailureKind.UNKNOWN_OUTCOME: Reaction(
            money=AttemptMoney.KEEP, breaker=BreakerEffect.COUNTS
        ),
        FailureKind.FAILED_UPSTREAM: Reaction(
            next_candidate=True, money=AttemptMoney.AS_BILLED, breaker=BreakerEffect.COUNTS
        ),
        FailureKind.MODEL_GONE: Reaction(
            next_candidate=True, breaker=BreakerEffect.OPENS_MODEL, alert=True
        ),
        FailureKind.SOURCE_GONE: Reaction(next_candidate=True),
        FailureKind.MALFORMED: Reaction(money=AttemptMoney.KEEP, breaker=BreakerEffect.COUNTS),
    }
)
"""The failure table of the product; the gateway acts on it, adapters only classify."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One classified failure, already free of secrets.

    `code` is ours and stable; `upstream_code` is the provider's own word for it.
    """

    kind: FailureKind
    message: str
    upstream_code: str | None = None
    retry_after_s: float | None = None
    is_classified: bool = True

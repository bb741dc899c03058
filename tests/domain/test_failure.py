"""The failure table, row by row."""

from __future__ import annotations

import pytest

from proxy.domain.failure import (
    REACTIONS,
    AttemptMoney,
    BreakerEffect,
    Failure,
    FailureKind,
    Reaction,
)

NO, YES = False, True
# kind: same provider again, next candidate, alert, breaker, money of the attempt
ROWS: dict[str, tuple[bool, bool, bool, str, str]] = {
    "content_policy": (NO, NO, NO, "none", "as_billed"),
    "invalid_input": (NO, NO, NO, "none", "release"),
    "auth": (NO, YES, YES, "opens_account", "release"),
    "account": (NO, YES, YES, "opens_account", "release"),
    "throttled": (YES, YES, NO, "cools", "release"),
    "unavailable": (YES, YES, NO, "counts", "release"),
    "unknown_outcome": (NO, NO, NO, "counts", "keep"),
    "failed_upstream": (NO, YES, NO, "counts", "as_billed"),
    "model_gone": (NO, YES, YES, "opens_model", "release"),
    "source_gone": (NO, YES, NO, "none", "release"),
    "malformed": (NO, NO, NO, "counts", "keep"),
}


@pytest.mark.parametrize("kind", FailureKind)
def test_each_kind_reacts_as_its_row_says(kind: FailureKind) -> None:
    again, next_candidate, alert, breaker, money = ROWS[kind.value]
    expected = Reaction(
        same_provider_again=again,
        next_candidate=next_candidate,
        alert=alert,
        breaker=BreakerEffect(breaker),
        money=AttemptMoney(money),
    )
    assert expected == REACTIONS[kind]


def test_the_table_is_complete() -> None:
    assert set(ROWS) == {kind.value for kind in FailureKind} == {k.value for k in REACTIONS}


def test_kept_money_never_goes_on_at_another_candidate() -> None:
    """Whoever may have bought a video must not buy a second one."""
    for reaction in REACTIONS.values():
        if reaction.money is AttemptMoney.KEEP:
            assert not reaction.next_candidate
            assert not reaction.same_provider_again


def test_a_failure_counts_as_classified_unless_said_otherwise() -> None:
    assert Failure(kind=FailureKind.UNAVAILABLE, message="503").is_classified

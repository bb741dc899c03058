"""Matches, accounts, lifecycles and the other small rules of a configuration."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.period import PeriodKind
from proxy.domain.policy import Lifecycle, Match
from tests.builders import (
    NOW_S,
    RETIRED_S,
    a_budget,
    a_provider,
    a_snapshot,
    a_use,
    an_account,
)

names = st.none() | st.text(max_size=8)
metadata = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4)


@pytest.mark.parametrize(
    ("match", "covered"),
    [
        (Match(), True),
        (Match(model="veo-3.1*"), True),
        (Match(model="kling*"), False),
        (Match(provider="vertex"), True),
        (Match(provider="Vertex"), False),
        (Match(policy="best_*", model="veo*"), True),
        (Match(policy="cheapest", model="veo*"), False),
        (Match(metadata={"campaign": "spring"}), True),
        (Match(metadata={"campaign": "spr*"}), False),
        (Match(metadata={"campaign": "spring", "client": "acme"}), False),
    ],
)
def test_a_match_counts_what_agrees_in_every_field(match: Match, covered: bool) -> None:
    assert covered == match.covers(
        model="veo-3.1-fast",
        provider="vertex",
        policy="best_physics",
        metadata={"campaign": "spring", "region": "eu"},
    )


@given(names, names, names, metadata)
def test_equal_matches_are_written_alike(
    model: str | None, provider: str | None, policy: str | None, pairs: dict[str, str]
) -> None:
    match = Match(model=model, provider=provider, policy=policy, metadata=pairs)
    turned = replace(match, metadata=dict(reversed(pairs.items())))
    assert match.canonical() == turned.canonical()
    assert match.canonical().isascii()


def test_a_match_is_written_as_canonical_json() -> None:
    match = Match(model="veo*", metadata={"b": "2", "a": "ü"})
    assert '{"metadata":{"a":"\\u00fc","b":"2"},"model":"veo*"}' == match.canonical()


def test_an_account_is_scope_match_and_period() -> None:
    assert "team:marketing|month" == a_budget().account
    assert "org|day" == a_budget(scope="org", period=PeriodKind.DAY).account
    assert "team:marketing|month@15" == a_budget(start_day=15).account
    matched = a_budget(match=Match(provider="kling"))
    assert 'team:marketing{"provider":"kling"}|month' == matched.account


def test_limit_order_and_reaction_do_not_make_another_account() -> None:
    budget = a_budget()
    same = replace(budget, id="other", limit_micro_usd=1, alert_at_percent=(50,))
    assert budget.account == same.account


def test_models_are_allowed_by_globs() -> None:
    use = a_use(models=("veo-*", "kling-3.0"))
    allowed = [
        name for name in ("veo-3.1", "kling-3.0", "kling-3.0-turbo") if use.allows_model(name)
    ]
    assert ["veo-3.1", "kling-3.0"] == allowed


@pytest.mark.parametrize(
    ("lifecycle", "is_deprecated", "is_retired", "sunset_s"),
    [
        (Lifecycle(), False, False, None),
        (Lifecycle(deprecated_at_s=NOW_S), True, False, None),
        (Lifecycle(deprecated_at_s=NOW_S + 1), False, False, None),
        (Lifecycle(retires_not_before_s=RETIRED_S), True, False, RETIRED_S),
        (Lifecycle(retires_at_s=NOW_S + 1), True, False, NOW_S + 1),
        (Lifecycle(retires_at_s=NOW_S), True, True, NOW_S),
        (
            Lifecycle(retires_not_before_s=RETIRED_S, retires_at_s=NOW_S),
            True,
            True,
            NOW_S,
        ),
    ],
)
def test_an_offer_ages(
    lifecycle: Lifecycle, is_deprecated: bool, is_retired: bool, sunset_s: float | None
) -> None:
    assert (is_deprecated, is_retired, sunset_s) == (
        lifecycle.is_deprecated(NOW_S),
        lifecycle.is_retired(NOW_S),
        lifecycle.sunset_s,
    )


def test_a_provider_is_configured_by_one_account() -> None:
    unset = an_account("main", is_configured=False)
    assert not a_provider(accounts=[]).is_configured
    assert not a_provider(accounts=[unset]).is_configured
    assert a_provider(accounts=[unset, an_account("spare")]).is_configured


def test_an_offer_is_found_by_its_name() -> None:
    snapshot = a_snapshot()
    for offer in snapshot.offers:
        assert offer == snapshot.offer(offer.id)
    assert snapshot.offer("kling/unheard-of") is None

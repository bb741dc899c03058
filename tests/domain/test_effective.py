"""What two configurations differ in."""

from __future__ import annotations

from dataclasses import fields, replace
from types import MappingProxyType

from proxy.domain.bucket import RateLimit
from proxy.domain.effective import Change, changes, settings
from proxy.domain.ids import ModelName, PolicyName, TeamId
from proxy.domain.policy import Lifecycle, RouteClass, Snapshot
from proxy.domain.routing import RoutingPolicy
from tests.builders import (
    KLING,
    MARKETING,
    RETIRED_S,
    a_budget,
    a_key,
    a_rate_limit,
    a_snapshot,
    a_team,
)

NEW = TeamId("new")
MINE = PolicyName("mine")


def test_a_configuration_does_not_differ_from_itself() -> None:
    assert () == changes(a_snapshot(), a_snapshot())


def test_a_team_s_setting_is_named_with_both_values() -> None:
    before = a_snapshot(teams=[a_team()])
    team = before.teams[MARKETING]
    limits = {**team.limits, RouteClass.SUBMIT: RateLimit(capacity=10, interval_us=500_000)}
    after = a_snapshot(teams=[replace(team, limits=MappingProxyType(limits), weight=3)])
    assert (
        Change(
            where="team marketing", setting="limits.submit", before="20, 0.5/s", after="10, 2/s"
        ),
        Change(where="team marketing", setting="weight", before="1", after="3"),
    ) == changes(before, after)


def test_a_team_that_comes_or_goes_shows_everything_it_has() -> None:
    before = a_snapshot(teams=[a_team()])
    team = replace(before.teams[MARKETING], id=NEW)
    gained = changes(before, replace(before, teams={**before.teams, NEW: team}))
    assert {"team new"} == {change.where for change in gained}
    assert {None} == {change.before for change in gained}
    lost = changes(replace(before, teams={**before.teams, NEW: team}), before)
    assert {None} == {change.after for change in lost}


def test_budgets_are_not_settings() -> None:
    one, other = a_budget(), a_budget(limit_micro_usd=1)
    before = a_snapshot(teams=[a_team(budgets=[one])])
    assert () == changes(before, a_snapshot(teams=[a_team(budgets=[other])]))


def test_the_end_of_an_offer_is_a_date() -> None:
    before = a_snapshot()
    offer = replace(before.offers[0], lifecycle=Lifecycle(retires_at_s=RETIRED_S))
    (change,) = changes(before, replace(before, offers=(offer, *before.offers[1:])))
    assert (f"offer {offer.id}", "lifecycle.retires_at_s", "2026-09-24T00:00:00+00:00") == (
        change.where,
        change.setting,
        change.after,
    )


def test_prices_are_dollars_and_named_by_their_row() -> None:
    texts = settings(a_snapshot())
    prices = {setting: text for (_, setting), text in texts.items() if "per_second" in setting}
    assert prices
    assert all(setting.startswith("prices.") for setting in prices)
    assert all(text.startswith("$0.") for text in prices.values())


def test_an_order_is_written_as_in_the_file() -> None:
    policy = RoutingPolicy(name=MINE, order=(("physics", True), ("price", False)))
    before = a_snapshot()
    found = changes(before, replace(before, policies={**before.policies, MINE: policy}))
    assert {
        ("policy mine", "order", "-physics, price"),
        ("policy mine", "failover", "same_model"),
    } == {(change.where, change.setting, change.after) for change in found}


def test_a_key_shows_its_scopes_and_the_start_of_its_hash() -> None:
    key = a_key()
    texts = settings(a_snapshot(teams=[a_team()], keys=[key]))
    where = f"key {key.id} of team marketing"
    assert "read, submit" == texts[where, "scopes"]
    assert key.sha256[:8] == texts[where, "sha256"]


def test_providers_and_their_accounts_are_compared() -> None:
    before = a_snapshot()
    kling = before.providers[KLING]
    account = replace(kling.accounts[0], slots=99)
    after = replace(
        before,
        providers={**before.providers, KLING: replace(kling, accounts=(account,))},
    )
    assert [("provider kling", f"accounts.{account.name}.slots", "99")] == [
        (change.where, change.setting, change.after) for change in changes(before, after)
    ]


def test_no_part_of_a_configuration_is_forgotten() -> None:
    named = {"aliases": "alias", "artifact_bytes_max": "artifacts", "engine": "worker"}
    named |= {"public_url": "server"}
    snapshot = replace(
        a_snapshot(),
        aliases={"veo": ModelName("veo-3.1-fast")},
        public_url="https://video.example.com",
        admin_limit=a_rate_limit(),
    )
    apart = {"digest", "organisation_budgets", "admin_tokens", "keys"}
    shown = {where.partition(" ")[0] for where, _ in settings(snapshot)}
    others = {"teams": "team", "policies": "policy", "models": "model"}
    others |= {"offers": "offer", "providers": "provider"}
    others |= {"admin_limit": "admin", "outage": "outage"}
    parts = {field.name for field in fields(Snapshot)} - apart
    assert parts == named.keys() | others.keys()
    assert {*named.values(), *others.values()} <= shown

"""A month on paper: a provider dies, a model ends, prices change, budgets run out."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from random import Random
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import pytest

from proxy.domain.breaker import BreakerState
from proxy.domain.decision import ACCEPTED, is_reproduced
from proxy.domain.ids import ModelName, PolicyName, ProviderName, TeamId
from proxy.domain.money import format_usd
from proxy.domain.policy import Match, OnExceed, Use
from proxy.domain.video import VideoJob
from proxy.store.decisions import decode, encode
from tests.builders import a_budget
from tests.config.test_shipped import everything_shipped
from tests.paper.month import ACCOUNT, Month
from tests.paper.vendors import End, Outage, Vendors

if TYPE_CHECKING:
    from pathlib import Path

    from proxy.domain.policy import Snapshot

DAY_S: Final = 86_400.0
START_S: Final = 1_793_491_200.0
"""2026-11-01 00:00:00 UTC."""
EVERY_S: Final = 1_500.0
KLING, VERTEX = ProviderName("kling"), ProviderName("vertex")
VEO = ModelName("veo-3.1-fast")
DEAD: Final = Outage("kling", START_S + 9 * DAY_S, START_S + 10 * DAY_S)
GONE: Final = End("vertex", VEO, START_S + 14 * DAY_S)
EDITED_S: Final = START_S + 16 * DAY_S
DEARER_S: Final = START_S + 19 * DAY_S
MARKETING, PRODUCT, RESEARCH = (TeamId(name) for name in ("marketing", "product", "research"))
PROBES_MAX: Final = 3
REQUESTS: Final = (
    VideoJob(prompt="a paper boat"),
    VideoJob(prompt="a paper boat", policy="best_physics"),
    VideoJob(prompt="a paper boat", model=VEO, seconds=4),
    VideoJob(prompt="a paper boat", policy="cheapest_4k"),
)


def budgeted(snapshot: Snapshot) -> Snapshot:
    """Marketing's money ends, product's money for one provider ends, research's never does."""
    limits = {
        MARKETING: (a_budget(id="monthly", scope="team:marketing", limit_micro_usd=380_000_000),),
        PRODUCT: (
            a_budget(id="monthly", scope="team:product", limit_micro_usd=5_000_000_000),
            a_budget(
                id="kling",
                scope="team:product",
                limit_micro_usd=150_000_000,
                match=Match(provider="kling"),
                on_exceed=OnExceed.NEXT,
            ),
        ),
        RESEARCH: (a_budget(id="monthly", scope="team:research", limit_micro_usd=9_000_000_000),),
    }
    use = Use(policies=tuple(snapshot.policies), models=("*",), default=PolicyName("balanced"))
    teams = {
        name: replace(team, budgets=limits[name], use=use) for name, team in snapshot.teams.items()
    }
    return replace(snapshot, teams=MappingProxyType(teams), organisation_budgets=())


def without_veo(snapshot: Snapshot) -> Snapshot:
    """What somebody writes into the catalog two days after the provider said that it is gone."""
    offers = tuple(
        replace(offer, lifecycle=replace(offer.lifecycle, retires_at_s=GONE.since_s))
        if offer.model == VEO
        else offer
        for offer in snapshot.offers
    )
    return replace(snapshot, offers=offers, digest="without-veo")


def dearer(snapshot: Snapshot) -> Snapshot:
    """Vertex trebles its prices."""
    offers = tuple(
        replace(
            offer,
            prices=tuple(
                replace(price, per_second_micro_usd=3 * price.per_second_micro_usd)
                for price in offer.prices
            ),
        )
        if offer.provider == VERTEX
        else offer
        for offer in snapshot.offers
    )
    return replace(snapshot, offers=offers, digest="dearer")


@pytest.fixture(name="month", scope="module")
def _month(tmp_path_factory: pytest.TempPathFactory) -> Month:
    """Run it once."""
    return run(tmp_path_factory.mktemp("google"))


def run(folder: Path, days: int = 30) -> Month:
    snapshot = budgeted(everything_shipped(folder).snapshot)
    dice = Random(2026)  # noqa: S311 - the same month each time
    month = Month(snapshot, Vendors(dice, [DEAD], [GONE]), dice, START_S)
    at_s = START_S
    while at_s < START_S + days * DAY_S:
        for team in (MARKETING, PRODUCT, RESEARCH):
            request = dice.choice(REQUESTS)
            month.at(at_s + dice.uniform(0, EVERY_S), partial(month.create, team, request))
        at_s += EVERY_S
    month.at(EDITED_S, lambda: month.configure(without_veo(month.snapshot)))
    month.at(DEARER_S, lambda: month.configure(dearer(month.snapshot)))
    month.run()
    return month


def chosen(
    month: Month, since_s: float, until_s: float, *, policy: str | None = None
) -> Counter[str]:
    """Who was chosen first in a time, by provider."""
    return Counter(
        decision.candidate.provider
        for decision in month.decisions
        if decision.candidate is not None
        and since_s <= decision.at_s < until_s
        and policy in (None, decision.plan.policy)
    )


def share(counted: Counter[str], provider: str) -> float:
    return counted[provider] / counted.total()


def test_no_job_is_lost_and_every_hold_is_given_back(month: Month) -> None:
    assert len(month.jobs) > 3_000
    assert {"completed", "failed", "refused"} == {job.end for job in month.jobs}
    assert not any(month.bank.held.values())
    completed = sum(job.end == "completed" for job in month.jobs)
    assert completed / len(month.jobs) > 0.95


def test_no_cap_is_passed_and_one_team_s_money_ends(month: Month) -> None:
    for name, limit in month.bank.limits.items():
        assert month.bank.spent[name] <= limit
    # Product's videos at 4k have nowhere else to go once its money for Kling has ended.
    assert {(MARKETING, "monthly"), (PRODUCT, "kling")} == set(month.refused)
    kling = f"team:product{Match(provider='kling').canonical()}|month|2026-11"
    assert month.bank.spent[kling] > 0.95 * month.bank.limits[kling]
    late = chosen(month, START_S + 29 * DAY_S, START_S + 30 * DAY_S)
    assert late.total() > 0


def test_content_that_was_refused_goes_nowhere_else(month: Month) -> None:
    refused = [job for job in month.jobs if job.end == "refused"]
    assert refused
    assert all(len(job.failed_at) == job.attempts for job in refused)


def test_a_provider_that_is_dead_for_a_day_is_left_alone_and_comes_back(month: Month) -> None:
    before = share(chosen(month, START_S, DEAD.since_s), KLING)
    during = chosen(month, DEAD.since_s + 1_800, DEAD.until_s)
    after = share(chosen(month, DEAD.until_s + 1_800, DEAD.until_s + 3 * DAY_S), KLING)
    assert before > 0.1
    # Whoever wants 4k has no other offer: the policy's first is tried all the same.
    wanted = chosen(month, DEAD.since_s + 1_800, DEAD.until_s, policy="cheapest_4k")
    assert wanted[KLING] >= during[KLING] - PROBES_MAX
    assert after > before / 2
    saved = [job for job in month.jobs if KLING in job.failed_at and job.end == "completed"]
    assert saved
    breakers = month.health().breakers[KLING, ACCOUNT].values()
    assert {BreakerState.CLOSED} == {breaker.state for breaker in breakers}


def test_a_model_that_is_gone_is_served_by_its_successors(month: Month) -> None:
    named = [
        decision
        for decision in month.decisions
        if decision.request.model == VEO and decision.at_s > GONE.since_s + 3_600
    ]
    accepted = [decision for decision in named if decision.outcome == ACCEPTED]
    assert accepted
    taken = {
        (decision.candidate.provider, decision.at_s > EDITED_S)
        for decision in accepted
        if decision.candidate is not None and decision.candidate.model == VEO
    }
    # Runway sells it too, until the catalog says that it is retired.
    assert {("runway", False)} == taken
    codes = {
        skip.code for decision in accepted for skip in decision.plan.skipped if skip.model == VEO
    }
    assert {"model_gone", "retired"} <= codes


def test_prices_that_rise_move_what_is_cheap(month: Month) -> None:
    before = chosen(month, DEARER_S - 4 * DAY_S, DEARER_S)
    after = chosen(month, DEARER_S, DEARER_S + 4 * DAY_S)
    assert share(after, VERTEX) < share(before, VERTEX) / 2


def test_every_decision_can_be_made_again_from_the_log(month: Month) -> None:
    for decision in month.decisions:
        read = decode(encode(decision))
        assert is_reproduced(read, month.snapshots[read.snapshot_digest]), read.id


def test_the_same_days_again_are_the_same(tmp_path: Path) -> None:
    first, again = run(tmp_path, days=3), run(tmp_path, days=3)
    assert first.decisions == again.decisions


def test_what_it_came_to(month: Month) -> None:
    """Print what was served, where, and what it cost: `pytest -s`."""
    print(f"\n{len(month.jobs)} videos accepted, {sum(month.refused.values())} refused")  # noqa: T201
    for team in (MARKETING, PRODUCT, RESEARCH):
        jobs = [job for job in month.jobs if job.team == team]
        served = sum(job.end == "completed" for job in jobs)
        cost = sum(job.charged_micro_usd for job in jobs)
        assert cost == sum(
            spent for name, spent in month.bank.spent.items() if name.startswith(f"team:{team}|")
        )
        print(f"{team}: {served / len(jobs):.1%} of {len(jobs)} served, ${format_usd(cost)}")  # noqa: T201
    moved = [job for job in month.jobs if job.attempts > 1 and job.end == "completed"]
    extra = sum(
        job.candidate.quote_micro_usd - job.plan.candidates[0].quote_micro_usd for job in moved
    )
    print(f"{len(moved)} completed though a provider failed; ${format_usd(max(0, extra))} more")  # noqa: T201
    assert moved

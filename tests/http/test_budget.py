from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.balance import balances_at
from proxy.domain.bucket import LimitMode
from proxy.domain.period import PeriodKind
from proxy.domain.policy import Match, OnExceed
from proxy.gateway.ports.admission import BalanceState, TeamState
from tests.builders import NOW_MS, a_budget
from tests.http.buckets import a_bucket

if TYPE_CHECKING:
    from tests.http.conftest import Client
    from tests.http.fakes import RecordingVideos


def a_team_state() -> TeamState:
    """One budget that overage went past, and one with room."""
    match = Match(model="veo-3.1*", metadata={"a": "b|c"})
    budgets = [
        a_budget(
            id="fiscal",
            start_day=15,
            limit_micro_usd=1_000_000,
            match=match,
            on_exceed=OnExceed.NEXT,
        ),
        a_budget(id="ever", scope="org", period=PeriodKind.TOTAL, limit_micro_usd=2_000_000),
    ]
    states = tuple(
        BalanceState(balance=balance, spent_micro_usd=900_000, reserved_micro_usd=300_000)
        for balance in balances_at(budgets, NOW_MS)
    )
    own = a_bucket("submit:k7f3q2ab", capacity=3, remaining=3, reset_us=0, mode=LimitMode.SHADOW)
    buckets = (a_bucket("poll"), own)
    return TeamState(balances=states, buckets=buckets, open_jobs=4, running_jobs=2)


async def test_a_budget_tells_what_is_left_at_every_level(
    client: Client, videos: RecordingVideos
) -> None:
    videos.team_state = a_team_state()
    async with client.get("/v1/budget") as answer:
        assert 200 == answer.status
        body = await answer.json()
    assert ("budget", "marketing", "4711") == (body["object"], body["team"], body["cost_center"])
    assert {
        "unfinished": 4,
        "unfinished_max": 500,
        "running": 2,
        "running_max": 8,
    } == body["jobs"]
    fiscal, ever = body["accounts"]
    assert {
        "budget": "fiscal",
        "scope": "team:marketing",
        "match": {"model": "veo-3.1*", "metadata": {"a": "b|c"}},
        "period": "month",
        "period_id": "2026-11",
        "limit": "1.000000",
        "spent": "0.900000",
        "reserved": "0.300000",
        "left": "0.000000",
        "override": "0.000000",
        "on_exceed": "next",
        "resets_at": "2026-12-15T00:00:00Z",
    } == fiscal
    assert ("org", None, "total", "0.800000", None) == (
        ever["scope"],
        ever["match"],
        ever["period"],
        ever["left"],
        ever["resets_at"],
    )
    assert [
        ("poll", None, 20, 19, 2.0, "enforce"),
        ("submit", "k7f3q2ab", 3, 3, 0.0, "shadow"),
    ] == [
        tuple(
            each[name] for name in ("class", "key", "capacity", "remaining", "full_in_s", "mode")
        )
        for each in body["limits"]
    ]

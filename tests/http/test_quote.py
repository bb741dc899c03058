from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.balance import balances_at
from proxy.domain.errors import BudgetExceeded, NoRoute
from proxy.domain.ids import ModelName, ProviderName
from proxy.domain.plan import Skipped
from proxy.gateway.ports.admission import BalanceState, TeamState
from proxy.gateway.views import QuoteView
from proxy.http.quote import quote_body
from tests.builders import NOW_MS, a_budget

if TYPE_CHECKING:
    from tests.http.conftest import Client
    from tests.http.fakes import RecordingVideos


def a_team_state() -> TeamState:
    (balance,) = balances_at([a_budget(limit_micro_usd=1_000_000)], NOW_MS)
    state = BalanceState(balance=balance, spent_micro_usd=100_000, reserved_micro_usd=200_000)
    return TeamState(balances=(state,), buckets=(), open_jobs=2, running_jobs=1)


async def test_a_quote_prices_every_candidate(client: Client, videos: RecordingVideos) -> None:
    videos.team_state = a_team_state()
    async with client.post("/v1/videos/quote", json={"prompt": "x", "seconds": 5}) as answer:
        assert 200 == answer.status
        quote = await answer.json()
    assert ("video.quote", 200, "cheapest") == (quote["object"], quote["would"], quote["policy"])
    assert "kling-2.6" == quote["chosen"]["model"]
    first, second, *rest = quote["candidates"]
    assert ("0.210000", True, False) == (first["price_usd"], first["fits"], first["skipped"])
    assert [
        {"budget": "monthly", "scope": "team:marketing", "period": "2026-11", "left": "0.490000"}
    ] == first["left"]
    assert ("kling-3.0", "0.420000") == (second["model"], second["price_usd"])
    skipped = {entry["model"]: (entry["code"], entry["price_usd"]) for entry in rest}
    assert {"veo-3.1-fast": ("incapable", None), "sora-2": ("retired", None)} == skipped
    assert ["quote"] == [name for name, _ in videos.calls]


async def test_a_quote_tells_the_refusal(client: Client, videos: RecordingVideos) -> None:
    videos.quote_refusal = BudgetExceeded("no room", details={"budget": "monthly"})
    async with client.post("/v1/videos/quote", json={"prompt": "x"}) as answer:
        assert 200 == answer.status
        quote = await answer.json()
    assert {
        "status": 402,
        "message": "no room",
        "type": "budget_error",
        "param": None,
        "code": "budget_exceeded",
        "budget": "monthly",
    } == quote["would"]
    assert quote["chosen"] is None


def test_a_quote_without_a_plan_lists_what_was_skipped() -> None:
    left_out = Skipped(
        provider=ProviderName("kling"),
        model=ModelName("kling-3.0"),
        code="over_max_cost",
        detail="above max_cost_usd",
        quote_micro_usd=336_000,
    )
    refusal = NoRoute("nothing", skipped=(left_out,))
    view = QuoteView(plan=None, candidates=(), chosen=None, refusal=refusal, buckets=())
    quote = quote_body(view)
    assert [
        {
            "provider": "kling",
            "model": "kling-3.0",
            "price_usd": "0.336000",
            "skipped": True,
            "code": "over_max_cost",
            "detail": "above max_cost_usd",
        }
    ] == quote["candidates"]
    assert (None, None) == (quote["policy"], quote["chosen"])


def test_a_quote_without_a_plan_may_have_nothing_to_list() -> None:
    view = QuoteView(
        plan=None, candidates=(), chosen=None, refusal=BudgetExceeded("x"), buckets=()
    )
    assert [] == quote_body(view)["candidates"]

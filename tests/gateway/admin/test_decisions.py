"""The record of decisions, and drills, through the admin API."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.conditions import Closed, Closure, Conditions
from proxy.domain.errors import NoRoute
from proxy.domain.usage import BudgetUse
from proxy.gateway.decisions import Case, Premises
from proxy.gateway.views import Caller
from proxy.http.admin.decisions import decision_body
from proxy.http.admin.endpoints import Role
from proxy.store.decisions import RedisDecisionLog
from tests.builders import NOW_S, a_key, a_team
from tests.gateway.harness import a_video, fast_snapshot
from tests.job_builders import a_job_id, a_plan, a_request

if TYPE_CHECKING:
    from tests.gateway.admin.office import Office


async def decided(office: Office) -> None:
    stage = office.stage
    await stage.create()
    with pytest.raises(NoRoute):
        await stage.create(replace(a_video(), max_cost_micro_usd=1))
    log = RedisDecisionLog(stage.client, stage.keys)
    await stage.runtime.decisions.write(log, stage.runtime.live)


async def test_decisions_say_what_was_chosen_and_why_not_the_others(office: Office) -> None:
    await decided(office)
    refused, accepted = (await office.get("/decisions"))["data"]
    assert ("accepted", 1, "cheapest") == (
        accepted["outcome"],
        accepted["chosen"],
        accepted["policy"],
    )
    assert ["kling", "vertex"] == [each["provider"] for each in accepted["candidates"]]
    assert ("no_route", None, []) == (refused["outcome"], refused["chosen"], refused["candidates"])
    assert "over_max_cost" in {each["code"] for each in refused["skipped"]}
    assert "0.000001" == refused["asked"]["max_cost_usd"]
    assert a_video().prompt not in str(accepted)
    body = await office.get("/decisions?outcome=accepted&limit=1")
    assert [False, 1] == [body["has_more"], len(body["data"])]


async def test_a_drill_shows_where_the_day_s_videos_would_go(office: Office) -> None:
    await decided(office)
    drill = await office.get("/drill/retire?model=kling-3.0")
    assert (1, 1, 0, {}) == (
        drill["videos"],
        drill["concerned"],
        drill["refused"],
        drill["refused_by_team"],
    )
    assert {"before": "0.336000", "after": "0.400000"} == drill["cost_usd"]
    assert [
        {
            "from": {"provider": "kling", "model": "kling-3.0"},
            "to": {"provider": "vertex", "model": "veo-3.1-fast"},
            "videos": 1,
            "before_usd": "0.336000",
            "after_usd": "0.400000",
        }
    ] == drill["moves"]
    nothing = await office.get("/drill/retire?model=kling-3.0&until=2020-01-01")
    assert (0, []) == (nothing["videos"], nothing["moves"])


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/drill/retire", "invalid_request"),
        ("/drill/retire?model=dall-e", "not_found"),
        ("/decisions?colour=red", "invalid_request"),
        ("/decisions?since=yesterday", "invalid_request"),
    ],
)
async def test_mistakes_are_told(office: Office, path: str, code: str) -> None:
    status, body = await office.ask(Role.VIEWER, "GET", path)
    assert code == body["error"]["code"], status


def test_conditions_and_budgets_are_shown() -> None:
    case = Case(
        id=a_job_id(),
        caller=Caller(key=a_key(), team=a_team()),
        request=a_request(),
        snapshot=fast_snapshot(),
        premises=Premises(
            at_s=NOW_S,
            conditions=Conditions(
                closed={"kling/one": Closed(why=Closure.DRAINED, detail="by ops")},
                latency_s={"kling/one": 2.5},
                success={"kling/one": 0.5},
            ),
            budgets=(BudgetUse(budget_id="all", used_micro_usd=1, limit_micro_usd=2),),
        ),
    )
    body = decision_body(case.refused(a_plan(), "budget_exceeded"))
    assert {
        "closed": {"kling/one": {"code": "drained", "detail": "by ops"}},
        "latency_s": {"kling/one": 2.5},
        "success": {"kling/one": 0.5},
    } == body["conditions"]
    assert [{"budget": "all", "used": "0.000001", "limit": "0.000002"}] == body["budgets"]

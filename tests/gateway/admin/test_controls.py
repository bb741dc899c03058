"""Overrides, freezes and revoked keys through the admin API: what they do, and what stays."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from proxy.domain.errors import BudgetExceeded, InvalidRequest, SpendingFrozen, Unauthenticated
from proxy.domain.ids import TeamId
from proxy.domain.instant import iso_ms, parse_instant
from proxy.domain.job import JobState
from proxy.domain.policy import Scope
from proxy.gateway.admin.controls import Lift
from proxy.http.admin.endpoints import Role
from proxy.store.changes import OVERRIDES_MAX
from tests.builders import PRINTED_KEY, a_budget, a_key, a_team
from tests.gateway.admin.office import REASON, TOKENS, opened
from tests.gateway.harness import KLING_MICRO_USD, fast_snapshot
from tests.job_builders import a_mandate

if TYPE_CHECKING:
    from tests.gateway.admin.office import Office
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

UTC = ZoneInfo("UTC")
BUDGET = "monthly"
LIMIT_MICRO_USD = KLING_MICRO_USD - 1


@pytest.fixture
def stage(new_stage: StageMaker) -> Stage:
    """A team whose budget lacks a micro-dollar for one video."""
    team = a_team(budgets=[a_budget(limit_micro_usd=LIMIT_MICRO_USD)])
    return new_stage(snapshot=fast_snapshot(teams=[team]))


async def is_refused(office: Office) -> bool:
    try:
        await office.stage.create()
    except (BudgetExceeded, SpendingFrozen):
        return True
    return False


async def test_an_override_lets_a_video_pass(office: Office) -> None:
    assert await is_refused(office)
    made = await office.change(
        Role.FINANCE, "/overrides", budget=BUDGET, team="marketing", amount="0.000001"
    )
    (live,) = (await office.get("/overrides"))["data"]
    for name in ("id", "team", "balance", "amount", "until"):
        assert made[name] == live[name]
    assert ("finance1 (fina2345)", REASON) == (live["actor"], live["reason"])
    assert not await is_refused(office)
    (budget,) = (await office.get("/budgets"))["data"]
    assert "0.000001" == budget["override"]
    # Without a time it lives as long as the period it is for.
    assert parse_instant(budget["resets_at"], UTC) == parse_instant(live["until"], UTC)


async def test_a_revoked_override_lifts_nothing(office: Office) -> None:
    asked: dict[str, Any] = {"budget": BUDGET, "team": "marketing", "amount": "5"}
    made = await office.change(Role.FINANCE, "/overrides", key="lift/1", **asked)
    path = f"/overrides/{quote(made['id'], safe='')}/revoke"
    ended = await office.change(Role.FINANCE, path, key="b")
    assert {"object": "override", "id": made["id"], "revoked": True} == ended
    assert [] == (await office.get("/overrides"))["data"]
    assert await is_refused(office)
    assert ended == await office.change(Role.FINANCE, path, key="b")
    assert (404, "not_found", "override") == await office.refused(Role.FINANCE, path)
    balance = made["balance"]
    assert [
        ("override", balance, "0.000000", "5.000000"),
        ("revoke_override", made["id"], "5.000000", "0.000000"),
    ] == await office.audited()


async def test_an_override_sent_again_is_one(office: Office) -> None:
    asked: dict[str, Any] = {"budget": BUDGET, "team": "marketing", "amount": "5", "for_s": 60}
    first = await office.change(Role.FINANCE, "/overrides", key="a", **asked)
    again = await office.change(Role.FINANCE, "/overrides", key="a", **asked)
    assert (first["id"], "5.000000") == (again["id"], again["total"])
    more = await office.change(Role.FINANCE, "/overrides", **asked)
    assert "10.000000" == more["total"]
    assert 2 == len((await office.get("/overrides"))["data"])


async def test_an_override_ends_with_its_period_at_the_latest(office: Office) -> None:
    asked: dict[str, Any] = {"budget": BUDGET, "team": "marketing", "amount": "1"}
    short = await office.change(Role.FINANCE, "/overrides", for_s=60, **asked)
    now_ms = await office.stage.runtime.accounts.now_ms()
    assert 0 < parse_instant(short["until"], UTC) - now_ms <= 60_000
    (budget,) = (await office.get("/budgets"))["data"]
    reset_ms = parse_instant(budget["resets_at"], UTC)
    beyond: list[dict[str, Any]] = [{"for_s": 400 * 86_400}, {"until": "2199-01-01"}]
    for asked_for in beyond:
        long = await office.change(Role.FINANCE, "/overrides", **asked_for, **asked)
        assert reset_ms == parse_instant(long["until"], UTC)
    wanted = iso_ms(now_ms + 30_000)
    named = await office.change(Role.FINANCE, "/overrides", until=wanted, **asked)
    assert wanted == named["until"]


async def test_an_account_is_a_name_of_its_budget(office: Office) -> None:
    made = await office.change(
        Role.FINANCE, "/overrides", budget="team:marketing|month", team="marketing", amount="1"
    )
    assert made["balance"].startswith("team:marketing|month|")


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"budget": "weekly"}, (404, "not_found", "budget")),
        ({"team": None}, (404, "not_found", "budget")),
        ({"budget": None}, (400, "invalid_request", "budget")),
        ({"amount": None}, (400, "invalid_request", "amount")),
        ({"amount": "0"}, (400, "invalid_request", "amount")),
        ({"amount": "-1"}, (400, "invalid_request", "amount")),
        ({"amount": 5}, (400, "invalid_request", "amount")),
        ({"until": "2020-01-01"}, (400, "invalid_request", "until")),
        ({"until": "tomorrow"}, (400, "invalid_request", "until")),
        ({"for_s": 0}, (400, "invalid_request", "for_s")),
        ({"for_s": True}, (400, "invalid_request", "for_s")),
        ({"for_s": 5, "until": "2199-01-01"}, (400, "invalid_request", "for_s")),
    ],
)
async def test_an_override_that_makes_no_sense(
    office: Office, fields: dict[str, Any], answer: tuple[int, str, str]
) -> None:
    asked: dict[str, Any] = {"budget": BUDGET, "team": "marketing", "amount": "1", **fields}
    assert answer == await office.refused(Role.FINANCE, "/overrides", **asked)
    assert [] == await office.audited()


async def test_only_so_many_overrides_live(office: Office) -> None:
    asked: dict[str, Any] = {"budget": BUDGET, "team": "marketing", "amount": "1"}
    for _ in range(OVERRIDES_MAX):
        await office.change(Role.FINANCE, "/overrides", **asked)
    refused = await office.refused(Role.FINANCE, "/overrides", **asked)
    assert (409, "conflict", None) == refused


async def test_the_store_too_wants_an_amount(office: Office) -> None:
    """The parser refuses it first; whoever calls the use case is refused all the same."""
    desk = office.desk
    lift = Lift(budget=BUDGET, team=TeamId("marketing"), micro_usd=0)
    with pytest.raises(InvalidRequest) as caught:
        await desk.lift(lift, a_mandate())
    assert "amount" == caught.value.param


async def test_the_organisations_budgets_can_be_lifted(new_stage: StageMaker) -> None:
    own = [a_budget(scope="org", limit_micro_usd=1)]
    stage = new_stage(snapshot=fast_snapshot(organisation_budgets=own))
    async with opened(stage) as office:
        assert await is_refused(office)
        made = await office.change(Role.FINANCE, "/overrides", budget=BUDGET, amount="1")
        assert (None, "org|month") == (made["team"], made["balance"].rpartition("|")[0])
        assert not await is_refused(office)
        (live,) = (await office.get("/overrides"))["data"]
        assert (None, made["balance"]) == (live["team"], live["balance"])


@pytest.mark.parametrize(
    ("fields", "target"),
    [
        ({"team": "marketing"}, "team:marketing"),
        ({}, "everything"),
    ],
)
async def test_a_freeze_stops_new_spend(
    new_stage: StageMaker, fields: dict[str, str], target: str
) -> None:
    async with opened(new_stage()) as office:
        frozen = await office.change(Role.OPERATOR, "/freezes", **fields)
        assert {"is_frozen": True, "changed": True}.items() <= frozen.items()
        assert await is_refused(office)
        (live,) = (await office.get("/freezes"))["data"]
        assert fields.get("team") == live["team"]
        assert ("operator1 (oper2345)", REASON) == (live["actor"], live["reason"])
        again = await office.change(Role.FINANCE, "/freezes", **fields)
        assert not again["changed"]
        # Who froze it is who began it.
        assert [live] == (await office.get("/freezes"))["data"]
        thawed = await office.change(Role.FINANCE, "/freezes/thaw", **fields)
        assert {"is_frozen": False, "changed": True}.items() <= thawed.items()
        assert not await is_refused(office)
        assert [
            ("freeze", target, "free", "frozen"),
            ("freeze", target, "frozen", "frozen"),
            ("thaw", target, "frozen", "free"),
        ] == await office.audited()


async def test_a_frozen_provider_is_passed_over(new_stage: StageMaker) -> None:
    async with opened(new_stage()) as office:
        await office.change(Role.FINANCE, "/freezes", provider="kling")
        view = await office.stage.create()
        assert "vertex" == view.job.candidate.provider
        (live,) = (await office.get("/freezes"))["data"]
        assert (None, "kling") == (live["team"], live["provider"])
        (team,) = (await office.get("/teams"))["data"]
        assert (None, ["kling"]) == (team["frozen"], team["frozen_providers"])


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"team": "nobody"}, (404, "not_found", "team")),
        ({"provider": "nobody"}, (404, "not_found", "provider")),
        ({"team": "marketing", "provider": "kling"}, (400, "invalid_request", "provider")),
        ({"team": 5}, (400, "invalid_request", "team")),
    ],
)
async def test_a_freeze_that_makes_no_sense(
    office: Office, fields: dict[str, Any], answer: tuple[int, str, str]
) -> None:
    assert answer == await office.refused(Role.OPERATOR, "/freezes", **fields)


async def test_what_left_the_configuration_can_be_thawed(office: Office) -> None:
    await office.change(Role.OPERATOR, "/freezes", team="marketing")
    snapshot = office.stage.snapshot
    office.stage.reload(replace(snapshot, teams={}, keys={}))
    thawed = await office.change(Role.OPERATOR, "/freezes/thaw", team="marketing")
    assert thawed["changed"]


async def test_a_queued_job_is_held_until_the_thaw(new_stage: StageMaker) -> None:
    async with opened(new_stage()) as office:
        stage = office.stage
        view = await stage.create()
        await office.change(Role.OPERATOR, "/freezes", team="marketing")
        async with stage.working():
            await stage.turned(5)
            assert JobState.QUEUED is (await stage.load(view.job)).state
            await office.change(Role.OPERATOR, "/freezes/thaw", team="marketing")
            await stage.reached(view.job, JobState.COMPLETED)


async def test_a_revoked_key_is_refused(office: Office) -> None:
    key = a_key()
    path = f"/keys/{key.id}/revoke"
    revoked = await office.change(Role.OPERATOR, path)
    assert (key.id, True, True) == (revoked["id"], revoked["revoked"], revoked["changed"])
    videos = office.stage.videos
    caller = videos.authenticate(PRINTED_KEY, Scope.SUBMIT)
    for asked in (videos.budget(caller), office.stage.create()):
        with pytest.raises(Unauthenticated):
            await asked
    assert not (await office.change(Role.OPERATOR, path))["changed"]
    (listed,) = (await office.get("/keys"))["data"]
    assert (key.id, key.name, "marketing", True) == (
        listed["id"],
        listed["name"],
        listed["team"],
        listed["revoked"],
    )
    assert ("revoke_key", f"marketing/{key.id}", "live", "revoked") in await office.audited()


async def test_keys_are_listed_without_what_they_are_known_by(office: Office) -> None:
    async with office.client.get(
        "/admin/v1/keys", headers={"Authorization": f"Bearer {TOKENS[Role.VIEWER]}"}
    ) as answer:
        said = await answer.text()
    assert a_key().id in said
    assert a_key().sha256 not in said


async def test_an_unknown_key_is_404(office: Office) -> None:
    refused = await office.refused(Role.OPERATOR, "/keys/nothing/revoke")
    assert (404, "not_found", "key") == refused

"""The restore of a lost store through the admin API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import BudgetExceeded
from proxy.domain.money import format_usd
from proxy.http.admin.endpoints import Role
from tests.builders import a_budget, a_team
from tests.gateway.admin.office import REASON, opened
from tests.gateway.harness import KLING_MICRO_USD, fast_snapshot
from tests.gateway.losses import archive_everything, copy_of, lose_store, put_back

if TYPE_CHECKING:
    from tests.gateway.admin.office import Office
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

PATH = "/ledger/restore"
PRICE = format_usd(KLING_MICRO_USD)
ZERO = "0.000000"


@pytest.fixture
def stage(new_stage: StageMaker) -> Stage:
    """A team that can pay for one video."""
    return new_stage(
        snapshot=fast_snapshot(teams=[a_team(budgets=[a_budget(limit_micro_usd=KLING_MICRO_USD)])])
    )


async def test_what_would_be_restored_and_what_was(office: Office) -> None:
    job = (await office.stage.create()).job
    await lose_store(office.stage)
    survey = await office.get(PATH)
    [attempt] = survey.pop("attempts")
    reserved_at = attempt.pop("reserved_at")
    assert {
        "attempt": job.attempt_id,
        "team": "marketing",
        "provider": "kling",
        "model": "kling-3.0",
        "held": PRICE,
    } == attempt
    [balance] = survey["balances"].pop("differing")
    assert balance.pop("balance").startswith("team:marketing|month|")
    assert {"stored_spent": ZERO, "stored_held": ZERO, "spent": ZERO, "held": PRICE} == balance
    lost = survey.pop("lost")
    assert survey.pop("last_entry_at") == reserved_at < lost["since"]
    day = reserved_at[:10]
    assert {
        "object": "ledger.restore",
        "applied": False,
        "store": "empty",
        "needed": True,
        "files": {"days": 1, "first": day, "last": day},
        "entries": 1,
        "balances": {"count": 1},
        "overrides": [],
        "overtaken": [],
        "queued": [],
        "unknown": ["freezes", "drains", "revoked_keys"],
    } == survey
    done = await office.change(Role.OPERATOR, PATH, open="charge")
    [ended] = done["attempts"]
    assert (True, PRICE, []) == (done["applied"], ended["charged"], done["ended"])
    assert ended["entry"]
    again = await office.get(PATH)
    assert ("whole", False, None, []) == (
        again["store"],
        again["needed"],
        again["lost"],
        again["unknown"],
    )
    assert [
        ("restore", job.attempt_id, str(KLING_MICRO_USD), str(KLING_MICRO_USD)),
        ("restore", "ledger", "nothing", (await office.stage.runtime.archive.cut_at())),
    ] == await office.audited()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.FINANCE])
async def test_an_operator_restores(office: Office, role: Role) -> None:
    assert (403, "forbidden", None) == await office.refused(role, PATH)


async def test_what_must_be_said_is_named(office: Office) -> None:
    await office.stage.create()
    await lose_store(office.stage)
    refusals = {"open": {}, "queued": {"queued": "perhaps"}, "reason": {"reason": ""}}
    for param, fields in refusals.items():
        asked = {"open": "charge", **fields} if param != "open" else fields
        assert (400, "invalid_request", param) == await office.refused(
            Role.OPERATOR, PATH, **asked
        )
    for path in ("/ledger", "/report", "/ledger/verify"):
        status, body = await office.ask(Role.VIEWER, "GET", path)
        assert (503, "restore_needed") == (status, body["error"]["code"])
    await office.change(Role.OPERATOR, PATH, open="release")


async def test_jobs_that_are_queued_in_an_older_copy(new_stage: StageMaker) -> None:
    async with opened(new_stage()) as office:
        job = (await office.stage.create()).job
        copy = await copy_of(office.stage.client)
        since = (await office.stage.create()).job
        await archive_everything(office.stage)
        await put_back(office.stage.client, copy)
        survey = await office.get(PATH)
        assert ("older", [since.attempt_id]) == (
            survey["store"],
            [each["attempt"] for each in survey["attempts"]],
        )
        queued = {"job": job.id, "team": "marketing", "state": "queued", "held": PRICE}
        assert [queued] == survey["queued"]
        refused = await office.refused(Role.OPERATOR, PATH, open="charge")
        assert (400, "invalid_request", "queued") == refused
        done = await office.change(Role.OPERATOR, PATH, open="release", queued="end")
        assert [job.id] == done["ended"]


async def test_overrides_live_again(office: Office) -> None:
    made = await office.change(
        Role.FINANCE, "/overrides", budget="monthly", team="marketing", amount=PRICE
    )
    await office.change(Role.FINANCE, "/overrides", budget="monthly", team="marketing", amount="9")
    [_, revoked] = (await office.get("/overrides"))["data"]
    await office.change(Role.FINANCE, f"/overrides/{revoked['id']}/revoke")
    [before] = (await office.get("/overrides"))["data"]
    await lose_store(office.stage)
    [shown] = (await office.get(PATH))["overrides"]
    assert {name: made[name] for name in ("id", "balance", "amount", "until")} == shown
    for _ in range(2):
        await office.change(Role.OPERATOR, PATH)
        [live] = (await office.get("/overrides"))["data"]
        assert {**before, "at": live["at"]} == live
    assert REASON == before["reason"]
    for _ in range(2):
        await office.stage.made()
    with pytest.raises(BudgetExceeded):
        await office.stage.create()

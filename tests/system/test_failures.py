"""Vendor failures: what is tried elsewhere, what never is, and what is held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.system.money import check_money

if TYPE_CHECKING:
    from tests.system.deployment import Deployment

VIA_KLING = {"model": "kling-3.0", "seconds": 5}
VIA_VERTEX = {"model": "veo-3.1-fast", "seconds": 4}


def accepted(calls: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        call for call in calls["calls"] if call["operation"] == "submit" and call["accepted"]
    ]


async def test_a_refusing_first_choice_leads_to_the_next_candidate(running: Deployment) -> None:
    created = await running.create("A boat. [[kling: submit=503 times=9]]", **VIA_KLING)
    video = await running.finished(created["id"])
    assert video["status"] == "completed", video
    attempts = video["greenlight"]["attempts"]
    assert [attempt["provider"] for attempt in attempts] == ["kling", "vertex"] or len(
        attempts
    ) > 1
    assert video["greenlight"]["provider"] == "vertex"
    assert video["greenlight"]["requested_model"] == "kling-3.0"
    await check_money(running)


async def test_content_policy_is_never_tried_elsewhere(running: Deployment) -> None:
    created = await running.create("A boat. [[outcome=content_policy]]")
    video = await running.finished(created["id"])
    assert video["status"] == "failed"
    assert video["error"]["code"] == "content_policy"
    assert len(video["greenlight"]["attempts"]) == 1
    assert len(accepted(await running.simulated("calls"))) == 1
    await check_money(running)


async def test_a_lost_submit_at_kling_is_found_and_completes(running: Deployment) -> None:
    created = await running.create("A boat. [[submit=accept_then_hang]]", **VIA_KLING)
    video = await running.finished(created["id"])
    assert video["status"] == "completed", video
    assert len(video["greenlight"]["attempts"]) == 1
    assert len(accepted(await running.simulated("calls"))) == 1
    await check_money(running)


@pytest.mark.parametrize(
    ("then", "charged"), [("assume_charged", "0.400000"), ("release", "0.000000")]
)
async def test_a_lost_submit_at_vertex_ends_as_configured(
    deployment: Deployment, then: str, charged: str
) -> None:
    deployment.unknown["then"] = then
    deployment.start()
    created = await deployment.create("A boat. [[submit=accept_then_hang]]", **VIA_VERTEX)
    video = await deployment.finished(created["id"])
    assert video["status"] == "failed"
    assert video["error"]["code"] == "outcome_unknown"
    assert len(video["greenlight"]["attempts"]) == 1
    assert video["greenlight"]["cost_usd"] == {"reserved": "0.000000", "charged": charged}
    assert len(accepted(await deployment.simulated("calls"))) == 1


@pytest.mark.parametrize("fields", [VIA_KLING, VIA_VERTEX])
@pytest.mark.parametrize(
    ("submit", "status", "attempts"),
    [
        ("400", "failed", 1),
        ("401", "completed", 2),
        ("404", "completed", 2),
        ("429 times=1", "completed", 1),
        ("500 times=1", "completed", 1),
        ("500", "completed", 2),
        ("503 times=1", "completed", 1),
    ],
)
async def test_submit_failures(
    running: Deployment, fields: dict[str, Any], submit: str, status: str, attempts: int
) -> None:
    provider = "kling" if fields is VIA_KLING else "vertex"
    created = await running.create(f"A boat. [[{provider}: submit={submit}]]", **fields)
    video = await running.finished(created["id"])
    assert video["status"] == status, video
    tried = video["greenlight"]["attempts"]
    assert len({attempt["provider"] for attempt in tried}) == min(attempts, 2) or attempts == 1
    assert (len(tried) == 1) == (attempts == 1)
    assert len(accepted(await running.simulated("calls"))) == (status == "completed")
    await check_money(running)


@pytest.mark.parametrize("fields", [VIA_KLING, VIA_VERTEX])
@pytest.mark.parametrize("outcome", ["internal", "hang", "vanish", "garbage", "filtered"])
async def test_outcomes(deployment: Deployment, fields: dict[str, Any], outcome: str) -> None:
    deployment.give_up_after = "1s"
    deployment.start()
    provider = "kling" if fields is VIA_KLING else "vertex"
    created = await deployment.create(f"A boat. [[{provider}: outcome={outcome}]]", **fields)
    video = await deployment.finished(created["id"])
    attempts = video["greenlight"]["attempts"]
    expected = {
        "internal": ("completed", None),
        "filtered": ("failed", "content_policy"),
        "hang": ("failed", "outcome_unknown"),
        "vanish": ("failed", "outcome_unknown"),
        "garbage": ("failed", "outcome_unknown"),
    }[outcome]
    code = video["error"]["code"] if video["error"] else None
    assert (video["status"], code) == expected, video
    assert (len(attempts) > 1) == (outcome == "internal")
    await check_money(deployment)


async def test_cancel_answers_at_once_and_settles_inside(running: Deployment) -> None:
    created = await running.create("A boat. [[render=1]]", **VIA_KLING)
    status, body, _ = await running.api("POST", f"/videos/{created['id']}/cancel")
    assert status == 200
    assert (body["status"], body["error"]["code"]) == ("failed", "cancelled")
    await check_money(running)


async def test_an_artifact_that_cannot_be_fetched_is_lost_and_charged(
    running: Deployment,
) -> None:
    created = await running.create("A boat. [[download=404]]", **VIA_KLING)
    video = await running.finished(created["id"])
    assert (video["status"], video["error"]["code"]) == ("failed", "artifact_lost")
    assert video["greenlight"]["cost_usd"]["charged"] != "0.000000"
    await check_money(running)

"""Vendor failures: what is tried elsewhere, what never is, and what is held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.system.deployment import Deployment
from tests.system.money import check_money

if TYPE_CHECKING:
    from collections.abc import Iterator

TWO_OFFERS = {
    "policies": ["balanced"],
    "models": ["kling-3.0", "veo-3.1-fast"],
    "default": "balanced",
}
VIA_KLING = {"model": "kling-3.0", "seconds": 4}
VIA_VERTEX = {"model": "veo-3.1-fast", "seconds": 4}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """One offer at each vendor, so that a failover has exactly one place to go."""
    made = Deployment(folder=tmp_path_factory.mktemp("failures"), team={"use": TWO_OFFERS})
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Gives a job that does not end one second."""
    made = Deployment(
        folder=tmp_path_factory.mktemp("impatient"),
        team={"use": TWO_OFFERS},
        give_up_after="1s",
        render_s=0.2,
    )
    made.start()
    yield made
    made.stop()


async def bought(deployment: Deployment) -> int:
    """How many submits the simulated vendors have accepted so far."""
    calls = (await deployment.simulated("calls"))["calls"]
    return sum(call["operation"] == "submit" and call["accepted"] for call in calls)


async def test_a_refusing_first_choice_leads_to_the_next_candidate(running: Deployment) -> None:
    created = await running.create("A boat. [[kling: submit=503 times=9]]", **VIA_KLING)
    video = await running.finished(created["id"])
    assert video["status"] == "completed", video
    attempts = video["greenlight"]["attempts"]
    assert [attempt["provider"] for attempt in attempts] == ["kling", "vertex"]
    assert video["greenlight"]["provider"] == "vertex"
    assert video["greenlight"]["requested_model"] == "kling-3.0"
    await check_money(running)


async def test_content_policy_is_never_tried_elsewhere(running: Deployment) -> None:
    before = await bought(running)
    created = await running.create("A boat. [[outcome=content_policy]]")
    video = await running.finished(created["id"])
    assert video["status"] == "failed"
    assert video["error"]["code"] == "content_policy"
    assert len(video["greenlight"]["attempts"]) == 1
    assert await bought(running) == before + 1
    await check_money(running)


async def test_a_lost_submit_at_kling_is_found_and_completes(running: Deployment) -> None:
    before = await bought(running)
    created = await running.create("A boat. [[submit=accept_then_hang]]", **VIA_KLING)
    video = await running.finished(created["id"])
    assert video["status"] == "completed", video
    assert len(video["greenlight"]["attempts"]) == 1
    assert await bought(running) == before + 1
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
    assert await bought(deployment) == 1


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
    before = await bought(running)
    created = await running.create(f"A boat. [[{provider}: submit={submit}]]", **fields)
    video = await running.finished(created["id"])
    assert video["status"] == status, video
    tried = video["greenlight"]["attempts"]
    assert len(tried) == attempts
    assert await bought(running) == before + (status == "completed")
    await check_money(running)


@pytest.mark.parametrize("fields", [VIA_KLING, VIA_VERTEX])
@pytest.mark.parametrize("outcome", ["internal", "hang", "vanish", "garbage", "filtered"])
async def test_outcomes(impatient: Deployment, fields: dict[str, Any], outcome: str) -> None:
    provider = "kling" if fields is VIA_KLING else "vertex"
    created = await impatient.create(f"A boat. [[{provider}: outcome={outcome}]]", **fields)
    video = await impatient.finished(created["id"])
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
    await check_money(impatient)


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

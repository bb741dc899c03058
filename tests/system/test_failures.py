"""Vendor failures from close by; every one of them, at every vendor, is in the failure table."""

from __future__ import annotations

from typing import TYPE_CHECKING

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

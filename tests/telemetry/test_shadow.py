"""What a limit in shadow would have refused is told now and then, never request by request."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from proxy.domain.bucket import Decision
from proxy.domain.events import LimitChecked
from proxy.domain.ids import KeyId, TeamId
from proxy.telemetry.shadow import ShadowRefusals
from tests.gateway.clocks import SteppedClock
from tests.telemetry.samples import ONE_OF_EACH

REFUSED = LimitChecked(
    team=TeamId("sales"),
    key=KeyId("k2222222"),
    limit_class="poll",
    mode="shadow",
    decision=Decision.REFUSED,
)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def shadow(clock: SteppedClock, caplog: pytest.LogCaptureFixture) -> ShadowRefusals:
    caplog.set_level(logging.DEBUG, "greenlight.limits")
    return ShadowRefusals(clock)


def test_a_line_a_minute_says_how_many_there_were(
    shadow: ShadowRefusals, clock: SteppedClock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(130):
        shadow.observe(REFUSED)
        clock.advance(0.5)
    said = "a limit in shadow, poll of team sales, would have refused"
    assert [
        f"{said} 1 requests, the last of key k2222222",
        f"{said} 120 requests, the last of key k2222222",
    ] == [record.getMessage() for record in caplog.records]


def test_each_team_and_class_has_its_own_line(
    shadow: ShadowRefusals, caplog: pytest.LogCaptureFixture
) -> None:
    for event in (REFUSED, replace(REFUSED, team=TeamId("design"))):
        for limit_class in ("submit", "moderation"):
            for _ in range(2):
                shadow.observe(replace(event, limit_class=limit_class))
    assert 4 == len(caplog.records)


def test_nothing_else_is_told(shadow: ShadowRefusals, caplog: pytest.LogCaptureFixture) -> None:
    for event in (
        *ONE_OF_EACH,
        replace(REFUSED, mode="enforce"),
        replace(REFUSED, mode="local"),
        replace(REFUSED, decision=Decision.NEAR_LIMIT),
    ):
        shadow.observe(event)
    assert [] == caplog.records

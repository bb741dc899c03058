"""An outage of the store is two lines in the log, however many calls fail meanwhile."""

from __future__ import annotations

import logging

import pytest

from proxy.domain.events import StoreCalled
from proxy.telemetry.outages import StoreOutages
from tests.gateway.clocks import SteppedClock
from tests.telemetry.samples import ONE_OF_EACH

OK = StoreCalled(operation="admit", outcome="ok", took_s=0.001)
BUG = StoreCalled(operation="admit", outcome="error", took_s=0.001)
AWAY = StoreCalled(operation="admit", outcome="error", took_s=1.0, unavailable="no connection")
BEGUN = (
    logging.ERROR,
    "no connection; failed calls are counted until it is back, and not logged one by one",
)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def outages(clock: SteppedClock, caplog: pytest.LogCaptureFixture) -> StoreOutages:
    caplog.set_level(logging.DEBUG, "greenlight.store")
    return StoreOutages(clock)


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(record.levelno, record.getMessage()) for record in caplog.records]


def test_a_store_that_works_is_not_spoken_of(
    outages: StoreOutages, caplog: pytest.LogCaptureFixture
) -> None:
    for event in (*ONE_OF_EACH, OK, BUG, OK):
        outages.observe(event)
    assert [] == lines(caplog)


def test_an_outage_is_told_when_it_begins_and_when_it_is_over(
    outages: StoreOutages, clock: SteppedClock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        for _ in range(500):
            outages.observe(AWAY)
            clock.advance(0.01)
        assert BEGUN == lines(caplog)[-1]
        clock.advance(1.0)
        outages.observe(OK)
        outages.observe(OK)
    over = (logging.WARNING, "the store answers again: 500 calls failed in 6.0 s")
    assert [BEGUN, over, BEGUN, over] == lines(caplog)


def test_a_store_that_half_works_is_one_outage(
    outages: StoreOutages, clock: SteppedClock, caplog: pytest.LogCaptureFixture
) -> None:
    """It reads, say, and writes nothing."""
    for _ in range(100):
        outages.observe(AWAY)
        outages.observe(OK)
        clock.advance(0.5)
    assert [BEGUN] == lines(caplog)

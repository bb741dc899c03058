"""Fanning out, crashing on purpose, and the loop's lag."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from proxy.telemetry.loop_lag import sample_loop_lag
from proxy.telemetry.observers import CrashAt, Fanout
from tests.telemetry.clocks import StillClock
from tests.telemetry.samples import ONE_OF_EACH

if TYPE_CHECKING:
    from proxy.domain.events import Event


class Recording:
    def __init__(self) -> None:
        self.seen: list[Event] = []

    def observe(self, event: Event) -> None:
        self.seen.append(event)


def test_each_observer_sees_each_event() -> None:
    first, second = Recording(), Recording()
    fanout = Fanout(first, Fanout(second))
    for event in ONE_OF_EACH:
        fanout.observe(event)
    assert list(ONE_OF_EACH) == first.seen == second.seen


@pytest.mark.parametrize("point", ["", "Nothing", "Moved:0", "Moved:-1", "Moved:x", "moved"])
def test_a_crash_point_that_cannot_be_met_is_refused(point: str) -> None:
    with pytest.raises(ValueError, match=r"GREENLIGHT_CRASH_AT|invalid literal"):
        CrashAt(point)


@pytest.mark.parametrize(
    "point", ["Stored:2", "Ended.failed", "ProviderCalled.status", "StoreCalled.claim", "Moved:2"]
)
def test_other_events_do_not_crash(point: str) -> None:
    crash = CrashAt(point)
    for event in ONE_OF_EACH:
        crash.observe(event)


PROGRAM = """
import sys
from proxy.telemetry.observers import CrashAt
from tests.telemetry.samples import ONE_OF_EACH
crash = CrashAt(sys.argv[1])
for number in (1, 2, 3):
    print(number, flush=True)
    for event in ONE_OF_EACH:
        crash.observe(event)
"""


@pytest.mark.parametrize(
    ("point", "rounds"),
    [
        ("Admitted", 1),
        ("Moved.running:2", 2),
        ("ProviderCalled.submit:3", 3),
    ],
)
def test_the_process_is_killed_at_the_chosen_event(point: str, rounds: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, point], capture_output=True, text=True, check=False
    )
    assert -signal.SIGKILL == ended.returncode
    assert [str(number + 1) for number in range(rounds)] == ended.stdout.split()


async def test_lag_is_what_a_sleep_took_too_long() -> None:
    clock = StillClock(late_s=0.25)
    lags: list[float] = []

    def note(lag_s: float) -> None:
        lags.append(lag_s)
        if len(lags) == 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await sample_loop_lag(clock, note, interval_s=0.5)
    assert [pytest.approx(0.25)] * 3 == lags

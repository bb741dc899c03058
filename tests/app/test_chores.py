"""A background task that fails is told, counted and begun again; a vital one ends the process."""

from __future__ import annotations

import asyncio
import logging

import pytest

from proxy.app.chores import RESTART_S, kept, vital
from proxy.domain.events import ChoreFailed
from tests.fakes import RecordingObserver
from tests.http.fakes import StillClock


class Flaky:
    """Fails so many times, then ends."""

    def __init__(self, failures: int) -> None:
        self.left = failures
        self.begun = 0

    async def __call__(self) -> None:
        self.begun += 1
        if self.left:
            self.left -= 1
            message = "a bug"
            raise ZeroDivisionError(message)


async def test_a_chore_that_fails_begins_again(caplog: pytest.LogCaptureFixture) -> None:
    clock, observer, chore = StillClock(), RecordingObserver(), Flaky(2)
    began_s = clock.monotonic_s()
    await kept("gauges", chore, clock=clock, observer=observer)
    assert (3, 2 * RESTART_S) == (chore.begun, clock.monotonic_s() - began_s)
    assert [ChoreFailed(chore="gauges")] * 2 == observer.events
    told = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [ZeroDivisionError] * 2 == [record.exc_info[0] for record in told if record.exc_info]
    assert "background task gauges failed" in told[0].getMessage()


async def test_a_chore_that_is_cancelled_ends() -> None:
    task = asyncio.ensure_future(
        kept("wait", asyncio.Event().wait, clock=StillClock(), observer=RecordingObserver())
    )
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_is_vital_takes_the_process_along(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ZeroDivisionError):
        await vital("the worker", Flaky(1))
    (told,) = caplog.records
    assert (logging.CRITICAL, "the worker failed, and the process ends with it") == (
        told.levelno,
        told.getMessage(),
    )


async def test_what_is_vital_may_end(caplog: pytest.LogCaptureFixture) -> None:
    await vital("the worker", Flaky(0))
    assert [] == caplog.records

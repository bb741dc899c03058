"""The ledger is proven by itself, by one process, and what is wrong is told."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from proxy.domain.errors import StoreUnavailable
from proxy.domain.ledger_events import LedgerVerified
from proxy.domain.proof import Law, Verification, Violation
from proxy.gateway.archive import DamagedArchive
from proxy.gateway.ports.artifacts import ArtifactUnavailable
from proxy.gateway.proving import ERRAND, Proving, telling
from proxy.store.errands import RedisErrands
from tests.gateway.clocks import ShiftedClock
from tests.gateway.test_render_times import CountingClock

if TYPE_CHECKING:
    from tests.gateway.harness import Stage

SOUND = Verification(entries=3, balances=1, open_attempts=0, violations=())
BROKEN = replace(
    SOUND, violations=(Violation(law=Law.SUMS, subject="org|month", message="off by 1"),)
)


def proving(stage: Stage, result: Verification | Exception) -> Proving:
    async def verify() -> Verification:
        if isinstance(result, Exception):
            raise result
        return result

    return Proving(stage.runtime, RedisErrands(stage.client, stage.keys), verify)


def told(stage: Stage) -> list[tuple[int, int]]:
    return [(event.entries, event.broken) for event in stage.observer.of(LedgerVerified)]


async def test_it_is_proven_once_in_an_interval_by_all_processes(stage: Stage) -> None:
    first, second = proving(stage, SOUND), proving(stage, SOUND)
    await second.once(60.0)
    assert [(3, 0)] == told(stage)
    for _ in range(2):
        await first.once(60.0)
        await second.once(60.0)
    # Both show it; the other one has heard of it, and says so once.
    assert [(3, 0)] * 2 == told(stage)


async def test_what_is_mended_is_shown_by_whoever_found_it(stage: Stage) -> None:
    errands = RedisErrands(stage.client, stage.keys)
    finder = proving(stage, BROKEN)
    await finder.once(60.0)

    async def mended() -> Verification:
        return SOUND

    assert SOUND == await telling(mended, errands, ShiftedClock(1.0))()
    await finder.once(60.0)
    assert [(3, 1), (3, 0)] == told(stage)


async def test_a_proof_that_nobody_could_be_told_of_is_answered_all_the_same(stage: Stage) -> None:
    class Away(RedisErrands):
        @override
        async def report(self, name: str, result: str) -> None:
            message = "away"
            raise StoreUnavailable(message)

    async def verify() -> Verification:
        return SOUND

    assert SOUND == await telling(verify, Away(stage.client, stage.keys), stage.clock)()


async def test_nothing_is_shown_before_anybody_proved_it(stage: Stage) -> None:
    await RedisErrands(stage.client, stage.keys).take(ERRAND, every_s=60.0)
    await proving(stage, SOUND).once(60.0)
    assert [] == told(stage)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (BROKEN, [(3, 1)]),
        (DamagedArchive("a day is missing"), [(0, 1)]),
        (StoreUnavailable("away"), []),
        (ArtifactUnavailable("away"), []),
    ],
    ids=["broken", "damaged", "store away", "artifacts away"],
)
async def test_what_is_found_is_told(
    stage: Stage, result: Verification | Exception, expected: list[tuple[int, int]]
) -> None:
    await proving(stage, result).once(60.0)
    assert expected == told(stage)


async def test_it_goes_on_until_it_is_cancelled(stage: Stage) -> None:
    clock = CountingClock(2)
    stage.runtime = replace(stage.runtime, clock=clock)
    with suppress(asyncio.CancelledError):
        await proving(stage, SOUND).watch()
    every_s = stage.snapshot.engine.verify_every_s
    assert [min(every_s / 4, 60.0)] * 2 == clock.sleeps
    assert [(3, 0)] == told(stage)

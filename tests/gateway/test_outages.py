"""A store that goes away in any step and comes back: nothing is lost, nothing bought twice."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.engine import UnknownThen
from proxy.domain.errors import StoreAway, StoreUnavailable
from proxy.domain.failure import FailureKind
from proxy.domain.job import JobState, Resolution
from proxy.store.client import Client, Timeouts
from tests.fakes import PENDING, FindingProvider, failing
from tests.gateway.harness import KLING_MICRO_USD, Stage, a_video, wait_until
from tests.gateway.leases import finding, short_leases
from tests.gateway.outages import Loss
from tests.store.stores import until_back

if TYPE_CHECKING:
    from pathlib import Path

    from proxy.store.embedded import EmbeddedStore
    from tests.gateway.conftest import StageMaker


@pytest.mark.parametrize("loss", Loss)
@pytest.mark.parametrize(
    "operation",
    [
        "due",
        "claim",
        "look",
        "counts",
        "late",
        "lines",
        "load",
        "take",
        "renew",
        "release",
        "commit:running",
        "commit:storing",
        "finish",
    ],
)
async def test_the_store_goes_away_in_any_step_and_comes_back(
    new_stage: StageMaker, operation: str, loss: Loss
) -> None:
    stage = new_stage(snapshot=short_leases(UnknownThen.ASSUME_CHARGED))
    script = stage.lossy()
    script.lose(operation, loss, loss)
    stage.kling.statuses.extend([PENDING])
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert [job.attempt_id] == stage.kling.accepted
    assert (KLING_MICRO_USD, 0) == await stage.money()
    assert 2 > len(script.losses[operation])
    assert 1 == len(await _ends(stage))


async def _ends(stage: Stage) -> list[str]:
    return [entry.kind for entry in await stage.ledger() if entry.kind != "reserve"]


@pytest.mark.parametrize("loss", Loss)
async def test_the_store_goes_away_at_the_intent(new_stage: StageMaker, loss: Loss) -> None:
    stage = new_stage(snapshot=short_leases())
    script = stage.lossy()
    script.lose("begin", loss)
    finding(stage).finds.extend([False, False])
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert 1 == len(stage.kling.orders) + len(stage.vertex.orders)


@pytest.mark.parametrize("loss", Loss)
@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("fail_over", FailureKind.AUTH),
        ("finish", FailureKind.CONTENT_POLICY),
        ("commit:queued", FailureKind.THROTTLED),
        ("commit:unknown", FailureKind.UNKNOWN_OUTCOME),
    ],
)
async def test_the_store_goes_away_when_a_submit_was_refused(
    new_stage: StageMaker, operation: str, kind: FailureKind, loss: Loss
) -> None:
    stage = new_stage(snapshot=short_leases(UnknownThen.ASSUME_CHARGED))
    script = stage.lossy()
    script.lose(operation, loss, loss)
    stage.kling.submits.append(failing(kind))
    job = await stage.made()
    assert job.state.is_terminal
    kinds = [entry.kind for entry in await stage.ledger()]
    assert kinds.count("reserve") == len(job.attempts)
    assert kinds.count("settle") + kinds.count("release") == len(job.attempts)
    assert 0 == (await stage.money())[1]


async def test_the_store_goes_away_while_an_outcome_is_unknown(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=short_leases())
    script = stage.lossy()
    stage.kling.submits.append(failing(FailureKind.UNKNOWN_OUTCOME))
    script.lose("commit:running", Loss.QUESTION, Loss.ANSWER)
    finding(stage).finds.extend([True, True, True])
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert 1 == len(job.attempts)


async def test_a_store_that_hangs_and_comes_back_loses_nothing(
    store: EmbeddedStore, client: Client, tmp_path: Path
) -> None:
    """The server itself stops for a while; what was sent to it meanwhile is run when it wakes."""
    hasty = Client(store.address, timeouts=Timeouts(connect_s=0.2, answer_s=0.2))
    stage = Stage(hasty, tmp_path, snapshot=short_leases(), kling=FindingProvider())
    views = [await stage.create(replace(a_video(), prompt=f"fox {n}")) for n in range(8)]
    assert store.pid is not None

    async def has_begun() -> bool:
        return len(stage.kling.orders) > 2

    async def has_noticed() -> bool:
        return bool(stage.reports)

    async with stage.working():
        await wait_until(has_begun, "the first submits")
        os.kill(store.pid, signal.SIGSTOP)
        try:
            await wait_until(has_noticed, "the worker to notice")
        finally:
            os.kill(store.pid, signal.SIGCONT)
        await until_back(hasty)
        jobs = [await stage.finished(view.job) for view in views]
    attempts = [attempt for job in jobs for attempt in job.attempts]
    assert Resolution.OPEN not in {attempt.resolution for attempt in attempts}
    assert (sum(job.charged_micro_usd for job in jobs), 0) == await stage.money()
    bought = [*stage.kling.accepted, *stage.vertex.accepted]
    assert len(set(bought)) == len(bought)
    assert {type(error) for _, error in stage.reports} <= {StoreUnavailable, StoreAway}
    assert 0 == (await client.read(("ZCARD", stage.keys.due())))
    await stage.check_books()
    await hasty.close()

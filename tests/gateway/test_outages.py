"""A store that goes away in any step and comes back: nothing is lost, nothing bought twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.domain.failure import FailureKind
from proxy.domain.job import JobState
from proxy.domain.policy import UnknownThen
from tests.fakes import PENDING, failing
from tests.gateway.harness import KLING_MICRO_USD
from tests.gateway.leases import finding, short_leases
from tests.gateway.outages import Loss

if TYPE_CHECKING:
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage


@pytest.mark.parametrize("loss", Loss)
@pytest.mark.parametrize(
    "operation",
    [
        "due",
        "claim",
        "waiting",
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

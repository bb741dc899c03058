"""Several processes dispatch from one store: teams get their shares of it all together."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from typing import TYPE_CHECKING

from proxy.domain.ids import TeamId
from proxy.gateway.views import Caller
from tests.builders import KLING
from tests.gateway.fleet import SLOTS, WEIGHTS, shared_world
from tests.gateway.harness import a_video, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

PROCESSES = 3
JOBS = {TeamId("one"): 60, TeamId("two"): 80, TeamId("four"): 160}
"""300 jobs, such that all teams have some waiting for as long as can be."""


async def waiting(stage: Stage) -> Counter[TeamId]:
    """How many jobs of each team wait, all counted at one instant."""
    counts = await stage.runtime.lines.counts()
    return Counter({line.team: count for line, count in counts.items()})


async def created_by(stage: Stage, team: TeamId) -> None:
    snapshot = stage.snapshot
    (key,) = (each for each in snapshot.keys.values() if each.team == team)
    caller = Caller(key=key, team=snapshot.teams[team])
    creates = (
        stage.videos.create(
            caller, a_video(), fingerprint=f"{number:064}", idempotency_key=None, sdk_try=0
        )
        for number in range(JOBS[team])
    )
    await asyncio.gather(*creates)


async def test_slots_are_shared_by_weight_by_all_processes_together(
    new_stage: StageMaker, tmp_path: Path
) -> None:
    stage = new_stage(snapshot=shared_world())
    await asyncio.gather(*(created_by(stage, team) for team in WEIGHTS))
    command = (sys.executable, "-m", "tests.gateway.fleet")
    place = (str(stage.client.address.path), str(tmp_path))
    children = [
        await asyncio.create_subprocess_exec(
            *command, *place, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(PROCESSES)
    ]
    seen = [Counter(JOBS)]
    held = [0]

    async def has_begun() -> bool:
        return await waiting(stage) != seen[0]

    async def a_line_is_empty() -> bool:
        held.append(await stage.slots(KLING))
        seen.append(await waiting(stage))
        return not all(seen[-1][team] for team in WEIGHTS)

    await wait_until(has_begun, "the first process to be there")
    await wait_until(a_line_is_empty, "one of the teams to have no job waiting")

    async def all_ended() -> bool:
        return not await waiting(stage) and not await stage.slots(KLING)

    await wait_until(all_ended, "the last videos")
    outputs = await asyncio.gather(*(child.communicate(b"") for child in children))

    last_of_all = seen[-2]
    begun = {team: JOBS[team] - last_of_all[team] for team in WEIGHTS}
    whole = sum(begun.values())
    assert whole > 200, seen[-2:]
    for team, weight in WEIGHTS.items():
        share = whole * weight / sum(WEIGHTS.values())
        assert abs(begun[team] - share) <= share / 10, begun
    assert SLOTS == max(held)
    submits = [int(output) for output, _ in outputs]
    assert sum(JOBS.values()) == sum(submits)
    assert all(submits), submits

"""One of several processes that work on a store: python -m tests.gateway.fleet STORE FOLDER.

It works until its standard input ends, and then says how many submits it made.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from proxy.domain.ids import TeamId
from proxy.domain.policy import PollTimes, Snapshot
from proxy.store.address import Address
from proxy.store.client import Client
from tests.builders import KLING, a_budget, a_key, a_team, an_account
from tests.gateway.harness import Stage, fast_engine, fast_provider, fast_snapshot

WEIGHTS = {TeamId("one"): 1, TeamId("two"): 2, TeamId("four"): 4}
SLOTS = 10
RENDER_S = 0.02


def printed_key(team: TeamId) -> str:
    """A key of a team, as it is printed."""
    return f"gl_{team:a<8}_" + "s" * 43


def shared_world() -> Snapshot:
    """Teams of different weight, and one account that all of them wait for."""
    times = PollTimes(first_s=RENDER_S, min_s=0.01, max_s=0.01)
    wide = 10**12
    return fast_snapshot(
        engine=replace(fast_engine(), max_queue_wait_s=3600.0),
        teams=[
            replace(
                a_team(
                    id=team,
                    running=SLOTS,
                    budgets=[a_budget(scope=f"team:{team}", limit_micro_usd=wide)],
                    limits={},
                ),
                weight=weight,
            )
            for team, weight in WEIGHTS.items()
        ],
        keys=[a_key(printed=printed_key(team), team=team) for team in WEIGHTS],
        providers=[fast_provider(KLING, accounts=[an_account(slots=SLOTS)], poll=times)],
    )


async def run(path: str, folder: str) -> int:
    """Work until the standard input ends."""
    client = Client(Address(path=path))
    stage = Stage(client, Path(folder), snapshot=shared_world())
    async with stage.working():
        await asyncio.to_thread(sys.stdin.read)
    await client.close()
    return len(stage.kling.orders)


if __name__ == "__main__":
    print(asyncio.run(run(*sys.argv[1:])))  # noqa: T201 - its report

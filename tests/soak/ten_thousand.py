"""Ten thousand jobs over four vendors: a fifth fails, processes are killed, replies are lost.

Afterwards `greenlight ledger verify` must prove every law, and `ledger reconcile --post` must
bring the ledger to each vendor's invoice, to the micro-dollar. `SOAK_JOBS` sets the number.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import pytest

from proxy.domain.money import format_usd, parse_signed_usd
from tests.soak.books import command, reconcile_all, say, verify
from tests.soak.crowd import OFFERS, PROVIDERS, Crowd, all_ended
from tests.soak.mishaps import kill_now_and_then, lose_now_and_then, meanwhile
from tests.system.labels import labelled
from tests.system.money import all_settled, check_submits

if TYPE_CHECKING:
    from pathlib import Path

    from proxy.store.address import Address
    from tests.store.lossy_redis import LossyRedis
    from tests.system.deployment import Deployment

JOBS = int(os.environ.get("SOAK_JOBS", "10000"))
GOOD = "[[render=0.3]]"
BAD = (
    "[[render=0.3 outcome=content_policy]]",
    "[[render=0.3 outcome=internal]]",
    "[[submit=503 times=9]]",
    "[[submit=accept_then_hang times=1]]",
    "[[submit=content_policy]]",
)
"""One in five prompts carries one of these."""


def body(number: int) -> dict[str, object]:
    bad = number % 5 == 0
    said = BAD[number // 5 % len(BAD)] if bad else GOOD
    prompt = labelled(f"A boat. {said}", f"job-{number}")
    return {"prompt": prompt, **OFFERS[number % len(OFFERS)]}


async def create_and_end(crowd: Crowd, redis: LossyRedis) -> None:
    await crowd.create_all()
    await all_ended(redis)


@pytest.mark.timeout(3600)
async def test_ten_thousand_jobs_agree_with_their_invoices(
    deployment: Deployment, lossy: tuple[LossyRedis, Address], tmp_path: Path
) -> None:
    redis, address = lossy
    deployment.store_url = f"unix://{address.path}"
    deployment.providers, deployment.is_sora_alive = PROVIDERS, True
    deployment.team = {"budgets": [{"id": "monthly", "period": "month", "limit": "$1000000"}]}
    deployment.slots = 400
    # Off the loop, which carries the processes' connections to the store.
    await asyncio.to_thread(deployment.start)
    assert deployment.proxy is not None
    another = await asyncio.to_thread(deployment.spawn, "serve", "--config", deployment.config)
    processes = [deployment.proxy, another]
    crowd = Crowd(deployment, processes, [body(number) for number in range(JOBS)])
    try:
        kills, losses = await meanwhile(
            partial(kill_now_and_then, deployment, processes),
            partial(lose_now_and_then, redis),
            work=create_and_end(crowd, redis),
        )
        jobs = await all_settled(deployment, timeout_s=1200.0)
        deployment.proxy = processes[0]
        states = Counter(job.state.value for job in jobs)
        say(f"{len(jobs)} jobs {dict(states)}, {kills} kills, {losses} lost answers")
        assert len(jobs) == JOBS
        check_submits(jobs, (await deployment.simulated("invoice"))["tasks"])
        await verify(deployment)
        await reconcile_all(deployment, tmp_path, PROVIDERS)
        await export_all(deployment, tmp_path / "focus.csv")
        await verify(deployment)
    finally:
        deployment.proxy = None
        for process in processes:
            if process.is_running:
                await asyncio.to_thread(process.stop)


async def export_all(deployment: Deployment, path: Path) -> None:
    """Export all that is over as FOCUS rows: their sum is the ledger's, and the vendors' too."""
    export = ("ledger", "export", "--since", "2026-01-01", "--format", "focus-1.4", "-o")
    code, said = await command(deployment, *export, str(path), "--json")
    assert code == 0, said
    manifest = json.loads(said[said.index("{") :])
    with path.open(newline="", encoding="utf-8") as file:
        billed = [parse_signed_usd(row["BilledCost"]) for row in csv.DictReader(file)]
    invoiced = (await deployment.simulated("invoice"))["total_micro_usd"]
    say(f"FOCUS: {len(billed)} rows, {format_usd(sum(billed))}; invoices {format_usd(invoiced)}")
    assert (manifest["rows"], manifest["spent"]) == (len(billed), format_usd(sum(billed)))
    assert sum(billed) == invoiced

"""Ten thousand jobs over four vendors: a fifth fails, processes are killed, replies are lost.

Afterwards `greenlight ledger verify` must prove every law, and `ledger reconcile --post` must
bring the ledger to each vendor's invoice, to the micro-dollar. `SOAK_JOBS` sets the number.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import random
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from proxy.domain.money import format_usd, parse_signed_usd
from proxy.store.address import Address, EmbeddedAddress
from proxy.store.client import Client
from proxy.store.embedded import EmbeddedStore
from proxy.store.keys import Keys
from tests.store.lossy_redis import LossyRedis, lossy_redis
from tests.system.child import Process
from tests.system.deployment import Deployment
from tests.system.labels import labelled
from tests.system.money import TEAM, all_settled, check_submits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

JOBS = int(os.environ.get("SOAK_JOBS", "10000"))
PROCESSES = 2
KILL_EVERY_S = 5.0
LOSE_EVERY_S = 0.5
CREATES_AT_ONCE = 16
PROVIDERS = ("kling", "vertex", "runway", "openai")
OFFERS = (
    {"model": "kling-3.0", "seconds": 4},
    {"model": "veo-3.1-fast", "seconds": 4},
    {"model": "gen4.5", "seconds": 4},
    {"model": "sora-2", "seconds": 4},
)
GOOD = "[[render=0.3]]"
BAD = (
    "[[render=0.3 outcome=content_policy]]",
    "[[render=0.3 outcome=internal]]",
    "[[submit=503 times=9]]",
    "[[submit=accept_then_hang times=1]]",
    "[[submit=content_policy]]",
)
"""One in five prompts carries one of these."""


@pytest.fixture
async def lossy(tmp_path: Path) -> AsyncIterator[tuple[LossyRedis, Address]]:
    """A store of its own behind a socket that now and then loses an answer."""
    store = EmbeddedStore(EmbeddedAddress(folder=str(tmp_path / "redis")))
    store.launch()
    store.wait_ready()
    try:
        async with lossy_redis(store.address, tmp_path) as found:
            yield found
    finally:
        store.stop()


def prompt(number: int) -> str:
    bad = number % 5 == 0
    said = BAD[number // 5 % len(BAD)] if bad else GOOD
    return labelled(f"A boat. {said}", f"job-{number}")


async def create_all(deployment: Deployment, processes: list[Process]) -> None:
    """Have every job accepted; a key makes asking again safe."""
    numbers = iter(range(JOBS))

    async def create_some(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            body = {"prompt": prompt(number), **OFFERS[number % len(OFFERS)]}
            headers = {"Idempotency-Key": f"job-{number}"}
            while True:
                url = processes[number % len(processes)].addresses["base_url"]
                try:
                    async with session.post(f"{url}/videos", json=body, headers=headers) as answer:
                        if answer.status == 200:
                            break
                        assert answer.status in (429, 503), await answer.text()
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.1)

    authorization = {"Authorization": f"Bearer {deployment.api_key}"}
    async with aiohttp.ClientSession(headers=authorization) as session:
        await asyncio.gather(*(create_some(session) for _ in range(CREATES_AT_ONCE)))


async def kill_now_and_then(deployment: Deployment, processes: list[Process]) -> int:
    """Kill a process at random and start it again, until cancelled."""
    chance = random.Random(20261124)  # noqa: S311 - a seed that can be replayed
    kills = 0
    try:
        while True:
            await asyncio.sleep(KILL_EVERY_S * chance.uniform(0.7, 1.3))
            victim = chance.randrange(PROCESSES)
            processes[victim].kill()
            kills += 1
            processes[victim] = await asyncio.to_thread(
                deployment.spawn, "serve", "--config", deployment.config
            )
    except asyncio.CancelledError:
        return kills


async def lose_now_and_then(redis: LossyRedis) -> int:
    """Lose one answer of the store now and then, until cancelled."""
    chance = random.Random(20261125)  # noqa: S311 - a seed that can be replayed
    lost = 0
    try:
        while True:
            await asyncio.sleep(LOSE_EVERY_S * chance.uniform(0.5, 1.5))
            redis.losses = 1
            lost += 1
    except asyncio.CancelledError:
        return lost


async def all_ended(redis: LossyRedis) -> None:
    """Wait until the team has no unfinished job."""
    client = Client(Address(path=redis.upstream))
    try:
        async with asyncio.timeout(3000):
            while int(await client.read(("HGET", Keys().team(TEAM), "open")) or 0):
                await asyncio.sleep(0.5)
    finally:
        await client.close()


def command(deployment: Deployment, *arguments: str) -> tuple[int, str]:
    """Run the command line against the admin listener; returns the exit code and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "proxy", *arguments],
        env=os.environ
        | {
            "GREENLIGHT_ADMIN_URL": deployment.admin_url,
            "GREENLIGHT_ADMIN_TOKEN": deployment.finance_token,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def say(text: str) -> None:
    """Tell who watches; `make soak` shows it."""
    sys.stdout.write(text.rstrip() + "\n")


def told(said: str) -> str:
    """The gist of a comparison: how many lines of each kind, and the difference."""
    found = said.find("{")
    if found < 0:
        return said
    answer = json.loads(said[found:])
    comparison = answer.get("reconciliation", answer)
    kinds = ("equal", "differing", "not_invoiced", "not_ours", "misattributed", "duplicate")
    counts = {kind: comparison[kind] for kind in kinds if comparison.get(kind)}
    brief = {kind: len(each) if isinstance(each, list) else each for kind, each in counts.items()}
    posted = answer.get("posted")
    comparison = answer.get("after", comparison)
    extra = f", posted {len(posted) if isinstance(posted, list) else posted}" if posted else ""
    return f"difference {comparison.get('difference')}, {brief}{extra}"


def write_invoice(tasks: list[dict[str, Any]], provider: str, path: Path) -> None:
    """What a vendor bills, as it would send it."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["provider", "task_id", "external_id", "model", "seconds", "micro_usd"])
        for task in tasks:
            if task["provider"] == provider:
                names = ("provider", "task_id", "external_id", "model", "seconds", "micro_usd")
                writer.writerow([task[name] for name in names])


async def run_everything(
    deployment: Deployment, processes: list[Process], redis: LossyRedis
) -> tuple[int, int]:
    """Create, kill and lose until every job has ended; returns the numbers of both."""
    async with asyncio.TaskGroup() as group:
        killing = group.create_task(kill_now_and_then(deployment, processes))
        losing = group.create_task(lose_now_and_then(redis))
        await create_all(deployment, processes)
        await all_ended(redis)
        for task in (killing, losing):
            task.cancel()
        await asyncio.wait((killing, losing))
    return killing.result(), losing.result()


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
    try:
        kills, losses = await run_everything(deployment, processes, redis)
        jobs = await all_settled(deployment, timeout_s=1200.0)
        deployment.proxy = processes[0]
        states = Counter(job.state.value for job in jobs)
        say(f"{len(jobs)} jobs {dict(states)}, {kills} kills, {losses} lost answers")
        assert len(jobs) == JOBS
        check_submits(jobs, (await deployment.simulated("invoice"))["tasks"])
        code, said = await asyncio.to_thread(command, deployment, "ledger", "verify")
        say(said)
        assert code == 0
        await reconcile_all(deployment, tmp_path)
        await export_all(deployment, tmp_path / "focus.csv")
        code, said = await asyncio.to_thread(command, deployment, "ledger", "verify")
        assert code == 0, said
    finally:
        deployment.proxy = None
        for process in processes:
            if process.is_running:
                await asyncio.to_thread(process.stop)


async def reconcile_all(deployment: Deployment, folder: Path) -> None:
    """Compare each vendor's invoice, post what differs, and compare again: nothing is left."""
    tasks = (await deployment.simulated("invoice"))["tasks"]
    for provider in PROVIDERS:
        path = folder / f"{provider}.csv"
        write_invoice(tasks, provider, path)
        # Since some day, so that what was charged and never billed is found as well.
        reconcile = ("ledger", "reconcile", str(path), "--since", "2026-01-01", "--json")
        post = (*reconcile, "--post", "--reason", "the month's invoice")
        ended: list[int] = []
        for arguments in (reconcile, post, reconcile):
            code, said = await asyncio.to_thread(command, deployment, *arguments)
            say(f"{provider}, {arguments[-1]}: {told(said)}")
            ended.append(code)
        assert ended[2] == 0, provider


async def export_all(deployment: Deployment, path: Path) -> None:
    """Export all that is over as FOCUS rows: their sum is the ledger's, and the vendors' too."""
    export = ("ledger", "export", "--since", "2026-01-01", "--format", "focus-1.4", "-o")
    code, said = await asyncio.to_thread(command, deployment, *export, str(path), "--json")
    assert code == 0, said
    manifest = json.loads(said[said.index("{") :])
    with path.open(newline="", encoding="utf-8") as file:
        billed = [parse_signed_usd(row["BilledCost"]) for row in csv.DictReader(file)]
    invoiced = (await deployment.simulated("invoice"))["total_micro_usd"]
    say(f"FOCUS: {len(billed)} rows, {format_usd(sum(billed))}; invoices {format_usd(invoiced)}")
    assert (manifest["rows"], manifest["spent"]) == (len(billed), format_usd(sum(billed)))
    assert sum(billed) == invoiced

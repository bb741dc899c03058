"""Ten thousand jobs over four vendors, with every fault of the simulator switched on.

Every third job meets one, and each fault is met at each vendor that can show it. Meanwhile
processes are killed, answers of the store are lost, the configuration is edited, one vendor is
dead for a while and another one drained. Afterwards nothing may have been bought twice, no job
may have gone on after its content was refused, and `ledger reconcile --post` must bring the
ledger to each vendor's invoice, to the micro-dollar. It prints how many jobs completed though a
vendor failed, and what failing over has cost. `SOAK_JOBS` sets the number, 2,000 at least.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from proxy.simulator.tasks import UNFINISHED
from proxy.store.address import Address
from tests.soak.books import reconcile_all, say, verify
from tests.soak.crowd import PROVIDERS, Crowd, all_ended
from tests.soak.faults import FAULTS, wishes
from tests.soak.findings import Findings, found
from tests.soak.gate import Gate
from tests.soak.logs import read
from tests.soak.mishaps import kill_now_and_then, lose_now_and_then, meanwhile
from tests.soak.storm import DEAD, DRAINED, Storm, StormyDeployment
from tests.system.deployment import wait_until
from tests.system.money import all_settled
from tests.system.vendors import register_webhook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from tests.soak.faults import Wish
    from tests.store.lossy_redis import LossyRedis
    from tests.system.child import Process

JOBS = int(os.environ.get("SOAK_JOBS", "10000"))
PROCESSES = 3
QUEUED = max(150, JOBS // 20)
"""So few jobs are unfinished at a time that creates keep step with what befalls the vendors."""
DRAIN_IS_KNOWN_S = 4.0
"""Submits that were on their way when a vendor was drained have arrived by then."""
CREATED_LATER = frozenset({422, 429, 503})
"""No vendor is left for the moment, too many jobs, or the store did not answer."""


@pytest.fixture
def stormy(tmp_path: Path) -> Iterator[StormyDeployment]:
    made = StormyDeployment(folder=tmp_path)
    made.team = {
        "budgets": [{"id": "monthly", "period": "month", "limit": "$1000000"}],
        "queued": QUEUED,
    }
    yield made
    made.stop()


@asynccontextmanager
async def fleet(stormy: StormyDeployment) -> AsyncIterator[tuple[list[Process], Gate]]:
    """Several processes, called back through one address; and the gate before a vendor."""
    processes: list[Process] = []
    gate = Gate(lambda: [_port(stormy.simulator_url)])
    callbacks = Gate(lambda: [_port(process.addresses["base_url"]) for process in processes])
    await gate.open()
    await callbacks.open()
    stormy.gate_port = gate.port
    stormy.callbacks_url = f"http://127.0.0.1:{callbacks.port}"
    try:
        # Off the loop, which carries the processes' connections.
        await asyncio.to_thread(stormy.start_simulator)
        for _ in range(PROCESSES):
            serve = ("serve", "--config", stormy.config)
            processes.append(await asyncio.to_thread(stormy.spawn, *serve))
        await register_webhook(stormy)
        yield processes, gate
    finally:
        stormy.proxy = None
        for process in processes:
            if process.is_running:
                await asyncio.to_thread(process.stop)
        callbacks.shut()
        gate.shut()


def _port(url: str) -> int:
    return int(url.removesuffix("/v1").rpartition(":")[2])


async def create_and_end(crowd: Crowd, redis: LossyRedis) -> None:
    await crowd.create_all()
    await all_ended(redis)


@pytest.mark.timeout(5400)
async def test_every_fault_at_once_costs_nothing_twice(
    stormy: StormyDeployment, lossy: tuple[LossyRedis, Address], tmp_path: Path
) -> None:
    redis, address = lossy
    stormy.store_url = f"unix://{address.path}"
    wanted = wishes(JOBS)
    async with fleet(stormy) as (processes, gate):
        crowd = Crowd(stormy, processes, [wish.body for wish in wanted], CREATED_LATER, 0.3)
        storm = Storm(crowd, gate, Address(path=redis.upstream))
        kills, losses, edits, _ = await meanwhile(
            partial(kill_now_and_then, stormy, processes),
            partial(lose_now_and_then, redis),
            stormy.edit_now_and_then,
            storm.blow,
            work=create_and_end(crowd, redis),
        )
        stormy.proxy = processes[0]
        jobs = await all_settled(stormy, timeout_s=1200.0)
        invoice = await final_invoice(stormy, wanted)
        findings = found(wanted, jobs, invoice)
        faulty = sum(wish.fault is not None for wish in wanted)
        say(
            f"{len(jobs)} jobs ended, {faulty} of them met one of {len(FAULTS)} faults; {kills}"
            f" kills, {losses} lost answers, {edits} edits; creates refused for a while:"
            f" {dict(crowd.refusals)}"
        )
        check_jobs(findings)
        check_weather(storm, (await stormy.simulated("calls"))["calls"], tmp_path)
        await verify(stormy)
        adjusted = await reconcile_all(stormy, tmp_path, PROVIDERS)
        say(f"ledger minus invoices: 0.000000; attempts adjusted: {adjusted}")
        await verify(stormy)


async def final_invoice(
    stormy: StormyDeployment, wanted: Sequence[Wish]
) -> Sequence[Mapping[str, Any]]:
    """What the vendors bill once they have ended all that ever ends."""
    endless = {wish.label for wish in wanted if wish.fault and "=hang" in wish.fault.directive}

    async def ended() -> Sequence[Mapping[str, Any]] | None:
        tasks: Sequence[Mapping[str, Any]] = (await stormy.simulated("invoice"))["tasks"]
        at_work = {task["label"] for task in tasks if task["status"] in UNFINISHED}
        return tasks if at_work <= endless else None

    tasks: Sequence[Mapping[str, Any]] = await wait_until(ended, "the vendors", timeout_s=120.0)
    return tasks


def check_jobs(findings: Findings) -> None:
    """Every job ended as it should; say how, and what it cost."""
    for line in findings.lines():
        say(line)
    twice = findings.bought_twice()
    gone_on = findings.failovers_after_content_policy()
    refused = findings.refused_for_content()
    say(
        f"{len(twice)} double purchases; {len(gone_on)} failovers after one of {refused}"
        " refusals of content"
    )
    just, unjust = findings.charges()
    say(f"{just} attempts were charged what the vendors bill for them, {len(unjust)} wrongly not")
    assert len(findings.jobs) == JOBS
    assert twice == {}
    assert refused
    assert gone_on == []
    assert just
    assert unjust == []


def check_weather(storm: Storm, calls: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """The dead vendor's breaker opened and closed; nothing went to the drained one."""
    breakers, errors = read(folder)
    for line in breakers.lines():
        say(line)
    assert not errors, errors[:3]
    assert breakers.opened(DEAD)
    assert breakers.probes[DEAD]
    assert breakers.closings[DEAD]
    submits = [call for call in calls if call["operation"] == "submit"]
    again = [call for call in submits if call["provider"] == DEAD and call["at"] > storm.lived_s]
    began_s, ended_s = storm.drained_s
    meanwhile_ = [
        call["provider"] for call in submits if began_s + DRAIN_IS_KNOWN_S < call["at"] < ended_s
    ]
    say(
        f"{len(again)} submits at {DEAD} after its return; while {DRAINED} was drained"
        f" {len(meanwhile_)} submits elsewhere, {meanwhile_.count(DRAINED)} there"
    )
    assert again
    assert meanwhile_
    assert DRAINED not in meanwhile_

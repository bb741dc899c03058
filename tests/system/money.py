"""Ledger = invoice: what was charged against what the simulated vendors would bill."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.ids import TeamId
from proxy.store.address import EmbeddedAddress, parse_store_url
from proxy.store.client import Client
from proxy.store.embedded import EmbeddedStore
from proxy.store.jobs import RedisJobs
from proxy.store.keys import Keys
from proxy.store.ledger import RedisLedger
from tests.system.deployment import wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.domain.job import Attempt, Job
    from tests.system.deployment import Deployment

TEAM = TeamId("marketing")
UNKNOWN = "unknown:"


@dataclass(frozen=True, slots=True)
class Difference:
    """An attempt whose charge is not what the vendor bills, in micro-USD."""

    attempt: str
    resolved_by: str
    charged: int
    invoiced: int


@asynccontextmanager
async def store_of(deployment: Deployment) -> AsyncIterator[Client]:
    """A client of the deployment's embedded store."""
    address = parse_store_url(deployment.store_url)
    if isinstance(address, EmbeddedAddress):
        folder = str(deployment.folder / "var" / "redis")
        address = EmbeddedStore(EmbeddedAddress(folder=folder)).address
    client = Client(address)
    try:
        yield client
    finally:
        await client.close()


async def every_job(client: Client) -> list[Job]:
    """Every job the team ever had, oldest first."""
    jobs = RedisJobs(client, Keys(), retention_s=lambda _: 86_400)
    found: list[Job] = []
    while True:
        after = found[-1].id if found else None
        page = await jobs.page(TEAM, after=after, limit=100, is_ascending=True)
        found += page.jobs
        if not page.has_more:
            return found


async def all_settled(deployment: Deployment, timeout_s: float = 30.0) -> list[Job]:
    """Wait until every job has ended and its money is resolved."""
    async with store_of(deployment) as client:

        async def look() -> list[Job] | None:
            jobs = await every_job(client)
            return jobs if all(job.state.is_terminal and job.is_settled for job in jobs) else None

        found: list[Job] = await wait_until(look, "every job to be settled", timeout_s=timeout_s)
        return found


async def check_money(deployment: Deployment) -> list[Difference]:
    """Prove that charges equal the invoice to the micro-dollar; returns the allowed differences.

    Only attempts closed by `unknown.then` may differ. No vendor task may be without its attempt,
    but for those attempts.
    """
    jobs = await all_settled(deployment)
    async with store_of(deployment) as client:
        ledger = RedisLedger(client, Keys())
        assert (await ledger.verify()).violations == ()
        booked: Counter[str] = Counter()
        async for entry in ledger.entries():
            booked[entry.attempt] += entry.spent_micro_usd
    tasks = {task["task_id"]: task for task in (await deployment.simulated("invoice"))["tasks"]}
    differences: list[Difference] = []
    matched: set[str] = set()
    for job in jobs:
        for attempt in job.attempts:
            name = f"{job.id}-{attempt.number}"
            assert booked[name] == (attempt.charged_micro_usd or 0)
            found = _task_ids(attempt, name, tasks) & tasks.keys()
            matched |= found
            invoiced = sum(tasks[task_id]["micro_usd"] for task_id in found)
            charged = attempt.charged_micro_usd or 0
            by = attempt.resolved_by or ""
            if charged != invoiced or (by.startswith(UNKNOWN) and not found):
                differences.append(Difference(name, by, charged, invoiced))
    unjust = [item for item in differences if not item.resolved_by.startswith(UNKNOWN)]
    assert unjust == []
    strangers = [task for task_id, task in tasks.items() if task_id not in matched]
    assert len(strangers) <= len(differences), strangers
    return differences


def _task_ids(attempt: Attempt, name: str, tasks: dict[str, dict[str, object]]) -> set[str]:
    """The vendor's ids of what an attempt bought: by its operation, or by our external id."""
    operation = attempt.operation or {}
    known = {str(value) for value in operation.values()}
    return known | {key for key, task in tasks.items() if task["external_id"] == name}

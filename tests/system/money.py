"""Ledger = invoice: what was charged against what the simulated vendors would bill.

And the laws that only both together show: an attempt is one accepted submit at most, and what is
exported is what the ledger holds.
"""

from __future__ import annotations

import csv
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from proxy.domain.ids import TeamId
from proxy.domain.money import parse_signed_usd
from proxy.domain.report import vendor_cost
from proxy.gateway.finance.export import Export, ExportFormat
from proxy.store.address import EmbeddedAddress, parse_store_url
from proxy.store.client import Client
from proxy.store.embedded import EmbeddedStore
from proxy.store.jobs import RedisJobs
from proxy.store.keys import Keys
from proxy.store.ledger import RedisLedger
from tests.system.deployment import wait_until
from tests.system.labels import label_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from proxy.domain.job import Attempt, Job
    from tests.system.deployment import Deployment

TEAM = TeamId("marketing")
UNKNOWN = "unknown:"


@dataclass(frozen=True, slots=True)
class Difference:
    """An attempt whose charge is not what the vendor bills, in micro-USD."""

    attempt: str
    provider: str
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
        booked = await check_ledger(RedisLedger(client, Keys()))
    invoice = (await deployment.simulated("invoice"))["tasks"]
    differences: list[Difference] = []
    matched: set[str] = set()
    for job in jobs:
        for attempt in job.attempts:
            name = f"{job.id}-{attempt.number}"
            assert booked[name] == (attempt.charged_micro_usd or 0)
            found = _tasks_of(attempt, name, invoice)
            assert len(found) <= 1, f"{name} was accepted {len(found)} times: {found}"
            matched |= found.keys()
            invoiced = sum(found.values())
            charged = attempt.charged_micro_usd or 0
            by = attempt.resolved_by or ""
            if charged != invoiced or (by.startswith(UNKNOWN) and not found):
                provider = job.plan.candidates[attempt.candidate].provider
                differences.append(Difference(name, provider, by, charged, invoiced))
    unjust = [item for item in differences if not item.resolved_by.startswith(UNKNOWN)]
    assert unjust == []
    strangers = [task for task in invoice if task["task_id"] not in matched]
    lost = Counter(item.provider for item in differences)
    assert Counter(task["provider"] for task in strangers) <= lost, strangers
    check_submits(jobs, invoice)
    return differences


async def check_ledger(ledger: RedisLedger) -> Counter[str]:
    """Prove every law, and that a FOCUS export of all that is over bills what the ledger spent.

    Returns what vendors are owed for each attempt, in micro-USD.
    """
    assert (await ledger.verify()).violations == ()
    booked: Counter[str] = Counter()
    until_ms = 0
    async for entry in ledger.entries():
        booked[entry.attempt] += vendor_cost(entry)
        until_ms = entry.at_ms + 1
    export = Export(ledger, ExportFormat.FOCUS_1_4, since_ms=0, until_ms=until_ms)
    text = b"".join([piece async for piece in export.pieces()]).decode()
    rows = csv.DictReader(text.splitlines())
    assert sum(parse_signed_usd(row["BilledCost"]) for row in rows) == sum(booked.values())
    return booked


def check_submits(jobs: Iterable[Job], invoice: Iterable[Mapping[str, Any]]) -> None:
    """Prove that vendors accepted no more submits than there are attempts that were sent.

    A job whose prompt has a label is found at the vendor by it: its attempts alone count there.
    """
    sent: Counter[tuple[str, str]] = Counter()
    for job in jobs:
        for attempt in job.attempts:
            if attempt.submitted_at_ms is not None:
                provider = job.plan.candidates[attempt.candidate].provider
                sent[provider, label_in(job.request.prompt)] += 1
    accepted = Counter((task["provider"], task["label"]) for task in invoice)
    assert accepted <= sent, accepted - sent


def _tasks_of(attempt: Attempt, name: str, invoice: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """What an attempt bought, by its operation or by our external id: task id -> micro-USD."""
    known = {str(value) for value in (attempt.operation or {}).values()}
    return {
        task["task_id"]: task["micro_usd"]
        for task in invoice
        if task["task_id"] in known or task["external_id"] == name
    }

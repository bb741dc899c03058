"""One of several processes that admit against the same caps: python -m tests.store.admit_many."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from dataclasses import replace

from proxy.domain.balance import Bid
from proxy.domain.ids import KeyId, new_job_id
from proxy.gateway.ports.admission import Accepted, AdmitCommand, OverBudget
from proxy.store.address import Address
from proxy.store.client import Client
from tests.job_builders import a_job
from tests.store.stores import Store, a_balance, an_organisation_balance

AT_ONCE = 100
QUOTES = (80_000, 130_000, 210_000)
JOB = a_job(attempts=())


def caps() -> tuple[int, int, int, int]:
    """Limits of two keys, their team and the organisation, in micro-USD."""
    return 480_000_000, 800_000_000, 1_040_000_000, 1_000_000_000


def a_create(number: int) -> AdmitCommand:
    """The number-th create of this process: keys and prices change from one to the next."""
    which = number % 2
    key = KeyId(f"key{which}")
    keys, team, organisation = caps()[:2], caps()[2], caps()[3]
    balances = (
        a_balance(keys[which], id="key", scope=f"key:{key}"),
        a_balance(team),
        an_organisation_balance(organisation),
    )
    bid = Bid(candidate=0, quote_micro_usd=QUOTES[number % 3], balances=(0, 1, 2))
    job = replace(JOB, id=new_job_id(os.urandom), key=key)
    return AdmitCommand(
        job=job,
        bids=(bid,),
        balances=balances,
        buckets=(),
        queued_max=10**6,
        idempotency_key=None,
        sdk_try=0,
    )


async def run(path: str, count: int) -> dict[str, object]:
    """Admit `count` creates; returns what was accepted, and whether any refusal was unfounded."""
    client = Client(Address(path=path))
    store = Store.on(client)
    accepted: Counter[str] = Counter()
    unfounded = 0
    for start in range(0, count, AT_ONCE):
        commands = [a_create(number) for number in range(start, start + AT_ONCE)]
        results = await asyncio.gather(*(store.admission.admit(each) for each in commands))
        for command, result in zip(commands, results, strict=True):
            if isinstance(result, Accepted):
                accepted[command.job.key] += result.job.reserved_micro_usd
            else:
                assert isinstance(result, OverBudget), result
                used = result.spent_micro_usd + result.reserved_micro_usd
                fits = used + result.quote_micro_usd <= result.balance.limit_micro_usd
                unfounded += int(fits)
    await client.close()
    return {"accepted": dict(accepted), "unfounded": unfounded}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(run(sys.argv[1], int(sys.argv[2])))))

"""Several processes admit at once on one store: no cap is passed, and none refuses too early."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

from tests.store.admit_many import QUOTES, caps
from tests.store.stores import a_balance, an_organisation_balance

if TYPE_CHECKING:
    from tests.store.stores import Store

PROCESSES = 4
CREATES = 5000


async def test_four_processes_never_pass_a_cap(store: Store) -> None:
    path = str(store.client.address.path)
    command = (sys.executable, "-m", "tests.store.admit_many", path, str(CREATES))
    children = [
        await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        for _ in range(PROCESSES)
    ]
    outputs = await asyncio.gather(*(child.communicate() for child in children))
    reports = [json.loads(output) for output, _ in outputs]
    assert [0] * PROCESSES == [report["unfounded"] for report in reports]

    keys = [
        sum(report["accepted"].get(f"key{which}", 0) for report in reports) for which in (0, 1)
    ]
    balances = (
        a_balance(id="key", scope="key:key0"),
        a_balance(id="key", scope="key:key1"),
        a_balance(),
        an_organisation_balance(),
    )
    used = [reserved for _, reserved in await store.used(*balances)]
    assert [*keys, sum(keys), sum(keys)] == used
    assert all(amount <= cap for amount, cap in zip(used, caps(), strict=True)), used
    # Far more was asked for than there was room: the tightest caps are as full as can be.
    assert caps()[3] - used[3] < max(QUOTES)
    limits = {balance.name: cap for balance, cap in zip(balances, caps(), strict=True)}
    assert () == (await store.ledger.verify(limits=limits)).violations

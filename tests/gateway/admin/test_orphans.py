"""Orphans through the admin API: asked for by anybody, charged by finance or operators."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.failure import FailureKind
from proxy.domain.instant import iso_ms
from proxy.domain.money import format_usd
from proxy.domain.orphan import Fate
from proxy.http.admin.endpoints import Role
from tests.fakes import failing
from tests.gateway.admin.office import REASON, opened
from tests.gateway.listings import LOST, PRICE_MICRO_USD, ListingProvider, a_listed, looking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.gateway.admin.office import Office
    from tests.gateway.conftest import StageMaker

PATH = "/ledger/orphans"
PRICE = format_usd(PRICE_MICRO_USD)


@pytest.fixture
def kling() -> ListingProvider:
    return ListingProvider()


@pytest.fixture
async def office(new_stage: StageMaker, kling: ListingProvider) -> AsyncIterator[Office]:
    async with opened(new_stage(snapshot=looking(), kling=kling)) as office:
        yield office


@pytest.mark.parametrize("role", [Role.FINANCE, Role.OPERATOR])
async def test_orphans_are_shown_and_charged(
    office: Office, kling: ListingProvider, role: Role
) -> None:
    found = await a_listed(office.stage)
    kling.lists = [
        found,
        replace(found, task="t-2", fate=Fate.PENDING),
        replace(found, task="t-3", charge_micro_usd=None),
        replace(found, task="t-4", external_id="theirs"),
    ]
    answer = await office.get(f"{PATH}?provider=kling")
    assert ("ledger.orphans", False) == (answer["object"], answer["charged"])
    [account] = answer["accounts"]
    shown = {
        "task": "t-1",
        "external_id": LOST,
        "created_at": iso_ms(found.created_at_ms),
        "status": "made",
    }
    priced = {"model": None, "amount": PRICE, "by": "orphan:reported"}
    untouched = {"entry": None, "refused": None}
    assert {
        "provider": "kling",
        "account": "main",
        "rule": "named",
        "failure": None,
        "listed": 4,
        "strangers": 1,
        "pending": [{**shown, "task": "t-2", "status": "pending"}],
        "orphans": [
            {**shown, **priced, **untouched},
            {**shown, "task": "t-3", **priced, "amount": None, **untouched}
            | {"by": "orphan:price_book"},
        ],
    } == account
    charged = await office.change(role, PATH, since=iso_ms(found.created_at_ms - 5))
    [account] = charged["accounts"]
    first, second = account["orphans"]
    assert (True, None) == (bool(first["entry"]), second["entry"])
    assert found.created_at_ms - 5 == round(kling.asked_since_s[-1] * 1000)
    [entry] = (await office.get("/ledger?kind=unattributed"))["data"]
    assert (PRICE, f"{REASON}: t-1, as {LOST}") == (entry["spent"], entry["reason"])
    [account] = (await office.get(PATH))["accounts"]
    assert ["t-3"] == [each["task"] for each in account["orphans"]]


async def test_a_list_that_cannot_be_read_is_said(office: Office, kling: ListingProvider) -> None:
    kling.refusal = failing(FailureKind.AUTH)
    [account] = (await office.get(PATH))["accounts"]
    assert ("auth", 0, []) == (account["failure"], account["listed"], account["orphans"])


async def test_what_is_refused(office: Office) -> None:
    assert (403, "forbidden", None) == await office.refused(Role.VIEWER, PATH)
    refused = await office.refused(Role.FINANCE, PATH, provider="runway")
    assert (404, "not_found", "provider") == refused
    assert (400, "invalid_request", "since") == await office.refused(
        Role.FINANCE, PATH, since="yesterday"
    )

"""Finance's part of the admin API: what it takes, what it answers."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from typing_extensions import override

from proxy.domain.errors import StoreUnavailable
from proxy.domain.proof import Law, Verification, Violation
from proxy.gateway.balances import BalanceBook
from proxy.gateway.finance.desk import FinanceDesk
from proxy.gateway.live import Current, Live
from proxy.gateway.ports.ledger import Mandate
from proxy.http.finance import FinanceRoutes
from proxy.http.middleware import render_errors, request_ids
from tests.builders import a_budget, a_snapshot, a_team
from tests.fakes import RecordingObserver, ScriptedProviders
from tests.gateway.finance.ledger_fake import FakeLedger
from tests.gateway.finance.test_desk import KnownAccounts, NovemberClock, a_book
from tests.http.fakes import StillClock
from tests.ledger_entries import a_charge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.domain.ledger import Entry
    from tests.http.conftest import Client

SOUND = Verification(entries=3, balances=1, open_attempts=1, violations=())
REASON = "invoice 11 of kling"


class BreakingLedger(FakeLedger):
    """Its store goes away after some entries."""

    breaks_after: int | None = None

    @override
    async def entries(
        self, since_ms: int | None = None, until_ms: int | None = None
    ) -> AsyncIterator[Entry]:
        left = self.breaks_after
        async for entry in super().entries(since_ms, until_ms):
            if left == 0:
                message = "the store does not answer"
                raise StoreUnavailable(message)
            left = None if left is None else left - 1
            yield entry


class Office:
    """A ledger, and an admin listener that lets everybody in."""

    def __init__(self) -> None:
        self.book = a_book()
        self.ledger = BreakingLedger(self.book)
        self.verification = SOUND

    def routes(self) -> FinanceRoutes:
        snapshot = a_snapshot(teams=[a_team(budgets=[a_budget()])])
        live = Live(Current(snapshot=snapshot, providers=ScriptedProviders({})))
        desk = FinanceDesk(
            live,
            KnownAccounts(),
            balances=BalanceBook(NovemberClock()),
            history=self.ledger,
            ledger=self.ledger,
        )
        return FinanceRoutes(desk, verify=self.verify, mandates=self.mandate)

    async def verify(self) -> Verification:
        return self.verification

    def mandate(self, request: web.Request, *, operation: str, reason: str) -> Mandate:
        return Mandate(operation=operation, actor="fin1", role="finance", reason=reason)


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
async def admin(office: Office) -> AsyncIterator[Client]:
    routes = office.routes()
    app = web.Application(
        middlewares=[
            request_ids(StillClock(), RecordingObserver(), lambda count: b"\x07" * count),
            render_errors,
        ]
    )
    for route in routes.table():
        app.router.add_route(route.method, route.path, route.handler)
    async with TestClient(TestServer(app)) as connected:
        yield connected


def test_only_changes_ask_for_more_than_a_viewer(office: Office) -> None:
    asked = {route.path: route.role for route in office.routes().table()}
    changes = {"/ledger/reconcile/post", "/ledger/write_off"}
    assert changes == {path for path, role in asked.items() if role == "finance"}
    assert {"viewer", "finance"} == set(asked.values())


async def test_budgets_of_all_teams(admin: Client) -> None:
    async with admin.get("/budgets") as answer:
        body = await answer.json()
    (budget,) = body["data"]
    assert {
        "team": "marketing",
        "account": "team:marketing|month",
        "budget": "monthly",
        "limit": "5000.000000",
        "spent": "0.000001",
        "reserved": "0.000010",
        "left": "4999.999989",
        "forecast": "0.000001",
    }.items() <= budget.items()


async def test_what_accounts_would_open_with(admin: Client) -> None:
    zones = {"team:marketing|month": "America/New_York", "team:marketing|hour": None}
    async with admin.post("/budgets/preview", json={"accounts": zones}) as answer:
        body = await answer.json()
    month, hour = body["data"]
    assert {
        "object": "budget.preview",
        "account": "team:marketing|month",
        "period_id": "2026-11",
        "spent": "0.000005",
        "reserved": "0.000003",
    } == month
    assert "team:marketing|hour" == hour["account"]


@pytest.mark.parametrize(
    ("accounts", "why"),
    [
        (None, "accounts must be an object"),
        ([], "accounts must be an object"),
        ({str(number): "UTC" for number in range(1001)}, "at most 1000"),
        ({"team:marketing|month": "Mars"}, "'Mars' is not a time zone"),
        ({"team:marketing|month": 5}, "must be a string"),
        ({"marketing": "UTC"}, "'marketing' is no account; one is named like"),
    ],
)
async def test_a_preview_of_what_is_no_account(admin: Client, accounts: object, why: str) -> None:
    async with admin.post("/budgets/preview", json={"accounts": accounts}) as answer:
        error = (await answer.json())["error"]
    assert 400 == answer.status
    assert why in error["message"]


async def test_a_report_is_money_in_dollars(admin: Client) -> None:
    async with admin.get("/report?period=2026-11&by=team,model") as answer:
        body = await answer.json()
    assert {
        "object": "report",
        "by": ["team", "model"],
        "period": "2026-11",
    }.items() <= body.items()
    (row,) = body["rows"]
    assert {"team": "marketing", "model": "kling-3.0"} == row.pop("group")
    assert row == body["total"]
    assert {
        "spent": "0.000005",
        "overage": "0.000000",
        "adjusted": "0.000000",
        "written_off": "0.000000",
        "held": "0.000003",
        "attempts": 1,
        "videos": 1,
        "delivered_seconds": 5,
        "per_video": "0.000005",
        "per_second": "0.000001",
        "wasted": "0.000000",
        "wasted_by_outcome": {},
        "forecast": "0.000007",
    } == row
    assert "linear" == body["forecast_method"]


async def test_waste_is_told_by_outcome(admin: Client, office: Office) -> None:
    office.book.attempt("c-1", quote=9, cost=9, charge=a_charge(outcome="content_policy"))
    async with admin.get("/report?since=2026-11-01") as answer:
        body = await answer.json()
    assert (None, None, {"content_policy": "0.000009"}) == (
        body["period"],
        body["total"]["forecast"],
        body["total"]["wasted_by_outcome"],
    )


async def test_entries_are_listed(admin: Client) -> None:
    async with admin.get("/ledger") as answer:
        assert 3 == len((await answer.json())["data"])
    async with admin.get("/ledger?kind=settle&job=a&limit=1") as answer:
        body = await answer.json()
    (entry,) = body["data"]
    assert {
        "kind": "settle",
        "job": "a",
        "attempt": "a-1",
        "team": "marketing",
        "spent": "0.000005",
        "reserved": "-0.000005",
        "task": "t1",
        "until": None,
        "balances": ["org|month|2026-11"],
    }.items() <= entry.items()
    assert body["has_more"] is False


@pytest.mark.parametrize("format_name", ["csv", "focus-1.4", "focus-1.0", "jsonl"])
async def test_the_file_is_what_its_manifest_says(admin: Client, format_name: str) -> None:
    query = f"?period=2026-11&format={format_name}"
    async with admin.get(f"/ledger/export{query}") as answer:
        content = await answer.read()
        media = answer.headers["Content-Type"]
    async with admin.get(f"/ledger/export/manifest{query}") as answer:
        manifest = await answer.json()
    assert hashlib.sha256(content).hexdigest() == manifest["sha256"]
    assert "0.000005" == manifest["spent"]
    if format_name == "jsonl":
        assert "application/x-ndjson; charset=utf-8" == media
        assert 3 == len([json.loads(line) for line in content.splitlines()])
    else:
        assert "text/csv; charset=utf-8" == media
        assert manifest["rows"] == len(list(csv.reader(io.StringIO(content.decode())))) - 1


async def test_an_export_of_nothing_is_an_empty_file(admin: Client) -> None:
    async with admin.get("/ledger/export?period=2025-11&format=jsonl") as answer:
        assert (200, b"") == (answer.status, await answer.read())


async def test_a_store_that_is_away_is_said_before_the_file_begins(
    admin: Client, office: Office
) -> None:
    office.ledger.breaks_after = 1
    async with admin.get("/ledger/export") as answer:
        assert 503 == answer.status


async def test_a_file_that_breaks_off_is_no_whole_file(admin: Client, office: Office) -> None:
    for number in range(1000):
        office.book.attempt(f"x{number}-1", quote=5, cost=5, charge=a_charge())
    office.ledger.breaks_after = 1500
    async with admin.get("/ledger/export") as answer:
        assert 200 == answer.status
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_a_proof_names_what_does_not_hold(admin: Client, office: Office) -> None:
    async with admin.get("/ledger/verify") as answer:
        assert (await answer.json())["sound"] is True
    office.verification = Verification(
        entries=3,
        balances=1,
        open_attempts=1,
        violations=(Violation(law=Law.SUMS, subject="org|month|2026-11", message="off by 1"),),
    )
    async with admin.get("/ledger/verify") as answer:
        body = await answer.json()
    assert (False, [{"law": "I1", "subject": "org|month|2026-11", "message": "off by 1"}]) == (
        body["sound"],
        body["violations"],
    )


INVOICE = "task_id,micro_usd\nt1,7\norphan,3\n"


async def test_an_invoice_is_compared(admin: Client, office: Office) -> None:
    before = len(office.book.entries)
    async with admin.post(
        "/ledger/reconcile", json={"invoice": INVOICE, "provider": "kling"}
    ) as answer:
        body = await answer.json()
    assert {"lines": 2, "invoiced": "0.000010", "difference": "-0.000005"}.items() <= body.items()
    (differing,) = body["differing"]
    assert {
        "provider": "kling",
        "attempt": "a-1",
        "task": "t1",
        "team": "marketing",
        "charged": "0.000005",
        "invoiced": "0.000007",
        "missing": "0.000002",
        "outcome": "completed",
        "by": "vendor",
        "lines": [2],
    } == differing
    assert [("orphan", None)] == [(each["task"], each["outcome"]) for each in body["not_ours"]]
    assert before == len(office.book.entries)


async def test_an_invoice_is_posted_with_its_reason(admin: Client, office: Office) -> None:
    fields = {"invoice": INVOICE, "provider": "kling", "period": "2026-11", "reason": REASON}
    async with admin.post("/ledger/reconcile/post", json=fields) as answer:
        body = await answer.json()
    assert ["differing", "not_ours"] == [each["verdict"] for each in body["posted"]]
    assert [] == body["refused"]
    assert ("-0.000005", "0.000000") == (
        body["before"]["difference"],
        body["after"]["difference"],
    )
    assert {REASON} == {mandate.reason for mandate in office.ledger.mandates}


async def test_a_refused_correction_is_told(admin: Client) -> None:
    fields = {"invoice": "task,provider,micro_usd\nt1,kling,-1\n", "reason": REASON}
    async with admin.post("/ledger/reconcile/post", json=fields) as answer:
        (refused,) = (await answer.json())["refused"]
    assert ("below_zero", None) == (refused["refused"], refused["entry"])


async def test_a_cost_is_written_off_once(admin: Client, office: Office) -> None:
    fields = {"attempt": "a-1", "reason": "a wrong video"}
    async with admin.post("/ledger/write_off", json=fields) as answer:
        assert {"attempt": "a-1", "amount": "0.000005"}.items() <= (await answer.json()).items()
    assert ["write_off:a-1"] == [mandate.operation for mandate in office.ledger.mandates]
    async with admin.post("/ledger/write_off", json=fields) as answer:
        assert 400 == answer.status
        assert "nothing to write off" in (await answer.json())["error"]["message"]


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/report?by=colour", "by"),
        ("/report?colour=red", "colour"),
        ("/report?period=soon", "period"),
        ("/ledger?kind=gift", "kind"),
        ("/ledger?limit=0", "limit"),
        ("/ledger?limit=1001", "limit"),
        ("/ledger?limit=many", "limit"),
        ("/ledger/export?format=xlsx", "format"),
        ("/ledger/export/manifest?timezone=Mars", "timezone"),
    ],
)
async def test_a_query_that_cannot_be_read_is_refused(
    admin: Client, path: str, param: str
) -> None:
    async with admin.get(path) as answer:
        assert (400, param) == (answer.status, (await answer.json())["error"]["param"])


@pytest.mark.parametrize(
    ("path", "content", "param"),
    [
        ("/ledger/reconcile", "not JSON", None),
        ("/ledger/reconcile", "[]", None),
        ("/ledger/reconcile", "[" * 100_000, None),
        ("/ledger/reconcile", "{}", "invoice"),
        ("/ledger/reconcile", '{"invoice": ""}', "invoice"),
        ("/ledger/reconcile", '{"invoice": 5}', "invoice"),
        ("/ledger/reconcile", '{"invoice": "x", "colour": "red"}', "colour"),
        ("/ledger/reconcile", '{"invoice": "x", "reason": "y"}', "reason"),
        ("/ledger/reconcile", '{"invoice": "\\ud800"}', "invoice"),
        ("/ledger/reconcile/post", '{"invoice": "task,amount"}', "reason"),
        ("/ledger/write_off", '{"reason": "y"}', "attempt"),
        ("/ledger/write_off", '{"attempt": "x-1", "reason": "y"}', "attempt"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    admin: Client, path: str, content: str, param: str | None
) -> None:
    async with admin.post(path, data=content) as answer:
        assert (400, param) == (answer.status, (await answer.json())["error"]["param"])

"""`ledger orphans`: what was found at the vendors, and charging it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.console import Terminal
    from tests.cli.fake_proxy import FakeProxy, Json


@pytest.fixture
def admin(proxy: FakeProxy, monkeypatch: pytest.MonkeyPatch) -> FakeProxy:
    monkeypatch.setenv("GREENLIGHT_ADMIN_URL", proxy.url)
    monkeypatch.setenv("GREENLIGHT_ADMIN_TOKEN", proxy.key)
    return proxy


def an_orphan(**changed: object) -> Json:
    return {
        "task": "893605946402811985",
        "external_id": "video_a-1",
        "created_at": "2026-11-22T09:30:00.250Z",
        "status": "made",
        "amount": "0.336000",
        "entry": None,
        "refused": None,
        **changed,
    }


def an_answer(**changed: object) -> Json:
    account = {
        "provider": "kling",
        "account": "main",
        "rule": "named",
        "failure": None,
        "listed": 41,
        "strangers": 0,
        "pending": [],
        "orphans": [],
        **changed,
    }
    return {"object": "ledger.orphans", "charged": False, "accounts": [account]}


async def test_nothing_is_unexplained(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer(an_answer())
    said = await terminal.beside("ledger", "orphans", "--provider", "kling")
    assert (0, "kling/main: 41 listed, 0 unexplained, 0 more at work\n") == (said.code, said.out)
    assert ("/admin/v1/ledger/orphans", {"provider": "kling"}) == (
        admin.asked[0].path,
        admin.asked[0].query,
    )


async def test_orphans_are_shown(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer(an_answer(orphans=[an_orphan()], pending=[{}], strangers=2))
    said = await terminal.beside("ledger", "orphans")
    assert 1 == said.code
    assert "1 unexplained, 1 more at work, 2 not of ours by the rule named" in said.out
    assert "893605946402811985  video_a-1  2026-11-22 09:30:00Z  made    $0.336" in said.out


async def test_orphans_are_charged(admin: FakeProxy, terminal: Terminal) -> None:
    charged = [an_orphan(entry="1-1"), an_orphan(refused="stale")]
    admin.will_answer(an_answer(orphans=charged))
    since = ("--since", "2026-11-01")
    said = await terminal.beside("ledger", "orphans", "--post", "--reason", "lost", *since)
    assert 0 == said.code
    assert ["yes", "before"] == [line.split()[-1] for line in said.out.splitlines()[2:]]
    assert {"provider": None, "since": "2026-11-01", "reason": "lost"} == json.loads(
        admin.asked[0].body
    )


async def test_an_orphan_without_a_price_is_left(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer(an_answer(orphans=[an_orphan(amount=None)]))
    said = await terminal.beside("ledger", "orphans", "--post", "--reason", "lost", "--json")
    assert (1, "ledger.orphans") == (said.code, json.loads(said.out)["object"])


async def test_a_list_that_could_not_be_read(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer(an_answer(failure="throttled"))
    said = await terminal.beside("ledger", "orphans")
    assert (1, "kling/main: the list could not be read, throttled\n") == (said.code, said.out)


async def test_no_account_is_looked_at(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer({"object": "ledger.orphans", "accounts": []})
    said = await terminal.beside("ledger", "orphans")
    assert (0, True) == (said.code, "accounts[].orphans" in said.out)


async def test_a_charge_needs_a_reason(admin: FakeProxy, terminal: Terminal) -> None:
    said = await terminal.beside("ledger", "orphans", "--post")
    assert (2, []) == (said.code, admin.asked)

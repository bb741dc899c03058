"""`ledger restore`: what it would do, and doing it."""

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


def a_survey(**changed: object) -> Json:
    return {
        "object": "ledger.restore",
        "applied": False,
        "store": "empty",
        "needed": True,
        "files": {"days": 2, "first": "2026-11-20", "last": "2026-11-21"},
        "entries": 42,
        "last_entry_at": "2026-11-21T23:59:00.250Z",
        "lost": {"since": "2026-11-22T00:00:00.000Z", "until": "2026-11-23T09:00:00.000Z"},
        "balances": {"count": 7, "differing": []},
        "overrides": [],
        "attempts": [],
        "overtaken": [],
        "queued": [],
        "unknown": [],
        **changed,
    }


async def test_what_a_restore_would_do(admin: FakeProxy, terminal: Terminal) -> None:
    attempt = {
        "attempt": "video_a-1",
        "team": "marketing",
        "provider": "vertex",
        "reserved_at": "2026-11-21T23:50:00.250Z",
        "held": "0.400000",
    }
    balance = {
        "balance": "org|month|2026-11",
        "spent": "9.000000",
        "held": "0.400000",
        "stored_spent": "0.000000",
        "stored_held": "0.000000",
    }
    admin.will_answer(
        a_survey(
            store="older",
            balances={"count": 7, "differing": [balance] * 41},
            attempts=[attempt],
            overrides=[{}],
            overtaken=[{}],
            queued=[{}, {}],
            unknown=["freezes", "drains", "revoked_keys"],
        )
    )
    said = await terminal.beside("ledger", "restore")
    assert (1, "/admin/v1/ledger/restore") == (said.code, admin.asked[0].path)
    for words in (
        "is an older copy",
        "2 days, 2026-11-20 to 2026-11-21",
        "42, the last one of 2026-11-21 23:59:00Z",
        "whatever was entered from 2026-11-22 00:00:00Z to 2026-11-23 09:00:00Z",
        "7, 41 differ from their entries",
        "org|month|2026-11  $9.00  $0.40",
        "and 1 more",
        "1 live by the ledger",
        "--open charge or release",
        "video_a-1  marketing  vertex    2026-11-21 23:50:00Z  $0.40",
        "1 that ended after the copy was made",
        "--queued keep or end",
        "freezes (greenlight freeze), drains (greenlight providers drain), revoked keys",
        "--apply --reason does it",
    ):
        assert words in said.out, said.out


async def test_a_whole_store(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer(a_survey(store="whole", needed=False, lost=None, files={"days": 0}))
    said = await terminal.beside("ledger", "restore")
    assert (0, True) == (said.code, "there is nothing to restore" in said.out)


async def test_a_restore_is_applied(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer(
        a_survey(applied=True, attempts=[{"charged": "0.400000"}], ended=["video_b"], queued=[{}])
    )
    decided = ("--open", "charge", "--queued", "end")
    said = await terminal.beside("ledger", "restore", "--apply", *decided, "--reason", "lost")
    assert 0 == said.code
    assert {"open": "charge", "queued": "end", "reason": "lost"} == json.loads(admin.asked[0].body)
    for words in ("1 ended", "$0.40", "0 were set right", "greenlight ledger verify"):
        assert words in said.out, said.out


async def test_a_restore_for_machines(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer(a_survey(applied=True))
    said = await terminal.beside("ledger", "restore", "--apply", "--reason", "lost", "--json")
    assert (0, "empty") == (said.code, json.loads(said.out)["store"])


@pytest.mark.parametrize("options", [["--apply"], ["--open", "charge"], ["--queued", "end"]])
async def test_a_restore_is_not_begun_by_accident(
    admin: FakeProxy, terminal: Terminal, options: list[str]
) -> None:
    said = await terminal.beside("ledger", "restore", *options)
    assert (2, []) == (said.code, admin.asked), said

"""`diff`: what a change does, to the settings and to the money."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from proxy.domain.money import format_usd

if TYPE_CHECKING:
    from tests.cli.console import Terminal
    from tests.cli.fake_proxy import FakeProxy

ROOT = Path(__file__).resolve().parents[2]
MONTH = "team:marketing|month"


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    """Two equal folders of configuration."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        shutil.copy(ROOT / "config.yaml", tmp_path / name)
        shutil.copytree(ROOT / "policies", tmp_path / name / "policies")
    return tmp_path / "old", tmp_path / "new"


def edit(folder: Path, before: str, after: str) -> None:
    file = folder / "policies/teams/marketing.yaml"
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def committed(micro_usd: int) -> dict[str, object]:
    budget = {"account": MONTH, "spent": format_usd(micro_usd), "reserved": "0.500000"}
    return {"data": [budget]}


@pytest.fixture
def admin(proxy: FakeProxy, monkeypatch: pytest.MonkeyPatch) -> FakeProxy:
    monkeypatch.setenv("GREENLIGHT_ADMIN_URL", proxy.url)
    monkeypatch.setenv("GREENLIGHT_ADMIN_TOKEN", proxy.key)
    return proxy


def test_equal_sides(terminal: Terminal, sides: tuple[Path, Path]) -> None:
    said = terminal("diff", *map(str, sides))
    assert (0, "nothing changes\n") == (said.code, said.out)


def test_a_lower_limit_and_a_setting(terminal: Terminal, sides: tuple[Path, Path]) -> None:
    edit(sides[1], 'limit: "$5000"', 'limit: "$4000.50"')
    edit(sides[1], "weight: 2", "weight: 3")
    said = terminal("diff", str(sides[0]), str(sides[1] / "config.yaml"))
    assert 0 == said.code
    assert f"{MONTH}  $5000.00  $4000.50  goes on" in said.out
    assert "team marketing  weight   2       3" in said.out
    assert "GREENLIGHT_ADMIN_TOKEN is not set" in said.out


def test_beside_the_limit_other_words_of_a_budget(
    terminal: Terminal, sides: tuple[Path, Path]
) -> None:
    edit(sides[1], "{id: monthly", "{id: renamed, on_exceed: next")
    said = terminal("diff", *map(str, sides))
    assert f"{MONTH}: id: monthly -> renamed" in said.out
    assert f"{MONTH}: on_exceed: deny -> next" in said.out


def test_a_budget_that_only_warns_is_marked(terminal: Terminal, sides: tuple[Path, Path]) -> None:
    edit(
        sides[1],
        "  - {id: daily",
        '  - {id: soft, period: day, limit: "$300", on_exceed: allow}\n  - {id: daily',
    )
    said = terminal("diff", *map(str, sides))
    assert "team:marketing|day       -  $300.00  goes on, warns only" in said.out


async def test_a_limit_below_what_is_committed_fails(
    terminal: Terminal, sides: tuple[Path, Path], admin: FakeProxy
) -> None:
    edit(sides[1], 'limit: "$5000"', 'limit: "$4000"')
    admin.will_answer(committed(3_999_500_001))
    said = await terminal.beside("diff", *map(str, sides))
    assert 1 == said.code
    assert f"{MONTH}  $5000.00  $4000.00  $3999.500001  $0.50  is too low" in said.out
    assert f"below what is spent and held: {MONTH}" in said.out
    assert "/admin/v1/budgets" == admin.asked[0].path


async def test_a_limit_of_exactly_what_is_committed_is_enough(
    terminal: Terminal, sides: tuple[Path, Path], admin: FakeProxy
) -> None:
    edit(sides[1], 'limit: "$5000"', 'limit: "$4000"')
    admin.will_answer(committed(3_999_500_000))
    said = await terminal.beside("diff", *map(str, sides), "--json")
    assert 0 == said.code
    assert {
        "account": MONTH,
        "fate": "kept",
        "before": {
            "budget": "monthly",
            "limit": "5000.000000",
            "alert_at": [50, 80, 100],
            "on_exceed": "deny",
            "timezone": "America/New_York",
        },
        "after": {
            "budget": "monthly",
            "limit": "4000.000000",
            "alert_at": [50, 80, 100],
            "on_exceed": "deny",
            "timezone": "America/New_York",
        },
        "spent": "3999.500000",
        "reserved": "0.500000",
        "falls_short": False,
    } == json.loads(said.out)["accounts"][0]


QUARTER = "team:marketing|quarter"


def preview(micro_usd: int) -> dict[str, object]:
    budget = {"account": QUARTER, "spent": format_usd(micro_usd), "reserved": "0.250000"}
    return {"data": [budget]}


async def test_another_period_closes_one_account_and_opens_another(
    terminal: Terminal, sides: tuple[Path, Path], admin: FakeProxy
) -> None:
    edit(sides[1], "{id: monthly, period: month", "{id: monthly, period: quarter")
    admin.will_answer(preview(4_999_750_000))
    admin.will_answer(committed(1))
    said = await terminal.beside("diff", *map(str, sides), "--json")
    assert 0 == said.code
    asked = admin.asked[0]
    assert "/admin/v1/budgets/preview" == asked.path
    assert {"accounts": {QUARTER: "America/New_York"}} == json.loads(asked.body)
    assert [(None, "0.000001"), ("5000.000000", "4999.750000")] == [
        (each["after"] and each["after"]["limit"], each["spent"])
        for each in json.loads(said.out)["accounts"]
    ]


async def test_a_new_limit_below_what_its_account_opens_with_fails(
    terminal: Terminal, sides: tuple[Path, Path], admin: FakeProxy
) -> None:
    edit(sides[1], "{id: monthly, period: month", "{id: monthly, period: quarter")
    admin.will_answer(preview(4_999_750_001))
    admin.will_answer(committed(1))
    said = await terminal.beside("diff", *map(str, sides))
    assert 1 == said.code
    rows = [line.split() for line in said.out.splitlines()]
    assert [MONTH, "$5000.00", "-", "$0.000001", "$0.50", "limits", "no", "more"] in rows
    assert [QUARTER, "-", "$5000.00", "$4999.750001", "$0.25", "is", "too", "low"] in rows
    assert f"below what is spent and held: {QUARTER}" in said.out


async def test_what_a_new_account_opens_with_is_not_known_without_a_token(
    terminal: Terminal, sides: tuple[Path, Path]
) -> None:
    edit(sides[1], "{id: monthly, period: month", "{id: monthly, period: quarter")
    said = terminal("diff", *map(str, sides))
    assert 0 == said.code
    assert "opens with what the ledger holds" in said.out


def test_a_side_that_is_not_usable(terminal: Terminal, sides: tuple[Path, Path]) -> None:
    edit(sides[1], "weight: 2", "weight: heavy")
    said = terminal("diff", *map(str, sides))
    assert (2, "") == (said.code, said.out)
    assert "weight: " in said.err


def test_a_side_that_is_not_there(terminal: Terminal, sides: tuple[Path, Path]) -> None:
    assert 2 == terminal("diff", str(sides[0]), str(sides[1] / "nowhere")).code


async def test_an_admin_listener_that_does_not_answer(
    terminal: Terminal, sides: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENLIGHT_ADMIN_TOKEN", "gla_abcdefgh_secret")
    said = await terminal.beside("diff", *map(str, sides), "--admin-url", "http://127.0.0.1:9")
    assert 1 == said.code
    assert "no answer from 127.0.0.1:9" in said.err

"""`report`: two narrow tables, and what they come to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.console import Terminal
    from tests.cli.fake_proxy import FakeProxy, Json


def figures(**changed: object) -> Json:
    return {
        "spent": "4120.376000",
        "written_off": "0.000000",
        "held": "3.200000",
        "attempts": 1300,
        "videos": 1200,
        "delivered_seconds": 9600,
        "per_video": "3.433647",
        "per_second": "0.429206",
        "wasted": "120.000000",
        "wasted_by_outcome": {"content_policy": "120.000000"},
        "forecast": "5150.470000",
        **changed,
    }


def a_report(**changed: object) -> Json:
    nothing = figures(spent="-0.500000", wasted="0.000000", per_video=None, forecast=None)
    return {
        "object": "report",
        "by": ["team"],
        "since": "2026-11-01T00:00:00.000Z",
        "until": "2026-11-25T09:30:00.250Z",
        "period": "2026-11",
        "forecast_method": "linear",
        "rows": [
            {"group": {"team": "marketing"}, **figures()},
            {"group": {"team": ""}, **nothing},
        ],
        "total": figures(),
        **changed,
    }


@pytest.fixture
def admin(proxy: FakeProxy, monkeypatch: pytest.MonkeyPatch) -> FakeProxy:
    monkeypatch.setenv("GREENLIGHT_ADMIN_URL", proxy.url)
    monkeypatch.setenv("GREENLIGHT_ADMIN_TOKEN", proxy.key)
    return proxy


async def test_a_month_by_team(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer(a_report())
    said = await terminal.beside("report")
    assert 0 == said.code
    lines = said.out.splitlines()
    assert "2026-11-01 to 2026-11-25 09:30:00Z" == lines[0]
    assert ["team", "spent", "wasted", "held", "forecast"] == lines[1].split()
    assert ["marketing", "$4120.376", "$120.00", "$3.20", "$5150.47"] == lines[2].split()
    assert ["(nobody)", "-$0.50", "$0.00", "$3.20", "-"] == lines[3].split()
    assert ["total", "$4120.376", "$120.00", "$3.20", "$5150.47"] == lines[4].split()
    assert ["marketing", "1300", "1200", "9600", "$3.433647", "$0.429206"] == lines[7].split()
    assert "wasted on content_policy: $120.00" == lines[-2]
    assert "2026-11 ends at $5150.47 if it goes on (linear)" == lines[-1]
    assert max(len(line) for line in lines) <= 80
    (asked,) = admin.asked
    assert ("/admin/v1/report", {"by": "team", "timezone": "UTC"}) == (asked.path, asked.query)


async def test_several_things_to_group_by_and_a_time(admin: FakeProxy, terminal: Terminal) -> None:
    row = {"group": {"team": "marketing", "model": ""}, **figures(written_off="1.000000")}
    admin.will_answer(a_report(by=["team", "model"], rows=[row]))
    arguments = ("--by", "team,model", "--since", "2026-11-01", "--timezone", "Europe/Berlin")
    said = await terminal.beside("report", *arguments)
    assert "marketing  (none)" in said.out
    assert "written off" in said.out
    assert {"by": "team,model", "since": "2026-11-01", "timezone": "Europe/Berlin"} == (
        admin.asked[0].query
    )


async def test_nothing_is_said_so(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer(a_report(rows=[]))
    assert "nothing was spent and nothing is held" in (await terminal.beside("report")).out


async def test_machines_get_the_answer(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer(a_report())
    assert a_report() == json.loads((await terminal.beside("report", "--json")).out)


async def test_a_refusal_is_one_line(admin: FakeProxy, terminal: Terminal) -> None:
    error = {"code": "invalid_request", "message": "'soon' is not a period"}
    admin.will_answer({"error": error}, 400)
    said = await terminal.beside("report", "--period", "soon")
    assert (1, "greenlight: invalid_request: 'soon' is not a period (HTTP 400)\n") == (
        said.code,
        said.err,
    )


@pytest.mark.parametrize(
    "arguments",
    [("--period", "2026-11", "--since", "2026-11-01"), ("--until", "2026-11-01")],
)
def test_half_a_time_is_wrong_usage(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    assert 2 == terminal("report", *arguments).code


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("GREENLIGHT_ADMIN_TOKEN", "", "no admin token"),
        ("GREENLIGHT_ADMIN_TOKEN", "gl\u00e4", "no token has"),
        ("GREENLIGHT_ADMIN_URL", "localhost", "is not an address"),
    ],
)
def test_settings_that_cannot_be_used(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv("GREENLIGHT_ADMIN_TOKEN", "gla_abcdefgh_secret")
    monkeypatch.setenv(name, value)
    said = terminal("report")
    assert 1 == said.code
    assert message in said.err

"""Decisions and drills in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.console import Terminal
    from tests.cli.fake_proxy import FakeProxy, Json

CANDIDATE: dict[str, object] = {
    "rank": 1,
    "provider": "kling",
    "model": "kling-3.0",
    "price_usd": "0.336000",
    "score": 0.8125,
    "reason": "quality 0.440 + price 0.300",
}


SKIPPED: dict[str, object] = {
    "provider": "runway",
    "model": "gen4.5",
    "price_usd": None,
    "skipped": True,
    "code": "drained",
    "detail": "by ops",
}


@pytest.fixture
def admin(proxy: FakeProxy, monkeypatch: pytest.MonkeyPatch) -> FakeProxy:
    monkeypatch.setenv("GREENLIGHT_ADMIN_URL", proxy.url)
    monkeypatch.setenv("GREENLIGHT_ADMIN_TOKEN", proxy.key)
    return proxy


def a_decision(**changed: object) -> Json:
    return {
        "id": "video_1",
        "at": "2026-11-24T09:30:00.250Z",
        "team": "sales",
        "policy": "balanced",
        "requested_model": "sora-2",
        "outcome": "accepted",
        "chosen": 1,
        "candidates": [CANDIDATE, {**CANDIDATE, "rank": 2, "score": None, "provider": "vertex"}],
        "skipped": [SKIPPED],
        **changed,
    }


async def test_a_line_for_each_decision(admin: FakeProxy, terminal: Terminal) -> None:
    refused = a_decision(outcome="no_route", chosen=None, candidates=[], requested_model=None)
    admin.will_answer({"data": [a_decision(), refused], "has_more": True})
    said = await terminal.beside("decisions", "--team", "sales", "--limit", "2")
    accepted, no_route = said.out.splitlines()[1:3]
    for text in (
        "2026-11-24 09:30:00",
        "video_1",
        "sales",
        "balanced",
        "sora-2",
        "kling/kling-3.0",
        "0.336",
    ):
        assert text in accepted
    assert "no_route" in no_route
    assert "kling" not in no_route
    assert "there are more" in said.out
    assert {"team": "sales", "limit": "2"} == admin.asked[0].query


async def test_why_shows_every_candidate_and_what_was_left_out(
    admin: FakeProxy, terminal: Terminal
) -> None:
    retired = {**SKIPPED, "code": "retired", "detail": "retired; successors: a"}
    dear = {**SKIPPED, "code": "over_max_cost", "detail": "above", "price_usd": "1.600000"}
    skipped = [SKIPPED, SKIPPED, retired, dear]
    admin.will_answer({"data": [a_decision(skipped=skipped)], "has_more": False})
    said = await terminal.beside("decisions", "--why")
    for text in ("video_1", "0.812", "quality 0.440", "vertex/kling-3.0", "drained: by ops"):
        assert text in said.out
    assert 1 == said.out.count("by ops")
    assert "retired: retired" not in said.out
    assert "$1.60" in said.out


async def test_nothing_is_said_to_be_on_record(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer({"data": [], "has_more": False})
    assert "no decision is on record" in (await terminal.beside("decisions")).out
    assert '"data"' in (await terminal.beside("decisions", "--json")).out


def a_drill(**changed: object) -> Json:
    move = {
        "from": {"provider": "kling", "model": "kling-3.0"},
        "to": {"provider": "vertex", "model": "veo-3.1-fast"},
        "videos": 3,
        "before_usd": "1.008000",
        "after_usd": "1.200000",
    }
    return {
        "model": "kling-3.0",
        "videos": 9,
        "concerned": 4,
        "moves": [move, {**move, "to": None, "videos": 1, "after_usd": "0.000000"}],
        "cost_usd": {"before": "1.344000", "after": "1.200000"},
        "refused_by_team": {"sales": 1},
        **changed,
    }


async def test_a_drill(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer(a_drill(of_teams_that_left=1))
    said = await terminal.beside("drill", "retire", "kling-3.0", "--since", "2026-11-23")
    for text in (
        "1 of them for teams that have left",
        "4 of 9 videos were made by kling-3.0",
        "vertex/veo-3.1-fast",
        "refused",
        "$1.344",
        "1 of team sales would be refused",
    ):
        assert text in said.out
    assert {"model": "kling-3.0", "since": "2026-11-23"} == admin.asked[0].query


async def test_a_drill_looks_at_the_last_day(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer(a_drill(concerned=0, moves=[]))
    said = await terminal.beside("drill", "retire", "kling-3.0")
    assert "0 of 9 videos" in said.out
    assert "from" not in said.out
    assert "teams that have left" not in said.out
    assert "since" in admin.asked[0].query
    assert '"moves"' in (await terminal.beside("drill", "retire", "kling-3.0", "--json")).out

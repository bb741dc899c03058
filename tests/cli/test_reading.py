"""`jobs`, `budgets` and `quote`: what they ask, what they show, how they fail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.fake_proxy import JOB, a_budget, a_video, an_error, an_offer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.console import Terminal
    from tests.cli.fake_proxy import FakeProxy


async def test_jobs_lists_the_team_s_jobs(proxy: FakeProxy, terminal: Terminal) -> None:
    running = a_video(status="in_progress", id="video_two")
    proxy.will_answer({"data": [a_video(), running], "has_more": True})
    said = await terminal.beside("jobs", "--status", "failed", "--limit", "2", "--after", "a b")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[1].split()[:5] == [JOB, "completed", "kling", "kling-3.0", "$0.336"]
    assert "in_progress 40%" in lines[2]
    assert "($0.336)" in lines[2]
    assert lines[-1] == "more: --after video_two"
    (asked,) = proxy.asked
    assert asked.path == "/v1/videos"
    assert asked.query == {"limit": "2", "after": "a b", "status": "failed", "order": "desc"}


async def test_jobs_shows_all_about_one(proxy: FakeProxy, terminal: Terminal) -> None:
    proxy.will_answer(a_video())
    said = await terminal.beside("jobs", JOB)
    assert proxy.asked[0].path == f"/v1/videos/{JOB}"
    for shown in (
        "made by     kling, model kling-3.0",
        "asked for   sora-2",
        "provider_unavailable: 503",
        "score 0.812",
        "not_configured: no account is configured",
    ):
        assert shown in said.out


async def test_a_job_without_a_video_says_why(proxy: FakeProxy, terminal: Terminal) -> None:
    error = {"code": "content_policy", "message": "refused"}
    proxy.will_answer(a_video(status="failed", error=error))
    said = await terminal.beside("jobs", JOB)
    assert "error       content_policy: refused" in said.out


@pytest.mark.parametrize(
    ("starts_in_s", "about"),
    [(None, ""), (0, ""), (45, ", about 45 s"), (120, ", about 2 min"), (3900, ", about 65 min")],
)
async def test_a_waiting_job_says_what_it_waits_for(
    proxy: FakeProxy, terminal: Terminal, starts_in_s: int | None, about: str
) -> None:
    video = a_video(status="queued")
    reason = "waiting for a free slot at kling"
    queue = {"position": 3, "starts_in_s": starts_in_s, "reason": reason}
    video["greenlight"] = {"queue": queue}
    proxy.will_answer(video)
    proxy.will_answer({"data": [video], "has_more": False})
    said = await terminal.beside("jobs", JOB)
    assert f"queued (position 3{about}, {reason})" in said.out
    said = await terminal.beside("jobs")
    assert f"queued position 3{about}" in said.out


async def test_budgets_shows_bars_and_limits(proxy: FakeProxy, terminal: Terminal) -> None:
    proxy.will_answer(a_budget())
    said = await terminal.beside("budgets")
    monthly, veo = said.out.splitlines()[1:3]
    assert "█" * 5 + "░" * 5 in monthly
    assert "$2500.00  $0.336  $2499.664  $5000.00  2026-12-01" in monthly
    assert "team:marketing veo (model veo-3.1*)" in veo
    assert "█" * 10 in veo  # a limit of nothing is used up
    assert "19" in said.out
    assert said.out.endswith("jobs: 1 of 500 unfinished, 1 of 8 running\n")


async def test_budgets_of_all_teams_by_the_admin_listener(
    proxy: FakeProxy, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENLIGHT_ADMIN_URL", proxy.url)
    monkeypatch.setenv("GREENLIGHT_ADMIN_TOKEN", proxy.key)
    accounts = a_budget()["accounts"]
    assert isinstance(accounts, list)
    monthly = {**accounts[0], "team": "marketing", "forecast": "5123.400000"}
    total = {**accounts[1], "team": "research", "forecast": None}
    proxy.will_answer({"forecast_method": "linear", "data": [monthly, total]})
    said = await terminal.beside("budgets", "--all")
    lines = said.out.splitlines()
    assert "$2500.00  $0.336  $2499.664  $5000.00  2026-12-01 05:00Z" in lines[1]
    assert "team:marketing veo" in lines[2]
    assert ["budget", "forecast", "(linear)", "of"] == lines[4].split()
    assert ["team:marketing", "monthly", "$5123.40", "$5000.00"] == lines[5].split()
    said = await terminal.beside("budgets", "--team", "research")
    assert 2 == len(said.out.splitlines())
    answer = json.loads((await terminal.beside("budgets", "--team", "research", "--json")).out)
    assert [total] == answer["data"]
    assert {"/admin/v1/budgets"} == {asked.path for asked in proxy.asked}
    said = await terminal.beside("budgets", "--team", "sales")
    assert "greenlight: no team 'sales' has a budget; known: marketing, research\n" == said.err


@pytest.mark.parametrize(
    ("period", "resets_at", "told"),
    [
        ("month", "2026-12-01T00:00:00Z", "2026-12-01"),
        ("month", "2026-11-30T23:00:00Z", "2026-11-30 23:00Z"),
        ("hour", "2026-11-30T18:15:00Z", "18:15Z"),
        ("total", None, "never"),
    ],
)
async def test_when_a_budget_resets(
    proxy: FakeProxy, terminal: Terminal, period: str, resets_at: str | None, told: str
) -> None:
    accounts = a_budget()["accounts"]
    assert isinstance(accounts, list)
    changed = {**accounts[0], "period": period, "resets_at": resets_at}
    proxy.will_answer({**a_budget(), "accounts": [changed]})
    assert (await terminal.beside("budgets")).out.splitlines()[1].rstrip().endswith(told)


async def test_an_override_stands_beside_the_limit(proxy: FakeProxy, terminal: Terminal) -> None:
    accounts = a_budget()["accounts"]
    assert isinstance(accounts, list)
    lifted = {**accounts[0], "override": "5000.000000", "left": "7499.664000"}
    match = {"model": "veo-3.1*", "metadata": {"film": "alpha"}}
    soft = {**accounts[1], "on_exceed": "allow", "match": match}
    proxy.will_answer({**a_budget(), "accounts": [lifted, soft]})
    heading, monthly, veo = (await terminal.beside("budgets")).out.splitlines()[:3]
    assert ["left", "of", "override", "resets"] == heading.split()[-4:]
    assert "$7499.664  $5000.00  +$5000.00  2026-12-01 05:00Z" in monthly
    assert "$0.00             never" in veo
    assert veo.startswith("team:marketing veo (model veo-3.1*, metadata.film alpha; warns only)")
    assert 3 == monthly.count("█")  # 2500.336 of 10,000


async def test_quote_shows_candidates_and_the_choice(
    proxy: FakeProxy, terminal: Terminal, tmp_path: Path
) -> None:
    picture = tmp_path / "frame.png"
    picture.write_bytes(b"\x89PNG")
    other = an_offer(provider="vertex", fits=False, price_usd="1.6", audio=False)
    left = [
        {"scope": "team:marketing", "budget": "monthly", "left": "4999.664000"},
        {"scope": "org", "budget": "all", "left": "19999.664000"},
    ]
    proxy.will_answer(
        {
            "would": 200,
            "chosen": an_offer(rank=1),
            "candidates": [an_offer(fits=True, rank=1, left=left), other],
        }
    )
    said = await terminal.beside(
        *("quote", "A boat", "--seconds", "4", "--no-audio", "--max-cost", "0.5"),
        *("--metadata", "a=b=c", "--deadline", "60", "--input-reference", str(picture)),
    )
    assert said.code == 0
    assert "over budget; score" in said.out
    assert [
        "$0.336 at kling, kling-3.0: 4 s, 1280x720, with sound",
        "left then: team:marketing monthly $4999.664, org all $19999.664",
    ] == said.out.splitlines()[-2:]
    assert json.loads(proxy.asked[0].body) == {
        "prompt": "A boat",
        "seconds": "4",
        "audio": False,
        "max_cost_usd": "0.5",
        "metadata": {"a": "b=c"},
        "deadline_s": 60,
        "input_reference": "data:image/png;base64,iVBORw==",
    }


async def test_a_quote_that_would_be_refused_exits_1(proxy: FakeProxy, terminal: Terminal) -> None:
    would = {"status": 402, "code": "budget_exceeded", "message": "budget daily is full"}
    proxy.will_answer({"would": would, "chosen": None, "candidates": []})
    said = await terminal.beside("quote", "A boat")
    assert said.code == 1
    assert "would be refused: budget_exceeded: budget daily is full (HTTP 402)" in said.out


@pytest.mark.parametrize("command", [["jobs"], ["jobs", JOB], ["budgets"], ["quote", "A boat"]])
async def test_json_is_the_answer_itself(
    proxy: FakeProxy, terminal: Terminal, command: list[str]
) -> None:
    proxy.will_answer({"anything": ["ä", 1]})
    said = await terminal.beside(*command, "--json")
    assert said.out == '{"anything":["ä",1]}\n'
    assert said.err == ""


async def test_a_refusal_is_one_line(proxy: FakeProxy, terminal: Terminal) -> None:
    proxy.will_answer(an_error("video_not_found", "no such video"), status=404)
    said = await terminal.beside("jobs", JOB)
    assert (said.code, said.out) == (1, "")
    assert said.err == "greenlight: video_not_found: no such video (HTTP 404)\n"


async def test_another_server_is_recognised(proxy: FakeProxy, terminal: Terminal) -> None:
    proxy.will_answer(b"<html>", status=502)
    proxy.will_answer(b"<html>")
    assert (await terminal.beside("jobs")).err == "greenlight: the proxy answered 502\n"
    assert "is it a Greenlight proxy?" in (await terminal.beside("jobs")).err


async def test_control_characters_of_an_answer_reach_no_terminal(
    proxy: FakeProxy, terminal: Terminal
) -> None:
    proxy.will_answer({"data": [a_video(id="\x1b[2Jvideo [bold]x")]})
    said = await terminal.beside("jobs")
    assert "\x1b" not in said.out
    assert "?[2Jvideo [bold]x" in said.out


def test_nobody_answers(terminal: Terminal) -> None:
    said = terminal("jobs", "--url", "http://127.0.0.1:1/v1", "--api-key", "gl_a_b")
    assert said.code == 1
    assert said.err == "greenlight: no answer from 127.0.0.1:1: Connection refused\n"


@pytest.mark.parametrize("url", ["ftp://x", "127.0.0.1:8080", "http://", "http://x:99999"])
def test_an_address_that_is_none(terminal: Terminal, url: str) -> None:
    said = terminal("jobs", "--url", url, "--api-key", "gl_a_b")
    assert said.code == 1
    assert "is not an address" in said.err


def test_a_missing_or_impossible_key(terminal: Terminal) -> None:
    assert "set GREENLIGHT_API_KEY" in terminal("budgets").err
    said = terminal("budgets", "--api-key", "gl_\n")
    assert said.code == 1
    assert "characters that no key has" in said.err


@pytest.mark.parametrize(
    "command",
    [
        ["jobs", "../budget"],
        ["jobs", "--limit", "0"],
        ["quote", "x", "--metadata", "novalue"],
        ["quote", "x", "--resolution", "8k"],
        ["quote"],
    ],
)
def test_wrong_usage_exits_2_with_one_line(terminal: Terminal, command: list[str]) -> None:
    said = terminal(*command, "--api-key", "gl_a_b")
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert "--help" in said.err


async def test_a_base_url_with_version_is_understood(proxy: FakeProxy, terminal: Terminal) -> None:
    proxy.will_answer(a_budget())
    await terminal.beside("budgets", "--url", f"{proxy.url}/sub/v1/")
    assert proxy.asked[0].path == "/sub/v1/budget"

"""`greenlight providers` and `greenlight top` against prepared answers."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.cli.fake_proxy import JOB, an_error

if TYPE_CHECKING:
    from tests.cli.console import Terminal
    from tests.cli.fake_proxy import FakeProxy, Json

REASON = "their status page says so"


@pytest.fixture
def admin(proxy: FakeProxy, monkeypatch: pytest.MonkeyPatch) -> FakeProxy:
    monkeypatch.setenv("GREENLIGHT_ADMIN_URL", proxy.url)
    monkeypatch.setenv("GREENLIGHT_ADMIN_TOKEN", proxy.key)
    monkeypatch.setenv("COLUMNS", "200")
    return proxy


def an_offer(**changed: object) -> Json:
    return {
        "provider": "kling",
        "account": "main",
        "model": "kling-3.0",
        "state": "serving",
        "detail": None,
        "breakers": {"submit": "closed"},
        "recent_calls": 0,
        "recent_failures": 0,
        "slots_used": 2,
        "slots": 20,
        "latency_s": None,
        "success": None,
        "ends_at": None,
        "ends_surely": False,
        **changed,
    }


BROKEN = an_offer(
    provider="vertex",
    model="veo-3.1",
    state="unhealthy",
    detail="failing",
    breakers={"submit": "open", "render": "half_open", "status": "closed"},
    recent_calls=12,
    recent_failures=7,
    latency_s=61.5,
    success=0.9,
    ends_at="2026-12-01T00:00:00.000Z",
)


async def test_how_offers_stand(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer({"data": [an_offer(), BROKEN]})
    _, healthy, broken = (await terminal.beside("providers")).out.splitlines()
    assert ["kling", "kling-3.0", "main", "serving", "closed"] == healthy.split()[:5]
    for text in (
        "unhealthy failing",
        "render half_open submit open",
        "2 of 20",
        "61.5 s",
        "90%",
        "7 of 12",
        "not before 2026-12-01",
    ):
        assert text in broken
    assert "closed" not in broken


async def test_a_sure_end_is_a_date(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer({"data": [{**BROKEN, "ends_surely": True}]})
    said = (await terminal.beside("providers")).out
    assert "2026-12-01" in said
    assert "not before" not in said


async def test_only_one_provider(admin: FakeProxy, terminal: Terminal) -> None:
    for option, shown in ("vertex", [BROKEN]), ("runway", []):
        admin.answers = []
        admin.will_answer({"data": [an_offer(), BROKEN]})
        said = await terminal.beside("providers", "--provider", option, "--json")
        assert shown == json.loads(said.out)["data"]
    admin.answers = []
    admin.will_answer({"data": []})
    assert "no offers\n" == (await terminal.beside("providers")).out


@pytest.mark.parametrize(
    ("options", "account", "whose"),
    [([], None, "provider kling"), (["--account", "b"], "b", "account b of provider kling")],
)
async def test_draining_and_resuming(
    admin: FakeProxy, terminal: Terminal, options: list[str], account: str | None, whose: str
) -> None:
    for verb, changed, ends in (
        ("drain", True, "is drained"),
        ("drain", False, "was drained before"),
        ("resume", True, "takes new jobs again"),
        ("resume", False, "was not drained"),
    ):
        admin.answers, admin.asked = [], []
        admin.will_answer({"provider": "kling", "account": account, "changed": changed})
        said = await terminal.beside("providers", verb, "kling", *options, "--reason", REASON)
        assert (0, f"{whose} {ends}\n") == (said.code, said.out)
        (asked,) = admin.asked
        assert f"/admin/v1/providers/kling/{verb}" == asked.path
        assert {"account": account, "reason": REASON} == json.loads(asked.body)


@pytest.mark.parametrize("verb", ["drain", "resume"])
async def test_a_drain_needs_a_reason(admin: FakeProxy, terminal: Terminal, verb: str) -> None:
    said = await terminal.beside("providers", verb, "kling")
    assert (2, []) == (said.code, admin.asked)
    assert "--reason" in said.err
    admin.will_answer({"changed": True})
    said = await terminal.beside("providers", verb, "kling", "--reason", REASON, "--json")
    assert {"changed": True} == json.loads(said.out)


def everything(admin: FakeProxy) -> None:
    """Answers to one look, in the order in which it asks."""
    team = {"id": "sales", "running": 1, "running_max": 5, "unfinished": 3, "unfinished_max": 50}
    other = {"id": "research", "running": 0, "running_max": 5, "unfinished": 0}
    budget: Json = {
        "team": "sales",
        "budget": "monthly",
        "limit": "100.000000",
        "spent": "40.000000",
        "reserved": "20.000000",
        "remaining": "40.000000",
    }
    job: Json = {
        "id": JOB,
        "team": "sales",
        "state": "running",
        "provider": "kling",
        "model": "kling-3.0",
        "reserved": "0.336000",
        "charged": None,
        "created_at": "2026-11-24T09:30:00.250Z",
    }
    admin.will_answer({"data": [{**team, "weight": 2, "frozen": "all"}, {**other, "weight": 1}]})
    admin.will_answer({"data": [budget, {**budget, "team": "research", "spent": "0.000000"}]})
    admin.will_answer({"data": [BROKEN, an_offer(state="retired", model="sora-2")]})
    admin.will_answer({"data": [job]})
    admin.will_answer({"data": [{"team": "sales", "provider": None}]})


async def test_one_look_at_everything(admin: FakeProxy, terminal: Terminal) -> None:
    everything(admin)
    said = await terminal.beside("top", "--once")
    assert 0 == said.code
    for text in (
        "1 freezes are in force",
        "1 of 5",
        "3 of 50",
        "research",
        "vertex veo-3.1",
        "render half_open submit open",
        "kling kling-3.0",
        JOB,
        "$0.336",
    ):
        assert text in said.out
    assert "sora-2" not in said.out
    order = [said.out.index(title) for title in ("Teams", "Budgets", "Providers", "Latest videos")]
    assert order == sorted(order)


async def test_the_look_of_one_team(admin: FakeProxy, terminal: Terminal) -> None:
    everything(admin)
    said = json.loads((await terminal.beside("top", "--team", "sales", "--json")).out)
    assert ["sales"] == [each["id"] for each in said["teams"]]
    assert ["sales"] == [each["team"] for each in said["budgets"]]
    assert "sales" == admin.asked[3].query["team"]


async def test_it_is_drawn_again_and_a_listener_may_go_away(admin: FakeProxy) -> None:
    """A real terminal: two pictures, an error told over the second, Ctrl-C ends it well."""
    everything(admin)
    admin.will_answer(an_error("store_unavailable", "the store is away"), status=503)
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "proxy", "top", "--every", "0.2"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200", "LINES": "60"},
    )
    os.close(theirs)
    seen = bytearray()

    def read() -> None:
        """Until the terminal's other end is closed, which Linux tells as an error."""
        with suppress(OSError):
            while chunk := os.read(ours, 65_536):
                seen.extend(chunk)

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(asyncio.to_thread(read))
        while b"not up to date" not in seen:
            await asyncio.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert 0 == await process.wait()
    os.close(ours)
    assert b"Latest videos" in seen

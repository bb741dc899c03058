"""Letters and receivers on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.fake_proxy import JOB
from tests.cli.test_administration import REASON, sent

if TYPE_CHECKING:
    from tests.cli.console import Terminal
    from tests.cli.fake_proxy import FakeProxy, Json


@pytest.fixture
def admin(proxy: FakeProxy, monkeypatch: pytest.MonkeyPatch) -> FakeProxy:
    monkeypatch.setenv("GREENLIGHT_ADMIN_URL", proxy.url)
    monkeypatch.setenv("GREENLIGHT_ADMIN_TOKEN", proxy.key)
    return proxy


def a_letter(**changed: object) -> Json:
    return {
        "id": "msg_abc",
        "type": "video.failed",
        "team": "marketing",
        "receiver": "0123456789abcdef",
        "origin": "https://hooks.example",
        "state": "given_up",
        "tries": 10,
        "log": [{"outcome": "given_up", "status": 503, "fault": None}],
        "next_at": None,
        **changed,
    }


async def test_letters_are_listed(admin: FakeProxy, terminal: Terminal) -> None:
    waiting = a_letter(
        state="waiting", tries=0, log=[], next_at="2026-11-24T09:30:00.250Z", origin=None
    )
    admin.will_answer({"object": "list", "data": [a_letter(), waiting], "has_more": True})
    done = await terminal.beside("webhooks", "list", "--team", "marketing", "--waiting")
    assert 0 == done.code, done.err
    for shown in (
        "msg_abc",
        "video.failed",
        "hooks.example",
        "503",
        "2026-11-24 09:30:00",
        "more",
    ):
        assert shown in done.out
    (asked,) = admin.asked
    query = {"state": "waiting", "team": "marketing", "limit": "50"}
    assert ("/admin/v1/webhooks", query) == (asked.path, asked.query)


async def test_that_there_are_none_is_said(admin: FakeProxy, terminal: Terminal) -> None:
    for command, said in (("list", "no letters"), ("receivers", "no receivers")):
        admin.will_answer({"object": "list", "data": []})
        done = await terminal.beside("webhooks", command)
        assert (0, said) == (done.code, done.out.strip())


async def test_receivers_are_listed(admin: FakeProxy, terminal: Terminal) -> None:
    receiver: Json = {
        "id": "0123456789abcdef",
        "team": "marketing",
        "origin": "https://hooks.example",
        "on": ["video.completed", "video.failed"],
        "waiting": 3,
        "failures": 7,
        "rests_until": "2026-11-24T09:30:00.250Z",
        "latest": [{"outcome": "failed", "status": None, "fault": "timeout"}],
    }
    admin.will_answer(
        {"object": "list", "data": [receiver, {**receiver, "on": None, "latest": []}]}
    )
    done = await terminal.beside("webhooks", "receivers")
    assert 0 == done.code, done.err
    for shown in ("0123456789abcdef", "hooks.example", "timeout", "2026-11-24"):
        assert shown in done.out


@pytest.mark.parametrize(
    ("options", "body"),
    [([JOB], {"job": JOB}), (["--receiver", "0123"], {"receiver": "0123"})],
)
async def test_a_replay(
    admin: FakeProxy, terminal: Terminal, options: list[str], body: Json
) -> None:
    admin.will_answer(
        {"object": "webhook.replay", "letters": 2, "has_more": bool("--" in options[0])}
    )
    done = await terminal.beside("webhooks", "replay", *options, "--reason", REASON)
    assert 0 == done.code, done.err
    assert ("2 put back" in done.out, "ask again" in done.out) == (True, "--" in options[0])
    assert ("/webhooks/replay", body) == sent(admin)


@pytest.mark.parametrize("options", [[], [JOB, "--receiver", "0123"]])
async def test_a_replay_of_nothing_or_of_two_things(
    admin: FakeProxy, terminal: Terminal, options: list[str]
) -> None:
    done = await terminal.beside("webhooks", "replay", *options, "--reason", REASON)
    assert (2, True) == (done.code, "not both" in done.err)
    assert [] == admin.asked


@pytest.mark.parametrize("command", [["list"], ["receivers"], ["replay", JOB, "--reason", REASON]])
async def test_for_machines(admin: FakeProxy, terminal: Terminal, command: list[str]) -> None:
    answer: Json = {"object": "list", "data": [a_letter()]}
    admin.will_answer(answer)
    done = await terminal.beside("webhooks", *command, "--json")
    assert answer == json.loads(done.out)

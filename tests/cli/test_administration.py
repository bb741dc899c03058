"""Freezes, overrides, keys, jobs of all teams, the audit and the configuration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.fake_proxy import JOB, an_offer

if TYPE_CHECKING:
    from tests.cli.console import Terminal
    from tests.cli.fake_proxy import FakeProxy, Json

REASON = "a runaway script"
BY = {"at": "2026-11-24T09:30:00.250Z", "actor": "ops1 (oper2345)", "reason": REASON}


@pytest.fixture
def admin(proxy: FakeProxy, monkeypatch: pytest.MonkeyPatch) -> FakeProxy:
    monkeypatch.setenv("GREENLIGHT_ADMIN_URL", proxy.url)
    monkeypatch.setenv("GREENLIGHT_ADMIN_TOKEN", proxy.key)
    return proxy


def sent(admin: FakeProxy) -> tuple[str, Json]:
    """Path and body of the one change that was asked for, without its reason."""
    (asked,) = admin.asked
    body: dict[str, Any] = json.loads(asked.body)
    assert ("POST", REASON) == (asked.method, body.pop("reason"))
    given: Json = {name: value for name, value in body.items() if value is not None}
    return asked.path.removeprefix("/admin/v1"), given


def a_job(**changed: object) -> Json:
    attempt = {
        "number": 1,
        "provider": "kling",
        "model": "kling-3.0",
        "account": "main",
        "task": "t-1",
        "money": "open",
        "reserved": "0.336000",
        "charged": None,
        "by": None,
    }
    return {
        "id": JOB,
        "team": "sales",
        "key": "k2222222",
        "state": "unknown",
        "provider": "kling",
        "model": "kling-3.0",
        "policy": "balanced",
        "seconds": 4,
        "size": "1280x720",
        "cancel_requested": False,
        "error": {"code": "outcome_unknown", "message": "who knows"},
        "reserved": "0.336000",
        "charged": None,
        "created_at": "2026-11-24T09:30:00.250Z",
        "attempts": [attempt],
        "route": [an_offer()],
        **changed,
    }


@pytest.mark.parametrize(
    ("options", "what", "said"),
    [
        (["--team", "sales"], {"team": "sales"}, "team sales"),
        (["--provider", "kling"], {"provider": "kling"}, "provider kling"),
        ([], {}, "everything"),
    ],
)
async def test_freezing_and_thawing(
    admin: FakeProxy, terminal: Terminal, options: list[str], what: Json, said: str
) -> None:
    for command, path, changed, ends in (
        ("freeze", "/freezes", True, "is frozen"),
        ("freeze", "/freezes", False, "was frozen before"),
        ("thaw", "/freezes/thaw", True, "is thawed"),
        ("thaw", "/freezes/thaw", False, "was not frozen"),
    ):
        admin.answers, admin.asked = [], []
        admin.will_answer({"team": None, "provider": None, **what, "changed": changed})
        heard = await terminal.beside(command, *options, "--reason", REASON)
        assert (0, f"{said} {ends}\n") == (heard.code, heard.out)
        assert (path, what) == sent(admin)


@pytest.mark.parametrize("command", ["freeze", "thaw"])
async def test_a_team_and_a_provider_are_two(terminal: Terminal, command: str) -> None:
    said = await terminal.beside(command, "--team", "a", "--provider", "b", "--reason", REASON)
    assert 2 == said.code
    assert "not both" in said.err
    said = await terminal.beside(command, "--team", "a")
    assert 2 == said.code
    assert "--reason" in said.err


async def test_what_is_frozen(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer({"data": [{"team": "sales", "provider": None, **BY}]})
    admin.will_answer({"data": []})
    line = (await terminal.beside("freezes")).out.splitlines()[1]
    for text in ("team sales", "2026-11-24 09:30:00", "ops1 (oper2345)", REASON):
        assert text in line
    assert "nothing is frozen\n" == (await terminal.beside("freezes")).out


async def test_a_change_whose_answer_is_lost_is_asked_for_again(
    admin: FakeProxy, terminal: Terminal
) -> None:
    admin.cuts = 1
    admin.will_answer({"team": "sales", "changed": True})
    said = await terminal.beside("freeze", "--team", "sales", "--reason", REASON)
    assert (0, "team sales is frozen\n") == (said.code, said.out)
    first, second = admin.asked
    assert first == second
    assert first.headers["idempotency-key"]


async def test_a_change_that_is_never_answered_may_have_been_made(
    admin: FakeProxy, terminal: Terminal
) -> None:
    admin.cuts = 2
    said = await terminal.beside("freeze", "--team", "sales", "--reason", REASON)
    assert 1 == said.code
    assert "it may have been done all the same: greenlight audit tells" in said.err
    assert 2 == len(admin.asked)


async def test_an_override_is_made(admin: FakeProxy, terminal: Terminal) -> None:
    made: Json = {
        "id": "change_1",
        "balance": "team:sales|month|2026-11",
        "amount": "250.000000",
        "total": "300.000000",
        "until": "2026-11-27T09:30:00.000Z",
    }
    admin.will_answer(made)
    said = await terminal.beside(
        *("budgets", "override", "monthly", "--team", "sales", "--amount", "$250"),
        *("--for", "3d", "--reason", REASON),
    )
    assert (
        "team:sales|month|2026-11: $250.00 more until 2026-11-27 09:30:00Z "
        "($300.00 by all overrides); its id is change_1\n"
    ) == said.out
    body = {"budget": "monthly", "team": "sales", "amount": "250", "for_s": 3 * 86_400}
    assert ("/overrides", body) == sent(admin)


@pytest.mark.parametrize(
    "options",
    [["--amount", "1", "--for", "soon"], ["--amount", "1", "--for", "3d", "--until", "2199"], []],
)
async def test_an_override_that_is_not_understood(terminal: Terminal, options: list[str]) -> None:
    said = await terminal.beside("budgets", "override", "monthly", *options, "--reason", REASON)
    assert 2 == said.code


async def test_overrides_that_live(admin: FakeProxy, terminal: Terminal) -> None:
    live = {"id": "change_1", "balance": "org|month|2026-11", "amount": "5.000000"}
    admin.will_answer({"data": [{**live, "until": "2026-12-01T00:00:00.000Z", **BY}]})
    admin.will_answer({"data": []})
    line = (await terminal.beside("overrides", "list")).out.splitlines()[1]
    for text in ("change_1", "org|month|2026-11", "$5.00", "2026-12-01 00:00:00", REASON):
        assert text in line
    assert "no override lives\n" == (await terminal.beside("overrides", "list")).out


async def test_an_override_is_revoked(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer({"revoked": True})
    said = await terminal.beside("overrides", "revoke", "a/b c", "--reason", REASON)
    assert "override a/b c is revoked\n" == said.out
    assert ("/overrides/a/b c/revoke", {}) == sent(admin)


@pytest.mark.parametrize("changed", [True, False])
async def test_a_key_is_revoked(admin: FakeProxy, terminal: Terminal, *, changed: bool) -> None:
    admin.will_answer({"team": "sales", "changed": changed})
    said = await terminal.beside("keys", "revoke", "k2222222", "--reason", REASON)
    state = "is revoked" if changed else "was revoked before"
    assert f"key k2222222 of team sales {state}; take it out of the policies\n" == said.out
    assert ("/keys/k2222222/revoke", {}) == sent(admin)


async def test_keys_of_all_teams(admin: FakeProxy, terminal: Terminal) -> None:
    key = {"id": "k2222222", "team": "sales", "name": "web", "scopes": ["read", "submit"]}
    admin.will_answer({"data": [{**key, "expires_at": None, "revoked": True}]})
    line = (await terminal.beside("keys", "list")).out.splitlines()[1]
    assert ["k2222222", "sales", "web", "read,", "submit", "revoked"] == line.split()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"refusals": 0, "cooldown_until": None}, "web"),
        ({"refusals": 2, "cooldown_until": None}, "2 refused for content"),
        (
            {"refusals": 5, "cooldown_until": "2026-11-24T09:30:00.250Z"},
            "cools down until 2026-11-24 09:30:00Z",
        ),
        (
            {"cooldown_until": "2026-11-24T09:30:00.250Z", "limit_mode": "shadow"},
            "until 2026-11-24 09:30:00Z (in shadow)",
        ),
    ],
)
async def test_keys_that_cool_down(
    admin: FakeProxy, terminal: Terminal, how: Json, said: str
) -> None:
    admin.will_answer({"data": [{"id": "k2222222", "team": "sales", "name": "web", **how}]})
    line = (await terminal.beside("keys", "list")).out.splitlines()[1]
    assert line.rstrip().endswith(said)


@pytest.mark.parametrize("changed", [True, False])
async def test_a_cool_down_is_ended(
    admin: FakeProxy, terminal: Terminal, *, changed: bool
) -> None:
    admin.will_answer({"team": "sales", "changed": changed})
    said = await terminal.beside("keys", "end-cooldown", "k2222222", "--reason", REASON)
    state = "may create again" if changed else "had no refusals to forget"
    assert f"key k2222222 of team sales {state}\n" == said.out
    assert ("/keys/k2222222/end_cooldown", {}) == sent(admin)


async def test_jobs_of_all_teams(admin: FakeProxy, terminal: Terminal) -> None:
    asked = a_job(cancel_requested=True)
    admin.will_answer({"data": [asked, a_job(charged="0.5")], "has_more": True, "last_id": JOB})
    said = await terminal.beside("jobs", "--all-teams", "--state", "unknown", "--since", "2026")
    lines = said.out.splitlines()
    for text in (JOB, "sales", "unknown (cancel)", "kling kling-3.0", "($0.336)", "09:30:00"):
        assert text in lines[1]
    assert "$0.50" in lines[2]
    assert f"more: --after {JOB}" == lines[3]
    assert {"state": "unknown", "since": "2026", "limit": "20"} == admin.asked[0].query
    await terminal.beside("jobs", "--team", "sales")
    assert {"team": "sales", "limit": "20"} == admin.asked[1].query


async def test_a_job_of_any_team(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer(a_job())
    said = await terminal.beside("jobs", "--all-teams", JOB)
    for text in ("sales, key k2222222", "outcome_unknown: who knows", "t-1", "was considered"):
        assert text in said.out
    assert f"/admin/v1/jobs/{JOB}" == admin.asked[0].path


@pytest.mark.parametrize(
    "options",
    [
        ["--all-teams", "--status", "failed"],
        ["--team", "a", "--oldest-first"],
        ["--state", "queued"],
    ],
)
async def test_options_of_two_listeners_do_not_mix(terminal: Terminal, options: list[str]) -> None:
    assert 2 == (await terminal.beside("jobs", *options)).code


async def test_a_job_is_cancelled(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer(a_job(state="running", cancel_requested=True))
    said = await terminal.beside("jobs", "cancel", JOB, "--reason", REASON)
    assert f"{JOB}: running, a cancel is asked for, ($0.336)\n" == said.out
    assert (f"/jobs/{JOB}/cancel", {}) == sent(admin)


async def test_a_job_is_decided(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer(a_job(state="failed", charged="0.500000"))
    said = await terminal.beside(
        *("jobs", "resolve", JOB, "--outcome", "charged", "--amount", "0.5", "--reason", REASON)
    )
    assert f"{JOB}: failed, $0.50\n" == said.out
    assert (f"/jobs/{JOB}/resolve", {"outcome": "charged", "amount": "0.5"}) == sent(admin)


async def test_the_audit(admin: FakeProxy, terminal: Terminal) -> None:
    change = {"action": "freeze", "target": "team:sales", "before": "0", "after": "1"}
    admin.will_answer({"data": [{**change, **BY}], "has_more": True})
    said = await terminal.beside("audit", "--action", "freeze", "--actor", "ops1", "--limit", "1")
    line = said.out.splitlines()[1]
    for text in ("2026-11-24 09:30:00", "freeze", "team:sales", "ops1 (oper2345)", REASON):
        assert text in line
    assert "there are more" in said.out
    assert {"action": "freeze", "actor": "ops1", "limit": "1"} == admin.asked[0].query


async def test_amounts_of_the_audit_are_dollars(admin: FakeProxy, terminal: Terminal) -> None:
    change = {
        "action": "adjust",
        "target": "video_a-1",
        "before": "0.336000",
        "after": "-0.800000",
    }
    admin.will_answer({"data": [{"at": "2026-11-24T09:30:00.250Z", **change}]})
    said = await terminal.beside("audit")
    assert "adjust  video_a-1  $0.336  -$0.80" in said.out


def a_process(**changed: object) -> Json:
    return {
        "process": 7,
        "digest": "0123456789abcdef",
        "loaded_at": "2026-11-24T09:30:00.250Z",
        "warnings": ["kling retires soon"],
        "refused_at": None,
        "problems": [],
        **changed,
    }


async def test_the_configuration_in_force(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer({"uniform": True, "processes": [a_process(), a_process(process=8)]})
    said = await terminal.beside("config")
    lines = said.out.splitlines()
    assert (0, ["7", "0123456789ab", "2026-11-24", "09:30:00Z", "taken"]) == (
        said.code,
        lines[1].split(),
    )
    assert 1 == lines.count("warning: kling retires soon")


async def test_a_refused_edit_is_told(admin: FakeProxy, terminal: Terminal) -> None:
    refused = a_process(refused_at="2026-11-24T09:31:00.250Z", problems=["config.yaml:3: no"])
    admin.will_answer({"uniform": False, "processes": [a_process(digest="1"), refused]})
    said = await terminal.beside("config", "reload", "--reason", REASON)
    assert 1 == said.code
    for text in ("refused 2026-11-24 09:31:00", "refused: config.yaml:3: no", "differ"):
        assert text in said.out
    assert ("/config/reload", {}) == sent(admin)


COMMANDS = [
    ["freeze", "--reason", REASON],
    ["thaw", "--reason", REASON],
    ["freezes"],
    ["overrides", "list"],
    ["overrides", "revoke", "a", "--reason", REASON],
    ["budgets", "override", "monthly", "--amount", "1", "--reason", REASON],
    ["keys", "list"],
    ["keys", "revoke", "a", "--reason", REASON],
    ["keys", "end-cooldown", "a", "--reason", REASON],
    ["jobs", "--all-teams"],
    ["jobs", "--all-teams", JOB],
    ["jobs", "cancel", JOB, "--reason", REASON],
    ["jobs", "resolve", JOB, "--outcome", "released", "--reason", REASON],
    ["audit"],
    ["config"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
async def test_machines_get_the_answer_as_it_is(
    admin: FakeProxy, terminal: Terminal, command: list[str]
) -> None:
    answer: Json = {"data": [], "uniform": True, "processes": []}
    admin.will_answer(answer)
    said = await terminal.beside(*command, "--json")
    assert (0, answer) == (said.code, json.loads(said.out))

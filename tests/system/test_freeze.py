"""Freezes and revoked keys: obeyed at once by every process, and nothing is lost by them."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.system.child import Process
from tests.system.deployment import Deployment, wait_until
from tests.system.money import check_money

if TYPE_CHECKING:
    from collections.abc import Iterator

STILL = 20
"""How often it is looked whether a held job stays where it is."""


@pytest.fixture
def both(deployment: Deployment) -> Iterator[list[Process]]:
    """Two processes on one store, whose team runs one job at a time."""
    deployment.team = {"running": 1}
    deployment.start()
    assert deployment.proxy is not None
    other = deployment.spawn("serve", "--config", deployment.config)
    yield [deployment.proxy, other]
    other.stop()


async def ask(
    deployment: Deployment, path: str, body: dict[str, Any] | None = None, *, at: Process
) -> dict[str, Any]:
    """Ask the admin API of a process; whatever is refused fails the test."""
    headers = {"Authorization": f"Bearer {deployment.admin_token}"}
    url = f"{at.addresses['admin_url']}/admin/v1{path}"
    method = "GET" if body is None else "POST"
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, url, json=body) as answer,
    ):
        said: dict[str, Any] = await answer.json()
        assert answer.status == 200, said
        return said


async def create_at(process: Process, key: str, prompt: str) -> tuple[int, dict[str, Any]]:
    """Create a video at one process; its status and body."""
    body = {"prompt": prompt, "model": "kling-3.0", "seconds": 4}
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session,
        session.post(f"{process.addresses['base_url']}/videos", json=body) as answer,
    ):
        return answer.status, await answer.json()


async def answers(processes: list[Process], key: str, prompt: str) -> list[tuple[int, str | None]]:
    """What a create is answered by each process: status and code."""
    found = []
    for process in processes:
        status, body = await create_at(process, key, prompt)
        found.append((status, body["error"]["code"] if status != 200 else None))
    return found


@pytest.mark.parametrize("what", [{"team": "marketing"}, {}], ids=["team", "everything"])
async def test_a_freeze_holds_what_waits_and_follows_what_runs(
    deployment: Deployment, both: list[Process], what: dict[str, str]
) -> None:
    key = deployment.api_key
    _, running = await create_at(both[0], key, "A boat. [[render=1]]")

    async def is_under_way() -> bool:
        return bool((await deployment.video(running["id"]))["status"] == "in_progress")

    await wait_until(is_under_way, "the first video to be under way")
    _, waiting = await create_at(both[1], key, "Another boat.")
    reason = {"reason": "a runaway script"}
    frozen = await ask(deployment, "/freezes", {**what, **reason}, at=both[0])
    assert frozen["changed"]
    assert [(403, "spending_frozen")] * 2 == await answers(both, key, "No boat.")
    # What runs is followed to its end and settled, by whichever process has it.
    ended = await deployment.finished(running["id"])
    assert ("completed", "0.336000") == (
        ended["status"],
        ended["greenlight"]["cost_usd"]["charged"],
    )
    for _ in range(STILL):
        held = await deployment.video(waiting["id"])
        assert ("queued", "0.336000") == (
            held["status"],
            held["greenlight"]["cost_usd"]["reserved"],
        )
    [live] = (await ask(deployment, "/freezes", at=both[1]))["data"]
    assert reason["reason"] == live["reason"]
    await ask(deployment, "/freezes/thaw", {**what, **reason}, at=both[1])
    assert "completed" == (await deployment.finished(waiting["id"]))["status"]
    assert [(200, None)] * 2 == await answers(both, key, "A boat again.")
    for job in await deployment.videos():
        await deployment.finished(job["id"])
    await check_money(deployment)


async def test_a_revoked_key_is_refused_by_every_process(
    deployment: Deployment, both: list[Process]
) -> None:
    key = deployment.api_key
    assert [(200, None)] * 2 == await answers(both, key, "A boat.")
    [known] = (await ask(deployment, "/keys", at=both[0]))["data"]
    path = f"/keys/{known['id']}/revoke"
    await ask(deployment, path, {"reason": "it was in a public paste"}, at=both[0])
    assert [(401, "invalid_api_key")] * 2 == await answers(both, key, "No boat.")
    for process in both:
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session,
            session.get(f"{process.addresses['base_url']}/budget") as answer,
        ):
            assert 401 == answer.status

    # Its jobs go on: they are the team's.
    async def all_over() -> bool:
        jobs = (await ask(deployment, "/jobs?state=completed", at=both[1]))["data"]
        return len(jobs) == 2

    await wait_until(all_over, "both videos to be completed")


async def test_a_supervisor_speaks_for_its_processes(deployment: Deployment) -> None:
    deployment.serve_arguments = ("--workers", "2")
    deployment.start()
    proxy = deployment.proxy
    assert proxy is not None
    config = await ask(deployment, "/config", at=proxy)
    assert (True, 0) == (config["uniform"], config["missing"])
    assert 2 == len({each["process"] for each in config["processes"]})
    reason = {"reason": "a look"}
    path = deployment.folder / "policies" / "organisation.yaml"
    good = path.read_text()
    path.write_text(good + "\nno_such_key: 1\n")
    refused = await ask(deployment, "/config/reload", reason, at=proxy)
    assert [False, False] == [each["reloaded"] for each in refused["processes"]]
    assert all("no_such_key" in each["problems"][0] for each in refused["processes"])
    path.write_text(good)
    taken = await ask(deployment, "/config/reload", reason, at=proxy)
    assert [True, True] == [each["reloaded"] for each in taken["processes"]]
    await ask(deployment, "/freezes", {"provider": "kling", **reason}, at=proxy)
    created = await deployment.create("A boat.", policy="balanced", seconds=4)
    assert "kling" != created["greenlight"]["provider"]
    # A change of all processes is one change.
    actions = [each["action"] for each in (await ask(deployment, "/audit", at=proxy))["data"]]
    assert ["freeze", "reload", "reload"] == actions
    assert (await ask(deployment, "/ledger/verify", at=proxy))["sound"]
    headers = {"Authorization": f"Bearer {deployment.admin_token}"}
    url = f"{deployment.admin_url}/admin/v1/ledger/export?since=2020-01-01"
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(url) as answer,
    ):
        assert (200, "text/csv") == (answer.status, answer.content_type)
        assert created["id"] in await answer.text()


async def test_the_command_line_speaks_to_a_real_listener(deployment: Deployment) -> None:
    deployment.start()
    env = {
        **os.environ,
        "GREENLIGHT_ADMIN_URL": deployment.admin_url,
        "GREENLIGHT_ADMIN_TOKEN": deployment.admin_token,
    }

    async def say(*arguments: str) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "proxy", *arguments),
            env=env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return process.returncode, said.decode()

    assert (0, "team marketing is frozen\n") == await say(
        "freeze", "--team", "marketing", "--reason", "a look"
    )
    status, body, _ = await deployment.api("POST", "/videos", json_body={"prompt": "No boat."})
    assert (403, "spending_frozen") == (status, body["error"]["code"])
    code, said = await say("freezes")
    assert (0, True) == (code, "ops1 (admn2345)" in said)
    assert (0, "team marketing is thawed\n") == await say(
        "thaw", "--team", "marketing", "--reason", "enough"
    )
    created = await deployment.create("A boat.", model="kling-3.0", seconds=4)
    await deployment.finished(created["id"])
    for command in (["jobs", "--all-teams"], ["jobs", "--all-teams", created["id"]]):
        code, said = await say(*command)
        assert (0, True) == (code, created["id"] in said)
    for command in (["audit"], ["config"], ["keys", "list"], ["overrides", "list"]):
        assert 0 == (await say(*command))[0], command
    # Money is finance's: this token is an operator's.
    code, said = await say(
        *("budgets", "override", "monthly", "--team", "marketing", "--amount", "1"),
        *("--reason", "more"),
    )
    assert (1, True) == (code, "forbidden: the role 'operator' may not do this" in said)

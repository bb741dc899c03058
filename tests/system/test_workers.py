"""Several processes behind one listener, and roles apart on one store."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.system.child import Process
from tests.system.deployment import Deployment, wait_until
from tests.system.money import check_money

if TYPE_CHECKING:
    from collections.abc import Iterator

JOBS = 30


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Two workers under a supervisor."""
    made = Deployment(folder=tmp_path_factory.mktemp("pair"), serve_arguments=("--workers", "2"))
    made.start()
    yield made
    made.stop()


async def metric_lines(deployment: Deployment, name: str) -> list[str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{deployment.admin_url}/metrics") as answer,
    ):
        text = await answer.text()
    return [line for line in text.splitlines() if line.startswith(name)]


async def total(deployment: Deployment, name: str) -> float:
    return sum(float(line.rpartition(" ")[2]) for line in await metric_lines(deployment, name))


def children_of(pid: int) -> list[int]:
    """Process ids of the workers: the children that run our own module."""
    found = []
    for entry in os.listdir("/proc"):  # noqa: PTH208 - names only
        if not entry.isdecimal():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8") as file:  # noqa: PTH123 - not a file on disk
                parent = int(file.read().rpartition(")")[2].split()[1])
            with open(f"/proc/{entry}/cmdline", "rb") as file:  # noqa: PTH123 - as above
                command = file.read()
        except OSError:
            continue
        if parent == pid and b"proxy.app.child" in command:
            found.append(int(entry))
    return sorted(found)


async def test_metrics_of_all_processes_are_added_up(pair: Deployment) -> None:
    created = await asyncio.gather(
        *(pair.create(f"Boat {number}.", model="kling-3.0", seconds=4) for number in range(JOBS))
    )
    for job in created:
        await pair.finished(job["id"])
    assert await total(pair, "greenlight_jobs_ended_total{") == JOBS
    await check_money(pair)


async def test_an_administrator_s_bucket_is_told_of_through_the_supervisor(
    pair: Deployment,
) -> None:
    headers = {"Authorization": f"Bearer {pair.admin_token}"}
    async with aiohttp.ClientSession(pair.admin_url, headers=headers) as session:
        left = []
        for _ in range(2):
            async with session.get("/admin/v1/teams") as answer:
                assert '"admin";q=600' == answer.headers["RateLimit-Policy"]
                left.append(int(answer.headers["x-ratelimit-remaining-requests"]))
    assert 598 <= left[1] <= left[0] < 600


async def test_a_bad_edit_keeps_the_last_good_configuration_everywhere(pair: Deployment) -> None:
    path = pair.folder / "policies" / "organisation.yaml"
    good = path.read_text()
    assert pair.proxy is not None
    log = pair.proxy.log

    def refusals() -> int:
        return log.read_text().count("the edited configuration is not used")

    try:
        path.write_text(good + "\nno_such_key: 1\n")

        async def all_refused() -> bool:
            return log.read_text().count("no_such_key") >= 2

        await wait_until(all_refused, "both workers to refuse the edit")
        assert refusals() >= 2
        # The warnings that stand beside the mistake are not what keeps the edit out.
        assert '"problems":1' in log.read_text()
        created = await pair.create("Still served.", model="kling-3.0", seconds=4)
        assert (await pair.finished(created["id"]))["status"] == "completed"
    finally:
        path.write_text(good)


async def test_an_edit_reaches_every_process_without_being_asked(pair: Deployment) -> None:
    assert pair.proxy is not None
    before = pair.proxy.log.read_text().count('"ConfigReloaded"')
    path = pair.folder / "policies" / "routing.yaml"
    path.write_text(path.read_text() + "\n# reviewed\n")

    async def reloaded() -> bool:
        assert pair.proxy is not None
        return pair.proxy.log.read_text().count('"ConfigReloaded"') >= before + 2

    await wait_until(reloaded, "both workers to reload")


async def test_a_killed_worker_is_replaced_and_loses_nothing(pair: Deployment) -> None:
    assert pair.proxy is not None
    workers = children_of(pair.proxy.popen.pid)
    assert len(workers) == 2
    created = await asyncio.gather(
        *(
            pair.create(f"Boat {number}. [[render=1]]", model="kling-3.0", seconds=4)
            for number in range(10)
        )
    )
    os.kill(workers[0], signal.SIGKILL)

    async def replaced() -> bool:
        assert pair.proxy is not None
        now = children_of(pair.proxy.popen.pid)
        return len(now) == 2 and now != workers

    await wait_until(replaced, "a new worker")
    for job in created:
        assert (await pair.finished(job["id"]))["status"] == "completed"
    await check_money(pair)


async def test_a_killed_supervisor_takes_its_workers_along(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    made = Deployment(folder=tmp_path_factory.mktemp("alone"), serve_arguments=("--workers", "2"))
    made.start()
    try:
        assert made.proxy is not None
        workers = children_of(made.proxy.popen.pid)
        made.proxy.kill()

        async def gone() -> bool:
            return not any(_lives(pid) for pid in workers)

        await wait_until(gone, "the workers to end")
    finally:
        made.stop()


async def test_api_and_worker_may_be_processes_apart(deployment: Deployment) -> None:
    deployment.serve_arguments = ("--role", "api")
    deployment.start()
    created = await deployment.create("A boat.", model="kling-3.0", seconds=4)
    for _ in range(20):
        assert (await deployment.video(created["id"]))["status"] == "queued"
    worker: Process = deployment.spawn("serve", "--config", deployment.config, "--role", "worker")
    try:
        assert worker.addresses["base_url"] == ""
        assert (await deployment.finished(created["id"]))["status"] == "completed"
    finally:
        assert worker.stop() == 0


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

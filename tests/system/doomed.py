"""Proxies that die at chosen points, forked from one process that has imported everything.

`python -m tests.system.doomed CONFIG POINT...` starts one for each point and says the addresses of
each in one line, then of each death the point and the exit code. After the last, one more proxy is
started; it lives until standard input ends.

`Doomed` is the other side, in the test.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from proxy.cli.main import run
from proxy.store.pdeathsig import dies_with
from proxy.telemetry.observers import CRASH_AT
from tests.system.deployment import ROOT, SECRETS

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

    from tests.system.deployment import Deployment

LOADED = ("uvloop", "google.oauth2.service_account", "proxy.app.main", "proxy.app.process")
"""What a proxy imports: here once for all, while nothing runs that a fork could not copy."""


DEATHS_S = 20.0


@dataclass
class Doomed:
    """Proxies of one deployment: `urls` by point, of those that may live still."""

    process: Process
    points: tuple[str, ...]
    addresses: dict[str, dict[str, str]] = field(default_factory=dict)

    async def survivor(self) -> dict[str, str]:
        """Wait until every process has killed itself; the addresses of the one after them."""
        left = set(self.points)
        try:
            async with asyncio.timeout(DEATHS_S):
                while left:
                    point, code = await self.line()
                    assert code == -signal.SIGKILL, f"at {point} it ended with {code}"
                    left.remove(point)
                    self.addresses.pop(point)
        except TimeoutError:
            message = f"nobody died at {', '.join(left)}"
            raise AssertionError(message) from None
        addresses: dict[str, str] = await self.line()
        return addresses

    async def line(self) -> Any:  # noqa: ANN401 - whatever is said
        """The next thing that is said."""
        assert self.process.stdout is not None
        return json.loads(await self.process.stdout.readline())


@asynccontextmanager
async def doomed(deployment: Deployment, *points: str) -> AsyncIterator[Doomed]:
    """Start a proxy for each point."""
    with (deployment.folder / "doomed.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, deployment.config, *points),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            cwd=deployment.folder,
            env=os.environ | SECRETS | {"PYTHONPATH": str(ROOT)},
        )
    made = Doomed(process, points)
    try:
        for point in points:
            made.addresses[point] = await made.line()
        yield made
    finally:
        process.kill()
        await process.wait()


def main(config: str, points: list[str]) -> int:
    """Start them all, and one more after the last death."""
    for name in LOADED:
        importlib.import_module(name)
    started = [fork(config, point) for point in points]
    for _, says in started:
        tell(says.readline())
    living = {pid: point for (pid, _), point in zip(started, points, strict=True)}
    while living:
        pid, status = os.wait()
        tell(json.dumps([living.pop(pid), os.waitstatus_to_exitcode(status)]) + "\n")
    survivor, says = fork(config, "")
    tell(says.readline())
    sys.stdin.read()
    os.kill(survivor, signal.SIGKILL)
    os.waitpid(survivor, 0)
    return 0


def tell(line: str) -> None:
    """Pass a line on to the test."""
    sys.stdout.write(line)
    sys.stdout.flush()


def fork(config: str, point: str) -> tuple[int, IO[str]]:
    """Start a proxy, doomed if there is a point; its process id, and what it says."""
    die_with_parent = dies_with(os.getpid(), signal.SIGKILL)
    says, saying = os.pipe()
    pid = os.fork()
    if pid:
        os.close(saying)
        return pid, os.fdopen(says)
    die_with_parent()
    os.dup2(saying, sys.stdout.fileno())
    os.environ.pop(CRASH_AT, None)
    if point:
        os.environ[CRASH_AT] = point
    os._exit(run(["serve", "--config", config, "--json"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

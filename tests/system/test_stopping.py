"""A process ends within its time, whatever vendors, clients and the store do meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from tests.system.deployment import Deployment, wait_until
from tests.system.money import store_of

WITHIN_S = 6
LARGE = "A long way. [[bytes=50MB]]"
HANGING = "A boat. [[submit=hang]]"
VIA_KLING = {"model": "kling-3.0", "seconds": 4}


@pytest.fixture(params=[1, 2])
def impatient(request: pytest.FixtureRequest, deployment: Deployment) -> Deployment:
    """One process, or two behind one listener, that wait long for vendors but not to stop."""
    deployment.stop_within = f"{WITHIN_S}s"
    deployment.timeouts["submit"] = "120s"
    deployment.serve_arguments = ("--workers", str(request.param))
    deployment.start()
    return deployment


async def ends_in_time(deployment: Deployment) -> str:
    """Stop the proxy; returns its log."""
    assert deployment.proxy is not None
    process = deployment.proxy.popen
    process.send_signal(signal.SIGTERM)

    async def has_ended() -> bool:
        return process.poll() is not None

    # It may take its time and not much more: the machine may be busy.
    await wait_until(has_ended, "the process to end", timeout_s=2 * WITHIN_S)
    return deployment.proxy.log.read_text()


async def hangs(deployment: Deployment) -> None:
    """Have a submit under way that no vendor answers."""
    created = await deployment.create(HANGING, **VIA_KLING)

    async def is_sent() -> bool:
        calls = (await deployment.simulated("calls"))["calls"]
        return any(call["operation"] == "submit" for call in calls[-3:])

    await wait_until(is_sent, f"the submit of {created['id']}")


async def test_a_hanging_vendor_and_a_slow_client_hold_up_no_stop(impatient: Deployment) -> None:
    large = await impatient.create(LARGE, **VIA_KLING)
    assert "completed" == (await impatient.finished(large["id"], timeout_s=60))["status"]
    host, _, port = impatient.base_url.removeprefix("http://").removesuffix("/v1").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=2**10)
    writer.write(
        f"GET /v1/videos/{large['id']}/content HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {impatient.api_key}\r\n\r\n".encode()
    )
    assert b"200" in await reader.readline()  # and nothing more is read
    await hangs(impatient)
    log = await ends_in_time(impatient)
    assert impatient.proxy is not None
    assert 0 == impatient.proxy.popen.returncode
    assert "stopping took too long" not in log
    writer.close()


async def test_a_store_that_hangs_holds_up_no_stop(impatient: Deployment) -> None:
    await hangs(impatient)
    async with store_of(impatient) as client:
        told = (await client.read(("INFO", "server"))).decode()
    pid = next(line.partition(":")[2] for line in told.split() if line.startswith("process_id"))
    os.kill(int(pid), signal.SIGSTOP)
    await ends_in_time(impatient)

"""A fresh simulator per test, on a free port, its clock moved by hand."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from proxy.simulator.app import running
from proxy.simulator.settings import (
    KlingAccount,
    KlingKeyPair,
    SimulatorSettings,
    VertexProject,
)
from tests.simulator.simulated import (
    ACCESS_KEY,
    API_KEY,
    PROJECT,
    SECRET_KEY,
    TOKEN,
    Clock,
    Simulated,
)


@pytest.fixture
def sim_settings() -> SimulatorSettings:
    return SimulatorSettings(
        kling=(
            KlingAccount(api_keys=(API_KEY,), key_pairs=(KlingKeyPair(ACCESS_KEY, SECRET_KEY),)),
            KlingAccount("narrow", api_keys=("narrow-key",), concurrency=2),
        ),
        vertex=(VertexProject(PROJECT, static_tokens=(TOKEN,)),),
        now=Clock(),
        render_s=10.0,
        slow_download_s=0.2,
    )


@pytest.fixture
async def sim(sim_settings: SimulatorSettings) -> AsyncIterator[Simulated]:
    assert isinstance(sim_settings.now, Clock)
    async with running(sim_settings) as simulator, aiohttp.ClientSession() as session:
        yield Simulated(simulator.url, sim_settings.now, session)

"""A fresh simulator per test, on a free port, its clock moved by hand."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from proxy.simulator.app import running
from proxy.simulator.settings import (
    KlingAccount,
    KlingKeyPair,
    OpenAIAccount,
    RunwayAccount,
    SimulatorSettings,
    VertexProject,
)
from tests.simulator.simulated import (
    ACCESS_KEY,
    API_KEY,
    KEY,
    PROJECT,
    SECRET,
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
        runway=(
            RunwayAccount(api_secrets=(SECRET,)),
            RunwayAccount("narrow", ("narrow-secret",), concurrency=1),
            RunwayAccount("poor", ("poor-secret",), credits=100, daily_generations=3),
        ),
        openai=(
            OpenAIAccount(api_keys=(KEY,)),
            OpenAIAccount("narrow", ("narrow-key",), creates_per_min=2),
        ),
        now=Clock(),
        render_s=10.0,
        slow_download_s=0.2,
    )


@pytest.fixture
async def sim(sim_settings: SimulatorSettings) -> AsyncIterator[Simulated]:
    assert isinstance(sim_settings.now, Clock)
    async with running(sim_settings) as simulator, aiohttp.ClientSession() as session:
        yield Simulated(simulator.url, sim_settings.now, session)

"""One pair of sessions, one clock moved by hand, and a fresh simulator on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.outgoing.session import open_sessions
from proxy.simulator.app import running
from proxy.simulator.settings import (
    KlingAccount,
    KlingKeyPair,
    OpenAIAccount,
    RunwayAccount,
    SimulatorSettings,
    VertexProject,
    wall_clock_s,
)
from tests.providers.accounts import (
    ACCESS_KEY,
    API_KEY,
    API_SECRET,
    CLIENT_EMAIL,
    OPENAI_KEY,
    PROJECT,
    PUBLIC_KEY_PEM,
    SECRET_KEY,
    SIGNED_BEFORE,
    Accounts,
    HandClock,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
def clock() -> HandClock:
    """A clock that starts now: google-auth looks at the machine's own."""
    return HandClock(wall_s=wall_clock_s())


@pytest.fixture
async def accounts(clock: HandClock) -> AsyncIterator[Accounts]:
    async with open_sessions() as sessions:
        yield Accounts(sessions, clock)


@pytest.fixture
async def simulator_url(clock: HandClock) -> AsyncIterator[str]:
    settings = SimulatorSettings(
        kling=(
            KlingAccount(api_keys=(API_KEY,), key_pairs=(KlingKeyPair(ACCESS_KEY, SECRET_KEY),)),
        ),
        vertex=(
            VertexProject(PROJECT, CLIENT_EMAIL, PUBLIC_KEY_PEM, static_tokens=(SIGNED_BEFORE,)),
        ),
        runway=(RunwayAccount(api_secrets=(API_SECRET,)),),
        openai=(OpenAIAccount(api_keys=(OPENAI_KEY,)),),
        now=clock.now_s,
        render_s=5.0,
        slow_download_s=0.2,
    )
    async with running(settings) as simulator:
        yield simulator.url

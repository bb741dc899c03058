"""Fixtures of the command line's tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.cli.console import Terminal
from tests.cli.fake_proxy import FakeProxy, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GREENLIGHT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeProxy]:
    async with serving() as fake:
        monkeypatch.setenv("GREENLIGHT_URL", fake.url)
        monkeypatch.setenv("GREENLIGHT_API_KEY", fake.key)
        yield fake

"""Deployments: one shared by the tests of a module, or one of a test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.system.deployment import Deployment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """A deployment of the test's own, not started yet."""
    made = Deployment(folder=tmp_path)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A started deployment with the defaults, shared by a module's tests."""
    made = Deployment(folder=tmp_path_factory.mktemp("deployment"))
    made.start()
    yield made
    made.stop()

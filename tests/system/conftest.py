"""A deployment per test, in the test's own folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.system.deployment import Deployment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """A deployment that is not started yet."""
    made = Deployment(folder=tmp_path)
    yield made
    made.stop()


@pytest.fixture
def running(deployment: Deployment) -> Deployment:
    """A started deployment with the defaults."""
    deployment.start()
    return deployment

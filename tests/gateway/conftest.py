"""One embedded store for the whole run, emptied before each test; stages over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from proxy.store.address import EmbeddedAddress
from proxy.store.client import Client
from proxy.store.embedded import EmbeddedStore
from tests.gateway.harness import Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from proxy.domain.policy import Snapshot
    from proxy.gateway.ports.runtime import Clock
    from tests.fakes import ScriptedProvider


class StageMaker(Protocol):
    """Makes stages over the test's store and artifact folder."""

    def __call__(
        self,
        *,
        snapshot: Snapshot | None = None,
        clock: Clock | None = None,
        kling: ScriptedProvider | None = None,
        vertex: ScriptedProvider | None = None,
    ) -> Stage:
        """Make one; settings are those of `Stage`."""


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(EmbeddedAddress(folder=str(tmp_path_factory.mktemp("store"))))
    store.launch()
    store.wait_ready()
    yield store
    store.stop()


@pytest.fixture
async def client(store: EmbeddedStore) -> AsyncIterator[Client]:
    client = Client(store.address)
    await client.call(("FLUSHALL",))
    yield client
    await client.close()


@pytest.fixture
async def new_stage(client: Client, tmp_path: Path) -> AsyncIterator[StageMaker]:
    """A maker of stages; when the test ends, the ledger must explain every balance."""
    made: list[Stage] = []

    def make(
        *,
        snapshot: Snapshot | None = None,
        clock: Clock | None = None,
        kling: ScriptedProvider | None = None,
        vertex: ScriptedProvider | None = None,
    ) -> Stage:
        stage = Stage(
            client,
            tmp_path / "artifacts",
            snapshot=snapshot,
            clock=clock,
            kling=kling,
            vertex=vertex,
        )
        made.append(stage)
        return stage

    yield make
    for stage in made:
        await stage.check_books()
        unexpected = [report for report in stage.reports if not stage.may_report]
        assert [] == unexpected


@pytest.fixture
def stage(new_stage: StageMaker) -> Stage:
    return new_stage()

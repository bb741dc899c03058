"""Every way a vendor can fail, at every vendor, through the whole product."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.store.keys import Keys
from proxy.store.ledger import RedisLedger
from tests.system.money import store_of
from tests.system.scenarios import SECTIONS
from tests.system.stage import Stage, different, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.system.stage import Part


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(folder=tmp_path)
    made.start()
    yield made
    made.stop()


def every_part(*, is_lasting: bool) -> list[Part]:
    """The table's scenarios; those that hamper their neighbours are played apart."""
    scenarios = [scenario for section in SECTIONS for scenario in section.scenarios]
    kept = [scenario for scenario in scenarios if scenario.is_lasting is is_lasting]
    return parts_of(kept, "lasting" if is_lasting else "part")


async def test_every_scenario_at_every_provider_ends_as_the_table_says(stage: Stage) -> None:
    parts = every_part(is_lasting=False), every_part(is_lasting=True)
    wrong: list[str] = []
    for wave in parts:
        found = await stage.play(wave)
        wrong += different(wave, found)
    assert not wrong, "\n".join(wrong)
    async with store_of(stage) as client:
        assert () == (await RedisLedger(client, Keys()).verify()).violations

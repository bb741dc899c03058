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
    await stage.be_called_back()
    waves = every_part(is_lasting=False), every_part(is_lasting=True)
    for wave in waves:
        await stage.play(wave)
    parts = [part for wave in waves for part in wave]
    wrong = different(parts, await stage.endings(parts))
    assert not wrong, "\n".join(wrong)
    calls = (await stage.simulated("calls"))["calls"]
    told = {call["status"] for call in calls if call["operation"] == "callback"}
    assert {204, 400, 401} == told  # heard, not JSON, not the vendor's
    async with store_of(stage) as client:
        assert () == (await RedisLedger(client, Keys()).verify()).violations

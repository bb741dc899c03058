"""Many jobs at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.gateway.harness import (
    a_video,
    wait_until,
)

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from tests.gateway.harness import Stage


async def created(stage: Stage, count: int) -> list[Job]:
    """Create so many videos, no two alike."""
    return [
        (await stage.create(replace(a_video(), prompt=f"fox {number}"))).job
        for number in range(count)
    ]


async def submitted(stage: Stage, count: int) -> None:
    """Wait until Kling was asked so many times, and the worker has seen that there is no more."""

    async def there() -> bool:
        return len(stage.kling.orders) >= count

    await wait_until(there, f"{count} submits")
    await stage.turned()
    assert count == len(stage.kling.orders)

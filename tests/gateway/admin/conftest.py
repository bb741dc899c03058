from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gateway.admin.office import opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.gateway.admin.office import Office
    from tests.gateway.harness import Stage


@pytest.fixture
async def office(stage: Stage) -> AsyncIterator[Office]:
    async with opened(stage) as office:
        yield office

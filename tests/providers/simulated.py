"""What the simulated providers know after a test: their calls and their invoice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiohttp import ClientSession


@dataclass(frozen=True)
class Books:
    """Reads the books of a running simulator."""

    session: ClientSession
    url: str

    async def read(self, what: str) -> Any:  # noqa: ANN401 - JSON
        async with self.session.get(f"{self.url}/_sim/{what}") as response:
            return await response.json()

    async def invoiced_micro_usd(self) -> int:
        return int((await self.read("invoice"))["total_micro_usd"])

    async def accepted(self) -> int:
        """How many submits created a task."""
        return sum(call["accepted"] for call in (await self.read("calls"))["calls"])

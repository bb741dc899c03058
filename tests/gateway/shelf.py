"""Pictures at URLs, without a network."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING

from proxy.artifacts.inputs import HashedInputs
from proxy.artifacts.pictures import Picture
from proxy.gateway.ports.artifacts import PictureUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.artifacts.store import Artifacts


@dataclass
class Shelf:
    """What each URL gives, a picture or an error; while `gate` is closed every fetch waits."""

    found: dict[str, bytes | Exception] = field(default_factory=dict)
    gate: asyncio.Event | None = None
    asked: list[str] = field(default_factory=list)

    def inputs_in(self, artifacts: Artifacts) -> HashedInputs:
        """Inputs of at most a kilobyte that are fetched from here."""
        return HashedInputs(artifacts, self.fetched, random_bytes=os.urandom, bytes_max=1024)

    @asynccontextmanager
    async def fetched(self, url: str) -> AsyncIterator[Picture]:
        self.asked.append(url)
        if self.gate is not None:
            await self.gate.wait()
        picture = self.found.get(url, PictureUnavailable("it is not on the shelf"))
        if isinstance(picture, Exception):
            raise picture
        yield Picture(media_type="image/png", file=BytesIO(picture))

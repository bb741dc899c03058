"""Starts commands of ours as processes and waits for what they say."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

START_S = 40


@dataclass
class Started:
    """A running command and its first line of JSON."""

    process: asyncio.subprocess.Process
    said: dict[str, str]

    async def end(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), START_S)


@asynccontextmanager
async def started(*arguments: str) -> AsyncIterator[Started]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "proxy", *arguments, "--json"),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ,
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), START_S)
        yield Started(process, json.loads(line))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()

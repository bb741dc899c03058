"""Runs commands as a person would, and keeps what they say."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.cli.main import run

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Terminal:
    """One command at a time; its output is what pytest captured meanwhile."""

    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Said:
        self.capture.readouterr()
        code = run(arguments)
        out, err = self.capture.readouterr()
        return Said(code, out, err)

    async def beside(self, *arguments: str) -> Said:
        """Run a command in a thread, so that a server in this loop can answer it."""
        return await asyncio.to_thread(self, *arguments)

"""A process of the product, or the simulator, and what it says about itself."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


@dataclass
class Process:
    """A child that says its addresses in one JSON line."""

    popen: subprocess.Popen[bytes]
    addresses: dict[str, str]
    log: Path

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.popen.kill()
        self.popen.wait(10)

    def stop(self) -> int:
        """SIGTERM, and wait for the exit code."""
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(30)

    @property
    def is_running(self) -> bool:
        """Say whether it still runs."""
        return self.popen.poll() is None

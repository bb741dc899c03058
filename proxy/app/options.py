"""What the command line tells the app, and what the app tells back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the listeners are reached: `base_url` ends in /v1, `admin_url` has no path."""

    base_url: str
    admin_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """How to serve. `policies` None takes the folder that config.yaml names.

    `announce` is called once, when requests are answered.
    """

    config: Path
    policies: Path | None
    announce: Callable[[Addresses], None] | None = None

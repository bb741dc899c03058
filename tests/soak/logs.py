"""What all processes of a fleet have logged: what their circuit breakers did, and errors."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

DOORS = ("submit", "render")
"""The breakers that keep new jobs away; the others are only shown."""
UNAVAILABLE = 503


@dataclass
class Breakers:
    """Openings by provider, operation and cause; closings and probes by provider."""

    openings: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    closings: Counter[str] = field(default_factory=Counter)
    probes: Counter[str] = field(default_factory=Counter)

    def opened(self, provider: str) -> int:
        """How often a breaker of a provider opened that keeps jobs away."""
        return sum(
            count
            for (at, operation, _), count in self.openings.items()
            if at == provider and operation in DOORS
        )

    def lines(self) -> Iterator[str]:
        """Say what they did, provider by provider."""
        for provider in sorted({at for at, _, _ in self.openings}):
            causes = ", ".join(
                f"{count} {operation} {cause}"
                for (at, operation, cause), count in sorted(self.openings.items())
                if at == provider and operation in DOORS
            )
            shown = sum(
                count
                for (at, operation, _), count in self.openings.items()
                if at == provider and operation not in DOORS
            )
            yield (
                f"  {provider:8} {self.opened(provider)} openings ({causes}),"
                f" {self.closings[provider]} closings, {self.probes[provider]} probes;"
                f" {shown} of breakers that stop nothing"
            )


def read(folder: Path) -> tuple[Breakers, list[str]]:
    """Read the logs of every process that ever ran: breakers, and lines that say an error.

    The last line of one that was killed may be cut off.
    """
    told, errors = Breakers(), []
    for path in folder.glob("serve-*.log"):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
            if not line.endswith("\n"):
                continue
            entry = json.loads(line) if line.startswith("{") else {"level": "none"}
            if entry["level"] not in ("info", "warning") and not _is_due_to_the_store(entry):
                errors.append(line)
            elif entry["message"] in ("BreakerMoved", "ProbeBegan"):
                _count(told, entry)
    return told, errors


def _is_due_to_the_store(entry: Mapping[str, object]) -> bool:
    """Say whether an error only tells of the store's answers, which are lost on purpose."""
    return entry.get("logger") == "greenlight.store" or entry.get("status") == UNAVAILABLE


def _count(told: Breakers, entry: Mapping[str, str]) -> None:
    provider = entry["provider"]
    if entry["message"] == "ProbeBegan":
        told.probes[provider] += 1
    elif entry["after"] == "closed":
        told.closings[provider] += entry["operation"] in DOORS
    elif entry["after"] in ("open", "gone"):
        told.openings[provider, entry["operation"], entry["cause"] or entry["after"]] += 1

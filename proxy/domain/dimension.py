"""What money is grouped by in a report: who bears it, who made the video, what it was for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.ledger import Entry

METADATA = "metadata."
BEARERS = frozenset({"team", "cost_center", "key"})
"""Who bears a cost. A write-off moves it from these to nobody, the organisation."""
_OF_CHARGE = frozenset({"policy", "model", "provider", "account"})
NAMES = (*sorted(BEARERS | _OF_CHARGE), METADATA + "<field>")


@dataclass(frozen=True, slots=True)
class Dimension:
    """One thing to group by: "team", "model" and so on, or "metadata.<field>"."""

    name: str

    @property
    def is_bearer(self) -> bool:
        """Say whether a write-off moves money along this dimension."""
        return self.name in BEARERS

    def of(self, entry: Entry, cost_centers: Mapping[str, str]) -> str:
        """Where an entry belongs; empty if it says nothing about it.

        `cost_centers` by team id stand in for entries that carry none, which are reserves.
        """
        if self.name == "team":
            return entry.team
        if self.name == "cost_center":
            return entry.charge.cost_center or cost_centers.get(entry.team, "")
        if self.name.startswith(METADATA):
            return entry.charge.metadata.get(self.name.removeprefix(METADATA), "")
        value = getattr(entry.charge, self.name)
        assert isinstance(value, str)
        return value


def parse_dimensions(text: str) -> tuple[Dimension, ...]:
    """Read "team,model": at least one, none twice.

    Raises:
        ValueError: a name is unknown or repeated; the message lists what is allowed.
    """
    names = [name.strip() for name in text.split(",")]
    for name in names:
        is_field = name.startswith(METADATA) and len(name) > len(METADATA)
        if name not in BEARERS | _OF_CHARGE and not is_field:
            message = f"{name!r} is not something to group by; allowed: {', '.join(NAMES)}"
            raise ValueError(message)
    if len(set(names)) != len(names):
        message = "each thing to group by is named once"
        raise ValueError(message)
    return tuple(Dimension(name) for name in names)

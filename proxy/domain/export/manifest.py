"""What an export holds, so that it can be checked without Greenlight: rows, sums, SHA-256."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proxy.domain.instant import iso_ms
from proxy.domain.money import format_usd
from proxy.domain.report import vendor_cost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.ledger import Entry


@dataclass(slots=True, kw_only=True)
class Content:
    """Counts an export while it is written. Amounts in micro-USD.

    `spent_micro_usd` is what vendors are owed for the entries in the window: of FOCUS rows the
    sum of BilledCost, of entries the sum of `spent_usd` over settle, overage, adjust and
    unattributed.
    """

    rows: int = 0
    size_bytes: int = 0
    spent_micro_usd: int = 0
    first: str = ""
    last: str = ""
    kinds: dict[str, int] = field(default_factory=dict)
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def take(self, entry: Entry) -> None:
        """Count an entry of the ledger."""
        self.spent_micro_usd += vendor_cost(entry)
        self.kinds[entry.kind] = self.kinds.get(entry.kind, 0) + 1
        self.first = self.first or entry.id
        self.last = entry.id

    def write(self, text: str, *, rows: int) -> bytes:
        """Count lines that are written, and give their bytes."""
        content = text.encode()
        self.rows += rows
        self.size_bytes += len(content)
        self._digest.update(content)
        return content

    @property
    def sha256(self) -> str:
        """The hash of all bytes so far, as lower-case hex."""
        return self._digest.hexdigest()


def manifest(
    content: Content, *, format_name: str, since_ms: int, until_ms: int
) -> Mapping[str, object]:
    """An export's manifest, as it is written beside it; all of it is reproducible."""
    return {
        "object": "ledger.export",
        "format": format_name,
        "since": iso_ms(since_ms),
        "until": iso_ms(until_ms),
        "rows": content.rows,
        "spent": format_usd(content.spent_micro_usd),
        "entries": {str(kind): count for kind, count in sorted(content.kinds.items())},
        "first_entry": content.first or None,
        "last_entry": content.last or None,
        "bytes": content.size_bytes,
        "sha256": content.sha256,
    }

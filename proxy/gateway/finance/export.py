"""The ledger as a file, written in pieces while it is read; never whole in memory.

A window that ends at or before the store's now holds the same entries for ever, so its export is
the same to the byte however often it is made.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from proxy.domain.export import entries as plain
from proxy.domain.export.charges import Charges
from proxy.domain.export.focus import FOCUS_1_0, FOCUS_1_4, focus_row
from proxy.domain.export.focus import header as focus_header
from proxy.domain.export.manifest import Content, manifest
from proxy.domain.ledger import EntryKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from proxy.domain.ledger import Entry
    from proxy.gateway.finance.report import History

PIECE_CHARS = 64 * 1024
_CORRECTIONS = frozenset({EntryKind.ADJUST, EntryKind.WRITE_OFF})
_ENDINGS = frozenset({EntryKind.SETTLE, EntryKind.RELEASE})


class ExportFormat(StrEnum):
    """What a ledger can be exported as."""

    CSV = "csv"
    JSONL = "jsonl"
    FOCUS_1_4 = "focus-1.4"
    FOCUS_1_0 = "focus-1.0"


_FOCUS = {ExportFormat.FOCUS_1_4: FOCUS_1_4, ExportFormat.FOCUS_1_0: FOCUS_1_0}


class Export:
    """One export of the entries of [since, until); read its pieces once, then its manifest."""

    def __init__(
        self, history: History, format_name: ExportFormat, *, since_ms: int, until_ms: int
    ) -> None:
        self._history = history
        self._format = format_name
        self._since_ms = since_ms
        self._until_ms = until_ms
        self._content = Content()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The file, in pieces of about PIECE_CHARS."""
        waiting: list[str] = []
        size = 0
        rows = 0
        async for text, is_row in self._lines():
            waiting.append(text)
            size += len(text)
            rows += is_row
            if size >= PIECE_CHARS:
                yield self._content.write("".join(waiting), rows=rows)
                waiting, size, rows = [], 0, 0
        if waiting:
            yield self._content.write("".join(waiting), rows=rows)

    def manifest(self) -> Mapping[str, object]:
        """What the file holds; complete once all pieces were read."""
        return manifest(
            self._content,
            format_name=self._format.value,
            since_ms=self._since_ms,
            until_ms=self._until_ms,
        )

    def _lines(self) -> AsyncIterator[tuple[str, bool]]:
        """Lines, and whether each is a row; a header is none."""
        if self._format in _FOCUS:
            return self._focus(_FOCUS[self._format])
        return self._plain(is_csv=self._format is ExportFormat.CSV)

    async def _plain(self, *, is_csv: bool) -> AsyncIterator[tuple[str, bool]]:
        if is_csv:
            yield plain.header(), False
        write = plain.csv_row if is_csv else plain.json_row
        async for entry in self._taken():
            yield write(entry), True

    async def _taken(self) -> AsyncIterator[Entry]:
        async for entry in self._history.entries(self._since_ms, self._until_ms):
            self._content.take(entry)
            yield entry

    async def _focus(
        self, columns: Mapping[str, Callable[..., str]]
    ) -> AsyncIterator[tuple[str, bool]]:
        yield focus_header(columns), False
        first_ms = await self._first_charges()
        charges = Charges()
        async for entry in self._taken():
            for billed in charges.add(entry):
                yield focus_row(columns, billed, first_ms.get(billed.attempt, billed.at_ms)), True
        for billed in charges.rest():
            yield focus_row(columns, billed, first_ms.get(billed.attempt, billed.at_ms)), True

    async def _first_charges(self) -> Mapping[str, int]:
        """When attempts were resolved that the window corrects: that is their charge period."""
        wanted = {
            entry.attempt
            async for entry in self._history.entries(self._since_ms, self._until_ms)
            if entry.kind in _CORRECTIONS
        }
        if not wanted:
            return {}
        return {
            entry.attempt: entry.at_ms
            async for entry in self._history.entries(None, self._until_ms)
            if entry.kind in _ENDINGS and entry.attempt in wanted
        }

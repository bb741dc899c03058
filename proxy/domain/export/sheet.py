"""Lines of CSV that every reader takes: RFC 4180 quoting, line feeds, no cell that is a formula.

A spreadsheet runs a cell that begins with = + - @; metadata and reasons are written by others. So
such a text gets an apostrophe in front, and so does one that begins with an apostrophe: reading
takes exactly one away. Numbers are never changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_GUARD = "'"
_SPECIAL = frozenset(',"\r\n')
_GUARDED = ("=", "+", "-", "@", "\t", "\r", _GUARD)


def text_cell(text: str) -> str:
    """Make a text safe for a spreadsheet."""
    return _GUARD + text if text.startswith(_GUARDED) else text


def text_of(cell: str) -> str:
    """The text that `text_cell` was given."""
    return cell.removeprefix(_GUARD)


def csv_line(cells: Iterable[str]) -> str:
    """One line, with its line feed."""
    return ",".join(_quoted(cell) for cell in cells) + "\n"


def _quoted(cell: str) -> str:
    # The csv module leaves a lone carriage return bare, which it cannot read back.
    if _SPECIAL.isdisjoint(cell):
        return cell
    return '"' + cell.replace('"', '""') + '"'

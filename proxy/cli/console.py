"""What people see: tables, bars and money; machines get `json_line` instead."""

import sys
from decimal import Decimal

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

BAR_CELLS = 10
_WIDTH_WITHOUT_TERMINAL = 160
_NEVER_WRAPPED = ("used", "id", "resets")


def console(*, is_error: bool = False) -> Console:
    """Make a console for standard output or standard error; plain when nobody watches."""
    stream = sys.stderr if is_error else sys.stdout
    width = None if stream.isatty() else _WIDTH_WITHOUT_TERMINAL
    return Console(stderr=is_error, highlight=False, width=width)


def table(*headings: str, right: tuple[str, ...] = ()) -> Table:
    """Make an empty table; the columns named in `right` hold numbers."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        is_number = heading in right
        made.add_column(
            heading,
            justify="right" if is_number else "left",
            no_wrap=is_number or heading in _NEVER_WRAPPED,
            # An id that is cut off cannot be copied.
            overflow="fold",
        )
    return made


def plain(value: object) -> Text:
    """Show a value as it is: nothing in it is markup, nothing in it moves the cursor."""
    text = "" if value is None else str(value)
    return Text("".join(letter if letter.isprintable() else "?" for letter in text))


def usd(amount: object) -> str:
    """Show the API's decimal dollars: cents at least, finer places only where there are any."""
    if not isinstance(amount, str):
        return "-"
    sign = "-" if amount.startswith("-") else ""
    whole, _, places = amount.removeprefix("-").partition(".")
    return f"{sign}${whole}.{places.rstrip('0').ljust(2, '0')}"


def cents(amount: object) -> str:
    """Show decimal dollars to the cent: what is only expected is not known more exactly."""
    if not isinstance(amount, str):
        return "-"
    return usd(str(Decimal(amount).quantize(Decimal("0.01"))))


def size(size_bytes: int) -> str:
    """Show a number of bytes: 6.4 kB, 18.2 MB."""
    return decimal(size_bytes)


def bar(used: float) -> Text:
    """Draw how much of a limit is used, as a share of 1; more than all of it is drawn full."""
    share = min(1.0, max(0.0, used))
    cells = max(round(share * BAR_CELLS), 1 if share else 0)
    style = "red" if share >= 1 else "yellow" if share >= 0.8 else "green"  # noqa: PLR2004  a share
    return Text.assemble(("█" * cells, style), ("░" * (BAR_CELLS - cells), "dim"))

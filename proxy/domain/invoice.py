"""A vendor's invoice as CSV: one line for each task it bills.

Columns, in any order and case: `provider`; `task_id` (or `task`), the vendor's id; `external_id`
(or `attempt`), ours; `amount` in dollars or `micro_usd`; `currency`, if present, USD. Others are
passed over. A line needs an amount and at least one of the ids, or it is charged to nobody. Of a
vendor's id that is a path, as Vertex names operations, the last part counts.
"""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.money import MICRO_USD_MAX, parse_signed_usd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SAME = {"task": "task_id", "attempt": "external_id", "vendor": "provider", "amount_usd": "amount"}
_AMOUNTS = ("amount", "micro_usd")
DIGEST_CHARS = 16
PROBLEMS_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One line; `number` is the file's, from 1 for the header. Empty ids are "not given"."""

    number: int
    provider: str
    task: str
    external_id: str
    amount_micro_usd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """An invoice and the start of its file's SHA-256, which names it in the ledger.

    `provider` is who sent all of it, "" where each line says it.
    """

    digest: str
    lines: tuple[InvoiceLine, ...]
    provider: str = ""

    @property
    def providers(self) -> frozenset[str]:
        """Whose invoice it is, also if it bills nothing."""
        sender = (self.provider,) if self.provider else ()
        return frozenset((*sender, *(line.provider for line in self.lines)))


class BadInvoiceError(Exception):
    """The file is not an invoice; `problems` lists what is wrong, each with its line."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


def parse_invoice(content: bytes, *, provider: str = "") -> Invoice:
    """Read an invoice; `provider` stands where the file names none.

    Raises:
        BadInvoiceError: not UTF-8 CSV, columns are missing, or lines cannot be read.
    """
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInvoiceError([f"not CSV in UTF-8: {error}"]) from error
    if not rows:
        raise BadInvoiceError(["the file is empty"])
    columns = _columns(rows[0], provider)
    lines, problems = [], []
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        try:
            lines.append(_line(number, row, columns, provider))
        except ValueError as error:
            problems.append(f"line {number}: {error}")
    if problems:
        more = len(problems) - PROBLEMS_MAX
        shown = problems[:PROBLEMS_MAX]
        raise BadInvoiceError([*shown, f"and {more} more"] if more > 0 else shown)
    sender = "" if "provider" in columns else provider
    if not (lines or sender):
        raise BadInvoiceError(["the file has no line"])
    digest = hashlib.sha256(content).hexdigest()[:DIGEST_CHARS]
    return Invoice(digest=digest, lines=tuple(lines), provider=sender)


def _columns(header: Sequence[str], provider: str) -> Mapping[str, int]:
    names = [name.strip().lower() for name in header]
    columns = {_SAME.get(name, name): place for place, name in enumerate(names)}
    problems = []
    if len(names) == 1 and ";" in names[0]:
        raise BadInvoiceError(["line 1: columns are separated by commas, not by semicolons"])
    if len(columns) != len(names):
        problems.append("line 1: two columns have the same meaning")
    if not columns.keys() & {"task_id", "external_id"}:
        problems.append("line 1: a column task_id or external_id is needed")
    if len(columns.keys() & set(_AMOUNTS)) != 1:
        problems.append("line 1: exactly one column of amount and micro_usd is needed")
    if "provider" not in columns and not provider:
        problems.append("line 1: a column provider is needed, or one provider for the whole file")
    if problems:
        raise BadInvoiceError(problems)
    return columns


def _line(
    number: int, row: Sequence[str], columns: Mapping[str, int], provider: str
) -> InvoiceLine:
    def cell(name: str) -> str:
        place = columns.get(name)
        return row[place].strip() if place is not None and place < len(row) else ""

    currency = cell("currency")
    if currency and currency.upper() != "USD":
        message = f"currency {currency} is not USD"
        raise ValueError(message)
    named = cell("provider") or provider
    if not named:
        message = "provider is empty"
        raise ValueError(message)
    return InvoiceLine(
        number=number,
        provider=named,
        task=cell("task_id").rpartition("/")[2],
        external_id=cell("external_id"),
        amount_micro_usd=_amount(cell("amount"), cell("micro_usd")),
    )


def _amount(dollars: str, micro_usd: str) -> int:
    if micro_usd:
        digits = micro_usd.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()):
            message = f"micro_usd {micro_usd!r} is not a whole number"
            raise ValueError(message)
        if int(digits) > MICRO_USD_MAX:
            message = f"micro_usd {micro_usd} is too large"
            raise ValueError(message)
        return int(micro_usd)
    if not dollars:
        message = "the amount is empty"
        raise ValueError(message)
    sign, amount = ("-", dollars[1:]) if dollars.startswith("-") else ("", dollars)
    try:
        return parse_signed_usd(sign + amount.removeprefix("$"))
    except ValueError as error:
        message = f"amount {dollars!r} {error}"
        raise ValueError(message) from error

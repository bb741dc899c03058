"""Ledger entries as CSV and as JSON lines, and back from CSV."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from proxy.domain.export.sheet import csv_line, text_cell, text_of
from proxy.domain.instant import iso_ms
from proxy.domain.ledger import Charge, Entry, EntryKind
from proxy.domain.money import format_usd, parse_signed_usd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TEXTS_OF_CHARGE: Final = (
    "key",
    "policy",
    "provider",
    "account",
    "model",
    "price_id",
    "snapshot_digest",
    "by",
    "cost_center",
    "resolution",
    "outcome",
    "task",
)
COLUMNS: Final = (
    "id",
    "at",
    "kind",
    "operation",
    "job",
    "attempt",
    "team",
    *_TEXTS_OF_CHARGE,
    "seconds",
    "metadata",
    "reserved_usd",
    "spent_usd",
    "amount_usd",
    "until_ms",
    "actor",
    "reason",
    "balances",
)


def fields(entry: Entry) -> dict[str, str | int]:
    """An entry as named values in the order of COLUMNS; lists and objects as JSON texts."""
    charge = entry.charge
    return {
        "id": entry.id,
        "at": iso_ms(entry.at_ms),
        "kind": entry.kind.value,
        "operation": entry.operation,
        "job": entry.job,
        "attempt": entry.attempt,
        "team": entry.team,
        **{name: getattr(charge, name) for name in _TEXTS_OF_CHARGE},
        "seconds": charge.seconds,
        "metadata": canonical_json(dict(charge.metadata)) if charge.metadata else "",
        "reserved_usd": format_usd(entry.reserved_micro_usd),
        "spent_usd": format_usd(entry.spent_micro_usd),
        "amount_usd": format_usd(entry.amount_micro_usd),
        "until_ms": entry.until_ms,
        "actor": entry.actor,
        "reason": entry.reason,
        "balances": canonical_json(list(entry.balances)),
    }


_PLAIN: Final = frozenset({"seconds", "reserved_usd", "spent_usd", "amount_usd", "until_ms"})


def header() -> str:
    """The first line of the CSV."""
    return csv_line(COLUMNS)


def csv_row(entry: Entry) -> str:
    """An entry as one line of CSV."""
    return csv_line(
        str(value) if name in _PLAIN else text_cell(str(value))
        for name, value in fields(entry).items()
    )


def json_row(entry: Entry) -> str:
    """An entry as one line of JSON; `metadata` and `balances` are JSON themselves."""
    named: dict[str, object] = dict(fields(entry))
    named["metadata"] = dict(entry.charge.metadata)
    named["balances"] = list(entry.balances)
    return canonical_json(named, is_sorted=False) + "\n"


def parse_row(cells: Sequence[str]) -> Entry:
    """The entry behind the cells of a line.

    Raises:
        ValueError: the line was not written by `csv_row`.
    """
    named = {
        name: cell if name in _PLAIN else text_of(cell)
        for name, cell in zip(COLUMNS, cells, strict=True)
    }
    return Entry(
        id=named["id"],
        kind=EntryKind(named["kind"]),
        operation=named["operation"],
        attempt=named["attempt"],
        team=named["team"],
        balances=tuple(json.loads(named["balances"])),
        reserved_micro_usd=parse_signed_usd(named["reserved_usd"]),
        spent_micro_usd=parse_signed_usd(named["spent_usd"]),
        charge=_charge(named),
        actor=named["actor"],
        reason=named["reason"],
        amount_micro_usd=parse_signed_usd(named["amount_usd"]),
        until_ms=int(named["until_ms"]),
    )


def canonical_json(value: object, *, is_sorted: bool = True) -> str:
    """JSON without spaces; with sorted keys unless their order means something."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=is_sorted)


def _charge(named: Mapping[str, str]) -> Charge:
    return Charge(
        seconds=int(named["seconds"]),
        metadata=json.loads(named["metadata"]) if named["metadata"] else {},
        **{name: named[name] for name in _TEXTS_OF_CHARGE},
    )

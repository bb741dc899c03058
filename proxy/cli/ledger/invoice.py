"""What `greenlight ledger reconcile` shows to people."""

from decimal import Decimal

from rich.console import Console
from rich.table import Table

from proxy.cli.api import Json
from proxy.cli.console import plain, table, usd
from proxy.cli.video import entries

_SHOWN_MAX = 40
_KINDS = {
    "differing": "charged differently",
    "not_invoiced": "charged, not invoiced",
    "not_ours": "invoiced, not ours",
    "misattributed": "charged to nobody, explained since",
    "open": "still open",
    "duplicate": "invoiced twice",
}
_REFUSED = {
    "stale": "it was changed meanwhile; run this again",
    "below_zero": "it would cost less than nothing",
    "open": "it is not resolved yet",
}


def is_settled(comparison: object) -> bool:
    """Say whether nothing is left to do: every kind of finding is empty."""
    return isinstance(comparison, dict) and not any(comparison.get(kind) for kind in _KINDS)


def show_comparison(out: Console, answer: Json) -> None:
    """Show sums, then what differs, each kind with its reason."""
    _sums(out, answer)
    for kind, words in _KINDS.items():
        found = entries(answer.get(kind))
        if not found:
            continue
        out.print()
        out.print(plain(f"{words}: {len(found)}"), style="bold")
        out.print(_findings(found[:_SHOWN_MAX]))
        if len(found) > _SHOWN_MAX:
            out.print(f"and {len(found) - _SHOWN_MAX} more; --json has all of them")


def _findings(found: list[Json]) -> Table:
    numbers = ("line", "ledger", "invoice", "missing")
    shown = table("at", "attempt or task", "team", *numbers, "charged by", right=numbers)
    for each in found:
        lines = each.get("lines")
        shown.add_row(
            plain(each.get("provider")),
            plain(each.get("attempt") or each.get("task")),
            plain(each.get("team")),
            ", ".join(str(number) for number in lines) if isinstance(lines, list) else "",
            usd(each.get("charged")),
            usd(each.get("invoiced")),
            usd(each.get("missing")),
            plain(each.get("by")),
        )
    return shown


def show_posted(out: Console, answer: Json) -> None:
    """Show what was posted and refused, and what is left."""
    posted, refused = entries(answer.get("posted")), entries(answer.get("refused"))
    before = answer.get("before")
    if isinstance(before, dict):
        out.print(plain(f"before      difference {usd(before.get('difference'))}"))
    for line in _posted([each for each in posted if each.get("attempt")], "attempt", "adjusted"):
        out.print(plain(line))
    nobodys = [each for each in posted if not each.get("attempt")]
    for line in _posted(nobodys, "task", "charged to nobody"):
        out.print(plain(line))
    if not posted:
        out.print("posted      nothing")
    for each in refused:
        name = each.get("attempt") or each.get("task")
        why = _REFUSED.get(str(each.get("refused")), each.get("refused"))
        out.print(plain(f"refused     {name}: {why}"), style="red")
    after = answer.get("after")
    if isinstance(after, dict):
        out.print()
        show_comparison(out, after)


def _posted(corrections: list[Json], what: str, done: str) -> list[str]:
    """How many corrections there were of a kind, and what they come to."""
    if not corrections:
        return []
    total = sum(Decimal(str(each.get("amount"))) for each in corrections)
    return [f"posted      {_counted(len(corrections), what)} {done}: {usd(f'{total:.6f}')}"]


def _counted(number: object, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _sums(out: Console, answer: Json) -> None:
    equal = answer.get("equal")
    counted = equal if isinstance(equal, dict) else {}
    out.print(
        plain(
            f"invoice     {_counted(answer.get('lines'), 'line')}, {usd(answer.get('invoiced'))}"
        )
    )
    out.print(plain(f"equal       {counted.get('count')}, {usd(counted.get('amount'))}"))
    out.print(plain(f"difference  {usd(answer.get('difference'))} (ledger minus invoice)"))

"""What `greenlight ledger reconcile` shows to people."""

from rich.console import Console

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
        shown = table(
            *("attempt or task", "line", "ledger", "invoice", "missing"),
            right=("line", "ledger", "invoice", "missing"),
        )
        for each in found[:_SHOWN_MAX]:
            lines = each.get("lines")
            numbers = lines if isinstance(lines, list) else []
            shown.add_row(
                plain(each.get("attempt") or each.get("task")),
                ", ".join(str(number) for number in numbers) or "-",
                usd(each.get("charged")),
                usd(each.get("invoiced")),
                usd(each.get("missing")),
            )
        out.print(shown)
        if len(found) > _SHOWN_MAX:
            out.print(f"and {len(found) - _SHOWN_MAX} more; --json has all of them")


def show_posted(out: Console, answer: Json) -> None:
    """Show what was posted and refused, and what is left."""
    posted, refused = entries(answer.get("posted")), entries(answer.get("refused"))
    before = answer.get("before")
    if isinstance(before, dict):
        out.print(plain(f"before      difference {usd(before.get('difference'))}"))
    out.print(plain(f"posted      {len(posted)} corrections"))
    for each in refused:
        name = each.get("attempt") or each.get("task")
        out.print(plain(f"refused     {name}: {each.get('refused')}"), style="red")
    after = answer.get("after")
    if isinstance(after, dict):
        out.print()
        show_comparison(out, after)


def _sums(out: Console, answer: Json) -> None:
    equal = answer.get("equal")
    counted = equal if isinstance(equal, dict) else {}
    out.print(plain(f"invoice     {answer.get('lines')} lines, {usd(answer.get('invoiced'))}"))
    out.print(plain(f"equal       {counted.get('count')}, {usd(counted.get('amount'))}"))
    out.print(plain(f"difference  {usd(answer.get('difference'))} (ledger minus invoice)"))

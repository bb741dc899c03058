"""What `greenlight ledger show` shows to people."""

from rich.table import Table

from proxy.cli.api import Json
from proxy.cli.change import moment
from proxy.cli.console import plain, table, usd

NOTHING = "0.000000"


def entries_table(found: list[Json]) -> Table:
    """Show entries: what each is about, what it did to held and spent, and why."""
    money = ("held", "spent")
    shown = table("at", "kind", "of", "team", *money, "why", right=money)
    for entry in found:
        shown.add_row(
            moment(entry.get("at")),
            plain(entry.get("kind")),
            plain(entry.get("attempt") or entry.get("task") or _balance(entry)),
            plain(entry.get("team")),
            _moved(entry, "reserved"),
            _moved(entry, "spent"),
            plain(_why(entry)),
        )
    return shown


def _balance(entry: Json) -> object:
    """The balance that an entry without an attempt is about."""
    balances = entry.get("balances")
    return balances[0] if isinstance(balances, list) and balances else None


def _moved(entry: Json, name: str) -> str:
    amount = entry.get(name)
    return "" if amount == NOTHING else usd(amount)


def _why(entry: Json) -> str:
    """How an attempt ended and whose figure it cost; of a person's change its reason."""
    if entry.get("kind") == "override":
        amount = usd(entry.get("amount"))
        sign = "" if amount.startswith("-") else "+"
        lifted = f"limit {sign}{amount} until {moment(entry.get('until'))}"
        return f"{lifted}: {entry.get('reason')}"
    said = (
        (entry.get("reason"),) if entry.get("reason") else (entry.get("outcome"), entry.get("by"))
    )
    return ", ".join(str(word) for word in said if word)

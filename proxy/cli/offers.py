"""The table of offers that were considered: what `quote`, `jobs ID` and `demo` show of a plan."""

from collections.abc import Iterable

from rich.table import Table

from proxy.cli.console import plain, table, usd
from proxy.cli.video import Json


def offers_table(route: Iterable[Json]) -> Table:
    """Show candidates in order, then what was skipped, each with its reason."""
    shown = table("", "provider", "model", "price", "why", right=("", "price"))
    position = 0
    for offer in without_repeats(route):
        is_candidate = not offer.get("skipped")
        position += is_candidate
        over = "" if offer.get("fits") is not False else "over budget; "
        why = offer.get("reason") if is_candidate else why_skipped(offer)
        shown.add_row(
            str(position) if is_candidate else "-",
            plain(offer.get("provider")),
            plain(offer.get("model")),
            usd(offer.get("price_usd")),
            plain(f"{over}{why}"),
            style=None if is_candidate else "dim",
        )
    return shown


def without_repeats(offers: Iterable[Json]) -> list[Json]:
    """Leave out what would read the same again: one model under several names of its provider."""
    kept: list[Json] = []
    for offer in offers:
        if not (offer.get("skipped") and offer in kept):
            kept.append(offer)
    return kept


def why_skipped(offer: Json) -> str:
    """The reason in words; the code alone where they say no more."""
    code, detail = str(offer.get("code")), str(offer.get("detail"))
    return detail if detail.startswith(code) else f"{code}: {detail}"

"""`greenlight report`: what was spent, on what, and what a video cost."""

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from proxy.cli.admin import admin_options, open_admin
from proxy.cli.api import Json
from proxy.cli.console import cents, console, plain, table, usd
from proxy.cli.json_line import write_json
from proxy.cli.span import span_of, span_options
from proxy.cli.video import entries

_NOBODY = "(nobody)"
_BEARERS = ("team", "cost_center", "key")


@click.command()
@click.option(
    "--by",
    default="team",
    show_default=True,
    help="team, cost_center, key, policy, model, provider, account or metadata.NAME; several "
    "with commas.",
)
@span_options
@click.option("--json", "as_json", is_flag=True, help="Write the API's answer for machines.")
@admin_options
def command(
    *,
    by: str,
    period: str | None,
    since: str | None,
    until: str | None,
    timezone: str,
    as_json: bool,
    admin_url: str,
    admin_token: str | None,
) -> None:
    """Show what was spent in a time: this month, unless told otherwise.

    Unit costs include what was paid for attempts that brought no video. A month that has run for
    three days is carried on as a straight line.
    """
    span = span_of(period, since, until, timezone)
    with console(is_error=True).status("reading the ledger"):
        answer = open_admin(admin_url, admin_token).get("/report", {"by": by, **span})
    if as_json:
        write_json(answer)
        return
    show(console(), answer)


def show(out: Console, answer: Json) -> None:
    """Show two narrow tables, money and units, and what was wasted on what."""
    rows, total = entries(answer.get("rows")), _object(answer.get("total"))
    out.print(plain(f"{_day(answer.get('since'))} to {_day(answer.get('until'))}"))
    if not rows:
        out.print("nothing was spent and nothing is held")
        return
    by = answer.get("by")
    names = [str(name) for name in by] if isinstance(by, list) else []
    out.print(_money(names, rows, total))
    out.print()
    out.print(_units(names, rows, total))
    for outcome, amount in _object(total.get("wasted_by_outcome")).items():
        out.print(plain(f"wasted on {outcome}: {usd(amount)}"))
    if total.get("forecast") is not None:
        method, end = answer.get("forecast_method"), cents(total["forecast"])
        out.print(plain(f"{answer.get('period')} ends at {end} if it goes on ({method})"))


def _money(names: list[str], rows: list[Json], total: Json) -> Table:
    figures = ["spent", "wasted", "held"]
    figures += [
        name for name in ("written_off", "forecast") if any(_is_there(row, name) for row in rows)
    ]
    headings = [name.replace("_", " ") for name in figures]
    shown = table(*names, *headings, right=tuple(headings))
    for row in rows:
        shown.add_row(*_group(names, row), *(_figure(row, name) for name in figures))
    shown.add_row(*_total(names), *(_figure(total, name) for name in figures), style="bold")
    return shown


def _figure(row: Json, name: str) -> str:
    return cents(row.get(name)) if name == "forecast" else usd(row.get(name))


def _units(names: list[str], rows: list[Json], total: Json) -> Table:
    counts = ("attempts", "videos", "seconds")
    prices = ("per video", "per second")
    shown = table(*names, *counts, *prices, right=(*counts, *prices))
    for row in [*rows, total]:
        group = _total(names) if row is total else _group(names, row)
        shown.add_row(
            *group,
            str(row.get("attempts")),
            str(row.get("videos")),
            str(row.get("delivered_seconds")),
            usd(row.get("per_video")),
            usd(row.get("per_second")),
            style="bold" if row is total else "",
        )
    return shown


def _group(names: list[str], row: Json) -> list[Text]:
    group = _object(row.get("group"))
    return [
        plain(group.get(name) or (_NOBODY if name in _BEARERS else "(none)")) for name in names
    ]


def _total(names: list[str]) -> list[Text]:
    return [plain(word) for word in ("total", *[""] * (len(names) - 1))]


def _is_there(row: Json, name: str) -> bool:
    return row.get(name) not in (None, "0.000000")


def _day(instant: object) -> str:
    """An instant without what is zero: "2026-11-01", "2026-11-24 09:30:00Z"."""
    day, _, time = str(instant).partition("T")
    return day if time == "00:00:00.000Z" else f"{day} {time.partition('.')[0]}Z"


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}

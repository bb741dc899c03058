"""`greenlight drill`: what would happen without a model, told on what really was asked for."""

from datetime import UTC, datetime, timedelta

import click
from rich.console import Console

from proxy.cli.admin import admin_options, open_admin
from proxy.cli.api import Json
from proxy.cli.change import json_option
from proxy.cli.console import console, plain, table, usd
from proxy.cli.json_line import write_json
from proxy.cli.video import entries

DEFAULT_SPAN = timedelta(days=1)


@click.group()
def command() -> None:
    """Say what would happen, without doing it."""


@command.command()
@click.argument("model")
@click.option("--since", help="A date (UTC), or an instant. Default: a day ago.")
@click.option("--until", help="The end, not included. Default: now.")
@json_option
@admin_options
def retire(
    *,
    model: str,
    since: str | None,
    until: str | None,
    as_json: bool,
    admin_url: str,
    admin_token: str | None,
) -> None:
    """Route a time's real requests again, without MODEL.

    Shows where each video would have gone, what it would have cost, and what would be refused. The
    configuration is the one in force; conditions and budgets are those of then.
    """
    if since is None:
        since = (datetime.now(UTC) - DEFAULT_SPAN).isoformat(timespec="seconds")  # noqa: TID251  a command lives for one moment
    query = {"model": model, "since": since, "until": until}
    with console(is_error=True).status("routing again"):
        answer = open_admin(admin_url, admin_token).get("/drill/retire", query)
    if as_json:
        write_json(answer)
    else:
        _show(console(), answer)


def _show(out: Console, answer: Json) -> None:
    model, videos = answer.get("model"), answer.get("videos")
    out.print(plain(f"{answer.get('concerned')} of {videos} videos were made by {model}"))
    strangers = answer.get("of_teams_that_left")
    if strangers:
        out.print(plain(f"{strangers} of them for teams that have left: not in the table"))
    moves = entries(answer.get("moves"))
    if not moves:
        return
    shown = table(
        "from", "to", "videos", "cost", "would cost", right=("videos", "cost", "would cost")
    )
    for move in moves:
        there = move.get("to")
        shown.add_row(
            plain(_place(move.get("from"))),
            plain("refused" if there is None else _place(there)),
            plain(move.get("videos")),
            usd(move.get("before_usd")),
            usd(move.get("after_usd")),
            style="bold red" if there is None else "",
        )
    cost = answer.get("cost_usd")
    total = cost if isinstance(cost, dict) else {}
    shown.add_row(
        plain("total"),
        plain(""),
        plain(sum(int(str(move.get("videos"))) for move in moves)),
        usd(total.get("before")),
        usd(total.get("after")),
        style="bold",
    )
    out.print(shown)
    refused = answer.get("refused_by_team")
    for team, count in (refused if isinstance(refused, dict) else {}).items():
        out.print(plain(f"{count} of team {team} would be refused"))


def _place(place: object) -> str:
    return f"{place.get('provider')}/{place.get('model')}" if isinstance(place, dict) else ""

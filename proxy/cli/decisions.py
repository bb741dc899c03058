"""`greenlight decisions`: where requests were routed, and why."""

import click
from rich.console import Console

from proxy.cli.admin import admin_options, open_admin
from proxy.cli.api import Json
from proxy.cli.change import json_option, moment
from proxy.cli.console import console, plain, table, usd
from proxy.cli.json_line import write_json
from proxy.cli.offers import why_skipped, without_repeats
from proxy.cli.video import entries


@click.command()
@click.option("--since", help="A date (UTC), or an instant such as 2026-11-01T00:00:00Z.")
@click.option("--until", help="The end, not included.")
@click.option("--team", help="Only this team's.")
@click.option(
    "--outcome", help="accepted, or the code of a refusal: no_route, budget_exceeded ..."
)
@click.option("--policy", help="Only those that this policy ranked.")
@click.option("--provider", help="Only those that chose this provider.")
@click.option("--model", help="Only those that chose this model.")
@click.option("--requested-model", help="Only those that asked for this model, or an alias of it.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--why", is_flag=True, help="Show every candidate and every offer left out.")
@json_option
@admin_options
def command(
    *,
    limit: int,
    why: bool,
    as_json: bool,
    admin_url: str,
    admin_token: str | None,
    **filters: str | None,
) -> None:
    """Show routing decisions, the latest first."""
    answer = open_admin(admin_url, admin_token).get("/decisions", {**filters, "limit": limit})
    found = entries(answer.get("data"))
    if as_json:
        write_json(answer)
    elif not found:
        click.echo("no decision is on record for that")
    elif why:
        for each in found:
            _explain(console(), each)
    else:
        _list(console(), found)
    if not as_json and answer.get("has_more") is True:
        click.echo("there are more: raise --limit, or give --until")


def _list(out: Console, found: list[Json]) -> None:
    shown = table(
        *("at", "id", "team", "policy", "asked", "outcome", "chosen", "price"), right=("price",)
    )
    for each in found:
        chosen = _chosen(each)
        shown.add_row(
            moment(each.get("at")),
            plain(each.get("id")),
            plain(each.get("team")),
            plain(each.get("policy")),
            plain(each.get("requested_model") or ""),
            plain(each.get("outcome")),
            plain(f"{chosen.get('provider')}/{chosen.get('model')}" if chosen else ""),
            usd(chosen.get("price_usd")) if chosen else plain(""),
        )
    out.print(shown)


def _explain(out: Console, decision: Json) -> None:
    chosen = decision.get("chosen")
    out.print(plain(f"{decision.get('id')}  {decision.get('team')}  {decision.get('outcome')}"))
    shown = table("rank", "offer", "price", "score", "why", right=("rank", "price", "score"))
    for each in entries(decision.get("candidates")):
        is_chosen = each.get("rank") == chosen
        score = each.get("score")
        shown.add_row(
            plain(each.get("rank")),
            plain(f"{each.get('provider')}/{each.get('model')}"),
            usd(each.get("price_usd")),
            plain("" if score is None else f"{score:.3f}"),
            plain(each.get("reason")),
            style="bold" if is_chosen else "",
        )
    for each in without_repeats(entries(decision.get("skipped"))):
        price = each.get("price_usd")
        shown.add_row(
            plain(""),
            plain(f"{each.get('provider')}/{each.get('model')}"),
            plain("") if price is None else usd(price),
            plain(""),
            plain(why_skipped(each)),
            style="dim",
        )
    out.print(shown)


def _chosen(decision: Json) -> Json | None:
    rank = decision.get("chosen")
    candidates = entries(decision.get("candidates"))
    return next((each for each in candidates if each.get("rank") == rank), None)

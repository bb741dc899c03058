"""`greenlight audit`: what persons changed, and why."""

import re

import click

from proxy.cli.admin import admin_options, open_admin
from proxy.cli.change import json_option, moment
from proxy.cli.console import console, plain, table, usd
from proxy.cli.json_line import write_json
from proxy.cli.video import entries

_AMOUNT = re.compile(r"-?[0-9]+\.[0-9]{6}", re.ASCII)


@click.command()
@click.option("--since", help="A date (UTC), or an instant such as 2026-11-01T00:00:00Z.")
@click.option("--until", help="The end, not included.")
@click.option("--action", help="Only such changes: freeze, override, revoke_key ...")
@click.option("--actor", help="Only those by this token: its name, or its id.")
@click.option("--target", help="Only those of this: team:marketing, a job's id ...")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@json_option
@admin_options
def command(
    *,
    since: str | None,
    until: str | None,
    action: str | None,
    actor: str | None,
    target: str | None,
    limit: int,
    as_json: bool,
    admin_url: str,
    admin_token: str | None,
) -> None:
    """Show the changes by administrators, the latest first."""
    query = {"since": since, "until": until, "action": action, "actor": actor}
    answer = open_admin(admin_url, admin_token).get(
        "/audit", {**query, "target": target, "limit": limit}
    )
    if as_json:
        write_json(answer)
        return
    shown = table("at", "action", "target", "before", "after", "by", "reason")
    for each in entries(answer.get("data")):
        states = [_state(each.get(name)) for name in ("before", "after")]
        texts = (each.get("action"), each.get("target"), *states, each.get("actor"))
        shown.add_row(moment(each.get("at")), *map(plain, texts), plain(each.get("reason")))
    console().print(shown)
    if answer.get("has_more") is True:
        click.echo("there are more: raise --limit, or give --until")


def _state(text: object) -> object:
    """What was, or is now; an amount as people write it."""
    return usd(text) if isinstance(text, str) and _AMOUNT.fullmatch(text) else text

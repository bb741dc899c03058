"""`greenlight freezes`: what is frozen, by whom, and why."""

import click

from proxy.cli.admin import admin_options, open_admin
from proxy.cli.change import json_option, moment
from proxy.cli.console import console, plain, table
from proxy.cli.freeze import name_of
from proxy.cli.json_line import write_json
from proxy.cli.video import entries


@click.command()
@json_option
@admin_options
def command(*, as_json: bool, admin_url: str, admin_token: str | None) -> None:
    """List what is frozen."""
    answer = open_admin(admin_url, admin_token).get("/freezes")
    found = entries(answer.get("data"))
    if as_json:
        write_json(answer)
    elif not found:
        click.echo("nothing is frozen")
    else:
        shown = table("frozen", "since", "by", "reason")
        for each in found:
            shown.add_row(
                plain(name_of(each)),
                moment(each.get("at")),
                plain(each.get("actor")),
                plain(each.get("reason")),
            )
        console().print(shown)

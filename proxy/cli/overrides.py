"""`greenlight overrides`: what lifts budgets now; `greenlight budgets override` makes one."""

import click

from proxy.cli.admin import admin_options, open_admin
from proxy.cli.change import change_options, in_path, json_option, moment
from proxy.cli.console import console, plain, table, usd
from proxy.cli.json_line import write_json
from proxy.cli.video import entries


@click.group()
def command() -> None:
    """List and revoke overrides of budgets."""


@command.command("list")
@json_option
@admin_options
def list_overrides(*, as_json: bool, admin_url: str, admin_token: str | None) -> None:
    """List the overrides that live."""
    answer = open_admin(admin_url, admin_token).get("/overrides")
    found = entries(answer.get("data"))
    if as_json:
        write_json(answer)
    elif not found:
        click.echo("no override lives")
    else:
        shown = table("id", "balance", "amount", "until", "by", "reason", right=("amount",))
        for each in found:
            shown.add_row(
                plain(each.get("id")),
                plain(each.get("balance")),
                usd(each.get("amount")),
                moment(each.get("until")),
                plain(each.get("actor")),
                plain(each.get("reason")),
            )
        console().print(shown)


@command.command()
@click.argument("override")
@change_options
def revoke(
    *, override: str, reason: str, as_json: bool, admin_url: str, admin_token: str | None
) -> None:
    """End an OVERRIDE, named by its id, at once; what is reserved stays so."""
    path = f"/overrides/{in_path(override)}/revoke"
    answer = open_admin(admin_url, admin_token).post(path, {"reason": reason})
    if as_json:
        write_json(answer)
    else:
        click.echo(f"override {override} is revoked")

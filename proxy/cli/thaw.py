"""`greenlight thaw`: end a freeze."""

import click

from proxy.cli.admin import open_admin
from proxy.cli.change import change_options
from proxy.cli.freeze import name_of, target_of, target_options
from proxy.cli.json_line import write_json


@click.command()
@target_options
@change_options
def command(
    *,
    team: str | None,
    provider: str | None,
    reason: str,
    as_json: bool,
    admin_url: str,
    admin_token: str | None,
) -> None:
    """End a freeze; what was held goes on.

    Each freeze is ended by itself: without an option, only that of everything.
    """
    body = {**target_of(team, provider), "reason": reason}
    answer = open_admin(admin_url, admin_token).post("/freezes/thaw", body)
    if as_json:
        write_json(answer)
        return
    state = "is thawed" if answer.get("changed") else "was not frozen"
    click.echo(f"{name_of(answer)} {state}")

"""`greenlight freeze`: stop new spend, at once and in every process."""

import click

from proxy.cli.admin import open_admin
from proxy.cli.api import Json
from proxy.cli.change import Command, change_options
from proxy.cli.json_line import write_json


def target_options(command: Command) -> Command:
    """Add --team and --provider."""
    team = click.option("--team", help="Of this team only.")
    provider = click.option("--provider", help="At this provider only.")
    return team(provider(command))


def target_of(team: str | None, provider: str | None) -> Json:
    """Say what is meant; nothing is everything.

    Raises:
        click.UsageError: both are given.
    """
    if team and provider:
        message = "give --team or --provider, not both"
        raise click.UsageError(message)
    return {"team": team, "provider": provider}


def name_of(what: Json) -> str:
    """Show what is, or was, frozen."""
    if what.get("team"):
        return f"team {what['team']}"
    return f"provider {what['provider']}" if what.get("provider") else "everything"


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
    """Stop new spend: of a team, at a provider, or all of it.

    New videos are refused, queued ones held; those under way are followed to their end.
    """
    body = {**target_of(team, provider), "reason": reason}
    answer = open_admin(admin_url, admin_token).post("/freezes", body)
    if as_json:
        write_json(answer)
        return
    state = "is frozen" if answer.get("changed") else "was frozen before"
    click.echo(f"{name_of(answer)} {state}")

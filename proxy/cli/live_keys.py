"""`greenlight keys list`, `revoke` and `end-cooldown`: the keys that running processes know."""

from collections.abc import Mapping

import click

from proxy.cli.admin import admin_options, open_admin
from proxy.cli.change import change_options, in_path, json_option, moment
from proxy.cli.console import console, plain, table
from proxy.cli.json_line import write_json
from proxy.cli.video import entries


@click.command("list")
@json_option
@admin_options
def list_keys(*, as_json: bool, admin_url: str, admin_token: str | None) -> None:
    """List the API keys of every team, by the admin listener."""
    answer = open_admin(admin_url, admin_token).get("/keys")
    if as_json:
        write_json(answer)
        return
    shown = table("id", "team", "name", "scopes", "expires", "")
    for key in entries(answer.get("data")):
        scopes = key.get("scopes")
        shown.add_row(
            plain(key.get("id")),
            plain(key.get("team")),
            plain(key.get("name")),
            plain(", ".join(map(str, scopes)) if isinstance(scopes, list) else ""),
            moment(key.get("expires_at")),
            _state(key),
        )
    console().print(shown)


def _state(key: Mapping[str, object]) -> str:
    if key.get("revoked") is True:
        return "revoked"
    until = moment(key.get("cooldown_until"))
    if until:
        shadow = " (in shadow)" if key.get("limit_mode") == "shadow" else ""
        return f"cools down until {until}{shadow}"
    refusals = key.get("refusals")
    return f"{refusals} refused for content" if refusals else ""


@click.command()
@click.argument("key_id", metavar="ID")
@change_options
def revoke(
    *, key_id: str, reason: str, as_json: bool, admin_url: str, admin_token: str | None
) -> None:
    """Have every process refuse the API key ID from now on, by the admin listener."""
    path = f"/keys/{in_path(key_id)}/revoke"
    answer = open_admin(admin_url, admin_token).post(path, {"reason": reason})
    if as_json:
        write_json(answer)
        return
    state = "is revoked" if answer.get("changed") else "was revoked before"
    click.echo(f"key {key_id} of team {answer.get('team')} {state}; take it out of the policies")


@click.command("end-cooldown")
@click.argument("key_id", metavar="ID")
@change_options
def end_cooldown(
    *, key_id: str, reason: str, as_json: bool, admin_url: str, admin_token: str | None
) -> None:
    """Forget the content refusals of the API key ID, and let it create again at once."""
    path = f"/keys/{in_path(key_id)}/end_cooldown"
    answer = open_admin(admin_url, admin_token).post(path, {"reason": reason})
    if as_json:
        write_json(answer)
        return
    said = "may create again" if answer.get("changed") else "had no refusals to forget"
    click.echo(f"key {key_id} of team {answer.get('team')} {said}")

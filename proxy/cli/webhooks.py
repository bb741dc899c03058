"""`greenlight webhooks`: who was told what of videos' ends, and telling it again."""

import click

from proxy.cli.admin import admin_options, open_admin
from proxy.cli.api import Json
from proxy.cli.change import change_options, json_option, moment
from proxy.cli.console import console, plain, table
from proxy.cli.json_line import write_json
from proxy.cli.video import entries

_COLUMNS = ("message", "type", "team", "receiver", "to", "state", "tries", "last", "next")


@click.group()
def command() -> None:
    """List letters to receivers outside, and send them again."""


@command.command("list")
@click.option("--job", help="All about this video. Default: what nobody took.")
@click.option("--waiting", is_flag=True, help="What waits to be sent.")
@click.option("--team", help="Only this team's.")
@click.option("--receiver", help="Only those to this receiver: its id.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@json_option
@admin_options
def list_letters(
    *,
    job: str | None,
    waiting: bool,
    team: str | None,
    receiver: str | None,
    limit: int,
    as_json: bool,
    admin_url: str,
    admin_token: str | None,
) -> None:
    """List what nobody took, what waits, or all about one video."""
    query: Json = {
        "job": job,
        "state": "waiting" if waiting else None,
        "team": team,
        "receiver": receiver,
        "limit": limit,
    }
    answer = open_admin(admin_url, admin_token).get("/webhooks", query)
    found = entries(answer.get("data"))
    if as_json:
        write_json(answer)
    elif not found:
        click.echo("no letters")
    else:
        shown = table(*_COLUMNS, right=("tries",))
        for letter in found:
            shown.add_row(
                plain(letter.get("id")),
                plain(letter.get("type")),
                plain(letter.get("team")),
                plain(letter.get("receiver")),
                plain(letter.get("origin")),
                plain(letter.get("state")),
                str(letter.get("tries")),
                plain(_answered(entries(letter.get("log")))),
                moment(letter.get("next_at")),
            )
        console().print(shown)
        if answer.get("has_more") is True:
            click.echo("there are more")


@command.command()
@json_option
@admin_options
def receivers(*, as_json: bool, admin_url: str, admin_token: str | None) -> None:
    """List the receivers, how they stand and what they answered last."""
    answer = open_admin(admin_url, admin_token).get("/webhooks/receivers")
    found = entries(answer.get("data"))
    if as_json:
        write_json(answer)
    elif not found:
        click.echo("no receivers")
    else:
        shown = table(
            "receiver", "team", "to", "told", "waiting", "failures", "rests until", "last",
            right=("waiting", "failures"),
        )  # fmt: skip
        for each in found:
            told = each.get("on")
            shown.add_row(
                plain(each.get("id")),
                plain(each.get("team")),
                plain(each.get("origin")),
                plain(" ".join(map(str, told)) if isinstance(told, list) else ""),
                str(each.get("waiting")),
                str(each.get("failures")),
                moment(each.get("rests_until")),
                plain(_answered(entries(each.get("latest")))),
            )
        console().print(shown)


@command.command()
@click.argument("job", required=False)
@click.option("--receiver", help="What this receiver (its id) has not taken, 100 at a time.")
@change_options
def replay(
    *,
    job: str | None,
    receiver: str | None,
    reason: str,
    as_json: bool,
    admin_url: str,
    admin_token: str | None,
) -> None:
    """Tell the end of a JOB again, or send a receiver what it has not taken."""
    if (job is None) == (receiver is None):
        message = "name a JOB, or a --receiver, and not both"
        raise click.UsageError(message)
    body: Json = {"job": job, "receiver": receiver, "reason": reason}
    answer = open_admin(admin_url, admin_token).post("/webhooks/replay", body)
    if as_json:
        write_json(answer)
        return
    more = "; there are more, ask again" if answer.get("has_more") is True else ""
    click.echo(f"{answer.get('letters')} put back, to be sent at once{more}")


def _answered(log: list[Json]) -> str:
    """The latest answer, or what kept it from coming."""
    if not log:
        return ""
    return str(log[0].get("status") or log[0].get("fault") or log[0].get("outcome"))

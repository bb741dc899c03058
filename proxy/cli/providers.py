"""`greenlight providers`: how every offer stands at every account; drains."""

import click
from rich.table import Table
from rich.text import Text

from proxy.cli.admin import admin_options, open_admin
from proxy.cli.api import Json
from proxy.cli.change import change_options, in_path, json_option, moment
from proxy.cli.console import console, plain, table
from proxy.cli.json_line import write_json
from proxy.cli.video import entries

_COLOURS = {"serving": "green", "deprecated": "yellow", "not_configured": "dim", "retired": "dim"}
_BREAKERS = {"half_open": "yellow", "open": "bold red", "gone": "bold red"}
_account_option = click.option("--account", help="Only this account of it.")


@click.group(invoke_without_command=True)
@click.option("--provider", help="Only this provider's offers.")
@json_option
@admin_options
@click.pass_context
def command(
    context: click.Context,
    *,
    provider: str | None,
    as_json: bool,
    admin_url: str,
    admin_token: str | None,
) -> None:
    """Show how offers stand: state, breakers, slots, latency, failures, and when they end."""
    if context.invoked_subcommand is not None:
        return
    answer = open_admin(admin_url, admin_token).get("/providers")
    found = [
        each for each in entries(answer.get("data")) if provider in (None, each.get("provider"))
    ]
    if as_json:
        write_json({**answer, "data": found})
    elif not found:
        click.echo("no offers")
    else:
        console().print(offers_table(found))


@command.command()
@click.argument("name")
@_account_option
@change_options
def drain(
    *,
    name: str,
    account: str | None,
    reason: str,
    as_json: bool,
    admin_url: str,
    admin_token: str | None,
) -> None:
    """Send nothing new to provider NAME; what runs there is followed to its end."""
    body: Json = {"account": account, "reason": reason}
    answer = open_admin(admin_url, admin_token).post(f"/providers/{in_path(name)}/drain", body)
    if as_json:
        write_json(answer)
        return
    state = "is drained" if answer.get("changed") else "was drained before"
    click.echo(f"{_whose(answer)} {state}")


@command.command()
@click.argument("name")
@_account_option
@change_options
def resume(
    *,
    name: str,
    account: str | None,
    reason: str,
    as_json: bool,
    admin_url: str,
    admin_token: str | None,
) -> None:
    """End a drain of provider NAME, named as it was made."""
    body: Json = {"account": account, "reason": reason}
    answer = open_admin(admin_url, admin_token).post(f"/providers/{in_path(name)}/resume", body)
    if as_json:
        write_json(answer)
        return
    state = "takes new jobs again" if answer.get("changed") else "was not drained"
    click.echo(f"{_whose(answer)} {state}")


def offers_table(found: list[Json]) -> Table:
    """One row for each offer at each account."""
    shown = table(
        *(
            "offer",
            "account",
            "state",
            "breakers",
            "slots",
            "latency",
            "success",
            "failed",
            "ends",
        ),
        right=("slots", "latency", "success", "failed"),
    )
    for each in found:
        state = str(each.get("state"))
        shown.add_row(
            plain(f"{each.get('provider')} {each.get('model')}"),
            plain(each.get("account")),
            _state(state, each.get("detail")),
            breakers_text(each.get("breakers")),
            plain(f"{each.get('slots_used')} of {each.get('slots')}"),
            plain(_seconds(each.get("latency_s"))),
            plain(_share(each.get("success"))),
            plain(_failed(each)),
            plain(_end(each)),
        )
    return shown


def breakers_text(found: object) -> Text:
    """The breakers that are not closed."""
    shown = Text()
    for operation, state in sorted(found.items()) if isinstance(found, dict) else ():
        if state in _BREAKERS:
            shown.append(f"{' ' if shown else ''}{operation} {state}", _BREAKERS[state])
    return shown or Text("closed", "green")


def _state(state: str, detail: object) -> Text:
    said = Text(state, _COLOURS.get(state, "bold red"))
    return said.append(f" {plain(detail)}", "dim") if detail else said


def _seconds(latency_s: object) -> str:
    return "-" if latency_s is None else f"{latency_s} s"


def _share(success: object) -> str:
    return f"{success:.0%}" if isinstance(success, float) else "-"


def _failed(offer: Json) -> str:
    """Failures among the calls of the breakers' window."""
    calls = offer.get("recent_calls")
    return f"{offer.get('recent_failures')} of {calls}" if calls else "-"


def _end(offer: Json) -> str:
    """The day of the end; one that the vendor may still move is "not before"."""
    day = moment(offer.get("ends_at")).partition(" ")[0]
    return day if not day or offer.get("ends_surely") else f"not before {day}"


def _whose(answer: Json) -> str:
    account = answer.get("account")
    provider = f"provider {answer.get('provider')}"
    return f"account {account} of {provider}" if account else provider

"""`greenlight config`: what every process has in force, and what it refused."""

import click

from proxy.cli.admin import admin_options, open_admin
from proxy.cli.api import Json
from proxy.cli.change import change_options, json_option, moment
from proxy.cli.console import console, plain, table
from proxy.cli.json_line import write_json
from proxy.cli.video import entries


@click.group(invoke_without_command=True)
@json_option
@admin_options
@click.pass_context
def command(
    context: click.Context, *, as_json: bool, admin_url: str, admin_token: str | None
) -> int:
    """Show the configuration that the running processes have in force.

    Exit code 1 if they differ, or if the last edit was refused.
    """
    if context.invoked_subcommand:
        return 0
    return _show(open_admin(admin_url, admin_token).get("/config"), as_json=as_json)


@command.command()
@change_options
def reload(*, reason: str, as_json: bool, admin_url: str, admin_token: str | None) -> int:
    """Have every process read the configuration again, as SIGHUP does."""
    admin = open_admin(admin_url, admin_token)
    return _show(admin.post("/config/reload", {"reason": reason}), as_json=as_json)


def _show(answer: Json, *, as_json: bool) -> int:
    processes = entries(answer.get("processes"))
    refused = [each for each in processes if each.get("refused_at")]
    is_well = answer.get("uniform") is True and not refused
    if as_json:
        write_json(answer)
        return 0 if is_well else 1
    shown = table("process", "digest", "in force since", "last edit")
    for each in processes:
        last = f"refused {moment(each.get('refused_at'))}" if each in refused else "taken"
        shown.add_row(
            str(each.get("process")),
            plain(str(each.get("digest"))[:12]),
            moment(each.get("loaded_at")),
            last,
        )
    out = console()
    out.print(shown)
    if answer.get("uniform") is not True:
        out.print("the processes differ", style="red")
    for heading, name in (("warning", "warnings"), ("refused", "problems")):
        for line in dict.fromkeys(line for each in processes for line in _lines(each, name)):
            out.print(plain(f"{heading}: {line}"), soft_wrap=True)
    return 0 if is_well else 1


def _lines(process: Json, name: str) -> list[str]:
    found = process.get(name)
    return [str(line) for line in found] if isinstance(found, list) else []

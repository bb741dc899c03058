"""`greenlight keys`: make API keys and admin tokens; the files learn only their SHA-256."""

import re
import secrets
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import click

from proxy.cli.configuration import config_options, load_now
from proxy.cli.insertion import InsertionError, Value, add_entry, flow_line
from proxy.cli.json_line import write_json
from proxy.cli.live_keys import end_cooldown, list_keys, revoke
from proxy.cli.new_key import ADMIN_TOKEN, API_KEY, NewKey, new_key
from proxy.cli.replacement import replace_content
from proxy.config.files import read_files
from proxy.config.problem import ConfigError
from proxy.domain.policy import Scope

ROLES = ("viewer", "finance", "operator")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


@click.group()
def command() -> None:
    """Make API keys for teams and tokens for administrators; list, revoke and forgive keys.

    A key itself is printed once and stored nowhere.
    """


command.add_command(list_keys)
command.add_command(revoke)
command.add_command(end_cooldown)


def _checked_name(_: click.Context, __: click.Parameter, name: str) -> str:
    if _NAME.fullmatch(name) is None:
        message = "write 1 to 64 letters, digits, '.', '_' and '-'"
        raise click.BadParameter(message)
    return name


def _checked_date(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        message = "write year-month-day, such as 2027-01-01"
        raise click.BadParameter(message) from error
    if day <= datetime.now(UTC).date():  # noqa: TID251  a command lives for one moment
        message = f"{day} has come: such a key would be refused from the start"
        raise click.BadParameter(message)
    return day.isoformat()


_write_option = click.option(
    "--write", is_flag=True, help="Add the line to the file, then check the whole configuration."
)
_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Write one JSON object for machines."
)


@command.command()
@click.option("--team", required=True, help="The team whose budgets count what the key spends.")
@click.option("--name", required=True, callback=_checked_name, help="What the key is for.")
@click.option("--expires", callback=_checked_date, help="Date from which the key is refused.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([str(scope) for scope in Scope]),
    help="What the key may do; may be given twice. Default: everything.",
)
@_write_option
@_json_option
@config_options
def create(
    *,
    team: str,
    name: str,
    expires: str | None,
    scopes: tuple[str, ...],
    write: bool,
    as_json: bool,
    config: Path,
    policies: Path | None,
) -> None:
    """Make an API key for a team."""
    key = new_key(API_KEY, secrets.token_bytes)
    entry: dict[str, Value] = {"id": key.id, "name": name, "sha256": key.sha256}
    if expires:
        entry["expires"] = expires
    if scopes:
        entry["scopes"] = scopes
    file = team_file(config, policies, team)
    if write:
        add_line(file, ("keys",), entry, lambda: _complaint(config, policies))
    _show(key, entry, file, "keys", is_written=write, as_json=as_json)


@command.command("create-admin")
@click.option("--role", required=True, type=click.Choice(ROLES), help="What the token may do.")
@click.option("--name", required=True, callback=_checked_name, help="Who or what uses it.")
@_write_option
@_json_option
@config_options
def create_admin(
    *, role: str, name: str, write: bool, as_json: bool, config: Path, policies: Path | None
) -> None:
    """Make a token for the admin listener."""
    key = new_key(ADMIN_TOKEN, secrets.token_bytes)
    entry: dict[str, Value] = {"id": key.id, "name": name, "role": role, "sha256": key.sha256}
    if write:
        add_line(config, ("admin", "tokens"), entry, lambda: _complaint(config, policies))
    _show(key, entry, config, "admin.tokens", is_written=write, as_json=as_json)


def team_file(config: Path, policies: Path | None, team: str) -> Path:
    """Find the file that declares a team.

    Raises:
        click.ClickException: No file does.
    """
    files = read_files(config, policies)
    named = {}
    for checked in files.teams:
        data = checked.document.data
        if isinstance(data, dict):
            named[str(data.get("team"))] = Path(checked.document.file)
    if team not in named:
        known = ", ".join(sorted(named)) or "none"
        message = f"no file of the policies declares the team {team!r}; declared: {known}"
        raise click.ClickException(message)
    return named[team]


def add_line(
    file: Path,
    path: tuple[str, ...],
    entry: dict[str, Value],
    complaint: Callable[[], str | None],
) -> None:
    """Add an entry to a file; one that makes the configuration unusable is taken back.

    Raises:
        click.ClickException: The file is as it was, and the text says why.
    """
    try:
        before = file.read_bytes()
        after = add_entry(before.decode(), path, entry)
        replace_content(file, after.encode())
        reason = complaint()
        if reason is not None:
            replace_content(file, before)
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file} can't be changed: {error}"
        raise click.ClickException(message) from error
    except InsertionError as error:
        message = f"{file} was left as it was: {error}"
        raise click.ClickException(message) from error
    if reason is not None:
        message = f"{file} was left as it was, the configuration is not usable: {reason}"
        raise click.ClickException(message)


def _complaint(config: Path, policies: Path | None) -> str | None:
    """Say the first reason why the configuration can't be used, if there is one."""
    try:
        load_now(config, policies)
    except ConfigError as error:
        return error.errors[0].render()
    return None


def _show(
    key: NewKey,
    entry: dict[str, Value],
    file: Path,
    place: str,
    *,
    is_written: bool,
    as_json: bool,
) -> None:
    line = flow_line(entry)
    if as_json:
        shown = {"id": key.id, "key": key.printed, "line": line, "file": str(file)}
        write_json({**shown, "written": is_written})
        return
    said = "was added to" if is_written else "belongs into"
    click.echo("The key, shown this once:", err=True)
    click.echo(key.printed)
    click.echo(f"This line {said} {file}, in the list {place}:", err=True)
    click.echo(f"  - {line}")

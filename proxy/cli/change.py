"""What every change by an administrator is given: a reason, and who asks."""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote

import click

from proxy.cli.admin import admin_options

Command = TypeVar("Command", bound=Callable[..., object])

DOLLARS = "A dollar amount, such as 250, 0.336 or '$250'."

reason_option = click.option(
    "--reason", required=True, help="Why; it stands in the audit for good."
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Write the API's answer for machines."
)


def change_options(command: Command) -> Command:
    """Add --reason, --json and the options that say which admin listener is asked."""
    return reason_option(json_option(admin_options(command)))


def dollars(text: str | None) -> str | None:
    """An amount as the API takes it: without the sign that people and invoices put in front."""
    return None if text is None else text.strip().removeprefix("$")


def in_path(text: str) -> str:
    """Write an id as one segment of a path."""
    return quote(text, safe="")


def moment(text: object) -> str:
    """Show an instant to the second, in UTC as the API gives it."""
    if not isinstance(text, str):
        return ""
    return text.partition(".")[0].removesuffix("Z").replace("T", " ") + "Z"

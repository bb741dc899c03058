"""What every change by an administrator is given: a reason, and who asks."""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote

import click

from proxy.cli.admin import admin_options

Command = TypeVar("Command", bound=Callable[..., object])

reason_option = click.option(
    "--reason", required=True, help="Why; it stands in the audit for good."
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Write the API's answer for machines."
)


def change_options(command: Command) -> Command:
    """Add --reason, --json and the options that say which admin listener is asked."""
    return reason_option(json_option(admin_options(command)))


def in_path(text: str) -> str:
    """Write an id as one segment of a path."""
    return quote(text, safe="")


def moment(text: object) -> str:
    """Show an instant to the second."""
    return (
        "" if not isinstance(text, str) else text.partition(".")[0].rstrip("Z").replace("T", " ")
    )

"""The options that say which time is meant."""

from collections.abc import Callable
from typing import TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., object])

BEGINNING = "1970-01-01"


def span_options(command: Command) -> Command:
    """Add --period, --since, --until and --timezone."""
    period = click.option(
        "--period", help="2026, 2026-Q4, 2026-11, 2026-W47 or 2026-11-24. Default: this month."
    )
    since = click.option("--since", help="A date, or an instant such as 2026-11-01T00:00:00Z.")
    until = click.option("--until", help="The end, not included. Default: now.")
    timezone = click.option(
        "--timezone",
        default="UTC",
        show_default=True,
        help="Where days and periods begin, such as Europe/Berlin.",
    )
    return period(since(until(timezone(command))))


def span_of(
    period: str | None, since: str | None, until: str | None, timezone: str
) -> dict[str, object]:
    """The fields of a request that say the time.

    Raises:
        click.UsageError: a period and dates at once, or an end without a start.
    """
    if period and (since or until):
        message = "give --period, or --since and --until, not both"
        raise click.UsageError(message)
    if until and not since:
        message = "--until needs --since"
        raise click.UsageError(message)
    return {"period": period, "since": since, "until": until, "timezone": timezone}

"""Reads the configuration for the commands that work on its files instead of asking a server."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import click

from proxy.app.options import ServeOptions
from proxy.app.reading import read_config
from proxy.config.load import Loaded
from proxy.config.problem import ConfigError, Problem, Severity

Command = TypeVar("Command", bound=Callable[..., object])


def config_options(command: Command) -> Command:
    """Add the options that name the files."""
    config = click.option(
        "--config",
        default="config.yaml",
        show_default=True,
        type=click.Path(path_type=Path),
        help="The server's settings.",
    )
    policies = click.option(
        "--policies",
        type=click.Path(path_type=Path),
        help="Folder of policies, instead of the one that the settings name.",
    )
    return config(policies(command))


def load_now(config: Path, policies: Path | None) -> Loaded:
    """Read, check and compile the files with this process's environment and today's date.

    Raises:
        ConfigError: They can't be used.
    """
    options = ServeOptions(config=config, policies=policies)
    return read_config(options, time.time())  # noqa: TID251  a command lives for one moment


def findings(config: Path, policies: Path | None) -> tuple[Problem, ...]:
    """Say everything that is wrong with the files, or worth a warning."""
    try:
        return load_now(config, policies).problems
    except ConfigError as error:
        return error.problems


def errors_in(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Leave the warnings out."""
    return tuple(problem for problem in problems if problem.severity is Severity.ERROR)

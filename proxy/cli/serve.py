"""`greenlight serve`: run the proxy. Imports stay light here, the app times its own."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from proxy.cli.json_line import write_json

if TYPE_CHECKING:
    from proxy.app.options import Addresses


@click.command()
@click.option(
    "--config",
    default="config.yaml",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The server's settings.",
)
@click.option(
    "--policies",
    type=click.Path(path_type=Path),
    help="Folder of policies, instead of the one that the settings name.",
)
@click.option(
    "--role",
    default="all",
    show_default=True,
    type=click.Choice(["all", "api", "worker"]),
    help="Answer requests, do the work behind them, or both.",
)
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    help="How many processes share the listener and the store.",
)
@click.option("--json", "as_json", is_flag=True, help="Say the addresses as one line of JSON.")
def command(*, config: Path, policies: Path | None, role: str, workers: int, as_json: bool) -> int:
    """Run the proxy until it is told to stop.

    SIGTERM and Ctrl-C let requests and running steps end first; SIGHUP reads the settings again.
    What was accepted goes on at the next start.
    """
    if not config.is_file():
        message = f"{config} does not exist; give --config, or try greenlight demo"
        raise click.ClickException(message)
    # Imported as late as this, --help and a wrong path cost nothing.
    from proxy.app.main import serve  # noqa: PLC0415
    from proxy.app.options import Role, ServeOptions  # noqa: PLC0415
    from proxy.store.embedded import EmbeddedStoreError  # noqa: PLC0415

    announce = _announce_json if as_json else _announce
    try:
        return serve(
            ServeOptions(
                config=config,
                policies=policies,
                role=Role(role),
                workers=workers,
                announce=announce,
            )
        )
    except (OSError, ValueError, EmbeddedStoreError) as error:
        raise click.ClickException(_reason(error)) from error


def _announce(addresses: "Addresses") -> None:
    click.echo(f"greenlight serves {addresses.base_url} (admin {addresses.admin_url})", err=True)


def _announce_json(addresses: "Addresses") -> None:
    write_json({"base_url": addresses.base_url, "admin_url": addresses.admin_url})


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)

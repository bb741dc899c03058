"""`greenlight simulate`: the simulated providers as a server of their own."""

import asyncio
import contextlib
import signal
from pathlib import Path

import click
from pydantic import BaseModel, ConfigDict, ValidationError

from proxy.cli.json_line import write_json
from proxy.simulator.app import running
from proxy.simulator.settings import (
    KlingAccount,
    OpenAIAccount,
    RunwayAccount,
    SimulatorSettings,
    VertexProject,
)

DEFAULT_PORT = 8090
OPEN_SECRET = "simulated"  # noqa: S105  known to everybody: it opens nothing but a simulator
"""What a simulator without a credentials file takes as key, token, secret and project."""


class Credentials(BaseModel):
    """The credentials file: the accounts of each provider, in the simulator's own words."""

    model_config = ConfigDict(extra="forbid")

    kling: tuple[KlingAccount, ...] = ()
    vertex: tuple[VertexProject, ...] = ()
    runway: tuple[RunwayAccount, ...] = ()
    openai: tuple[OpenAIAccount, ...] = ()


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=DEFAULT_PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--credentials",
    type=click.Path(path_type=Path),
    help="JSON file of the accounts to accept. Without it, the open secret is accepted.",
)
@click.option(
    "--render",
    default=2.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds a video renders, unless its prompt says [[render=...]].",
)
@click.option("--json", "as_json", is_flag=True, help="Say the address as one line of JSON.")
def command(
    *, host: str, port: int, credentials: Path | None, render: float, as_json: bool
) -> None:
    """Run the simulated providers until Ctrl-C or SIGTERM.

    A provider's base_url is the printed address and its name: http://127.0.0.1:8090/kling.
    /_sim/calls, /_sim/invoice, /_sim/scenarios and /_sim/reset show and steer what happens.
    """
    accepted = _open_credentials() if credentials is None else read_credentials(credentials)
    settings = SimulatorSettings(
        kling=accepted.kling,
        vertex=accepted.vertex,
        runway=accepted.runway,
        openai=accepted.openai,
        render_s=render,
    )
    try:
        asyncio.run(_run(settings, host, port, as_json=as_json))
    except OSError as error:
        message = f"can't listen on {host}:{port}: {error.strerror or error}"
        raise click.ClickException(message) from error


def read_credentials(path: Path) -> Credentials:
    """Read a credentials file.

    Raises:
        click.ClickException: It can't be read; no value of it is in the text.
    """
    try:
        return Credentials.model_validate_json(path.read_bytes())
    except OSError as error:
        message = f"{path} can't be read: {error.strerror}"
        raise click.ClickException(message) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        message = f"{path}: {place + ': ' if place else ''}{first['msg']}"
        raise click.ClickException(message) from error


def _open_credentials() -> Credentials:
    return Credentials(
        kling=(KlingAccount(api_keys=(OPEN_SECRET,)),),
        vertex=(VertexProject(project=OPEN_SECRET, static_tokens=(OPEN_SECRET,)),),
        runway=(RunwayAccount(api_secrets=(OPEN_SECRET,)),),
        openai=(OpenAIAccount(api_keys=(OPEN_SECRET,)),),
    )


async def _run(settings: SimulatorSettings, host: str, port: int, *, as_json: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        # Not on every platform, and not outside the main thread: then Ctrl-C ends the run.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(name, stop.set)
    async with running(settings, host, port) as simulator:
        if as_json:
            write_json({"simulator_url": simulator.url})
        else:
            click.echo(f"simulated providers at {simulator.url} (Ctrl-C ends them)", err=True)
        await stop.wait()

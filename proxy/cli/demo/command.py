"""`greenlight demo`: everything on this machine, with nothing but throw-away keys."""

import os
from pathlib import Path

import click

from proxy.cli.console import console, plain
from proxy.cli.demo.running import Running, running
from proxy.cli.demo.state import opened, prepare
from proxy.cli.json_line import write_json


@click.command()
@click.option("--serve", is_flag=True, help="Keep everything running until Ctrl-C or SIGTERM.")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Port of the proxy. Default: a free one."
)
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the demo lives; given again, jobs, money and keys are still there."
    " Default: a new temporary folder.",
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Settings whose providers and engine are used; addresses and keys are the demo's.",
)
@click.option(
    "--policies",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Policies to copy; the first team by name gets the demo's key."
    " Default: the shipped ones.",
)
@click.option("--json", "as_json", is_flag=True, help="Write one line of JSON for machines.")
def command(
    *,
    serve: bool,
    port: int | None,
    state_dir: Path | None,
    config: Path | None,
    policies: Path | None,
    as_json: bool,
) -> int:
    """Make a first video on simulated providers, from an empty machine: nothing is paid.

    Starts the simulated providers and the proxy, submits a job with the official openai client,
    saves the MP4, and checks that the ledger is the providers' invoice. Exit code 0 only then.
    """
    os.umask(0o077)
    with opened(state_dir) as folder:
        state = prepare(folder, port=port, config=config, policies=policies)
        with running(state) as demo:
            if serve:
                return _serve(demo, as_json=as_json)
            return _first_video(demo, as_json=as_json)


def _serve(demo: Running, *, as_json: bool) -> int:
    demo.wait()
    facts = demo.facts()
    if as_json:
        write_json(facts)
    else:
        for name, value in facts.items():
            click.echo(f"{name:<14}{value}")
        click.echo("\nCtrl-C ends it.", err=True)
    try:
        demo.keep()
    except KeyboardInterrupt:
        return 0


def _first_video(demo: Running, *, as_json: bool) -> int:
    # Slow to import, as it brings the openai client: the processes come up meanwhile.
    from proxy.cli.demo.first_video import make_first_video, tell  # noqa: PLC0415

    told = console(is_error=as_json)
    demo.wait()
    told.print(plain(f"running   {demo.base_url}, simulated providers {demo.simulator_url}"))
    made = make_first_video(demo, told)
    if as_json:
        write_json(made.facts() | {"state_dir": str(demo.state.folder)})
    else:
        tell(made, told)
    return 0

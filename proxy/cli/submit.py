"""`greenlight submit`: one video, from the prompt to the file."""

import os
import sys
import uuid
from pathlib import Path

import click

from proxy.cli.api import Api, api_options, open_api
from proxy.cli.console import console, plain, size, usd
from proxy.cli.json_line import write_json
from proxy.cli.progress import progress_bar
from proxy.cli.request import Fields, request_fields, request_options
from proxy.cli.video import Video

EXIT_INTERRUPTED = 130


@click.command()
@click.argument("prompt", required=False)
@request_options
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to save the MP4. Default: <id>.mp4 here.",
)
@click.option("--resume", metavar="ID", help="Wait for a job submitted before, and save it.")
@click.option("--no-wait", is_flag=True, help="Say the id and leave; --resume fetches the video.")
@click.option("--idempotency-key", help="Repeating a submit with the same key buys nothing new.")
@click.option("--json", "as_json", is_flag=True, help="Write the Video object for machines.")
@api_options
def command(
    *,
    prompt: str | None,
    output: Path | None,
    resume: str | None,
    no_wait: bool,
    idempotency_key: str | None,
    as_json: bool,
    url: str,
    api_key: str | None,
    **options: object,
) -> int:
    """Make a video of PROMPT ("-" reads it from standard input), wait for it and save it."""
    if (prompt is None) == (resume is None):
        message = "give a PROMPT, or --resume with the id of a job"
        raise click.UsageError(message)
    if output is not None and not os.access(output.parent, os.W_OK | os.X_OK):
        message = f"no file can be written into {output.parent}"
        raise click.BadParameter(message, param_hint="--output")
    fields = request_fields(options)
    api = open_api(url, api_key)
    job = resume or ""
    try:
        if prompt is not None:
            repeat_key = idempotency_key or str(uuid.uuid4())
            reference = options["input_reference"]
            job = _create(api, prompt, fields, reference=reference, repeat_key=repeat_key)
        if no_wait:
            click.echo(job)
            return 0
        return _finish(api, job, output, as_json=as_json)
    except KeyboardInterrupt:
        _say_how_to_go_on(job)
        return EXIT_INTERRUPTED


def _create(api: Api, prompt: str, fields: Fields, *, reference: object, repeat_key: str) -> str:
    from proxy.cli.openai_client import VideoClient  # noqa: PLC0415  slow to import

    text = sys.stdin.read().strip() if prompt == "-" else prompt
    video = VideoClient(api.url, api.key).create(
        text,
        fields,
        reference=reference if isinstance(reference, Path) else None,
        idempotency_key=repeat_key,
    )
    told = console(is_error=True)
    told.print(plain(f"{video.id} {video.status}, {usd(video.cost('reserved'))} reserved"))
    return video.id


def _finish(api: Api, job: str, output: Path | None, *, as_json: bool) -> int:
    from proxy.cli.openai_client import VideoClient  # noqa: PLC0415  slow to import

    client = VideoClient(api.url, api.key)
    with progress_bar(console(is_error=True)) as show:
        video = client.follow(job, show)
    saved: Path | None = None
    size_bytes = 0
    if video.status == "completed":
        saved = output or Path(f"{video.id}.mp4")
        size_bytes = client.download(video, saved)
    if as_json:
        write_json({**video.body, "output": None if saved is None else str(saved)})
    else:
        _tell(video, saved, size_bytes)
    return 0 if saved else 1


def _tell(video: Video, saved: Path | None, size_bytes: int) -> None:
    if saved is None:
        click.echo(f"greenlight submit: {video.id} failed, {video.failure}", err=True)
        click.echo(f"charged {usd(video.cost('charged'))}", err=True)
        return
    out = console()
    instead = f" (asked for {video.requested_model})" if video.requested_model else ""
    out.print(plain(f"saved     {saved} ({size(size_bytes)})"), soft_wrap=True)
    out.print(plain(f"made by   {video.provider}, model {video.model}{instead}"))
    out.print(plain(f"cost      {usd(video.cost('charged'))}"))
    if video.explanation:
        out.print(plain(f"why       {video.explanation}"), soft_wrap=True)


def _say_how_to_go_on(job: str) -> None:
    if job:
        click.echo(f"\n{job} goes on; greenlight submit --resume {job} saves it", err=True)
    else:
        click.echo("\nstopped; greenlight jobs shows whether it was accepted", err=True)

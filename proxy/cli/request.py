"""The options of a create request, the same for `quote` and `submit`."""

import base64
import mimetypes
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click
from typing_extensions import override

from proxy.domain.video import RESOLUTIONS, Substitute

Command = TypeVar("Command", bound=Callable[..., object])
Fields = dict[str, object]
_URL_BEGINNINGS = ("https://", "http://")


class _Picture(click.ParamType[str | Path]):
    """A picture: a file that is there, or a URL that the proxy will fetch."""

    name = "picture"

    @override
    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | Path:
        """Return a URL as it is, a file as its path."""
        if value.lower().startswith(_URL_BEGINNINGS):
            return value
        found = click.Path(exists=True, dir_okay=False).convert(value, param, ctx)
        return Path(str(found))


_OPTIONS = (
    click.option("--model", help="A model, an alias, or the name of a policy."),
    click.option("--policy", help="The policy that ranks the offers."),
    click.option("--seconds", type=click.IntRange(1), help="Length of the video."),
    click.option("--size", metavar="WxH", help="Such as 1280x720."),
    click.option("--resolution", type=click.Choice(RESOLUTIONS), help="Instead of --size."),
    click.option("--aspect-ratio", metavar="W:H", help="With --resolution, such as 16:9."),
    click.option("--audio/--no-audio", default=None, help="With or without sound."),
    click.option(
        "--input-reference",
        type=_Picture(),
        metavar="FILE|URL",
        help="A picture that becomes the first frame.",
    ),
    click.option(
        "--last-frame", type=_Picture(), metavar="FILE|URL", help="A picture to end with."
    ),
    click.option(
        "--reference-image",
        multiple=True,
        type=_Picture(),
        metavar="FILE|URL",
        help="A picture of what shall appear; may be given several times.",
    ),
    click.option("--negative-prompt", help="What shall not appear."),
    click.option("--seed", type=click.IntRange(0), help="Makes results more alike."),
    click.option(
        "--metadata", multiple=True, metavar="NAME=VALUE", help="May be given up to 16 times."
    ),
    click.option("--max-cost", metavar="USD", help="The most the job may cost, such as 0.50."),
    click.option(
        "--deadline", type=click.IntRange(1), metavar="SECONDS", help="No attempt starts later."
    ),
    click.option(
        "--substitute",
        type=click.Choice([str(how) for how in Substitute]),
        help="Who may take over from what was named.",
    ),
)


def request_options(command: Command) -> Command:
    """Add the options of a create request."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def request_fields(options: Fields) -> Fields:
    """Turn the options that were given into the API's fields, all but the prompt.

    A first frame out of a file is left out too: it can be sent as a file.

    Raises:
        click.BadParameter: A metadata entry has no name.
        click.ClickException: A file can't be read.
    """
    metadata = options["metadata"]
    assert isinstance(metadata, tuple)
    wanted: Fields = {
        name: options[name]
        for name in (
            *("model", "policy", "size", "resolution", "aspect_ratio", "audio"),
            *("negative_prompt", "seed", "substitute"),
        )
    }
    seconds = options["seconds"]
    wanted["seconds"] = None if seconds is None else str(seconds)
    wanted["metadata"] = dict(_pair(text) for text in metadata) or None
    wanted["max_cost_usd"] = options["max_cost"]
    wanted["deadline_s"] = options["deadline"]
    wanted |= _pictures(options)
    return {name: value for name, value in wanted.items() if value is not None}


def _pictures(options: Fields) -> Fields:
    references, first, last = (
        options["reference_image"],
        options["input_reference"],
        options["last_frame"],
    )
    assert isinstance(references, tuple)
    return {
        "input_reference": {"image_url": first} if isinstance(first, str) else None,
        "last_frame": None if last is None else _text_of(last),
        "reference_images": [_text_of(picture) for picture in references] or None,
    }


def _text_of(picture: object) -> str:
    return data_url(picture) if isinstance(picture, Path) else str(picture)


def data_url(path: Path) -> str:
    """Write a file as a data URL, the form in which JSON carries it."""
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    try:
        content = path.read_bytes()
    except OSError as error:
        message = f"{path} can't be read: {error.strerror}"
        raise click.ClickException(message) from error
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not name or not separator:
        message = f"{text!r} is not NAME=VALUE"
        raise click.BadParameter(message, param_hint="--metadata")
    return name, value

"""One line of JSON for machines."""

import json

import click


def write_json(value: object) -> None:
    """Write one line of JSON to standard output, at once."""
    click.echo(json.dumps(value, ensure_ascii=False, separators=(",", ":")))

"""Saves an export, and holds it against its manifest before it is given its name."""

import contextlib
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from proxy.cli.admin import Admin
from proxy.cli.api import Json
from proxy.domain.instant import iso_s, parse_instant
from proxy.domain.window import parse_period

FORMATS = ("csv", "focus-1.4", "focus-1.0", "jsonl")
STANDARD_OUTPUT = "-"
_PIECE_BYTES = 256 * 1024


class Download:
    """One export of one format."""

    def __init__(self, admin: Admin, format_name: str, said: Console) -> None:
        self._admin = admin
        self._format = format_name
        self._said = said

    def manifest(self, span: Mapping[str, object]) -> Json:
        """Ask what the file will hold; this fixes the end of a time that still runs.

        Raises:
            click.ClickException: the listener can't be reached, or it refused.
        """
        with self._said.status("reading the ledger"):
            query = {"format": self._format, **span}
            return self._admin.get("/ledger/export/manifest", query)

    def name(self, period: str | None, manifest: Json) -> str:
        """A file's name that says what is in it."""
        span = "-to-".join(_stamp(manifest.get(name)) for name in ("since", "until"))
        ending = "jsonl" if self._format == "jsonl" else "csv"
        kind = f"-{self._format}" if self._format.startswith("focus") else ""
        return f"greenlight-{period or span}{kind}.{ending}"

    def save(self, manifest: Json, target: Path) -> None:
        """Fetch exactly what the manifest describes; a file that differs gets no name.

        Raises:
            click.ClickException: it differs, can't be fetched, or can't be written.
        """
        if str(target) == STANDARD_OUTPUT:
            self._fetch(manifest, sys.stdout.buffer)
            click.echo(json.dumps(manifest), err=True)
            return
        try:
            with _new_file(target) as file:
                self._fetch(manifest, file)
            beside = target.with_name(target.name + ".manifest.json")
            beside.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            message = f"{target} can't be written: {error.strerror}"
            raise click.ClickException(message) from error

    def _fetch(self, manifest: Json, file: BinaryIO) -> None:
        digest = hashlib.sha256()
        span = {name: manifest.get(name) for name in ("since", "until")}
        with (
            self._admin.reading("/ledger/export", {"format": self._format, **span}) as answer,
            self._progress(manifest) as advance,
        ):
            while piece := answer.read(_PIECE_BYTES):
                digest.update(piece)
                file.write(piece)
                advance(len(piece))
        file.flush()
        if digest.hexdigest() != manifest.get("sha256"):
            message = "what came is not what the manifest says; the ledger was changed meanwhile?"
            raise click.ClickException(message)

    @contextlib.contextmanager
    def _progress(self, manifest: Json) -> Iterator[Callable[[int], None]]:
        size = manifest.get("bytes")
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        with Progress(
            *columns, console=self._said, transient=True, disable=not self._said.is_terminal
        ) as progress:
            task = progress.add_task("exporting", total=size if isinstance(size, int) else None)
            yield lambda count: progress.advance(task, count)


def runs_until(period: str, timezone: str, manifest: Json) -> str | None:
    """The end of a period that was not over when its manifest was made; None if it was."""
    end_ms = parse_period(period, ZoneInfo(timezone)).end_ms
    until_ms = parse_instant(str(manifest.get("until")), ZoneInfo("UTC"))
    return iso_s(end_ms) if until_ms < end_ms else None


def _stamp(instant: object) -> str:
    """An instant as a part of a file's name: its day, and its minute unless it is midnight."""
    day, _, time = str(instant).partition("T")
    return day if time == "00:00:00.000Z" else f"{day}T{time[:5].replace(':', '')}Z"


@contextlib.contextmanager
def _new_file(target: Path) -> Iterator[BinaryIO]:
    """A file that gets its name when it is whole."""
    temporary = target.with_name(f".{target.name}.part")
    try:
        with temporary.open("wb") as file:
            yield file
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

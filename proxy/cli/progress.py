"""The progress bar of one job."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from proxy.cli.console import plain
from proxy.cli.video import Video


@contextmanager
def progress_bar(console: Console) -> Iterator[Callable[[Video], None]]:
    """Show a bar while the context is open; without a terminal, a line per change of status."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("submitted", total=100)

        def show(video: Video) -> None:
            progress.update(task, completed=video.progress, description=describe(video))

        yield show


def describe(video: Video) -> str:
    """Say in a few words where a job stands."""
    if video.status == "queued":
        return f"queued {video.waits_for}".strip()
    return f"{video.status} at {video.provider}, {video.model}"


class _Lines:
    """Writes a line whenever the description changes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = ""

    def __call__(self, video: Video) -> None:
        now = describe(video)
        if now != self._last:
            self._console.print(plain(now))
            self._last = now

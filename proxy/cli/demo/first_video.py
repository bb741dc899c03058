"""The demo's story: one video, made with the official client, checked to the last micro-dollar."""

from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from proxy.artifacts.mp4 import BrokenMp4, Mp4, probe
from proxy.cli.api import Api, Json, ask
from proxy.cli.budgets import budgets_table
from proxy.cli.console import plain, size, usd
from proxy.cli.demo.running import Running
from proxy.cli.offers import offers_table
from proxy.cli.openai_client import VideoClient
from proxy.cli.progress import progress_bar
from proxy.cli.video import Video, entries
from proxy.domain.money import format_usd, parse_usd

PROMPT = "A paper boat sails down a rainy street at dusk, low angle, soft light"
_SECONDS_OFF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What the three books say about this demo, in micro-USD."""

    charged_micro_usd: int
    invoiced_micro_usd: int
    spent_micro_usd: int | None

    @property
    def agree(self) -> bool:
        """Say whether job, ledger and invoice are the same to the micro-dollar."""
        spent = self.charged_micro_usd if self.spent_micro_usd is None else self.spent_micro_usd
        return self.charged_micro_usd == self.invoiced_micro_usd == spent


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstVideo:
    """A video that was made, fetched and checked."""

    video: Video
    path: Path
    size_bytes: int
    mp4: Mp4
    books: Books
    budget: Json

    def facts(self) -> dict[str, object]:
        """Say all of it for machines."""
        return {
            "id": self.video.id,
            "provider": self.video.provider,
            "model": self.video.model,
            "reason": self.video.explanation,
            "mp4": str(self.path),
            "bytes": self.size_bytes,
            "duration_s": self.mp4.duration_s,
            "size": f"{self.mp4.width_px}x{self.mp4.height_px}",
            "charged_micro_usd": self.books.charged_micro_usd,
            "invoiced_micro_usd": self.books.invoiced_micro_usd,
            "spent_micro_usd": self.books.spent_micro_usd,
            "accounts": self.budget.get("accounts"),
        }


def make_first_video(demo: Running, told: Console) -> FirstVideo:
    """Submit, follow, download and check one video.

    Raises:
        click.ClickException: Any step failed, the file is not whole, or the books differ.
    """
    api = Api(demo.base_url, demo.state.notes.api_key)
    client = VideoClient(api.url, api.key)
    before = api.get("/budget")
    submitted = client.create(PROMPT, {"metadata": {"purpose": "demo"}})
    reserved = usd(submitted.cost("reserved"))
    told.print(plain(f"accepted  {submitted.id}, {reserved} reserved"))
    with progress_bar(told) as show:
        video = client.follow(submitted.id, show)
    if video.status != "completed":
        message = f"the video was not made: {video.failure}"
        raise click.ClickException(message)
    path = demo.state.folder / f"{video.id}.mp4"
    size_bytes = client.download(video, path)
    mp4 = checked(path, video)
    budget = api.get("/budget")
    books = Books(
        charged_micro_usd=parse_usd(video.cost("charged") or "0"),
        invoiced_micro_usd=_invoiced_micro_usd(demo.simulator_url),
        spent_micro_usd=spent_between(before, budget),
    )
    if not books.agree:
        message = f"the books differ: {books}"
        raise click.ClickException(message)
    return FirstVideo(
        video=video, path=path, size_bytes=size_bytes, mp4=mp4, books=books, budget=budget
    )


def checked(path: Path, video: Video) -> Mp4:
    """Read an MP4 back and hold it to what was promised.

    Raises:
        click.ClickException: It is not whole, or has another length or size.
    """
    try:
        mp4 = probe(path)
    except (BrokenMp4, OSError) as error:
        message = f"{path} is not a whole MP4: {error}"
        raise click.ClickException(message) from error
    seconds, size = str(video.body.get("seconds")), str(video.body.get("size"))
    found = f"{mp4.width_px}x{mp4.height_px}"
    if abs(mp4.duration_s - float(seconds)) > _SECONDS_OFF or found != size:
        message = f"{path} has {mp4.duration_s:.2f} s of {found}, promised: {seconds} s of {size}"
        raise click.ClickException(message)
    return mp4


def spent_between(before: Json, after: Json) -> int | None:
    """Say by how much a budget without a match grew, in micro-USD; None if there is none."""
    earlier = {_balance(budget): budget for budget in entries(before.get("accounts"))}
    for budget in entries(after.get("accounts")):
        known = earlier.get(_balance(budget))
        if known is not None and budget.get("match") is None:
            return _micro_usd(budget) - _micro_usd(known)
    return None


def tell(made: FirstVideo, out: Console) -> None:
    """Show what was made, what it cost and why, and what is left."""
    video, mp4, books = made.video, made.mp4, made.books
    sound = "with sound" if mp4.has_audio else "silent"
    shape = f"{mp4.duration_s:.1f} s, {mp4.width_px}x{mp4.height_px}, {sound}"
    lines = (
        ("video", f"{made.path}"),
        ("", f"{shape}, {size(made.size_bytes)}, whole"),
        ("made by", f"{video.provider}, model {video.model}"),
        ("why", video.explanation),
        ("cost", usd(video.cost("charged"))),
        (
            "checked",
            f"ledger {_usd(books.charged_micro_usd)} = invoice {_usd(books.invoiced_micro_usd)}",
        ),
    )
    for name, text in lines:
        out.print(plain(f"{name:<10}{text}"), soft_wrap=True)
    out.print("\nwhat was considered")
    out.print(offers_table(video.route))
    out.print("\nwhat is left")
    out.print(budgets_table(made.budget))


def _invoiced_micro_usd(simulator_url: str) -> int:
    total = ask("GET", f"{simulator_url}/_sim/invoice").get("total_micro_usd")
    if not isinstance(total, int):
        message = "the simulated providers sent an invoice without a total"
        raise click.ClickException(message)
    return total


def _balance(budget: Json) -> tuple[object, ...]:
    return tuple(budget.get(name) for name in ("scope", "budget", "period_id"))


def _micro_usd(budget: Json) -> int:
    return parse_usd(str(budget.get("spent")))


def _usd(amount_micro_usd: int) -> str:
    return f"${format_usd(amount_micro_usd)}"

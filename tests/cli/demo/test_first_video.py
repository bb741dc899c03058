"""What the demo checks before it is content, and what it shows then."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

import click
import pytest
from rich.console import Console

from proxy.artifacts.mp4 import Mp4
from proxy.cli.demo.first_video import Books, FirstVideo, checked, spent_between, tell
from proxy.cli.video import Video
from tests.cli.fake_proxy import a_budget, a_video

if TYPE_CHECKING:
    from pathlib import Path


def test_people_see_file_cost_reason_check_and_what_is_left(tmp_path: Path) -> None:
    books = Books(charged_micro_usd=336_000, invoiced_micro_usd=336_000, spent_micro_usd=336_000)
    made = FirstVideo(
        video=Video(a_video()),
        path=tmp_path / "a.mp4",
        size_bytes=6_400,
        mp4=Mp4(duration_s=4.0, width_px=1280, height_px=720, has_audio=True),
        books=books,
        budget=a_budget(),
    )
    shown = StringIO()
    tell(made, Console(file=shown, width=200))
    lines = shown.getvalue().splitlines()
    assert [line.rstrip() for line in lines[:6]] == [
        f"video     {tmp_path}/a.mp4",
        "          4.0 s, 1280x720, with sound, 6.4 kB, whole",
        "made by   kling, model kling-3.0",
        "why       policy balanced: score 0.812",
        "cost      $0.336",
        "checked   ledger $0.336000 = invoice $0.336000",
    ]
    assert "not_configured: no account is configured" in shown.getvalue()
    assert "team:marketing monthly" in shown.getvalue()


@pytest.mark.parametrize(
    ("charged", "invoiced", "spent", "agree"),
    [(5, 5, 5, True), (5, 5, None, True), (5, 6, 5, False), (5, 5, 6, False), (6, 5, 5, False)],
)
def test_books_agree_to_the_micro_dollar(
    charged: int, invoiced: int, spent: int | None, agree: bool
) -> None:
    books = Books(charged_micro_usd=charged, invoiced_micro_usd=invoiced, spent_micro_usd=spent)
    assert agree is books.agree


def accounts(*spent: tuple[str, str, dict[str, str] | None]) -> dict[str, object]:
    return {
        "accounts": [
            {"scope": "org", "budget": budget, "period_id": "1", "match": match, "spent": amount}
            for budget, amount, match in spent
        ]
    }


def test_spending_is_read_from_a_budget_that_counts_everything() -> None:
    before = accounts(("veo", "1.000000", {"model": "veo"}), ("all", "2.000000", None))
    after = accounts(("veo", "1.000000", {"model": "veo"}), ("all", "2.336000", None))
    assert spent_between(before, after) == 336_000
    assert spent_between(accounts(), after) is None


def test_a_damaged_file_is_not_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"no film at all")
    with pytest.raises(click.ClickException, match="not a whole MP4"):
        checked(path, Video(a_video()))

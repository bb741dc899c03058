"""The ledger of a soak against the vendors' invoices, through the command line."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.system.deployment import Deployment

COLUMNS = ("provider", "task_id", "external_id", "model", "seconds", "micro_usd")
SINCE = ("--since", "2026-01-01")
"""Since some day, so that what was charged and never billed is found as well."""


def say(text: str) -> None:
    """Tell who watches; `make soak` shows it."""
    sys.stdout.write(text.rstrip() + "\n")
    sys.stdout.flush()


async def command(deployment: Deployment, *arguments: str) -> tuple[int, str]:
    """Run the command line against the admin listener; returns the exit code and what it said."""
    return await asyncio.to_thread(_command, deployment, *arguments)


def _command(deployment: Deployment, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "proxy", *arguments],
        env=os.environ
        | {
            "GREENLIGHT_ADMIN_URL": deployment.admin_url,
            "GREENLIGHT_ADMIN_TOKEN": deployment.finance_token,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


async def verify(deployment: Deployment) -> None:
    """Have the ledger's laws proven, and show what was said."""
    code, said = await command(deployment, "ledger", "verify")
    say(said)
    assert code == 0, said


async def reconcile_all(
    deployment: Deployment, folder: Path, providers: Sequence[str]
) -> dict[str, int]:
    """Compare each vendor's invoice, post what differs, and compare again: nothing is left.

    Returns how many attempts were adjusted, by vendor.
    """
    tasks = (await deployment.simulated("invoice"))["tasks"]
    adjusted: dict[str, int] = {}
    for provider in providers:
        path = folder / f"{provider}.csv"
        _write_invoice(tasks, provider, path)
        reconcile = ("ledger", "reconcile", str(path), *SINCE, "--json")
        post = (*reconcile, "--post", "--reason", "the month's invoice")
        ended: list[int] = []
        said = ""
        for arguments in (reconcile, post, reconcile):
            code, said = await command(deployment, *arguments)
            say(f"{provider}, {arguments[-1]}: {_told(said)}")
            ended.append(code)
            if arguments is post:
                adjusted[provider] = sum(bool(each.get("attempt")) for each in _posted(said))
        assert (ended[2], _difference(said)) == (0, "0.000000"), said
    return adjusted


def _write_invoice(tasks: list[dict[str, Any]], provider: str, path: Path) -> None:
    """What a vendor bills, as it would send it."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(
            [task[name] for name in COLUMNS] for task in tasks if task["provider"] == provider
        )


def _answer(said: str) -> dict[str, Any]:
    found = said.find("{")
    answer: dict[str, Any] = json.loads(said[found:]) if found >= 0 else {}
    return answer


def _posted(said: str) -> list[dict[str, Any]]:
    posted: list[dict[str, Any]] = _answer(said).get("posted") or []
    return posted


def _difference(said: str) -> str:
    answer = _answer(said)
    return str(answer.get("reconciliation", answer).get("difference"))


def _told(said: str) -> str:
    """The gist of a comparison: how many lines of each kind, and the difference."""
    answer = _answer(said)
    if not answer:
        return said
    comparison = answer.get("reconciliation", answer)
    kinds = ("equal", "differing", "not_invoiced", "not_ours", "misattributed", "duplicate")
    counts = {kind: comparison[kind] for kind in kinds if comparison.get(kind)}
    brief = {kind: len(each) if isinstance(each, list) else each for kind, each in counts.items()}
    posted = _posted(said)
    comparison = answer.get("after", comparison)
    extra = f", posted {len(posted)}" if posted else ""
    return f"difference {comparison.get('difference')}, {brief}{extra}"

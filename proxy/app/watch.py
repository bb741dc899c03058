"""Notices edits of the configuration, also where a whole folder is swapped by a symbolic link."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from proxy.gateway.ports.runtime import Clock

INTERVAL_S = 1.0

Marks = dict[str, tuple[int, int, int]]


def marks_of(config: Path, policies: Path) -> Marks:
    """What would differ after an edit: inode, size and time of every YAML file.

    Links are followed, so that a Kubernetes ConfigMap's swap of its `..data` link shows.
    """
    found: Marks = {}
    for path in (config, *sorted(policies.rglob("*.yaml"))):
        try:
            stat = path.stat()
        except OSError:
            continue  # being replaced just now; the next look sees the new one
        found[str(path)] = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
    return found


async def watch_files(
    look: Callable[[], Marks],
    changed: Callable[[], Awaitable[object]],
    clock: Clock,
    *,
    interval_s: float = INTERVAL_S,
) -> None:
    """Call `changed` once an edit has come to rest, until cancelled.

    An editor or a deployment writes several files: what changed is used when two looks in a row
    see the same.
    """
    known = seen = await asyncio.to_thread(look)
    while True:
        await clock.sleep(interval_s)
        now = await asyncio.to_thread(look)
        if now != known and now == seen:
            known = now
            await changed()
        seen = now

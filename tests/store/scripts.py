"""The scripts of the store, found in their folder, and which of them change something."""

from __future__ import annotations

import re
from importlib.resources import files

from proxy.store.script import source_of

READS = frozenset(
    (
        "EXISTS", "GET", "HEXISTS", "HGET", "HGETALL", "HMGET", "SCARD", "TIME", "XRANGE",
        "XREVRANGE", "ZCARD", "ZCOUNT", "ZRANGEBYSCORE", "ZRANK", "ZSCORE",
    )
)  # fmt: skip
"""What a script may call and change nothing."""


def _called(name: str) -> set[str]:
    """The commands that a script calls."""
    code = re.sub(r"--.*", "", source_of(name))
    return set(re.findall(r"\bcall\('(\w+)'", code))


_FILES = sorted((files("proxy.store") / "lua").iterdir(), key=lambda file: file.name)
SCRIPTS = tuple(
    file.name.removesuffix(".lua")
    for file in _FILES
    if not file.read_text(encoding="utf-8").startswith("-- Fragment")
)
CHANGING = tuple(name for name in SCRIPTS if not _called(name) <= READS)

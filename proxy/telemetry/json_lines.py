"""Log records as JSON lines that cannot carry a prompt, a key or a signed URL.

Our own loggers ("greenlight...") write constant messages with allow-listed fields; what looks like
a secret in their arguments is masked all the same. Of other libraries' records only the place and
the kinds of exceptions are written: their texts may quote what a caller or a provider sent.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

from typing_extensions import override

if TYPE_CHECKING:
    from types import TracebackType

OURS = "greenlight"
FRAMES_MAX = 20
CAUSES_MAX = 5
MASK = "[masked]"

_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode

_SECRETS = re.compile(
    r"gla?_[a-z2-7]{8}_[\w-]+"  # our own keys and tokens
    r"|\b(?:Bearer|Basic)\s+\S+"
    r"|\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]+)?"  # a JWT
    r"|(?<=[?&])[^\s&=\"']+=[^\s&\"']+"  # every query parameter: signatures have many names
    r"|(?<=://)[^\s/@\"']+@"  # user and password in a URL
    r"|\bdata:[\w/+.-]+;base64,\S+"
)


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object on one line."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if record.name == OURS or record.name.startswith(OURS + "."):
            line["message"] = mask(record.getMessage()) if record.args else record.msg
            line |= getattr(record, "fields", {})
        else:
            line["at"] = f"{record.module}:{record.lineno}"
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            line["error"] = _kinds(error)
            line["trace"] = _frames(error.__traceback__)
        return _encode(line)


def mask(text: str) -> str:
    """Replace what looks like a key, a token, a signature or inline content."""
    return _SECRETS.sub(MASK, text)


def log_as_json_lines(stream: TextIO, *, level: int = logging.INFO) -> None:
    """Make every logger of this process write JSON lines to a stream, and nothing else."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger(OURS).setLevel(level)


def _kinds(error: BaseException | None) -> str:
    """The class of an error and of those it came from: `StoreUnavailable < TimeoutError`."""
    kinds: list[str] = []
    while error is not None and len(kinds) < CAUSES_MAX:
        kinds.append(type(error).__name__)
        error = error.__cause__ or error.__context__
    return " < ".join(kinds)


def _frames(trace: TracebackType | None) -> list[str]:
    """Where an error came from, innermost last; neither its text nor any source line."""
    frames = traceback.extract_tb(trace)[-FRAMES_MAX:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]

"""A configuration file as plain data that still knows where each value was written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from proxy.config.problem import WHOLE_FILE, Problem, Severity

Scalar = None | bool | int | float | str | date
Plain = Scalar | list["Plain"] | dict[str, "Plain"]
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file; both count from 1."""

    line: int
    column: int


def dotted(path: Sequence[str | int]) -> str:
    """Write a path the way people do: `budgets[0].limit`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or WHOLE_FILE


@dataclass(slots=True)
class Document:
    """One file's data, the position of each path in it, and the problems found while reading."""

    file: str
    data: Plain = None
    values: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)
    unreadable: set[Path] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    sha256: str = ""

    def mark(self, path: Path) -> Mark:
        """Find the position of a value, or of the nearest value around it."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, Mark(1, 1))

    def problem(
        self,
        path: Path,
        message: str,
        *,
        at_key: bool = False,
        severity: Severity = Severity.ERROR,
    ) -> Problem:
        """Describe what is wrong with the value (or the key) at a path."""
        mark = self.keys.get(path) if at_key else None
        mark = mark or self.mark(path)
        return Problem(self.file, mark.line, mark.column, dotted(path), message, severity)

    def lookup(self, path: Path) -> Plain:
        """Return the value at a path as it was written, None where there is nothing."""
        found = self.data
        for step in path:
            if isinstance(found, Mapping) and isinstance(step, str):
                found = found.get(step)
            elif isinstance(found, list) and isinstance(step, int) and step < len(found):
                found = found[step]
            else:
                return None
        return found

"""What is wrong in a configuration file, where, and what would be allowed instead."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

WHOLE_FILE = "(file)"


class Severity(StrEnum):
    """Whether a problem stops the configuration from being used."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One finding; lines and columns count from 1, in characters."""

    file: str
    line: int
    column: int
    path: str
    message: str
    severity: Severity = Severity.ERROR

    def render(self) -> str:
        """Write the finding as one line, the way compilers do."""
        note = "" if self.severity is Severity.ERROR else "warning: "
        return f"{self.file}:{self.line}:{self.column}: {self.path}: {note}{self.message}"


class ConfigError(Exception):
    """The configuration can't be used; `problems` holds every reason, sorted by position."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(problem.render() for problem in self.problems))

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The reasons alone, without the warnings beside them."""
        return tuple(one for one in self.problems if one.severity is Severity.ERROR)

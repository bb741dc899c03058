"""Read a JSON object field by field and refuse everything that was not read.

Vendors are strict about types: `"5"` is not 5 and `true` is not 1.
"""

from collections.abc import Collection, Mapping
from typing import Any


class BadFieldError(ValueError):
    """A field is missing, unknown, of the wrong type or has a value that is not allowed."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


class Fields:
    """A JSON object being read; `done()` refuses the fields nobody asked for."""

    def __init__(self, value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise BadFieldError(path, "must be an object")
        self._values: Mapping[str, Any] = value
        self._path = path
        self._read: set[str] = set()

    def path(self, name: str) -> str:
        """Return the dotted path of a field, for messages."""
        return f"{self._path}.{name}" if self._path else name

    def has(self, name: str) -> bool:
        """Say whether the field is present and not null."""
        return self._values.get(name) is not None

    def text(
        self, name: str, *, allowed: Collection[str] = (), longest: int | None = None
    ) -> str | None:
        """Return a string field, None if absent.

        Raises:
            BadFieldError: Not a string, longer than `longest` characters, or not `allowed`.
        """
        value = self._take(name, str, "a string")
        if value is None:
            return None
        if longest is not None and len(value) > longest:
            raise BadFieldError(self.path(name), f"must have at most {longest} characters")
        return str(self._check(name, value, allowed))

    def required_text(
        self, name: str, *, allowed: Collection[str] = (), longest: int | None = None
    ) -> str:
        """Return a string field that must be there; it may be empty.

        Raises:
            BadFieldError: Absent, or as for `text`.
        """
        value = self.text(name, allowed=allowed, longest=longest)
        if value is None:
            raise BadFieldError(path=self.path(name), problem="is required")
        return value

    def integer(self, name: str, *, allowed: Collection[int] = ()) -> int | None:
        """Return an integer field (never a bool, a float or a string), None if absent.

        Raises:
            BadFieldError: Not an integer or not `allowed`.
        """
        value = self._take(name, int, "an integer")
        return None if value is None else int(self._check(name, value, allowed))

    def flag(self, name: str) -> bool | None:
        """Return a boolean field, None if absent.

        Raises:
            BadFieldError: Not a boolean.
        """
        value = self._take(name, bool, "a boolean")
        return None if value is None else bool(value)

    def child(self, name: str) -> "Fields | None":
        """Return an object field, None if absent.

        Raises:
            BadFieldError: Not an object.
        """
        value = self._take(name, dict, "an object")
        return None if value is None else Fields(value, self.path(name))

    def children(self, name: str) -> "list[Fields]":
        """Return a field that is an array of objects, empty if absent.

        Raises:
            BadFieldError: Not an array of objects.
        """
        value = self._take(name, list, "an array") or []
        return [Fields(item, f"{self.path(name)}[{index}]") for index, item in enumerate(value)]

    def texts(self, name: str, *, allowed: Collection[str]) -> list[str]:
        """Return a field that is an array of strings, empty if absent.

        Raises:
            BadFieldError: Not an array of strings that are `allowed`.
        """
        values = self._take(name, list, "an array") or []
        for value in values:
            self._check(name, value, allowed)
        return list(values)

    def labels(self, name: str) -> dict[str, str]:
        """Return a field that maps strings to strings, empty if absent.

        Raises:
            BadFieldError: Not an object of strings.
        """
        value = self._take(name, dict, "an object") or {}
        for key, text in value.items():
            if not isinstance(text, str):
                raise BadFieldError(path=f"{self.path(name)}.{key}", problem="must be a string")
        return dict(value)

    def done(self) -> None:
        """Refuse fields that nobody read.

        Raises:
            BadFieldError: There is one; it is named.
        """
        for name in self._values:
            if name not in self._read:
                raise BadFieldError(self.path(name), "unknown field")

    def _take(self, name: str, kind: type, words: str) -> Any:  # noqa: ANN401 - JSON
        self._read.add(name)
        value = self._values.get(name)
        # bool is an int in Python, not in JSON.
        if value is None or (
            isinstance(value, kind) and isinstance(value, bool) == (kind is bool)
        ):
            return value
        raise BadFieldError(self.path(name), f"must be {words}")

    def _check(self, name: str, value: Any, allowed: Collection[Any]) -> Any:  # noqa: ANN401
        if allowed and value not in allowed:
            wanted = ", ".join(map(str, allowed))
            raise BadFieldError(self.path(name), f"{value!r} is not allowed, only {wanted}")
        return value

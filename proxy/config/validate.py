"""Checks a document against a schema and says everything that is wrong with it, with positions.

What is faulty is then cut out and the rest is checked again, until it holds. So one typo does not
hide the mistakes around it, nor those in other files that refer to it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Final, Generic, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from proxy.config.document import Document, Path
from proxy.config.problem import Problem
from proxy.config.schema.fields import Thinned
from proxy.config.secrets import inline_keys

S = TypeVar("S", bound=BaseModel)

_ROUNDS_MAX: Final = 64
_WORDS: Final = {
    "missing": "is required and missing",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "string_type": "must be text; put it in quotes",
}


@dataclass(slots=True)
class Checked(Generic[S]):
    """A document and as much of it as fits its schema; None if not even the outline does."""

    document: Document
    value: S | None
    problems: list[Problem]

    def report(self, path: Path, message: str, *, at_key: bool = False) -> None:
        """Add a problem that only the whole configuration shows."""
        self.problems.append(self.document.problem(path, message, at_key=at_key))


def whole(checked: Checked[S]) -> S:
    """Return the value of a document that was found to have no problem."""
    assert checked.value is not None, "compiled before it was checked"
    return checked.value


def validate(document: Document, schema: type[S]) -> Checked[S]:
    """Check a document; the problems include those found while it was read."""
    _refuse_inline_keys(document)
    problems = list(document.problems)
    cut = set(document.unreadable)
    data = _cut_out(_copy(document.data), cut)
    for _ in range(_ROUNDS_MAX):
        if () in cut:
            break
        try:
            return Checked(document, schema.model_validate(data), problems)
        except ValidationError as error:
            faults = [_fault(details) for details in error.errors(include_url=False)]
        fresh = [fault for fault in faults if not _is_known(fault.path, cut)]
        problems += [_problem(document, schema, fault) for fault in fresh]
        outer = {_cut_path(fault, cut) for fault in faults}
        cut |= outer
        data = _cut_out(data, outer)
    return Checked(document, None, problems)


def _refuse_inline_keys(document: Document) -> None:
    """Mark every value that looks like a key before any message could repeat it."""
    for path in inline_keys(document.data):
        message = "looks like a secret written out; allowed: ${VARIABLE} or file:/path"
        document.problems.append(document.problem(path, message))
        document.unreadable.add(path)


@dataclass(frozen=True, slots=True)
class _Fault:
    kind: str
    path: Path
    message: str
    given: object


def _fault(details: ErrorDetails) -> _Fault:
    path = tuple(step for step in details["loc"] if step != "[key]")
    kind = "invalid_key" if "[key]" in details["loc"] else details["type"]
    reason = details.get("ctx", {}).get("error")
    message = str(reason) if reason is not None else _words(details)
    at = getattr(reason, "at", ())
    return _Fault(kind, (*path, *at), message, details["input"])


def _words(details: ErrorDetails) -> str:
    text = _WORDS.get(details["type"], details["msg"])
    if details["type"].endswith("_type") and details["input"] is None:
        return f"{text}; it is empty"
    context = details.get("ctx", {})
    if details["type"] in {"enum", "literal_error"}:
        allowed = str(context["expected"]).replace("'", "").replace(" or ", ", ")
        return f"{str(details['input'])[:60]!r} is not allowed here; allowed: {allowed}"
    for bound, words in (("ge", "at least"), ("gt", "more than"), ("le", "at most")):
        if bound in context:
            return f"must be {words} {context[bound]}"
    return text


def _is_known(path: Path, cut: set[Path]) -> bool:
    """Say whether a value in or around a path was reported before."""
    return any(path[:length] in cut for length in range(len(path) + 1))


def _cut_path(fault: _Fault, cut: set[Path]) -> Path:
    """Choose what to take out: the faulty value, or what can't be without a missing one."""
    path = fault.path[:-1] if fault.kind == "missing" else fault.path
    while path and path in cut:
        path = path[:-1]
    return path


def _problem(document: Document, schema: type[BaseModel], fault: _Fault) -> Problem:
    path = fault.path
    if fault.kind == "extra_forbidden":
        allowed = sorted(_keys(schema, fault.path[:-1]))
        close = get_close_matches(str(fault.path[-1]), allowed, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        message = f"unknown key; {hint}allowed: {', '.join(allowed)}"
        return document.problem(fault.path, message, at_key=True)
    if fault.kind == "invalid_key":
        return document.problem(fault.path, fault.message, at_key=True)
    while fault.kind != "missing" and path and path not in document.values:
        path = path[:-1]  # a shorthand was written: name what stands in the file
    return document.problem(path, fault.message)


def _keys(schema: type[BaseModel], path: Path) -> set[str]:
    """List the keys the schema allows in the mapping at a path."""
    found: list[Any] = [schema]
    for step in path:
        found = [below for annotation in found for below in _below(annotation, step)]
    return {name for annotation in found for name in _fields(annotation)}


def _below(annotation: Any, step: str | int) -> Iterator[Any]:  # noqa: ANN401  any annotation
    for kind in kinds(annotation):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if step in kind.model_fields:
                yield from kinds(kind.model_fields[str(step)].annotation)
        elif get_origin(kind) is dict:
            yield from kinds(get_args(kind)[1])


def kinds(annotation: Any) -> Iterator[Any]:  # noqa: ANN401  any annotation
    """Go through the plain types of an annotation: `Annotated` and unions are looked through."""
    if get_origin(annotation) is Annotated:
        yield from kinds(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from kinds(part)
    else:
        yield annotation


def _fields(annotation: Any) -> Iterator[str]:  # noqa: ANN401  any annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from annotation.model_fields


def _copy(data: Any) -> Any:  # noqa: ANN401  plain YAML data
    """Copy data; the document keeps what was written."""
    if isinstance(data, Mapping):
        return {key: _copy(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_copy(value) for value in data]
    return data


def _cut_out(data: Any, paths: Iterable[Path]) -> Any:  # noqa: ANN401  plain YAML data
    for path in sorted(paths, key=len, reverse=True):
        data = _without(data, path) if path else None
    return data


def _without(data: Any, path: Path) -> Any:  # noqa: ANN401  plain YAML data
    """Take the value at a path out; a list on the way becomes index → item."""
    if not isinstance(data, dict | list):
        return data
    items = Thinned(enumerate(data)) if isinstance(data, list) else data
    step, rest = path[0], path[1:]
    if rest and step in items:
        items[step] = _without(items[step], rest)
    elif step in items:
        del items[step]
    return items

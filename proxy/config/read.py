"""Reads one YAML file into plain data with positions, strictly: no tags, anchors or duplicates.

The parser's events are used directly rather than composed nodes: nodes no longer tell `!!int 5`
from `5`, and an alias is already followed by then. Memory is bounded by the size of the file.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Final

import yaml

from proxy.config.document import Document, Mark, Path, Plain
from proxy.config.problem import Problem
from proxy.config.scalar import resolve

BYTES_MAX: Final = 1 << 20
DEPTH_MAX: Final = 32

# libyaml is about ten times as fast; PyYAML built without it still works.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_file(path: FilePath, name: str) -> Document:
    """Read a file; whatever is wrong with it is in the document's problems."""
    try:
        with path.open("rb") as stream:
            return read_bytes(stream.read(BYTES_MAX + 1), name)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return _failed(
            name, Mark(1, 1), f"can't be read ({reason}); allowed: a readable YAML file"
        )


def read_bytes(content: bytes, name: str) -> Document:
    """Read YAML from bytes; whatever is wrong with it is in the document's problems."""
    if len(content) > BYTES_MAX:
        return _failed(name, Mark(1, 1), f"is too large; at most {BYTES_MAX} bytes are allowed")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        place = Mark(before.count(b"\n") + 1, column)
        return _failed(name, place, "is not UTF-8 text; save the file as UTF-8")
    document = Document(name, sha256=hashlib.sha256(content).hexdigest())
    try:
        _Builder(document, yaml.parse(text, Loader=_LOADER)).build()
    except _TooDeepError:
        document.unreadable.add(())
    except yaml.MarkedYAMLError as error:
        where = error.problem_mark or error.context_mark
        place = Mark(where.line + 1, where.column + 1) if where else Mark(1, 1)
        reason = error.problem or error.context or "it can't be parsed"
        return _failed(name, place, f"is not YAML: {reason}", earlier=document.problems)
    except yaml.reader.ReaderError as error:
        reason = f"holds the character {str(error.character)!r}, which YAML does not allow"
        return _failed(name, _place(text, error.position), reason)
    return document


def _failed(
    name: str, place: Mark, message: str, earlier: list[Problem] | None = None
) -> Document:
    document = Document(name, problems=list(earlier or ()))
    document.values[()] = place
    document.unreadable.add(())
    document.problems.append(document.problem((), message))
    return document


def _place(text: str, position: int) -> Mark:
    before = text[:position]
    return Mark(before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1)


class _TooDeepError(Exception):
    """Reading on would cost time out of proportion to the file."""


class _Builder:
    """Turns a stream of parser events into a document."""

    def __init__(self, document: Document, events: Iterator[yaml.Event]) -> None:
        self._document = document
        self._events = events
        self._anchors: set[str] = set()

    def build(self) -> None:
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._refuse((), event, "holds several YAML documents; allowed: one")
                    return
                self._document.data = self._value(next(self._events), ())

    def _refuse(self, path: Path, event: yaml.Event, message: str) -> None:
        mark = _mark(event)
        self._document.unreadable.add(path)
        self._document.problems.append(
            Problem(
                self._document.file,
                mark.line,
                mark.column,
                self._document.problem(path, "").path,
                message,
            )
        )

    def _value(self, event: yaml.Event, path: Path) -> Plain:
        self._document.values.setdefault(path, _mark(event))
        if isinstance(event, yaml.AliasEvent):
            self._alias(event, path)
            return None
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            self._check_node(event, path)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if len(path) >= DEPTH_MAX:
            self._refuse(path, event, f"is nested too deeply; at most {DEPTH_MAX} levels")
            raise _TooDeepError
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return self._mapping(path)

    def _check_node(self, event: yaml.NodeEvent, path: Path) -> None:
        if event.anchor is not None:
            self._anchors.add(event.anchor)
            message = f"anchor &{event.anchor} is not allowed; write the value out at each place"
            self._refuse(path, event, message)
        tag = getattr(event, "tag", None)
        if tag is not None:
            self._refuse(path, event, f"tag {tag!r} is not allowed; write the plain value")

    def _alias(self, event: yaml.AliasEvent, path: Path) -> None:
        # One problem per anchor is enough: its aliases are the same mistake.
        self._document.unreadable.add(path)
        if event.anchor not in self._anchors:
            self._refuse(path, event, f"alias *{event.anchor} is not allowed; write the value out")

    def _scalar(self, event: yaml.ScalarEvent, path: Path) -> Plain:
        text: str = event.value
        if not event.implicit[0]:
            return text
        try:
            return resolve(text)
        except ValueError as error:
            self._refuse(path, event, str(error))
            return text

    def _sequence(self, path: Path) -> list[Plain]:
        items: list[Plain] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, Plain]:
        entries: dict[str, Plain] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            below = (*path, key)
            if key in entries:
                self._refuse(below, event, "duplicate key; each may be written once")
            self._document.keys.setdefault(below, _mark(event))
            value = self._value(next(self._events), below)
            entries.setdefault(key, value)
        return entries

    def _key(self, event: yaml.Event, path: Path) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(path, event, "a key must be plain text, not a list, mapping or alias")
            if isinstance(event, yaml.CollectionStartEvent):
                self._skip()
            return ""
        self._check_node(event, path)
        if event.value == "<<" and event.implicit[0]:
            self._refuse(path, event, "merge keys (<<) are not allowed; write the values out")
        return str(event.value)

    def _skip(self) -> None:
        """Read past the collection whose start was just taken."""
        depth = 1
        while depth:
            event = next(self._events)
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)


def _mark(event: yaml.Event) -> Mark:
    mark = event.start_mark
    assert mark is not None, "events of a parsed text have marks"
    return Mark(mark.line + 1, mark.column + 1)

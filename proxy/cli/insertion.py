"""Adds one entry to a list inside a YAML file and leaves every other byte as it was.

The file is edited as text at a place that the parser's marks name, because a dumped file would
lose its comments and its shape. The result is read again: if it does not say exactly what the old
file said plus the new entry, nothing is changed.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml

_INDENT = 2
_LINE_END = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
# Short words only: digests are quoted whatever they begin with.
_PLAIN = re.compile(r"[a-z](?:[a-z0-9_-]{0,30}[a-z0-9])?", re.ASCII)
_NOT_TEXT = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"))

_TEXT = "tag:yaml.org,2002:str"

Value = str | Sequence[str]
Plain = None | tuple[str, str] | list["Plain"] | dict[str, "Plain"]


class InsertionError(Exception):
    """The entry can't be added by an edit; the text says why, and the file is as it was."""


def flow_line(entry: Mapping[str, Value]) -> str:
    """Write an entry in one line: `{id: k7f3q2ab, name: web}`, quoted where YAML needs it."""
    return "{" + ", ".join(f"{name}: {_flow(value)}" for name, value in entry.items()) + "}"


def add_entry(text: str, path: tuple[str, ...], entry: Mapping[str, Value]) -> str:
    """Return the text with the entry added to the list at `path`, which is made if absent.

    Raises:
        InsertionError: The text is not a YAML mapping, or holds something else at the path.
    """
    before = _compose(text)
    changed = _edit(_Place(text, before, path, flow_line(entry))).apply(text)
    expected = _with_entry(_plain(before), path, _plain(_compose(flow_line(entry))))
    try:
        is_as_expected = expected == _list_sorted(_plain(_compose(changed)), path)
    except InsertionError:
        is_as_expected = False
    if not is_as_expected:
        message = f"{'.'.join(path)} is written in a way that no edit is safe for"
        raise InsertionError(message)
    return changed


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    new: str

    def apply(self, text: str) -> str:
        return text[: self.start] + self.new + text[self.end :]


@dataclass(frozen=True, slots=True)
class _Place:
    text: str
    root: yaml.Node
    path: tuple[str, ...]
    line: str

    @property
    def newline(self) -> str:
        found = _LINE_END.search(self.text)
        return found[0] if found else "\n"

    def after_line_of(self, index: int) -> int:
        found = _LINE_END.search(self.text, index)
        return found.end() if found else len(self.text)

    def lines_at(self, index: int, lines: Sequence[str]) -> _Edit:
        """Insert whole lines at the start of a line, or after a last line without an end."""
        body = "".join(line + self.newline for line in lines)
        is_open = index > 0 and _LINE_END.fullmatch(self.text[index - 1]) is None
        return _Edit(index, index, (self.newline if is_open else "") + body)


def _edit(place: _Place) -> _Edit:
    node: yaml.Node | None = place.root
    is_block = True
    for depth, name in enumerate(place.path):
        if not isinstance(node, yaml.MappingNode):
            message = f"{'.'.join(place.path[:depth]) or 'the file'} is not a mapping"
            raise InsertionError(message)
        is_block = is_block and not node.flow_style
        pair = _pair(node, name)
        if pair is None:
            return _new_key(place, node, place.path[depth:], is_block=is_block)
        key, node = pair
        rest = place.path[depth + 1 :]
        if _is_nothing(node):
            return _fill(place, key, node, rest, is_block=is_block)
        if is_block and _is_empty_on_one_line(
            node, yaml.MappingNode if rest else yaml.SequenceNode
        ):
            return _fill(place, key, node, rest, is_block=True)
    if not isinstance(node, yaml.SequenceNode):
        message = f"{'.'.join(place.path)} is not a list"
        raise InsertionError(message)
    return _new_item(place, node)


def _new_item(place: _Place, node: yaml.SequenceNode) -> _Edit:
    if node.flow_style:
        inside = node.start_mark.index + 1
        return _Edit(inside, inside, place.line + (", " if node.value else ""))
    indent = " " * node.start_mark.column
    return place.lines_at(_after(place, node.value[-1]), [f"{indent}- {place.line}"])


def _new_key(
    place: _Place, node: yaml.MappingNode, names: tuple[str, ...], *, is_block: bool
) -> _Edit:
    if not is_block:
        inside = node.start_mark.index + 1
        return _Edit(inside, inside, _flow_tail(names, place.line) + (", " if node.value else ""))
    column = node.value[0][0].start_mark.column
    # After the first entry: in a team's file that is `team`, which belongs at the top.
    return place.lines_at(_after(place, node.value[0][1]), _block_tail(names, place.line, column))


def _fill(
    place: _Place, key: yaml.Node, node: yaml.Node, names: tuple[str, ...], *, is_block: bool
) -> _Edit:
    """Give a key whose value is empty its first entry, below the key's own line."""
    start, end = node.start_mark.index, node.end_mark.index
    if not is_block:
        tail = f"{{{_flow_tail(names, place.line)}}}" if names else f"[{place.line}]"
        return _Edit(start, end, tail if start < end else " " + tail)
    column = key.start_mark.column + _INDENT
    below = _block_tail(names, place.line, column) if names else [" " * column + "- " + place.line]
    line_end = place.after_line_of(max(end, key.end_mark.index))
    rest = place.text[end:line_end]
    if not rest.strip(" \t\r\n"):
        # Nothing stands behind the old value: no blank may stay there either.
        start -= len(place.text[:start]) - len(place.text[:start].rstrip(" \t"))
        rest = rest.lstrip(" \t")
    elif start < end:
        rest = " " * (end - start) + rest  # a comment stays in its column
    added = place.lines_at(line_end, below).new
    return _Edit(start, line_end, rest + added)


def _flow_tail(names: tuple[str, ...], line: str) -> str:
    *outer, last = names
    return "".join(f"{name}: {{" for name in outer) + f"{last}: [{line}]" + "}" * len(outer)


def _block_tail(names: tuple[str, ...], line: str, column: int) -> list[str]:
    lines = [" " * (column + depth * _INDENT) + f"{name}:" for depth, name in enumerate(names)]
    return [*lines, " " * (column + len(names) * _INDENT) + "- " + line]


def _pair(node: yaml.MappingNode, name: str) -> tuple[yaml.Node, yaml.Node] | None:
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode) and key.value == name:
            return key, value
    return None


def _is_nothing(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")


def _is_empty_on_one_line(node: yaml.Node, kind: type[yaml.CollectionNode]) -> bool:
    return isinstance(node, kind) and not node.value and node.start_mark.line == node.end_mark.line


def _after(place: _Place, node: yaml.Node) -> int:
    """Find the start of the line below a node; a block's own end mark lies too far below."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    end = node.end_mark
    is_literal = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
    return end.index if is_literal and end.column == 0 else place.after_line_of(end.index)


def _compose(text: str) -> yaml.Node:
    try:
        # The pure loader: libyaml's marks count in other units.
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        message = "it is not YAML that can be read; greenlight check says where"
        raise InsertionError(message) from error
    if node is None:
        message = "it is empty"
        raise InsertionError(message)
    return node


def _plain(node: yaml.Node) -> Plain:
    """Turn a node into something comparable; the tag keeps 5 apart from "5"."""
    if isinstance(node, yaml.ScalarNode):
        return (node.tag, node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    fields = {str(_plain(key)): _plain(value) for key, value in node.value}
    if len(fields) < len(node.value):
        message = "a key is written twice in it; greenlight check says where"
        raise InsertionError(message)
    return fields


def _with_entry(old: Plain, path: tuple[str, ...], entry: Plain) -> Plain:
    """Say what the file must mean afterwards."""
    if not path:
        known = old if isinstance(old, list) else []
        return sorted([*known, entry], key=repr)
    fields = old if isinstance(old, dict) else {}
    name = str((_TEXT, path[0]))
    return fields | {name: _with_entry(fields.get(name), path[1:], entry)}


def _list_sorted(new: Plain, path: tuple[str, ...]) -> Plain:
    """Order the list at the path: an entry may be added at either end."""
    if isinstance(new, list) and not path:
        return sorted(new, key=repr)
    if isinstance(new, dict) and path:
        name = str((_TEXT, path[0]))
        return new | {name: _list_sorted(new.get(name), path[1:])}
    return new


def _flow(value: Value) -> str:
    if not isinstance(value, str):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    is_plain = _PLAIN.fullmatch(value) and value not in _NOT_TEXT
    return value if is_plain else json.dumps(value, ensure_ascii=False)

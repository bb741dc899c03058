"""Adding a line to a YAML file leaves every other byte as it was."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from proxy.cli.insertion import InsertionError, add_entry, flow_line

KEYS = ("keys",)
TOKENS = ("admin", "tokens")
ENTRY = {"id": "k7f3q2ab", "name": "web"}
LINE = "{id: k7f3q2ab, name: web}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("team: a\nkeys: []   # c\nuse: 1\n", "team: a\nkeys:      # c\n  - @\nuse: 1\n"),
        ("team: a\nkeys: []\n", "team: a\nkeys:\n  - @\n"),
        ("team: a\nkeys: [ ]", "team: a\nkeys:\n  - @\n"),
        ("team: a\nkeys:  \nuse: 1\n", "team: a\nkeys:\n  - @\nuse: 1\n"),
        ("team: a\nkeys: ~ # c\nb: 1", "team: a\nkeys:   # c\n  - @\nb: 1"),
        ("team: a", "team: a\nkeys:\n  - @\n"),
        ("# h\nteam: a # c\n\n# d\nb: 3\n", "# h\nteam: a # c\nkeys:\n  - @\n\n# d\nb: 3\n"),
        (
            "team: a\nkeys:\n  - {id: x} # 1\n  # t\n",
            "team: a\nkeys:\n  - {id: x} # 1\n  - @\n  # t\n",
        ),
        (
            "keys:\n- id: x\n  budgets:\n  - id: b\nuse: 1\n",
            "keys:\n- id: x\n  budgets:\n  - id: b\n- @\nuse: 1\n",
        ),
        (
            "keys:\n- id: x\n  note: |\n    lit\nuse: 1\n",
            "keys:\n- id: x\n  note: |\n    lit\n- @\nuse: 1\n",
        ),
        ("keys: [{id: x},\n  {id: y},] # c\n", "keys: [@, {id: x},\n  {id: y},] # c\n"),
        ("keys: [ # c\n ]\n", "keys: [@ # c\n ]\n"),
        ("{team: a, keys: []}", "{team: a, keys: [@]}"),
        ("{team: a}", "{keys: [@], team: a}"),
        ("{keys: , team: a}", "{keys: [@] , team: a}"),
        ("  team: a\n  keys:\n    - {b: c}\n", "  team: a\n  keys:\n    - {b: c}\n    - @\n"),
        ("--- # c\nteam: a\n...\n", "--- # c\nteam: a\nkeys:\n  - @\n...\n"),
        ("team: a\r\nkeys: []\r\nb: 1\r\n", "team: a\r\nkeys:\r\n  - @\r\nb: 1\r\n"),
        ("\ufeffteam: a\nkeys: []\n", "\ufeffteam: a\nkeys:\n  - @\n"),
    ],
)
def test_keys_of_a_team(before: str, after: str) -> None:
    assert after.replace("@", LINE) == add_entry(before, KEYS, ENTRY)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "listen: x\nadmin:\n  listen: y  # c\n  tokens: []   # d\nstore: {}\n",
            "listen: x\nadmin:\n  listen: y  # c\n  tokens:      # d\n    - @\nstore: {}\n",
        ),
        ("listen: x\n", "listen: x\nadmin:\n  tokens:\n    - @\n"),
        ("admin: {listen: x}\n", "admin: {tokens: [@], listen: x}\n"),
        ("admin:\nb: 1\n", "admin:\n  tokens:\n    - @\nb: 1\n"),
        ("admin: {}\nb: 1\n", "admin:\n  tokens:\n    - @\nb: 1\n"),
        ("admin:\n    listen: z\n", "admin:\n    listen: z\n    tokens:\n      - @\n"),
        ("{admin: {tokens: }}", "{admin: {tokens: [@] }}"),
        ("{b: 1, admin: }", "{b: 1, admin: {tokens: [@]} }"),
    ],
)
def test_tokens_of_the_server(before: str, after: str) -> None:
    assert after.replace("@", LINE) == add_entry(before, TOKENS, ENTRY)


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        (KEYS, "keys: 5", "not a list"),
        (KEYS, "keys: {}", "not a list"),
        (KEYS, "- a", "not a mapping"),
        (TOKENS, "admin: []", "not a mapping"),
        (TOKENS, "admin: [a]", "not a mapping"),
        (KEYS, "", "empty"),
        (KEYS, "# nothing\n", "empty"),
        (KEYS, "a: 1\na: 2", "twice"),
        (KEYS, "a: [", "not YAML"),
        (KEYS, "a: \x07", "not YAML"),
        (KEYS, "a: 1\n---\nb: 1", "not YAML"),
    ],
)
def test_a_file_that_cannot_take_it_is_refused(path: tuple[str, ...], text: str, why: str) -> None:
    with pytest.raises(InsertionError, match=why):
        add_entry(text, path, ENTRY)


def test_values_are_quoted_where_yaml_would_read_something_else() -> None:
    line = flow_line({"id": "22345672", "name": "on", "expires": "2027-01-01", "scopes": ["read"]})
    assert '{id: "22345672", name: "on", expires: "2027-01-01", scopes: [read]}' == line


comments = st.sampled_from(["", " # c", "   # [x]: {y} - z"])
blanks = st.sampled_from(["", "\n", "# between\n", "\n  # deep\n\n"])
items = st.sampled_from(
    ["{id: a}", "{id: 'a, b'}", "id: x\n    name: >\n      folded\n\n      text", '"plain # text"']
)


@st.composite
def team_files(draw: st.DrawFn) -> str:
    """Team files as people write them: block or flow, with comments and blank lines anywhere."""
    listed = draw(st.lists(items, max_size=3))
    style = draw(st.sampled_from(["block", "flow", "absent"]))
    comment = draw(comments)
    if style == "absent":
        keys = ""
    elif style == "flow" or not listed:
        short = [item for item in listed if "\n" not in item]
        keys = f"keys: [{', '.join(short)}]{comment}\n"
    else:
        lines = [f"  - {item}{draw(comments) if chr(10) not in item else ''}\n" for item in listed]
        keys = f"keys:{comment}\n" + draw(blanks).join(lines)
    parts = [f"team: a{draw(comments)}\n", draw(blanks), keys, draw(blanks)]
    parts += [f"use: {{x: [1, 2]}}{draw(comments)}\n" if draw(st.booleans()) else ""]
    text = draw(blanks) + "".join(parts)
    if draw(st.booleans()) and not text.rstrip().endswith("text"):
        # (Without a line end, a folded text ends differently: nothing may follow it.)
        text = text.rstrip("\n")
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


@given(team_files())
def test_only_the_entry_is_added(text: str) -> None:
    changed = add_entry(text, KEYS, ENTRY)
    before, after = yaml.safe_load(text), yaml.safe_load(changed)
    assert ENTRY in after["keys"]
    after["keys"].remove(ENTRY)
    assert (before.pop("keys", None) or []) == (after.pop("keys") or [])
    assert before == after
    is_comment = [line.strip() for line in text.splitlines() if line.strip().startswith("#")]
    kept = [line.strip() for line in changed.splitlines() if line.strip().startswith("#")]
    assert is_comment == kept


@given(st.text("ak:-[]{},# \n\t\"'|>&*!?~", max_size=40), st.sampled_from([KEYS, TOKENS]))
def test_any_text_is_changed_rightly_or_refused(text: str, path: tuple[str, ...]) -> None:
    try:
        changed = add_entry(text, path, ENTRY)
    except InsertionError:
        return
    try:
        found = yaml.safe_load(changed)
    except yaml.constructor.ConstructorError:
        return  # it had a list or a mapping as a key
    for name in path:
        found = found[name]
    assert ENTRY in found

"""Every Lua script says in its header what it does, takes, answers, and which clock it reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from proxy.store.script import source_of

FOLDER = Path(__file__).resolve().parent.parent / "proxy" / "store" / "lua"
FILES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.lua"))}
SCRIPTS = [name for name, text in FILES.items() if not text.startswith("-- Fragment")]
FRAGMENTS = sorted(FILES.keys() - SCRIPTS)

PURPOSE_CHARS_MIN = 20


def header_of(name: str) -> str:
    """The comment lines a file opens with, without the dashes; a label begins its line."""
    lines = []
    for line in FILES[name].splitlines():
        if not line.startswith("--") or line.startswith("-- include:"):
            break
        lines.append(line.removeprefix("--").strip())
    return re.sub(r"(?<=\. )(Time|Complexity|Reply):", r"\n\1:", "\n".join(lines))


def labelled(name: str, label: str) -> str:
    """What a header says under a label, up to the next one."""
    found = re.search(
        rf"^{label}:(.*?)(?=^(?:KEYS|ARGV|Reply|Time|Complexity):|\Z)",
        header_of(name),
        flags=re.MULTILINE | re.DOTALL,
    )
    return found[1].strip() if found else ""


def indices(name: str, table: str) -> set[int]:
    """The numbers a whole script reads a table at, where they are written out."""
    code = re.sub(r"--.*", "", source_of(name))
    return {int(number) for number in re.findall(rf"\b{table}\[(\d+)\]", code)}


def numbers(text: str) -> set[int]:
    """Every number of a label's text; `2-5` and `2 to 5` count as each from 2 to 5."""
    ranges = [
        range(int(first), int(last) + 1)
        for first, last in re.findall(r"(\d+)(?:-| to )(\d+)", text)
    ]
    return {int(number) for number in re.findall(r"\d+", text)}.union(*ranges)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_opens_with_its_purpose(name: str) -> None:
    assert PURPOSE_CHARS_MIN <= len(header_of(name).partition("\n")[0])


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("label", ["KEYS", "ARGV", "Reply", "Time", "Complexity"])
def test_a_script_documents(name: str, label: str) -> None:
    assert labelled(name, label), f"{name}.lua has no line '-- {label}: ...'"


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("table", ["KEYS", "ARGV"])
def test_a_script_documents_every_number_it_reads(name: str, table: str) -> None:
    assert set() == indices(name, table) - numbers(labelled(name, table))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_builds_no_key(name: str) -> None:
    """A cluster must know every key before it runs a script: all come in through KEYS."""
    code = re.sub(r"--.*", "", source_of(name))
    assert [] == re.findall(r"['\"]gl:", code)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_reads_the_clock_of_the_store_only(name: str) -> None:
    code = re.sub(r"--.*", "", source_of(name))
    assert "os.time" not in code
    assert ("'TIME'" in code) == ("Redis TIME" in labelled(name, "Time"))


@pytest.mark.parametrize("name", FRAGMENTS)
def test_a_fragment_is_included_by_a_file(name: str) -> None:
    assert any(f"-- include: {name}\n" in text for text in FILES.values())

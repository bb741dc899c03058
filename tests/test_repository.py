"""What holds for the repository as a whole: sizes, shapes, words, and nothing private in it."""

from __future__ import annotations

import ast
import re
import shutil
import statistics
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
CODE_FOLDERS = ("proxy", "tests", "bench", "tools")

FILE_LINES = 400
FUNCTION_LINES = 50
LUA_LINES = 100
PROVIDER_LINES = 700
README_LINES = 150

# A cap is raised only here: path (or path:function, or a provider's folder) -> (cap, reason).
RAISED: dict[str, tuple[int, str]] = {
    "proxy/providers/kling": (
        745,
        "it alone is asked in batches, by our own ids, and for a list, and fetches what it edits",
    ),
}

# Packages whose __init__.py may hold more than a docstring (a pattern) -> reason.
SPEAKING_INIT = {
    "proxy/providers/__init__.py": "the provider table: the one list of what can be called",
    "proxy/providers/*/__init__.py": "the provider's manifest",
}

VAGUE_NAMES = frozenset(
    ["base", "common", "data", "helpers", "info", "manager", "misc", "util", "utils"]
)

# Written so that this file does not match itself.
PRIVATE = {
    "a path of somebody's machine": re.compile(
        r"(?<![\w.-])/(?:root|home/(?!greenlight\b)[a-z]\w*|work|opt/pypi\S*|Users/\w+)/"
    ),
    "a package registry's address": re.compile(
        r"https?://[^\s\"'<>)]*(?:pypi|pythonhosted|npmjs|devpi|artifactory|nexus|/simple/)"
    ),
    "a private network's address": re.compile(r"https?://[\w.-]+\.(?:internal|corp|lan)\b"),
}
# Files that speak of such addresses because guarding against them is their subject -> reason.
MAY_NAME_PRIVATE: dict[str, str] = {}


def tracked(*suffixes: str) -> list[Path]:
    """List the files git knows (or, outside a checkout, those in the code folders)."""
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        command = [git, "-C", str(ROOT), "ls-files", "-z", "--cached", "--others"]
        listed = subprocess.run(
            [*command, "--exclude-standard"], check=True, capture_output=True, text=True
        )
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        paths = [path for folder in CODE_FOLDERS for path in (ROOT / folder).rglob("*")]
    return sorted(
        path for path in set(paths) if path.is_file() and (not suffixes or path.suffix in suffixes)
    )


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def line_count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def python_files() -> list[Path]:
    return [path for path in tracked(".py") if name_of(path).startswith(CODE_FOLDERS)]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def cap_of(name: str, default: int) -> int:
    return RAISED.get(name, (default, ""))[0]


def test_no_file_is_longer_than_its_cap() -> None:
    caps = {".py": FILE_LINES, ".lua": LUA_LINES}
    too_long = {
        name_of(path): line_count(path)
        for path in tracked(*caps)
        if line_count(path) > cap_of(name_of(path), caps[path.suffix])
    }
    assert {} == too_long


def test_no_function_is_longer_than_its_cap() -> None:
    too_long = {}
    for path in python_files():
        for function in functions(ast.parse(path.read_text(encoding="utf-8"))):
            name = f"{name_of(path)}:{function.name}"
            lines = (function.end_lineno or function.lineno) - function.lineno + 1
            if lines > cap_of(name, FUNCTION_LINES):
                too_long[name] = lines
    assert {} == too_long


def test_no_provider_folder_is_longer_than_its_cap() -> None:
    folders: dict[str, int] = {}
    for path in python_files():
        parts = path.relative_to(ROOT).parts
        if parts[:2] == ("proxy", "providers") and len(parts) > 3:
            folder = "/".join(parts[:3])
            folders[folder] = folders.get(folder, 0) + line_count(path)
    too_long = {
        name: lines for name, lines in folders.items() if lines > cap_of(name, PROVIDER_LINES)
    }
    assert {} == too_long


def test_each_raised_cap_has_a_reason_and_is_still_needed() -> None:
    assert [] == [name for name, (_, reason) in RAISED.items() if len(reason) < 15]
    assert [] == [name for name in RAISED if not (ROOT / name.partition(":")[0]).exists()]


def test_an_init_file_holds_a_docstring_only() -> None:
    speaking = []
    for path in python_files():
        may_speak = any(fnmatch(name_of(path), pattern) for pattern in SPEAKING_INIT)
        if path.name == "__init__.py" and not may_speak:
            body = ast.parse(path.read_text(encoding="utf-8")).body
            if not (len(body) == 1 and ast.get_docstring(ast.Module(body, []))):
                speaking.append(name_of(path))
    assert [] == speaking


def test_every_package_of_the_product_has_an_init_file() -> None:
    folders = {path.parent for path in python_files() if name_of(path).startswith("proxy/")}
    assert [] == sorted(
        name_of(folder) for folder in folders if not (folder / "__init__.py").is_file()
    )


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [] == [
        name_of(path)
        for path in python_files()
        if path.stem.strip("_") in VAGUE_NAMES or path.parent.name in VAGUE_NAMES
    ]


def test_nothing_is_patched() -> None:
    """Only environment variables and the working directory may be set through monkeypatch."""
    allowed = {"setenv", "delenv", "chdir"}
    patched = []
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "monkeypatch"
                and node.attr not in allowed
            ):
                patched.append(f"{name_of(path)}:{node.lineno}")
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            if any(name.startswith("unittest") for name in [*names, module]):
                patched.append(f"{name_of(path)}:{getattr(node, 'lineno', 0)}")
    assert [] == patched


def test_tests_wait_for_conditions_and_never_just_sleep() -> None:
    """`sleep` belongs inside a loop with a deadline (wait_until), or is zero: a yield."""
    bare = []
    for path in python_files():
        if not name_of(path).startswith("tests/"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        looped = {
            id(inner)
            for loop in ast.walk(tree)
            if isinstance(loop, ast.While | ast.For | ast.AsyncFor)
            for inner in ast.walk(loop)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {
                "asyncio.sleep",
                "time.sleep",
            }:
                is_yield = bool(node.args) and ast.unparse(node.args[0]) == "0"
                if id(node) not in looped and not is_yield:
                    bare.append(f"{name_of(path)}:{node.lineno}")
    assert [] == bare


@pytest.mark.parametrize("what", sorted(PRIVATE))
def test_no_tracked_file_names(what: str) -> None:
    found = []
    for path in tracked():
        if name_of(path) in MAY_NAME_PRIVATE:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{name_of(path)}: {match[0]}" for match in PRIVATE[what].finditer(text)]
    assert [] == found


def test_the_readme_is_short() -> None:
    assert line_count(ROOT / "README.md") < README_LINES


def test_every_requirement_is_locked_by_hash() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "==" in line]
        assert lines
        assert [] == [line for line in lines if not line.endswith("\\")], name_of(path)


def test_the_runtime_lock_agrees_with_the_development_lock() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        return set(re.findall(r"^[\w.\[\]-]+==\S+", text, flags=re.MULTILINE))

    assert pins("runtime") <= pins("dev")
    assert pins("build") <= pins("dev")


def test_sizes_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    lines = {name_of(path): line_count(path) for path in tracked(".py", ".lua")}
    source = {name: count for name, count in lines.items() if name.startswith("proxy/")}
    tests = {name: count for name, count in lines.items() if name.startswith("tests/")}
    filled = [count for count in source.values() if count > 1]
    largest = max(source, key=lambda name: source[name])
    with capsys.disabled():
        sys.stdout.write(
            f"\nsource {sum(source.values())} lines in {len(source)} files"
            f" (median {statistics.median(filled):.0f}, largest {source[largest]}: {largest}),"
            f" tests {sum(tests.values())} lines, ratio"
            f" {sum(tests.values()) / sum(source.values()):.2f}\n"
        )
    assert source

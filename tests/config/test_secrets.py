"""References are followed, and nothing that looks like a key may be written out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.config.secrets import Secrets, SecretUnsetError, inline_keys, looks_like_key

if TYPE_CHECKING:
    from pathlib import Path


def test_variables_and_files(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(" from a file \n", encoding="utf-8")
    secrets = Secrets({"A": "one", "FILE": "token"}, tmp_path)
    assert "x-one-y" == secrets.resolve("x-${A}-y")
    assert "from a file" == secrets.resolve("file:token")
    assert "from a file" == secrets.resolve("file:${FILE}")
    assert "plain" == secrets.resolve("plain")


def test_a_variable_does_not_lead_to_a_file(tmp_path: Path) -> None:
    assert "file:token" == Secrets({"A": "file:token"}, tmp_path).resolve("${A}")


@pytest.mark.parametrize("text", ["${A}", "${EMPTY}", "file:missing", "file:empty", "file:binary"])
def test_what_leads_nowhere_is_named_and_never_shown(text: str, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(SecretUnsetError):
        Secrets({"EMPTY": ""}, tmp_path).resolve(text)


@pytest.mark.parametrize(
    "text",
    [
        "sk-proj-0123456789abcdefghij",
        "key_" + "0f" * 32,
        "AKIAIOSFODNN7EXAMPLE",
        "AIza" + "Sy0" * 12,
        "ya29.a0AfH6SMBx0123456789",
        "gl_k7f3q2ab_" + "s" * 43,
        "gla_k7f3q2ab_" + "s" * 43,
        "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIn0.c2ln",
        "-----BEGIN PRIVATE KEY-----",
        "b64/QWxhZGRpbjpvcGVuIHNlc2FtZTEyMzQ1Njc4OTAx",
        "prefix ${A} whsec_0123456789abcdef0123",
    ],
)
def test_keys_are_recognised(text: str) -> None:
    assert looks_like_key(text)


@pytest.mark.parametrize(
    "text",
    [
        "veo-3.1-fast-generate-001",
        "redis+embedded://./var/lib/greenlight/redis?fsync=everysec",
        "cloud.google.com/gemini-enterprise-agent-platform/generative-ai/pricing",
        "${A_VERY_LONG_NAME_OF_A_VARIABLE_0123456789}",
        "The cheapest offer that makes 4k.",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ],
)
def test_ordinary_text_is_not_a_key(text: str) -> None:
    assert not looks_like_key(text)


def test_hashes_of_keys_are_not_secret() -> None:
    hashed = "0123456789abcdef" * 4
    assert [("b", 0)] == list(inline_keys({"sha256": hashed, "b": [hashed, "x"]}))

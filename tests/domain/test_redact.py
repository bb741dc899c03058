"""A provider's words without secrets."""

from __future__ import annotations

import pytest

from proxy.domain.redact import MESSAGE_CHARS_MAX, redact

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhY2Nlc3MifQ.c2lnbmF0dXJlLXRoYXQtaXMtbG9uZw"


@pytest.mark.parametrize(
    "text",
    [
        "Prompt contains sensitive words",
        "Publisher model veo-3.1-generate-001 was not found",
        "operation 884517297639900085 failed: Support codes: 61493863",
        "audio is not supported at 720p; allowed: native, off",
        "internationalisation-is-a-very-long-word-without-any-digit",
    ],
)
def test_plain_words_stay(text: str) -> None:
    assert text == redact(text)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"bad token {JWT}", JWT),
        ("see https://cdn.klingai.com/a.mp4?sig=abc now", "sig=abc"),
        ("gs://bucket/out.mp4 is forbidden", "bucket"),
        ("image iVBORw0KGgoAAAANSUhEUgAAASwAAAEsCAYAAAB5fY51 is bad", "iVBORw0KGgo"),
        ("key my-short-key is wrong", "my-short-key"),
    ],
)
def test_secrets_go(text: str, secret: str) -> None:
    assert secret not in redact(text, ["my-short-key", ""])


def test_a_message_is_one_bounded_line() -> None:
    text = redact("a\r\nb\x00\x1b[31mc\u202e " + "word " * 10_000)
    assert text.startswith("a b [31mc word")
    assert MESSAGE_CHARS_MAX == len(text)
    assert text.isprintable()


def test_a_secret_is_found_before_the_text_is_cut() -> None:
    secret = "s3cret-" * 20
    assert "s3cret" not in redact("x" * (MESSAGE_CHARS_MAX - 10) + secret, [secret])

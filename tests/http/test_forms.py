from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.errors import InvalidRequest, PayloadTooLarge
from proxy.domain.video import PICTURE_BYTES_MAX
from proxy.http.forms import PARTS_MAX, TEXT_BYTES_MAX, put, read_multipart, read_urlencoded
from proxy.http.upload import Upload
from tests.http.outcome import outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


def part(
    name: str, value: bytes, *, filename: str | None = None, kind: str | None = None
) -> bytes:
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"'
    head += f'; filename="{filename}"' if filename is not None else ""
    head += f"\r\nContent-Type: {kind}" if kind else ""
    return head.encode() + b"\r\n\r\n" + value + b"\r\n"


def read(*parts: bytes, chunk_bytes: int = 64) -> dict[str, object]:
    """Read parts as they would arrive in small chunks; files are replaced by what they are."""
    raw = b"".join(parts) + b"--b--\r\n"
    return read_raw(raw[at : at + chunk_bytes] for at in range(0, len(raw), chunk_bytes))


def read_raw(chunks: Iterable[bytes]) -> dict[str, object]:
    async def arriving() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    with ExitStack() as stack:
        fields = asyncio.run(read_multipart(arriving(), "b", stack))
        return {name: shown(value) for name, value in fields.items()}


def shown(value: object) -> object:
    if isinstance(value, list):
        return [shown(item) for item in value]
    return value.as_input() if isinstance(value, Upload) else value


@pytest.mark.parametrize("chunk_bytes", [1, 7, 100_000])
def test_parts_become_fields_however_they_arrive(chunk_bytes: int) -> None:
    fields = read(
        part("prompt", "ein Füchschen".encode()), part("seconds", b"8"), chunk_bytes=chunk_bytes
    )
    assert {"prompt": "ein Füchschen", "seconds": "8"} == fields


def test_form_text_gets_the_types_that_json_has() -> None:
    fields = read(part("audio", b"false"), part("deadline_s", b"60"), part("seed", b"0"))
    assert {"audio": False, "deadline_s": 60, "seed": 0} == fields


def test_bracketed_keys_nest() -> None:
    fields = read(
        part("metadata[shot]", b"12"),
        part("metadata[take]", b"3"),
        part("input_reference[image_url]", b"data:"),
    )
    assert {
        "metadata": {"shot": "12", "take": "3"},
        "input_reference": {"image_url": "data:"},
    } == (fields)


def test_metadata_may_be_a_json_object_in_one_part() -> None:
    assert {"metadata": {"shot": "12"}} == read(part("metadata", b'{"shot": "12"}'))


def test_a_file_is_hashed_and_typed_by_its_first_bytes() -> None:
    fields = read(part("input_reference", PNG, filename="a.bin", kind="application/octet-stream"))
    file = fields["input_reference"]
    assert ("image/png", len(PNG)) == (
        getattr(file, "media_type", None),
        getattr(file, "size_bytes", None),
    )


def test_a_picture_without_a_filename_is_a_file_too() -> None:
    assert "image/png" == getattr(
        read(part("input_reference", PNG, kind="image/png"))["input_reference"], "media_type", None
    )


FIRST, SECOND = b"data:image/png;base64,AA==", b"https://pictures.example/b.png"


@pytest.mark.parametrize(
    "parts",
    [
        [part("reference_images[]", FIRST), part("reference_images[]", SECOND)],
        [part("reference_images", FIRST), part("reference_images", SECOND)],
        [part("reference_images[0]", FIRST), part("reference_images[1]", SECOND)],
        [part("reference_images", b' ["%s", "%s"]' % (FIRST, SECOND))],
    ],
    ids=["brackets", "bare", "numbers", "json"],
)
def test_a_list_is_sent_in_many_ways(parts: list[bytes]) -> None:
    assert {"reference_images": [FIRST.decode(), SECOND.decode()]} == read(*parts)


@pytest.mark.parametrize(
    "parts",
    [
        [part("reference_images[][image_url]", FIRST)],
        [part("reference_images[0][image_url]", FIRST)],
        [part("reference_images", b'{"image_url": "%s"}' % FIRST)],
        [part("reference_images[]", b' {"image_url": "%s"}' % FIRST)],
        [part("reference_images", b'[{"image_url": "%s"}]' % FIRST)],
    ],
)
def test_an_item_may_be_an_object(parts: list[bytes]) -> None:
    (item,) = read(*parts).values()
    assert item in ([{"image_url": FIRST.decode()}], [FIRST.decode()])


def test_files_and_texts_stand_in_one_list() -> None:
    fields = read(
        part("reference_images[]", PNG, filename="a.png"), part("reference_images[]", SECOND)
    )
    (items,) = fields.values()
    assert isinstance(items, list)
    assert ("image/png", SECOND.decode()) == (getattr(items[0], "media_type", None), items[1])


def test_every_picture_may_be_a_file_or_an_object() -> None:
    fields = read(
        part("last_frame", PNG, filename="a.png"),
        part("input_reference", b'{"image_url": "data:"}'),
    )
    assert {"image_url": "data:"} == fields["input_reference"]
    assert "image/png" == getattr(fields["last_frame"], "media_type", None)


@pytest.mark.parametrize(
    ("parts", "param", "phrase"),
    [
        ([part("prompt", b"a"), part("prompt", b"b")], "prompt", "twice"),
        ([part("metadata[a]", b"1"), part("metadata[a]", b"2")], "metadata[a]", "twice"),
        ([part("metadata", b"{}"), part("metadata[a]", b"2")], "metadata", "twice"),
        ([part("metadata[a][b]", b"1")], "metadata", "deep"),
        ([part("nothing[a]", b"1"), part("nothing", b"2")], "nothing", "twice"),
        ([part("metadata", b"{nope}")], "metadata", "valid JSON"),
        ([part("prompt", b"\xff")], "prompt", "UTF-8"),
        ([part("prompt", b"text", filename="p.txt")], "prompt", "not a file"),
        ([part("input_reference", b"", filename="a.png")], "input_reference", "empty"),
        ([part("reference_images[]", b"", filename="a")], "reference_images[]", "empty"),
        ([part("reference_images[1]", b"a")], "reference_images", "out of turn"),
        ([part("reference_images[x]", b"a")], "reference_images", "no item"),
        ([part("reference_images[][a]", b"a")], "reference_images", "no item"),
        ([part("reference_images[", b"a")], "reference_images", "no item"),
        ([part("reference_images", b"[nope")], "reference_images", "valid JSON"),
        ([part("reference_images[0]", b"{nope")], "reference_images", "valid JSON"),
        ([part("negative_prompt", b"text", filename="p.txt")], "negative_prompt", "not a file"),
        (
            [part("input_reference", b"%PDF-1.7 ...", filename="a", kind="application/pdf")],
            "input_reference",
            "image/jpeg, image/png, image/webp",
        ),
    ],
)
def test_a_bad_part_is_named(parts: list[bytes], param: str, phrase: str) -> None:
    with pytest.raises(InvalidRequest, match=phrase) as caught:
        read(*parts)
    assert param == caught.value.param


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nothing like multipart",
        b"--b\r\n",
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nunfinished',
        b"--b\r\nContent-Disposition: attachment\r\n\r\nx\r\n--b--\r\n",
        b"--b\r\n\r\nno headers\r\n--b--\r\n",
        b"--b \r\n",
    ],
)
def test_a_broken_body_is_an_invalid_request(raw: bytes) -> None:
    with pytest.raises(InvalidRequest, match="multipart"):
        read_raw([raw] if raw else [])


def test_too_many_parts_are_too_large() -> None:
    with pytest.raises(PayloadTooLarge):
        read(*(part(f"f{n}", b"x") for n in range(PARTS_MAX + 1)))


def test_a_long_text_part_is_too_large() -> None:
    with pytest.raises(PayloadTooLarge) as caught:
        read(part("prompt", b"x" * (TEXT_BYTES_MAX + 1)), chunk_bytes=2**16)
    assert "prompt" == caught.value.param


def test_a_long_file_is_too_large() -> None:
    with pytest.raises(PayloadTooLarge) as caught:
        read(
            part("input_reference", PNG + b"x" * PICTURE_BYTES_MAX, filename="a"),
            chunk_bytes=2**20,
        )
    assert "input_reference" == caught.value.param


def test_a_url_encoded_form_reads_the_same() -> None:
    raw = b"prompt=ein+F%C3%BCchschen&audio=true&metadata%5Bshot%5D=12"
    expected = {"prompt": "ein Füchschen", "audio": True, "metadata": {"shot": "12"}}
    assert expected == read_urlencoded(raw)


@pytest.mark.parametrize("raw", [b"prompt", b"a=%FF", b"a=\xff", b"&".join([b"a=1"] * 65)])
def test_a_bad_url_encoded_form_is_an_invalid_request(raw: bytes) -> None:
    with pytest.raises(InvalidRequest):
        read_urlencoded(raw)


def test_an_empty_url_encoded_form_has_no_fields() -> None:
    assert {} == read_urlencoded(b"")


@given(st.text(max_size=30) | st.text("referncimags[]0", max_size=30), st.text(max_size=5))
def test_any_key_is_put_or_refused(key: str, value: str) -> None:
    fields: dict[str, object] = {}
    refused = outcome(lambda: put(fields, key, value))
    assert (refused is None) == (len(fields) == 1) or "metadata" in fields


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_any_multipart_bytes_become_fields_or_an_error(chunks: list[bytes]) -> None:
    assert outcome(lambda: read_raw([chunk for chunk in chunks if chunk])) is not None


@given(st.binary(max_size=80))
def test_any_part_content_becomes_a_field_or_an_error(content: bytes) -> None:
    found = outcome(lambda: read(part("prompt", content), part("metadata", content)))
    assert isinstance(found, InvalidRequest) or {"prompt", "metadata"} == set(found)  # type: ignore[arg-type]


@given(st.binary(max_size=80))
def test_any_url_encoded_bytes_become_fields_or_an_error(raw: bytes) -> None:
    assert isinstance(outcome(lambda: read_urlencoded(raw)), dict | InvalidRequest)

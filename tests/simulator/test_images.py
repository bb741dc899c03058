import base64

from hypothesis import given
from hypothesis import strategies as st

from proxy.simulator.images import Image, decode_base64, read_image
from tests.simulator.test_kling_create import a_jpeg, a_png


def test_a_png_and_a_jpeg_tell_their_size() -> None:
    assert Image("image/png", 640, 360) == read_image(base64.b64decode(a_png(640, 360)))
    assert Image("image/jpeg", 301, 700) == read_image(base64.b64decode(a_jpeg(301, 700)))


def test_a_jpeg_without_a_frame_header_is_no_image() -> None:
    assert read_image(base64.b64decode(a_jpeg())[:20]) is None


@given(st.binary() | st.binary().map(lambda tail: b"\xff\xd8\xff\xe0" + tail))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    image = read_image(data)
    assert image is None or image.width >= 0


@given(st.text())
def test_any_text_is_decoded_or_refused(text: str) -> None:
    data = decode_base64(text)
    assert data is None or isinstance(data, bytes)

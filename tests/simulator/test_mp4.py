import io

import av
import pytest

from proxy.simulator.mp4 import make_clip
from proxy.simulator.vendors.kling import catalog as kling
from proxy.simulator.vendors.vertex import catalog as vertex

SIZES = sorted(
    {
        kling.frame_size(resolution, ratio)
        for resolution in kling.SHORT_SIDES_PX
        for ratio in kling.ASPECT_RATIOS
    }
)


def read(data: bytes) -> tuple[float, float, list[tuple[int, int]], list[float]]:
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert container.duration is not None
        assert stream.duration is not None
        assert stream.time_base is not None
        shown_at = [
            float(frame.pts * stream.time_base) for frame in frames if frame.pts is not None
        ]
        return (
            container.duration / av.time_base,
            float(stream.duration * stream.time_base),
            [(frame.width, frame.height) for frame in frames],
            shown_at,
        )


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_frame_of_every_size_decodes(width: int, height: int) -> None:
    container_s, stream_s, sizes, shown_at = read(make_clip(width, height, 7).head)
    assert (7.0, 7.0) == (container_s, stream_s)
    assert [(width, height)] * 24 == sizes
    assert pytest.approx([7 * index / 24 for index in range(24)]) == shown_at


@pytest.mark.parametrize("seconds", [3, 4, 15, 30])
def test_a_clip_lasts_the_seconds_asked_for(seconds: int) -> None:
    container_s, stream_s, sizes, _ = read(make_clip(1280, 720, seconds).head)
    assert (seconds, seconds, 24) == (container_s, stream_s, len(sizes))


def test_padding_changes_the_size_and_nothing_else() -> None:
    plain, padded = make_clip(1280, 720, 5), make_clip(1280, 720, 5, 3_000_001)
    data = b"".join(padded.chunks())
    assert 3_000_001 == len(data) == padded.size_bytes
    assert plain.head == data[: plain.size_bytes]
    assert len(padded.head) < 20_000  # the padding is not in memory
    assert read(plain.head) == read(data)


def test_a_padding_smaller_than_the_clip_is_ignored() -> None:
    assert make_clip(1280, 720, 5) == make_clip(1280, 720, 5, 100)


def test_a_clip_is_readable_at_any_offset() -> None:
    clip = make_clip(720, 720, 5, 200_000)
    data = b"".join(clip.chunks())
    edge = len(clip.head)
    for start, stop in [(0, 10), (edge - 5, edge + 5), (edge, edge + 9), (199_990, 200_000)]:
        assert data[start:stop] == b"".join(clip.chunks(start, stop))
    assert b"" == clip.read(200_000, 10)


def test_there_is_a_template_for_every_size_a_vendor_sells() -> None:
    for resolution in ("720p", "1080p", "4k"):
        for ratio in vertex.ASPECT_RATIOS:
            assert vertex.frame_size(resolution, ratio) in SIZES


def test_the_templates_stay_small() -> None:
    assert sum(make_clip(width, height, 1).size_bytes for width, height in SIZES) < 300_000

"""Encode the simulator's template clips: one small H.264 test card per frame size.

Run once, by hand, whenever the picture should change (needs PyAV, from the `test` extra):

    python tools/make_clips.py

The simulator itself has no codec: it only rewrites the timing of these files.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

OUT = Path(__file__).parent.parent / "proxy" / "simulator" / "clips"
SIZES = (
    *((1280, 720), (720, 1280), (720, 720)),
    *((1920, 1080), (1080, 1920), (1080, 1080)),
    *((3840, 2160), (2160, 3840), (2160, 2160)),
    # Runway's further ratios and OpenAI's larger sizes.
    *((1104, 832), (832, 1104), (960, 960), (1584, 672)),
    *((1792, 1024), (1024, 1792)),
)
# What OpenAI offers beside a video: one picture for all of them.
PICTURES = (("thumbnail.webp", "libwebp", "yuv420p"), ("spritesheet.jpg", "mjpeg", "yuvj420p"))
PICTURE_PX = (320, 180)
FRAMES = 24
FRAMES_PER_S = 24


class Colour(NamedTuple):
    """One colour of the card, in limited-range BT.709 YCbCr."""

    y: int
    cb: int
    cr: int


BARS = (
    Colour(180, 128, 128),
    Colour(168, 44, 136),
    Colour(145, 147, 44),
    Colour(133, 63, 52),
    Colour(63, 193, 204),
    Colour(51, 109, 212),
    Colour(28, 212, 120),
)
BLACK = Colour(16, 128, 128)
WHITE = Colour(235, 128, 128)


def main() -> None:
    """Write every template and print its size."""
    OUT.mkdir(parents=True, exist_ok=True)
    for width, height in SIZES:
        path = OUT / f"{width}x{height}.mp4"
        encode(path, width, height)
        sys.stdout.write(f"{path.name} {path.stat().st_size} bytes\n")
    for name, codec, pixels in PICTURES:
        picture(OUT / name, codec, pixels)


def encode(path: Path, width: int, height: int) -> None:
    """Encode one clip: colour bars above a black strip in which a white square travels.

    No B-frames, so that decode order is display order and the timing is one `stts` entry.
    """
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_S)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "34", "preset": "veryslow", "bf": "0"}
        for index in range(FRAMES):
            container.mux(stream.encode(card(width, height, index)))
        container.mux(stream.encode(None))


def picture(path: Path, codec: str, pixels: str) -> None:
    """Encode one frame of a clip as a picture."""
    with av.open(str(path), "w", format="image2") as container:
        stream = container.add_stream(codec, rate=1)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = PICTURE_PX
        stream.pix_fmt = pixels
        container.mux(stream.encode(card(*PICTURE_PX, 0)))
        container.mux(stream.encode(None))


def card(width: int, height: int, index: int) -> VideoFrame:
    """Draw frame `index`, plane by plane."""
    frame = VideoFrame(width, height, "yuv420p")
    square_px = min(width, height) // 8
    left = (width - square_px) * index // (FRAMES - 1)
    for number, plane in enumerate(frame.planes):
        scale = 1 if number == 0 else 2
        bars = [round(i * plane.width / len(BARS)) for i in range(len(BARS) + 1)]
        top = b"".join(
            bytes([colour[number]]) * (bars[i + 1] - bars[i]) for i, colour in enumerate(BARS)
        )
        strip = bytes([BLACK[number]]) * plane.width
        side, start = square_px // scale, left // scale
        ball = strip[:start] + bytes([WHITE[number]]) * side + strip[start + side :]
        pad = bytes(plane.line_size - plane.width)
        strip_y, ball_y = plane.height * 3 // 4, plane.height * 13 // 16
        below = plane.height - ball_y - side
        plane.update(
            (top + pad) * strip_y
            + (strip + pad) * (ball_y - strip_y)
            + (ball + pad) * side
            + (strip + pad) * below
        )
    return frame


if __name__ == "__main__":
    main()

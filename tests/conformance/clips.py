"""What a player says about a file that an SDK downloaded."""

import io

import av


def duration_and_size(body: bytes) -> tuple[float, int, int]:
    """Return seconds, width and height in pixels; every frame must decode."""
    with av.open(io.BytesIO(body), "r") as container:
        stream = container.streams.video[0]
        assert container.duration is not None
        assert stream.frames == sum(1 for _ in container.decode(stream))
        return container.duration / av.time_base, stream.width, stream.height

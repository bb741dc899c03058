"""A deployment with all four vendors that may fetch pictures from one server of the test's own."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tests.system.deployment import Deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

VENDORS = ("kling", "vertex", "runway", "openai")


@dataclass
class Studio(Deployment):
    """All vendors, Sora alive; `image_urls` is that section of config.yaml."""

    providers: tuple[str, ...] = VENDORS
    is_sora_alive: bool = True
    image_urls: dict[str, Any] = field(default_factory=dict)

    @override
    def _config(self) -> dict[str, Any]:
        return super()._config() | {"image_urls": self.image_urls}

    async def received(self, label: str) -> list[tuple[str, dict[str, Any]]]:
        """Which vendors accepted a submit whose prompt has this label, and what came with it."""
        return [
            (call["provider"], call["inputs"])
            for call in (await self.simulated("calls"))["calls"]
            if call["label"] == label and call["accepted"]
        ]


class Shelf(ThreadingHTTPServer):
    """A picture server: what lies where, what was asked for, how many connections came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.pictures: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.asked: list[str] = []
        self.connections = 0

    @override
    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)

    def put(self, path: str, picture: bytes) -> str:
        """Lay a picture somewhere; returns its URL."""
        self.pictures[path] = picture
        return self.url + path

    def lead(self, path: str, elsewhere: str) -> str:
        """Redirect from here to somewhere else; returns the URL of here."""
        self.redirects[path] = elsewhere
        return self.url + path


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        shelf = self.server
        assert isinstance(shelf, Shelf)
        shelf.asked.append(self.path)
        picture, elsewhere = shelf.pictures.get(self.path), shelf.redirects.get(self.path)
        self.send_response(302 if elsewhere else 200 if picture else 404)
        if elsewhere:
            self.send_header("Location", elsewhere)
        self.send_header("Content-Length", str(len(picture or b"")))
        self.end_headers()
        self.wfile.write(picture or b"")

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def shelf() -> Iterator[Shelf]:
    """Serve pictures until the block ends."""
    with Shelf() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield made
        finally:
            made.shutdown()
            thread.join()

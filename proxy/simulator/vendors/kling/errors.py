"""Kling's error codes and the envelope every answer comes in.

Source: https://kling.ai/document-api/api/get-started/error-codes, 2026-09-20.
"""

from aiohttp import web

from proxy.simulator.world import World

HTTP_STATUS = {
    1000: 401, 1001: 401, 1002: 401, 1003: 401, 1004: 401,
    1100: 429, 1101: 429, 1102: 429, 1103: 403,
    1200: 400, 1201: 400, 1202: 404, 1203: 404,
    1300: 400, 1301: 400, 1302: 429, 1303: 429, 1304: 429,
    5000: 500, 5001: 503, 5002: 504,
}  # fmt: skip

OVER_CONCURRENCY = "concurrency"
_FAULTS = {
    "400": (1201, "Invalid parameters"),
    "401": (1000, "Authentication failed"),
    "404": (1203, "The requested resource does not exist"),
    "410": (1203, "The requested resource does not exist: the model is retired"),
    "429": (1302, "Too many requests; rate limit exceeded"),
    "500": (5000, "Server internal error"),
    "503": (5001, "Server temporarily unavailable"),
    "504": (5002, "Server internal timeout"),
    "account": (1102, "Resource pack exhausted or expired"),
    OVER_CONCURRENCY: (1303, "Concurrency exceeds the resource package limit"),
    "content_policy": (1301, "Trigger the platform's content security policy"),
}


class KlingError(Exception):
    """An answer of the vendor's error table."""

    def __init__(self, code: int, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s

    def response(self, world: World) -> web.Response:
        """Render the error as the vendor does."""
        response = envelope(world, None, code=self.code, message=self.message)
        if self.retry_after_s is not None:
            response.headers["Retry-After"] = str(self.retry_after_s)
        return response


def fault_error(fault: str, retry_after_s: int | None = None) -> KlingError:
    """Return the vendor's error for a directive's fault."""
    code, message = _FAULTS[fault]
    return KlingError(code, message, retry_after_s=retry_after_s)


def envelope(
    world: World, data: object, *, code: int = 0, message: str = "SUCCEED"
) -> web.Response:
    """Return an answer in the vendor's envelope; `code` 0 is success."""
    body = {"code": code, "message": message, "request_id": str(world.new_uuid())}
    if code == 0:
        return web.json_response(body | {"data": data})
    return web.json_response(body, status=HTTP_STATUS[code])

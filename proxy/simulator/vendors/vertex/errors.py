"""Google's error envelope and the errors Vertex AI answers.

Source: https://cloud.google.com/apis/design/errors, 2026-11-22.
"""

from aiohttp import web

_HTTP_STATUS = {
    "INVALID_ARGUMENT": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}

_QUOTA = (
    "RESOURCE_EXHAUSTED",
    "Quota exceeded for aiplatform.googleapis.com/"
    "online_prediction_requests_per_base_model. Please submit a quota increase request.",
)
_FAULTS = {
    "400": ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    "401": (
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
        "cookie or other valid authentication credential.",
    ),
    "404": ("NOT_FOUND", "Requested entity was not found."),
    "410": (
        "NOT_FOUND",
        "Publisher Model was not found or your project does not have access to it. Please ensure "
        "you are using a valid model version.",
    ),
    "429": _QUOTA,
    "500": ("INTERNAL", "Internal error encountered."),
    "503": ("UNAVAILABLE", "The service is currently unavailable."),
    "504": ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
    "concurrency": _QUOTA,
    "content_policy": (
        "INVALID_ARGUMENT",
        "The prompt could not be submitted. This prompt contains words that violate Vertex AI's "
        "usage guidelines. Support codes: 61493863",
    ),
}
_NO_BILLING = "This API method requires billing to be enabled."
_ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


class VertexError(Exception):
    """An answer in Google's error envelope.

    `reason` becomes the `reason` of a google.rpc.ErrorInfo detail.
    """

    def __init__(
        self, status: str, message: str, *, reason: str = "", retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason
        self.retry_after_s = retry_after_s

    def response(self) -> web.Response:
        """Render the error as the vendor does."""
        code = _HTTP_STATUS[self.status]
        error: dict[str, object] = {
            "code": code,
            "message": self.message,
            "status": self.status,
        }
        if self.reason:
            info = {"@type": _ERROR_INFO, "reason": self.reason, "domain": "googleapis.com"}
            error["details"] = [info]
        response = web.json_response({"error": error}, status=code)
        if self.retry_after_s is not None:
            response.headers["Retry-After"] = str(self.retry_after_s)
        return response


def fault_error(fault: str, retry_after_s: int | None = None) -> VertexError:
    """Return the vendor's error for a directive's fault."""
    if fault == "account":
        return VertexError(
            status="PERMISSION_DENIED", message=_NO_BILLING, reason="BILLING_DISABLED"
        )
    status, message = _FAULTS[fault]
    return VertexError(status, message, retry_after_s=retry_after_s)

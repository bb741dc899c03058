"""OpenAI's error envelope and the errors of its Videos API.

Source: https://developers.openai.com/api/docs/guides/error-codes, 2026-11-22, for statuses and
the shape. The codes of the video endpoints are not documented, nor is what the retired ones
answer: those here are marked.
"""

from aiohttp import web

from proxy.simulator.directives import BadDirectiveError, Plan
from proxy.simulator.fields import BadFieldError

UNAUTHORIZED, NOT_FOUND, RATE_LIMIT = "401", "404", "429"
_INVALID = "invalid_request_error"
# HTTP status, type, code, message.
_FAULTS = {
    "400": (400, _INVALID, None, "Invalid request."),
    UNAUTHORIZED: (401, _INVALID, "invalid_api_key", "Incorrect API key provided."),
    NOT_FOUND: (404, _INVALID, None, "Not found."),
    # Not documented: what is answered since 2026-09-24.
    "410": (410, _INVALID, "model_not_found", "The model has been shut down."),
    RATE_LIMIT: (429, "requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    "500": (500, "server_error", None, "The server had an error processing your request."),
    "503": (503, "server_error", None, "The engine is currently overloaded."),
    "504": (504, "server_error", None, "The request timed out."),
    "account": (
        429,
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "concurrency": (429, "requests", "rate_limit_exceeded", "Too many videos in progress."),
    # Not documented for videos: the code that the image API uses.
    "content_policy": (
        400,
        _INVALID,
        "moderation_blocked",
        "Your request was blocked by our moderation system.",
    ),
}
# Not documented: the codes of failed videos.
_FAILURES = {
    "internal": ("server_error", "The video could not be generated. Please try again."),
    "content_policy": ("moderation_blocked", "The prompt was blocked by our moderation system."),
    "filtered": ("moderation_blocked", "The video was blocked by our moderation system."),
}


class OpenAIError(Exception):
    """An answer in OpenAI's error envelope."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = _INVALID,
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers: dict[str, str] = {}
        self._error = {"message": message, "type": kind, "param": param, "code": code}

    def response(self) -> web.Response:
        """Render the error as the vendor does; all four keys are always there."""
        body = {"error": self._error}
        return web.json_response(body, status=self.status, headers=self.headers)


def fault_error(fault: str, retry_after_s: int | None = None) -> OpenAIError:
    """Return the vendor's error for a directive's fault."""
    status, kind, code, message = _FAULTS[fault]
    param = "model" if fault == "410" else None
    error = OpenAIError(status, message, kind=kind, code=code, param=param)
    if retry_after_s is not None:
        error.headers["Retry-After"] = str(retry_after_s)
    return error


def invalid(error: BadFieldError | BadDirectiveError) -> OpenAIError:
    """Return the vendor's answer to a body that breaks a rule."""
    if isinstance(error, BadDirectiveError):
        return OpenAIError(400, str(error), code="invalid_value", param="prompt")
    path, problem = error.path, error.problem
    if problem == "unknown field":
        code, message = "unknown_parameter", f"Unknown parameter: '{path}'."
    elif problem == "is required":
        code, message = "missing_required_parameter", f"Missing required parameter: '{path}'."
    elif problem.startswith("must be a"):
        code, message = "invalid_type", f"Invalid type for '{path}': {problem}."
    else:
        code, message = "invalid_value", f"Invalid value for '{path}': {problem}."
    return OpenAIError(400, message, param=path or None, code=code)


def check_plan(plan: Plan) -> None:
    """Refuse what this API cannot show.

    Raises:
        BadDirectiveError: A cancelled video, a failure code without a failure, or a link: the
            API has none.
    """
    if plan.url is not None:
        message = "url= means nothing here: no answer holds a link"
        raise BadDirectiveError(message)
    if plan.outcome == "cancelled" or (plan.code and plan.outcome not in _FAILURES):
        message = "a video can't be cancelled, and code= needs an outcome that fails"
        raise BadDirectiveError(message)


def failure(plan: Plan) -> dict[str, str]:
    """Return the `error` of a video that failed as planned."""
    code, message = _FAILURES[plan.outcome]
    return {"code": plan.code or code, "message": message}

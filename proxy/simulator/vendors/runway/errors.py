"""Runway's HTTP errors and the codes of its failed tasks.

Source: https://docs.dev.runwayml.com/errors/errors and /errors/task-failures, 2026-11-22.
`error` is a string, whose wordings are not documented. Having no credits is told apart by its
text only. Source: https://github.com/runwayml/sdk-node/issues/28, 2024-12-03.
"""

from dataclasses import dataclass

from aiohttp import web

from proxy.simulator.directives import BadDirectiveError, Plan
from proxy.simulator.fields import BadFieldError

UNAUTHORIZED, NOT_FOUND, NO_CREDITS, DAILY_LIMIT = "401", "404", "account", "daily"
_FAULTS = {
    "400": (400, "Invalid request."),
    UNAUTHORIZED: (401, "Unauthorized"),
    NOT_FOUND: (404, "Not found"),
    "429": (429, "You have made too many requests. Please try again later."),
    "500": (500, "Internal server error"),
    "503": (503, "Service unavailable"),
    "504": (504, "Gateway timeout"),
    NO_CREDITS: (400, "You do not have enough credits to run this task."),
    DAILY_LIMIT: (429, "You have reached the daily generation limit for this model."),
}


class RunwayError(Exception):
    """An answer in Runway's error shape; validation errors carry `issues`."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        issues: tuple[dict[str, object], ...] = (),
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.issues = issues
        self.retry_after_s = retry_after_s

    def response(self) -> web.Response:
        """Render the error as the vendor does."""
        body: dict[str, object] = {"error": self.message}
        if self.issues:
            body["issues"] = list(self.issues)
        response = web.json_response(body, status=self.status)
        if self.retry_after_s is not None:
            response.headers["Retry-After"] = str(self.retry_after_s)
        return response


def fault_error(fault: str, retry_after_s: int | None = None) -> RunwayError:
    """Return the vendor's error for a directive's fault."""
    if fault == "410":
        error = invalid(BadFieldError(path="model", problem="is no longer available"))
        error.retry_after_s = retry_after_s
        return error
    status, message = _FAULTS[fault]
    return RunwayError(status, message, retry_after_s=retry_after_s)


def invalid(error: BadFieldError | BadDirectiveError) -> RunwayError:
    """Return the vendor's answer to a body that breaks a rule."""
    path = list(error.path.split(".")) if isinstance(error, BadFieldError) and error.path else []
    problem = error.problem if isinstance(error, BadFieldError) else str(error)
    issue: dict[str, object] = {"code": _issue_code(problem), "path": path, "message": problem}
    return RunwayError(400, "Validation of body failed", issues=(issue,))


def _issue_code(problem: str) -> str:
    if problem == "unknown field":
        return "unrecognized_keys"
    return "invalid_type" if problem.startswith(("is required", "must be a")) else "custom"


@dataclass(frozen=True)
class Failure:
    """One way a task fails, and whether it costs the full price all the same."""

    text: str
    is_charged: bool = False


_MODERATED = "The content was flagged by our moderation system."
# Source for the charge of moderated work: https://docs.dev.runwayml.com/api-details/moderation,
# 2026-11-22. That every other failure is free is what `cost.credits` of a failed task is for.
FAILURES = {
    "SAFETY.INPUT.TEXT": Failure(_MODERATED, is_charged=True),
    "SAFETY.INPUT.IMAGE": Failure(_MODERATED, is_charged=True),
    "SAFETY.OUTPUT.VIDEO": Failure(_MODERATED, is_charged=True),
    "INPUT_PREPROCESSING.SAFETY.TEXT": Failure(_MODERATED, is_charged=True),
    "INPUT_PREPROCESSING.INTERNAL": Failure("An unexpected error occurred."),
    "INTERNAL": Failure("An unexpected error occurred."),
    "INTERNAL.BAD_OUTPUT.CODE01": Failure("The output did not meet our quality bar."),
    "ASSET.INVALID": Failure("An input asset could not be used."),
    "THIRD_PARTY.UNAVAILABLE": Failure("The model's provider is not available."),
}
_USUAL = {
    "internal": "INTERNAL",
    "content_policy": "SAFETY.INPUT.TEXT",
    "filtered": "SAFETY.OUTPUT.VIDEO",
}


def failure_code(plan: Plan) -> str | None:
    """Return the code a failing plan ends with; None if it does not fail.

    Raises:
        BadDirectiveError: The plan asks for a code that Runway does not have, or that would
            not be shown.
    """
    if plan.code is None:
        return _USUAL.get(plan.outcome)
    if plan.code not in FAILURES or plan.outcome not in _USUAL:
        message = f"code={plan.code!r} needs a failing outcome and one of: {', '.join(FAILURES)}"
        raise BadDirectiveError(message)
    return plan.code

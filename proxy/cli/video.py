"""The facts of a Video object that commands show; a field that is missing is no mistake."""

from dataclasses import dataclass

Json = dict[str, object]

LONG_S = 120
"""From so many seconds on a wait is shown in minutes."""


def entries(value: object) -> list[Json]:
    """Read a list of objects; anything else is none."""
    return [_object(entry) for entry in value] if isinstance(value, list) else []


@dataclass(frozen=True, slots=True)
class Video:
    """One job as the API answers it."""

    body: Json

    @property
    def id(self) -> str:
        """The public id."""
        return str(self.body.get("id"))

    @property
    def status(self) -> str:
        """One of queued, in_progress, completed, failed."""
        return str(self.body.get("status"))

    @property
    def has_ended(self) -> bool:
        """Say whether the status is final."""
        return self.status in ("completed", "failed")

    @property
    def progress(self) -> int:
        """Percent."""
        found = self.body.get("progress")
        return found if isinstance(found, int) else 0

    @property
    def extension(self) -> Json:
        """What Greenlight says beside OpenAI's own fields."""
        return _object(self.body.get("greenlight"))

    @property
    def provider(self) -> str:
        """Who makes it now, or made it."""
        return str(self.extension.get("provider") or "-")

    @property
    def model(self) -> str:
        """What makes it now, or made it."""
        return str(self.extension.get("model") or self.body.get("model") or "-")

    @property
    def requested_model(self) -> str | None:
        """What the caller named, if that is not what serves the job."""
        named = self.extension.get("requested_model")
        return str(named) if named and named != self.model else None

    def cost(self, kind: str) -> str | None:
        """Decimal dollars that are `reserved` or `charged`, None before they are known."""
        amount = _object(self.extension.get("cost_usd")).get(kind)
        return amount if isinstance(amount, str) else None

    @property
    def route(self) -> list[Json]:
        """Every offer that was considered, in order."""
        return entries(self.extension.get("route"))

    @property
    def attempts(self) -> list[Json]:
        """Every attempt, in order."""
        return entries(self.extension.get("attempts"))

    @property
    def reason(self) -> str:
        """Why the current offer stands where it does in the plan."""
        for entry in self.route:
            is_this = (entry.get("provider"), entry.get("model")) == (self.provider, self.model)
            if is_this and not entry.get("skipped"):
                return str(entry.get("reason") or "")
        return ""

    @property
    def explanation(self) -> str:
        """Why that offer won, and against which one."""
        candidates = [entry for entry in self.route if not entry.get("skipped")]
        policy = self.extension.get("policy")
        said = f"policy {policy}: {self.reason}" if policy else self.reason
        first = candidates[0] if candidates else {}
        is_first = (first.get("provider"), first.get("model")) == (self.provider, self.model)
        if is_first and len(candidates) > 1:
            other = candidates[1]
            said += f"; next {other.get('provider')}, {other.get('model')}: {other.get('reason')}"
        return said if self.reason else ""

    @property
    def waits_for(self) -> str:
        """What a queued job waits for, empty if it does not."""
        return waits_text(self.extension.get("queue"))

    @property
    def place(self) -> str:
        """Where a queued job stands in its line, empty if it does not."""
        return place_text(self.extension.get("queue"))

    @property
    def failure(self) -> str:
        """Code and message of a job that ended without a video."""
        error = _object(self.body.get("error"))
        return f"{error.get('code')}: {error.get('message')}" if error else ""

    @property
    def sha256(self) -> str | None:
        """SHA-256 of the file in hex, once there is one."""
        found = _object(self.extension.get("artifact")).get("sha256")
        return found if isinstance(found, str) else None


def place_text(queue: object) -> str:
    """Where a job stands in its line, and about when it starts; empty if it does not wait."""
    told = _object(queue)
    if not told:
        return ""
    starts_in_s = told.get("starts_in_s")
    about = ""
    if isinstance(starts_in_s, int) and starts_in_s > 0:
        is_long = starts_in_s >= LONG_S
        about = f", about {round(starts_in_s / 60)} min" if is_long else f", about {starts_in_s} s"
    return f"position {told.get('position')}{about}"


def waits_text(queue: object) -> str:
    """The same, and what it waits for."""
    place = place_text(queue)
    return f"({place}, {_object(queue).get('reason')})" if place else ""


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}

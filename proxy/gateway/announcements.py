"""Who is told that a job ended: the receivers of its team, and the URL that its create gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.errors import InvalidRequest, WebhookUrlRefused
from proxy.domain.job import public_status
from proxy.domain.video_event import end_data, event_of, message_id, origin_receiver_id
from proxy.gateway.ports.notices import Addressee, Announcement

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from proxy.domain.video import VideoJob
    from proxy.gateway.live import Live
    from proxy.gateway.runtime import Runtime
    from proxy.gateway.views import Caller

PARAM = "webhook_url"


class Announcements:
    """An announcer over the configuration in force."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def of(self, job: Job, *, charged_micro_usd: int | None) -> Announcement | None:
        """What to tell of a job that is over for its client, None if nobody asks."""
        team, url = self._live.snapshot.teams.get(job.team), job.request.webhook_url
        event = event_of(public_status(job))
        addressees = [
            Addressee(receiver=webhook.id)
            for webhook in (team.webhooks if team else ())
            if event in webhook.events
        ]
        if url is not None:
            receiver = origin_receiver_id(url, job.team)
            addressees.append(Addressee(receiver=receiver, url=url))
        if not addressees:
            return None
        return Announcement(
            message=message_id(job.id),
            kind=event.value,
            team=job.team,
            data=end_data(job, charged_micro_usd=charged_micro_usd),
            addressees=tuple(addressees),
        )


def check_webhook_url(runtime: Runtime, caller: Caller, video: VideoJob) -> None:
    """Refuse a URL to which nothing could be sent, or nothing signed.

    Raises:
        InvalidRequest: the team has no secret for such URLs.
        WebhookUrlRefused: it leads where nothing is sent to.
    """
    if video.webhook_url is None:
        return
    if not caller.team.signs_webhook_urls:
        message = "webhook_url: the team has no webhook_secret, with which messages are signed"
        raise InvalidRequest(message, param=PARAM)
    fault = runtime.addresses.fault_of(video.webhook_url)
    if fault is not None:
        message = f"webhook_url: nothing is sent there, {fault}"
        raise WebhookUrlRefused(message, param=PARAM)

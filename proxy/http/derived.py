"""Fields of a remix, an edit or an extension: what makes a video from a finished one."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.errors import InvalidRequest
from proxy.domain.source import Verb
from proxy.gateway.views import Start
from proxy.http.fields import FIELDS, NAME_CHARS_MAX, Draft, read_fields
from proxy.http.pictures import PICTURE_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.video import VideoJob

VIDEO, VERB, SECONDS = "video", "verb", "seconds"
VIDEO_ID = "video_id"
FILE_NOT_YET = (
    "a video as a file is not supported yet; name one that was made here, by its id: video[id]"
)
_OF_A_SHAPE = (SECONDS, "size", "resolution", "aspect_ratio", *PICTURE_FIELDS)
_LIKE_ITS_SOURCE = tuple(name for name in FIELDS if name not in _OF_A_SHAPE)
VERB_FIELDS: Mapping[Verb, tuple[str, ...]] = MappingProxyType(
    {
        Verb.REMIX: _LIKE_ITS_SOURCE,
        Verb.EDIT: (*_LIKE_ITS_SOURCE, VIDEO),
        Verb.EXTEND: (*_LIKE_ITS_SOURCE, VIDEO, SECONDS),
    }
)
"""What each takes. Its shape is its source's: only an extension says how much it adds."""
QUOTE_FIELDS = (*FIELDS, VERB, VIDEO)


def read_derived(
    raw: Mapping[str, object], verb: Verb, video_id: str | None = None
) -> tuple[VideoJob, Start]:
    """Check every field.

    Args:
        raw: what was sent.
        verb: what is done.
        video_id: the video, where the path names it and not the body.

    Raises:
        InvalidRequest: a field is unknown, missing or malformed; `param` names it.
    """
    video = read_fields(raw, VERB_FIELDS[verb]).video
    if verb is Verb.EXTEND and video.seconds is None:
        message = "seconds is required: how much is added"
        raise InvalidRequest(message, param=SECONDS)
    if video_id is not None:
        return video, Start(verb=verb, video_id=video_id, param=VIDEO_ID)
    return video, Start(verb=verb, video_id=_video_id(raw), param=VIDEO)


def read_quoted(raw: Mapping[str, object]) -> tuple[Draft, Start | None]:
    """Check a quote: the fields of a create, or with `verb` those of that verb and `video`.

    Raises:
        InvalidRequest: as `read_derived` does.
        NotSupportedYet: a field is not built yet.
    """
    verb = raw.get(VERB)
    if verb in (None, Verb.CREATE.value):
        return read_fields({name: value for name, value in raw.items() if name != VERB}), None
    if verb not in tuple(Verb):
        message = f"verb must be one of {', '.join(Verb)}"
        raise InvalidRequest(message, param=VERB)
    done = Verb(str(verb))
    rest = {name: value for name, value in raw.items() if name != VERB}
    if done is not Verb.REMIX:
        video, start = read_derived(rest, done)
        return Draft(video=video), start
    named = {name: value for name, value in rest.items() if name != VIDEO}
    video, _ = read_derived(named, done, "")
    return Draft(video=video), Start(verb=done, video_id=_video_id(raw), param=VIDEO)


def _video_id(raw: Mapping[str, object]) -> str:
    video = raw.get(VIDEO)
    if video is None:
        message = f"{VIDEO} is required: an object with the id of a finished video"
        raise InvalidRequest(message, param=VIDEO)
    if not isinstance(video, dict) or list(video) != ["id"]:
        message = f"{VIDEO} must be an object with exactly one field, id"
        raise InvalidRequest(message, param=VIDEO)
    found = video["id"]
    if not isinstance(found, str) or not 0 < len(found) <= NAME_CHARS_MAX:
        message = f"{VIDEO}.id must be the id of a video"
        raise InvalidRequest(message, param=VIDEO)
    return found

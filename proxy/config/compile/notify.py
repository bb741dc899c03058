"""The receivers of notices: where they are, and what signs what they get."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from proxy.config.compile.references import References
from proxy.config.schema.server import NotifySection
from proxy.config.settings import NotifySettings
from proxy.domain.notice import NoticeKind
from proxy.outgoing.url import Destination, destination_of

_ALLOWED: Final = "https to a public host; with private: true any host, and http"


@dataclass(frozen=True, slots=True)
class Receivers:
    """Follows the references of `notify`; reports what could never be sent to, or not signed."""

    references: References

    def compile(self, written: Mapping[int, NotifySection]) -> Iterator[NotifySettings]:
        """The receivers, in order."""
        seen: dict[str, int] = {}
        for index, section in written.items():
            url = self._url(index, section)
            if url and url in seen:
                message = f"is the same as notify[{seen[url]}].url; allowed: one entry for each"
                self.references.checked.report(("notify", index, "url"), message)
            seen.setdefault(url, index)
            yield NotifySettings(
                kinds=tuple(NoticeKind(kind) for kind in section.on.values()),
                url=SecretStr(url),
                secrets=self.references.signing_secrets(
                    ("notify", index, "secret"), section.secret
                ),
                is_private=section.private,
            )

    def _url(self, index: int, section: NotifySection) -> str:
        def leads_to(url: str) -> Destination:
            return destination_of(url, is_private=section.private)

        path = ("notify", index, "url")
        return self.references.url(path, section.url, leads_to, allowed=_ALLOWED)

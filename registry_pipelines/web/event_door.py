"""One door for events: who may send there, and how much. What it believes is noted; it can do nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers

from registry_core.event_secrets import SIGNATURE_HEADER, holds_login, holds_signature, holds_token
from registry_core.push_events import PushEvent
from resources.configuration.event_settings import EventSettings
from resources.configuration.secrets import SecretName, read_secret
from resources.configuration.settings import Site
from resources.google_identity import GoogleIdentity


@dataclass(frozen=True)
class EventDoor:
    """An entry of `events`. Secrets are read anew for each request, so that they may be changed.

    What can be checked before the body is read is checked then: whoever shows nothing is not listened to.
    """

    name: str
    settings: EventSettings
    read_secret: Callable[[SecretName], str]
    registry_of_host: Callable[[str], str | None]
    google: GoogleIdentity | None = None  #: where the entry names one; `of` makes it

    @classmethod
    def of(cls, name: str, site: Site) -> EventDoor:
        """The door of an entry of a site."""
        settings = site.events[name]
        identity = settings.google
        return cls(
            name,
            settings,
            read_secret,
            site.registry_of_host,
            GoogleIdentity(account=identity.account, audience=identity.audience) if identity is not None else None,
        )

    def lets_in(self, headers: Headers, path_token: str | None) -> bool:
        """Whether the request shows what it must, as far as its head can show it. Raises ConfigError, and
        RegistryError where Google's certificates cannot be had."""
        entry = self.settings
        if entry.path_token is not None:
            return holds_token(self.read_secret(entry.path_token), path_token)
        if path_token is not None:
            return False
        if entry.token is not None:
            return holds_token(self.read_secret(entry.token), headers.get(entry.header))
        if entry.password is not None:
            login = headers.get("authorization")
            return holds_login(entry.username or "", self.read_secret(entry.password), login)
        if entry.google is not None:
            return self.google is not None and self.google.is_shown(headers.get("authorization"))
        if entry.hmac is not None:
            return SIGNATURE_HEADER in headers
        return entry.unsigned

    def concerns(self, event: PushEvent) -> bool:
        """Whether an event is about our registry: one topic or one bus may tell of several. A host that the site
        does not know says nothing, because registries have names of their own inside."""
        known = self.registry_of_host(event.host) if event.host else None
        return known in (None, self.settings.registry)

    def believes(self, headers: Headers, body: bytes) -> bool:
        """Whether the body is signed, where it must be. Raises ConfigError."""
        if self.settings.hmac is None:
            return True
        return holds_signature(self.read_secret(self.settings.hmac), body, headers.get(SIGNATURE_HEADER))

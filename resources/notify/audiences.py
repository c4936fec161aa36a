"""Audiences: one for each address of each entry under `notifications`, so that one that fails repeats no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from registry_core.errors import ConfigError
from registry_core.notices import Message
from resources.configuration.notify_settings import NotificationSettings, Subject
from resources.notify.addresses import Address, read_addresses
from resources.notify.apprise_delivery import deliver
from resources.notify.datadog_delivery import Count, send_counts, send_event


@dataclass(frozen=True, slots=True)
class Audience:
    """Somebody who is told. `key` is how the database remembers them: the name of the secret, never its value."""

    key: str
    about: tuple[Subject, ...]
    environments: tuple[str, ...]
    settings: NotificationSettings = field(repr=False)
    address: Address | None = None

    def tell(self, message: Message) -> None:
        """Blocking. Raises NotificationError, and ConfigError where a secret is not there."""
        if self.address is not None:
            deliver(self.address, message)
        elif self.settings.datadog is not None:
            send_event(self.settings.datadog, message)

    def count(self, counts: Sequence[Count]) -> None:
        """Numbers, for those who take them. Raises as `tell` does."""
        if self.settings.datadog is not None:
            send_counts(self.settings.datadog, counts)


def open_audiences(entries: Sequence[NotificationSettings]) -> tuple[list[Audience], list[ConfigError]]:
    """All that can be told, and what is wrong with the others: one address that is wrong silences no other."""
    audiences: list[Audience] = []
    troubles: list[ConfigError] = []
    for entry in entries:
        if entry.datadog is not None:
            key = f"datadog {entry.datadog.address} {entry.datadog.api_key}"
            audiences.append(Audience(key, entry.about, entry.environments, entry))
        if entry.urls is None:
            continue
        try:
            addresses = read_addresses(entry.urls)
        except ConfigError as error:
            troubles.append(error)
            continue
        audiences += [Audience(address.name, entry.about, entry.environments, entry, address) for address in addresses]
    return audiences, troubles

"""Deliver one message to one Apprise URL."""

from __future__ import annotations

import logging
import re
from typing import Final

import apprise

from registry_core.errors import NotificationError
from registry_core.notices import Gravity, Message
from resources.notify.addresses import Address

_TYPES: Final[dict[Gravity, apprise.NotifyType]] = {
    "failure": apprise.NotifyType.FAILURE,
    "warning": apprise.NotifyType.WARNING,
    "info": apprise.NotifyType.INFO,
    "success": apprise.NotifyType.SUCCESS,
}

#: A redirected POST becomes a GET, whose answer would pass for a delivery; and the message would go to another host.
#: An address of somebody who wants it says `?redirect=yes`.
_ASSET: Final = apprise.AppriseAsset(http_redirects=False)

_LONGEST_REASON = 200
_SHORTEST_SECRET = 4


def deliver(address: Address, message: Message) -> None:
    """Raises NotificationError, which may be tried again. Waits as long as Apprise does: four seconds to connect, four
    to be answered, unless the URL says otherwise (`?cto=`, `?rto=`)."""
    service = apprise.Apprise(asset=_ASSET)
    if not service.add(address.url):
        raise NotificationError(f"could not tell {address.name}: Apprise does not take its URL", fault="corrupt")
    with apprise.LogCapture(level=logging.WARNING) as logged:  # type: ignore[no-untyped-call]
        done = service.notify(
            title=message.title,
            body=message.text,
            notify_type=_TYPES[message.gravity],
            body_format=apprise.NotifyFormat.TEXT,
        )
        said = logged.getvalue()
    if not done:
        reason = redacted(said, address.url) or "it did not take the message"
        raise NotificationError(
            f"could not tell {address.name}: {reason}. Look at the address; notifications are tried again",
            fault="unreachable",
            retryable=True,
        )


def redacted(text: str, url: str) -> str:
    """The last sentence of what Apprise logged, with every part of the URL taken out."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = re.sub(r"^[\d: ,.-]*(- )?(WARNING|ERROR|CRITICAL)( -)?", "", lines[-1] if lines else "").strip(" -")
    for part in sorted(set(re.split(r"[/:@?&=,+%#]", url)), key=len, reverse=True):
        if len(part) >= _SHORTEST_SECRET:
            said = said.replace(part, "…")
    return said.rstrip(". ")[:_LONGEST_REASON]

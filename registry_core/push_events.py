"""Push events: what a registry tells us of itself when something was pushed or deleted there.

A body comes from outside and may hold anything. Reading it never raises: what is no event of the vendor is a `Refusal`
in one sentence, what is an event of another sort (a pull, a blob, a scan, a ping) is no event for us and an empty list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from registry_core.foreign_json import NotJson, is_deeper_than, read_json

Kind = Literal["harbor", "docker_hub", "quay", "github", "distribution", "azure", "ecr", "google", "aliyun", "zot"]
"""Who sends: decides the shape of the body. `distribution` is every registry with its notifications: distribution,
GitLab, and what is built on them."""

KINDS: tuple[Kind, ...] = get_args(Kind)

Action = Literal["push", "delete"]

#: What a body may nest and still be one of a vendor; JSON that is nested deeper costs more to read than it can say.
_DEEPEST = 50

#: What one delivery may tell: no vendor tells of so many things at once, and each is a row.
MOST_EVENTS = 1_000


@dataclass(frozen=True, slots=True)
class PushEvent:
    """Something was pushed to a repository, or deleted from it.

    `tag` and `digest` are None where the vendor does not tell them. `delivery` is the vendor's own id of the event;
    None where it has none. `host` is the registry as the body names it, for people: which registry of the site it
    is, is said by the configuration.
    """

    action: Action
    repository: str
    tag: str | None = None
    digest: str | None = None
    at: datetime | None = None
    host: str | None = None
    delivery: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A body that cannot be used, and why, in one sentence."""

    sentence: str


class Unreadable(ValueError):
    """Raised by the readers of `push_events_vendors`, and by nobody else; its text is the sentence."""


Reader = Callable[[Mapping[str, Any], Mapping[str, str]], list[PushEvent]]
"""From a body and the headers (names in lower case) to its events; raises Unreadable."""


def read_push_events(kind: Kind, body: bytes, headers: Mapping[str, str]) -> tuple[PushEvent, ...] | Refusal:
    """The events of a delivery; empty where it tells of something else. Never raises."""
    from registry_core.push_events_vendors import READERS  # they need the values above

    try:
        document = read_json(body)
    except NotJson as error:
        return Refusal(f"the body {error}")
    if not isinstance(document, dict):
        return Refusal("the body is not a JSON object")
    if is_deeper_than(document, _DEEPEST):
        return Refusal("the body is nested too deeply to be an event")
    try:
        events = tuple(READERS[kind](document, {name.lower(): value for name, value in headers.items()}))
    except Unreadable as error:
        return Refusal(f"this is no event of {kind.replace('_', ' ')}: {error}")
    if len(events) > MOST_EVENTS:
        return Refusal(f"it tells of {len(events):,} events, and at most {MOST_EVENTS:,} are taken at once")
    return events

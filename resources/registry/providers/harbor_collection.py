"""Harbor's garbage collection through its API: begin it, ask how it goes, read what it freed.

Sources: goharbor/harbor src/server/v2.0/handler/gc.go, src/controller/gc, src/jobservice/job/impl/gc. Traps: without
`parameters` older versions break off with 500; `delete_untagged` would let Harbor decide what may go, and is never
asked for; blobs touched within Harbor's time window (two hours) stay until the next collection; what was freed stands
in a JSON text inside the answer, and only since Harbor 2.9. A second collection waits for the first to end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from registry_core.coverage import Fault
from registry_core.errors import RegistryError
from registry_core.foreign_json import NotJson, read_json, whole_number
from resources.configuration.provider_settings import HarborSettings
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.connection import RegistryConnection
from resources.registry.providers.api_client import Query, SignIn
from resources.registry.providers.api_pages import entries_of
from resources.registry.providers.api_refusals import ApiAnswer
from resources.registry.providers.api_sign_in import BasicSignIn
from resources.registry.providers.choice import own_settings_of
from resources.registry.providers.harbor import API, Harbor, explain
from resources.registry.providers.interface import vendor_time
from resources.registry.providers.posting_client import PostingApiClient

#: As Harbor's job service writes them (src/jobservice/job/status.go).
_ENDED = frozenset({"success", "error", "stopped", "skipped"})

#: Only what plans deleted is freed. That an untagged artifact may go is decided by a plan, not by Harbor.
_MANUALLY = {"schedule": {"type": "Manual"}, "parameters": {"delete_untagged": False, "dry_run": False}}

_ASKED_EVERY_SECONDS = 5.0
_RECENT = 100
_MOST_HOURS = 24 * 36_500


@dataclass(frozen=True, slots=True)
class CollectionState:
    """How one collection goes. What Harbor does not tell is None, never 0."""

    number: int
    status: str  #: as Harbor writes it: Pending, Running, Success, Error, Stopped …
    begun_at: datetime | None = None
    freed_bytes: int | None = None
    freed_blobs: int | None = None
    freed_manifests: int | None = None
    window: timedelta | None = None  #: blobs touched within it stay until the next collection
    deletes_untagged: bool | None = None  #: True for one that somebody else began so

    @property
    def ended(self) -> bool:
        return self.status.lower() in _ENDED

    @property
    def succeeded(self) -> bool:
        return self.status.lower() == "success"


class HarborCollection:
    """Needs an administrator, or a system robot with the right `garbage-collection`. All raise RegistryError."""

    title: ClassVar[str] = Harbor.title

    def __init__(
        self,
        label: str,
        settings: RegistrySettings,
        own: HarborSettings,
        sign_in: SignIn,
        *,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        url = own.api or settings.url
        self._client = PostingApiClient(f"{label}: Harbor", url, settings, sign_in, explain=_explain)
        self._pause = pause

    def begin(self) -> int:
        """Begin a collection now; the number by which it is asked about.

        It is asked for once: where the answer is lost, the list of collections tells whether it was begun.
        """
        known = max((one.number for one in self.recent()), default=0)
        wanted = "begin a garbage collection"
        query = Query(wanted, method="POST", json=_MANUALLY, once=True)
        try:
            answer = self._client.send(f"{API}/system/gc/schedule", query)
        except RegistryError as error:
            begun = [one.number for one in self.recent() if one.number > known] if error.fault == "unreachable" else []
            if not begun:
                raise
            return max(begun)
        number = whole_number(answer.headers.get("location", "").rpartition("/")[2])
        if number:
            return number
        begun = [one.number for one in self.recent() if one.number > known]
        if not begun:
            raise self._client.nonsense(wanted, answer, "it does not tell which collection it began")
        return max(begun)

    def state(self, number: int) -> CollectionState:
        """How that collection goes. `missing` where Harbor does not know it (any more)."""
        wanted = f"ask about garbage collection {number}"
        answer = self._client.get(f"{API}/system/gc/{number}", wanted)
        state = _state_of(answer.content)
        if state is None:
            raise self._client.nonsense(wanted, answer, "the answer is no state of a collection")
        return state

    def recent(self) -> tuple[CollectionState, ...]:
        """The newest hundred, newest first; whoever began them."""
        wanted = "list the garbage collections"
        answer = self._client.get(f"{API}/system/gc", wanted, params={"page_size": _RECENT, "page": 1})
        states = (_state_of(one) for one in entries_of(self._client, answer, wanted))
        return tuple(sorted((one for one in states if one is not None), key=lambda one: -one.number))

    def under_way(self) -> CollectionState | None:
        """The collection that waits or runs now, whoever began it; None where there is none."""
        return next((one for one in self.recent() if not one.ended), None)

    def wait_for(
        self, number: int, *, longest: timedelta, tell: Callable[[CollectionState], None] = lambda _state: None
    ) -> CollectionState:
        """Its last state: ended, or whatever it was when `longest` was over. `tell` hears of each new status."""
        until = time.monotonic() + longest.total_seconds()
        told = ""
        while True:
            state = self.state(number)
            if state.status != told:
                told = state.status
                tell(state)
            if state.ended or time.monotonic() >= until:
                return state
            self._pause(_ASKED_EVERY_SECONDS)

    def log(self, number: int) -> str:
        """What Harbor wrote while it collected; empty where it kept no log."""
        query = Query(f"read the log of garbage collection {number}", headers={"Accept": "text/plain"}, expects=(404,))
        answer = self._client.send(f"{API}/system/gc/{number}/log", query)
        return "" if answer.status == 404 else answer.body.decode("utf-8", "replace")

    def close(self) -> None:
        self._client.close()


def harbor_collection_of(connection: RegistryConnection) -> HarborCollection | None:
    """None where the registry is no Harbor. Signs in as the connection does. Nothing is contacted."""
    own = own_settings_of(connection.settings).harbor
    if own is None:
        return None
    return HarborCollection(connection.label, connection.settings, own, BasicSignIn(connection.credentials))


def _explain(answer: ApiAnswer) -> tuple[Fault, str] | None:
    if answer.status == 403:
        return (
            "forbidden",
            "only an administrator may collect, or a system robot with the right `garbage-collection`; name its"
            " secret in `delete_credentials`",
        )
    if answer.status == 409:
        return "unreachable", "another collection is being set up; try again when it has ended"
    return explain(answer)


def _state_of(one: object) -> CollectionState | None:
    if not isinstance(one, dict) or not isinstance(one.get("id"), int) or not isinstance(one.get("job_status"), str):
        return None
    told = _parameters_of(one.get("job_parameters"))
    hours = _count(told.get("time_window"))
    untagged = told.get("delete_untagged")
    return CollectionState(
        number=one["id"],
        status=one["job_status"],
        begun_at=vendor_time(one.get("creation_time")),
        freed_bytes=_count(told.get("freed_space")),
        freed_blobs=_count(told.get("purged_blobs")),
        freed_manifests=_count(told.get("purged_manifests")),
        window=None if hours is None else timedelta(hours=min(hours, _MOST_HOURS)),
        deletes_untagged=untagged if isinstance(untagged, bool) else None,
    )


def _parameters_of(text: object) -> dict[str, Any]:
    """What Harbor wrote as a text inside its JSON; nothing where it is something else."""
    try:
        told = read_json(text) if isinstance(text, str) else None
    except NotJson:
        return {}
    return told if isinstance(told, dict) else {}


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None

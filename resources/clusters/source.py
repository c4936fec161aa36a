"""One interface for a cluster that is asked and one that was dumped.

Rows come in batches while the cluster is read, so that 50,000 pods need no more memory than a page of them. Only
at its end does a resource tell whether it was read whole.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from registry_core.coverage import Coverage, Fault
from registry_core.inventory import ImageUse
from registry_core.service_accounts import ServiceAccounts
from registry_core.workload_kinds import WorkloadKind


@dataclass(frozen=True, slots=True)
class RowsRead:
    """Some rows of one resource. They are provisional until its `ResourceRead` came."""

    resource: str
    rows: tuple[ImageUse, ...]
    objects: int  #: that these rows were made from; an object may have no row


@dataclass(frozen=True, slots=True)
class StartedOver:
    """The list broke off and begins again: all rows of this resource given so far are void, drop them."""

    resource: str
    why: str


@dataclass(frozen=True, slots=True)
class ResourceRead:
    """One resource is done. Its coverage says whether it was read whole; rows given before a gap are true still."""

    resource: str
    coverage: Coverage


@dataclass(frozen=True, slots=True)
class ObjectsRead:
    """Some objects of one kind, as the API writes them (without `kind` and `apiVersion`, where it was a list)."""

    kind: WorkloadKind
    items: Sequence[Mapping[str, Any]] = field(repr=False)


ReadEvent = RowsRead | StartedOver | ResourceRead
ObjectEvent = ObjectsRead | StartedOver | ResourceRead


@dataclass(frozen=True, slots=True)
class Progress:
    """For a progress bar: objects of one resource so far, and how many are said to be left (None: not said)."""

    resource: str
    objects: int
    remaining: int | None = None


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class AccessCheck:
    """What one resource answers to a first look; `detail` says what to do where something is wrong."""

    resource: str
    fault: Fault | None
    detail: str
    excused: bool = False

    @property
    def works(self) -> bool:
        return self.fault is None


class ClusterSource(ABC):
    """Where the inventory of one cluster comes from. Nothing is opened before the first question."""

    cluster: str  #: the name that the configuration gives it

    @abstractmethod
    def describe(self) -> str:
        """Where it is, for messages and metadata: `context prod of ~/.kube/config`. No secrets."""

    @abstractmethod
    def as_of(self) -> datetime:
        """The time of the evidence, not of its reading. Ask before `read`. Raises ClusterError."""

    @abstractmethod
    def read(self, *, on_progress: OnProgress | None = None) -> Iterator[ReadEvent]:
        """Every image reference of the cluster, resource by resource, each ended by one `ResourceRead`.

        Traps: rows of several resources may come interleaved; a `StartedOver` voids rows already given; an
        abandoned iterator is no inventory. Raises ClusterError where nothing at all could be asked (no
        connection, no sign-in, no dump); what fails later is a gap in the coverage of its resource.
        """

    @abstractmethod
    def objects(self) -> Iterator[ObjectEvent]:
        """The objects that `read` makes its rows of, kind by kind, each ended by one `ResourceRead`.

        Traps and errors as of `read`. Objects may hold secrets (`env`): take what is asked for and drop the rest.
        """

    @abstractmethod
    def nodes(self) -> tuple[dict[str, str], Coverage]:
        """Platform (`linux/amd64`) by name of node.

        A gap here is excused: images are known without it. Rows then have no platform, and whoever checks the
        health of an image must ask for all its platforms.
        """

    @abstractmethod
    def service_accounts(self) -> ServiceAccounts:
        """The pull secrets of its service accounts, or why they are not known. Raises ClusterError as `nodes` does."""

    @abstractmethod
    def check_access(self) -> tuple[AccessCheck, ...]:
        """Try what `read` will do, a little of each resource, and tell what works. Raises nothing of ours."""


def whole_inventory(source: ClusterSource, *, on_progress: OnProgress | None = None) -> tuple[list[ImageUse], Coverage]:
    """Read a cluster into memory. The reference for how events are to be understood; for large clusters, stage
    the batches in the database instead. Raises ClusterError."""
    rows: dict[str, list[ImageUse]] = {}
    coverage = Coverage()
    for event in source.read(on_progress=on_progress):
        if isinstance(event, RowsRead):
            rows.setdefault(event.resource, []).extend(event.rows)
        elif isinstance(event, StartedOver):
            rows.pop(event.resource, None)
        else:
            coverage += event.coverage
    return [row for some in rows.values() for row in some], coverage

"""A cluster that is asked: pages of every kind, with flat memory, and an honest word on each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

from registry_core.coverage import Coverage, Gap
from registry_core.errors import ClusterError
from registry_core.owners import Owners
from registry_core.service_accounts import ServiceAccounts, account_secrets
from registry_core.workload_kinds import NODES, PODS, WorkloadKind
from registry_core.workloads import Surroundings, image_uses, platform_of_node
from resources.clusters.api import ApiError, KubernetesApi, Patience
from resources.clusters.connection import Connection
from resources.clusters.lists import Expired, list_path, pages
from resources.clusters.served import ServedKinds
from resources.clusters.source import (
    AccessCheck,
    ClusterSource,
    ObjectEvent,
    ObjectsRead,
    OnProgress,
    Progress,
    ReadEvent,
    ResourceRead,
    RowsRead,
    StartedOver,
)
from resources.clusters.wanted import Wanted, not_read, read_whole

_NODES_PATH = "/api/v1/nodes"
_LIST_ACCOUNTS = 'add to its ClusterRole the rule {apiGroups: [""], resources: ["serviceaccounts"], verbs: ["list"]}'


class LiveCluster(ClusterSource):
    """Reads over the API. Owners are read before what they own, so a page is all that is held at a time.

    Trap: lists of different kinds are of different moments. A pod that is replaced while we read can be in none
    of the lists, but what made it is: its Deployment was listed before, its ReplicaSet is kept for rollback.
    """

    def __init__(self, connection: Connection, wanted: Wanted, *, patience: Patience | None = None) -> None:
        self.cluster = connection.cluster
        self._connection = connection
        self._wanted = wanted
        self._patience = patience
        self._page_size = connection.settings.page_size

    def describe(self) -> str:
        return self._connection.describe()

    def as_of(self) -> datetime:
        """Now: the evidence is as old as the beginning of its reading."""
        return datetime.now(UTC)

    def nodes(self) -> tuple[dict[str, str], Coverage]:
        """Raises ClusterError where every other question would fail the same way."""
        with closing(self._open()) as api:
            return self._nodes(api)

    def read(self, *, on_progress: OnProgress | None = None) -> Iterator[ReadEvent]:
        with closing(self._open()) as api:
            yield from self._read_all(api, on_progress)

    def objects(self) -> Iterator[ObjectEvent]:
        with closing(self._open()) as api:
            served = ServedKinds(api)
            for kind in self._wanted.kinds:
                yield from self._objects(kind, api, served)

    def service_accounts(self) -> ServiceAccounts:
        found: dict[tuple[str, str], tuple[str, ...]] = {}
        with closing(self._open()) as api:
            try:
                for page in pages(api, "/api/v1/serviceaccounts", self._page_size):
                    if isinstance(page, Expired):
                        found.clear()
                        continue
                    for item in page.items:
                        found.update(account_secrets(item))
            except ApiError as error:
                if error.hopeless:
                    raise
                rule = f"; {_LIST_ACCOUNTS}" if error.status == 403 else ""
                return ServiceAccounts(unknown=f"{error}{rule}")
        return ServiceAccounts(found)

    def check_access(self) -> tuple[AccessCheck, ...]:
        with closing(self._open()) as api:
            return self._checks(api)

    def _open(self) -> KubernetesApi:
        return KubernetesApi(self._connection, self._patience)

    def _read_all(self, api: KubernetesApi, on_progress: OnProgress | None) -> Iterator[ReadEvent]:
        platforms, coverage = self._nodes(api)
        yield ResourceRead(NODES, coverage)
        around = Surroundings(self.cluster, platforms, Owners())
        served = ServedKinds(api)
        for kind in self._wanted.kinds:
            for event in self._objects(kind, api, served, on_progress):
                yield _rows_of(event, around) if isinstance(event, ObjectsRead) else event

    def _checks(self, api: KubernetesApi) -> tuple[AccessCheck, ...]:
        try:
            api.get(_NODES_PATH, {"limit": 1})
            checks = [AccessCheck(NODES, None, "can be listed")]
        except ClusterError as error:
            if not isinstance(error, ApiError) or error.hopeless:
                return (AccessCheck("connection", error.fault, str(error)),)
            gap = self._nodes_gap(error)
            checks = [AccessCheck(NODES, gap.fault, gap.detail, gap.excused)]
        served = ServedKinds(api)
        return (*checks, *(self._check(kind, api, served) for kind in self._wanted.kinds))

    def _nodes(self, api: KubernetesApi) -> tuple[dict[str, str], Coverage]:
        platforms: dict[str, str] = {}
        count = 0
        try:
            for page in pages(api, _NODES_PATH, self._page_size):
                if isinstance(page, Expired):
                    count = 0
                    continue
                count += len(page.items)
                for node in page.items:
                    platform = platform_of_node(node)
                    if platform:
                        platforms[str(node["metadata"]["name"])] = platform
        except ApiError as error:
            if error.hopeless:
                raise
            return platforms, not_read(self._nodes_gap(error), count)
        return platforms, read_whole(NODES, count)

    def _objects(
        self, kind: WorkloadKind, api: KubernetesApi, served: ServedKinds, on_progress: OnProgress | None = None
    ) -> Iterator[ObjectEvent]:
        gap = served.gap(kind, self._wanted)
        if gap is not None:
            yield ResourceRead(kind.resource, not_read(gap))
            return
        count = 0
        try:
            for page in pages(api, list_path(kind.api_version, kind.plural), self._page_size):
                if isinstance(page, Expired):
                    count = 0
                    yield StartedOver(kind.resource, page.why)
                    continue
                count += len(page.items)
                if on_progress is not None:
                    on_progress(Progress(kind.resource, count, page.remaining))
                yield ObjectsRead(kind, page.items)
        except ApiError as error:
            yield ResourceRead(kind.resource, not_read(self._gap(kind, error), count))
        else:
            yield ResourceRead(kind.resource, read_whole(kind.resource, count))

    def _check(self, kind: WorkloadKind, api: KubernetesApi, served: ServedKinds) -> AccessCheck:
        gap = served.gap(kind, self._wanted)
        if gap is None:
            try:
                api.get(list_path(kind.api_version, kind.plural), {"limit": 1})
            except ApiError as error:
                gap = self._gap(kind, error)
        if gap is None:
            return AccessCheck(kind.resource, None, "can be listed")
        return AccessCheck(kind.resource, gap.fault, gap.detail, gap.excused)

    def _gap(self, kind: WorkloadKind, error: ApiError) -> Gap:
        if error.status == 403:
            return self._wanted.gap(kind, "forbidden", f"{error}; {_rule(kind.group, kind.plural)}")
        if error.status == 404:
            words = f"the cluster has no such kind of objects: {error}"
            return self._wanted.gap(kind, "missing", words, unknown_kind=True)
        return self._wanted.gap(kind, error.fault, str(error))

    def _nodes_gap(self, error: ApiError) -> Gap:
        """Excused, because images are known without their nodes; only their platforms are not."""
        rule = f"; {_rule('', 'nodes')}" if error.status == 403 else ""
        return Gap(NODES, error.fault, f"platforms of nodes stay unknown: {error}{rule}", excused=True)


def _rows_of(event: ObjectsRead, around: Surroundings) -> RowsRead:
    """The rows of a page. Owners are learned before, except from pods, which own nothing."""
    if event.kind.resource != PODS:
        for item in event.items:
            around.owners.learn(item, event.kind.kind)
    rows = tuple(use for item in event.items for use in image_uses(item, event.kind, around))
    return RowsRead(event.kind.resource, rows, len(event.items))


def _rule(group: str, plural: str) -> str:
    return (
        f'add to its ClusterRole the rule {{apiGroups: ["{group}"], resources: ["{plural}"], verbs: ["list"]}}, or'
        " name the resource in `may_be_missing`"
    )

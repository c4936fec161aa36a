"""A cluster seen through files of `kubectl get … -o json`, for those that cannot be reached.

Read twice: first for what must be known before a row is made (owners, nodes, which files are whole), since kubectl
prints pods before their owners; then for the rows. Neither holds more than one object.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from registry_core.coverage import Coverage, Gap
from registry_core.errors import ClusterError
from registry_core.inventory import ImageUse
from registry_core.owners import Owners
from registry_core.service_accounts import ServiceAccounts, account_secrets
from registry_core.workload_kinds import EXPECTED_IN_DUMPS, NODES, PODS, WorkloadKind
from registry_core.workloads import Surroundings, image_uses, platform_of_node
from resources.clusters.documents import BadDocument, objects_of
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
)
from resources.clusters.wanted import Wanted, not_read, read_whole

_BATCH = 500

#: What makes a complete dump of the built-in kinds.
DUMP_WORKLOADS = (
    "kubectl get pods,deployments,replicasets,statefulsets,daemonsets,jobs,cronjobs,replicationcontrollers,"
    "controllerrevisions,podtemplates -A -o json > workloads.json"
)
DUMP_NODES = "kubectl get nodes -o json > nodes.json"
DUMP_ACCOUNTS = "kubectl get serviceaccounts -A -o json > serviceaccounts.json"


@dataclass
class _Survey:
    """What the first reading found."""

    platforms: dict[str, str] = field(default_factory=dict)
    owners: Owners = field(default_factory=Owners)
    objects: dict[str, int] = field(default_factory=dict)  #: by resource
    broken_files: dict[Path, str] = field(default_factory=dict)
    broken_resources: dict[str, str] = field(default_factory=dict)  #: that a broken file held objects of


class DumpedCluster(ClusterSource):
    """All `*.json` and `*.json.gz` below a folder, or one file.

    Traps: a dump does not say what was asked for, so a kind of which it holds no object cannot be told from one
    that was never dumped (see `_absent`). Where two files hold the same object, the newer file is believed. And
    its time is that of its files: `git clone`, `cp` and `unzip` may make an old dump look new.
    """

    def __init__(self, cluster: str, path: Path, wanted: Wanted) -> None:
        self.cluster = cluster
        self._path = path
        self._wanted = wanted
        self._by_kind = {(kind.group, kind.kind): kind for kind in wanted.kinds}

    def describe(self) -> str:
        return f"dump {self._path}"

    def as_of(self) -> datetime:
        """When the oldest of the files was last written."""
        return datetime.fromtimestamp(min(path.stat().st_mtime for path in self._files()), UTC)

    def nodes(self) -> tuple[dict[str, str], Coverage]:
        survey = self._survey()
        return survey.platforms, self._nodes_coverage(survey)

    def read(self, *, on_progress: OnProgress | None = None) -> Iterator[ReadEvent]:
        survey = self._survey()
        yield ResourceRead(NODES, self._nodes_coverage(survey))
        around = Surroundings(self.cluster, survey.platforms, survey.owners)
        yield from self._rows(around, on_progress)
        yield from self._ends(survey)

    def objects(self) -> Iterator[ObjectEvent]:
        survey = self._survey()
        seen: set[int] = set()
        for path in self._files():
            try:
                for item in objects_of(path):
                    resource, kind = self._resource_of(item)
                    if kind is not None and _is_new(item, seen):
                        yield ObjectsRead(kind, [item])
            except BadDocument:
                continue  # told at the end, from the first reading
        for resource, coverage in self._coverages(survey):
            yield ResourceRead(resource, coverage)

    def service_accounts(self) -> ServiceAccounts:
        found: dict[tuple[str, str], tuple[str, ...]] = {}
        seen: set[int] = set()
        for path in self._files():
            try:
                for item in objects_of(path):
                    is_one = (item.get("apiVersion"), item.get("kind")) == ("v1", "ServiceAccount")
                    if is_one and isinstance(item.get("metadata"), dict) and _is_new(item, seen):
                        found.update(account_secrets(item))
            except BadDocument as error:
                return ServiceAccounts(unknown=self._sentence(path, error))
        if not seen:
            words = f"no ServiceAccount is in the dump {self._path}: add `{DUMP_ACCOUNTS}`"
            return ServiceAccounts(unknown=words)
        return ServiceAccounts(found)

    def check_access(self) -> tuple[AccessCheck, ...]:
        try:
            survey = self._survey()
        except ClusterError as error:
            return (AccessCheck("dump", error.fault, str(error)),)
        checks: list[AccessCheck] = []
        for resource, coverage in ((NODES, self._nodes_coverage(survey)), *self._coverages(survey)):
            gap = next(iter(coverage.gaps), None)
            found = f"{coverage.found.get(resource, 0)} in the dump"
            checks.append(
                AccessCheck(resource, gap.fault, gap.detail, gap.excused) if gap else AccessCheck(resource, None, found)
            )
        return tuple(checks)

    def _files(self) -> list[Path]:
        """Newest first."""
        if self._path.is_file():
            return [self._path]
        found = [
            path
            for path in self._path.rglob("*")
            if path.name.endswith((".json", ".json.gz")) and not path.name.startswith(".") and path.is_file()
        ]
        if not found:
            what = "holds no *.json or *.json.gz file" if self._path.is_dir() else "is not there"
            raise ClusterError(
                f"cluster {self.cluster}: its dump {self._path} {what}; make it there with `{DUMP_WORKLOADS}` and"
                f" `{DUMP_NODES}`",
                fault="missing",
            )
        return sorted(found, key=lambda path: (-path.stat().st_mtime, path))

    def _survey(self) -> _Survey:
        survey = _Survey()
        files = self._files()
        seen: set[int] = set()
        for path in files:
            here: set[str] = set()
            try:
                for item in objects_of(path):
                    resource, kind = self._resource_of(item)
                    if resource is None or not _is_new(item, seen):
                        continue
                    here.add(resource)
                    survey.objects[resource] = survey.objects.get(resource, 0) + 1
                    if kind is None:
                        platform = platform_of_node(item)
                        if platform:
                            survey.platforms[_name_of(item)] = platform
                    elif resource != PODS:
                        survey.owners.learn(item, kind.kind)
            except BadDocument as error:
                sentence = self._sentence(path, error)
                survey.broken_files[path] = sentence
                survey.broken_resources.update(dict.fromkeys(here, sentence))
        if len(survey.broken_files) == len(files) and not survey.objects:
            raise ClusterError("; ".join(survey.broken_files.values()), fault="corrupt")
        return survey

    def _rows(self, around: Surroundings, on_progress: OnProgress | None) -> Iterator[ReadEvent]:
        seen: set[int] = set()
        rows: dict[str, list[ImageUse]] = {}
        waiting: dict[str, int] = {}
        done: dict[str, int] = {}

        def batch(resource: str) -> RowsRead:
            done[resource] = done.get(resource, 0) + waiting[resource]
            if on_progress is not None:
                on_progress(Progress(resource, done[resource]))
            return RowsRead(resource, tuple(rows.pop(resource)), waiting.pop(resource))

        for path in self._files():
            try:
                for item in objects_of(path):
                    resource, kind = self._resource_of(item)
                    if resource is None or not _is_new(item, seen) or kind is None:
                        continue
                    rows.setdefault(resource, []).extend(image_uses(item, kind, around))
                    waiting[resource] = waiting.get(resource, 0) + 1
                    if waiting[resource] >= _BATCH:
                        yield batch(resource)
            except BadDocument:
                continue  # told at the end, from the first reading; what came before the break is true
        for resource in list(waiting):
            yield batch(resource)

    def _ends(self, survey: _Survey) -> Iterator[ReadEvent]:
        for resource, coverage in self._coverages(survey):
            yield ResourceRead(resource, coverage)

    def _coverages(self, survey: _Survey) -> Iterator[tuple[str, Coverage]]:
        for path, sentence in survey.broken_files.items():
            yield path.name, not_read(Gap(path.name, "corrupt", sentence))
        for kind in self._wanted.kinds:
            count = survey.objects.get(kind.resource, 0)
            if kind.resource in survey.broken_resources:
                gap = self._wanted.gap(kind, "corrupt", survey.broken_resources[kind.resource])
                yield kind.resource, not_read(gap, count)
            elif count:
                yield kind.resource, read_whole(kind.resource, count)
            else:
                yield kind.resource, not_read(self._absent(kind))

    def _absent(self, kind: WorkloadKind) -> Gap:
        """A kind without an object.

        Kinds that every cluster has, and those that the configuration names, must be there or be excused by
        `may_be_missing`. The rest (custom resources that we only know of, and kinds that few use) are excused:
        nobody would ever have a whole dump otherwise.
        """
        command = f"kubectl get {kind.plural}{'.' + kind.group if kind.group else ''} -A -o json"
        add = f"add `{command} > {kind.plural}.json`"
        if kind.origin != "configured" and kind.kind not in EXPECTED_IN_DUMPS:
            return Gap(
                kind.resource, "missing", f"no {kind.kind} is in the dump; if there are any: {add}", excused=True
            )
        words = (
            f"no {kind.kind} is in the dump {self._path}, and a dump cannot tell whether the cluster has none or"
            f" it was not asked: {add}, or name {kind.resource!r} in `may_be_missing`"
        )
        return self._wanted.gap(kind, "missing", words)

    def _nodes_coverage(self, survey: _Survey) -> Coverage:
        count = survey.objects.get(NODES, 0)
        if count:
            return read_whole(NODES, count)
        words = f"no Node is in the dump {self._path}, so platforms stay unknown: add `{DUMP_NODES}`"
        return not_read(Gap(NODES, "missing", words, excused=True))

    def _sentence(self, path: Path, error: BadDocument) -> str:
        return (
            f"cluster {self.cluster}: the dump {path} cannot be read whole: {error}; make it again with"
            f" `{DUMP_WORKLOADS}` (nodes: `{DUMP_NODES}`)"
        )

    def _resource_of(self, item: dict[str, Any]) -> tuple[str | None, WorkloadKind | None]:
        """The resource and kind of an object; the version is not looked at, a dump has what the cluster prefers."""
        name, version = item.get("kind"), str(item.get("apiVersion", ""))
        if not isinstance(item.get("metadata"), dict) or not isinstance(name, str):
            return None, None
        group = version.partition("/")[0] if "/" in version else ""
        if name == "Node" and not group:
            return NODES, None
        kind = self._by_kind.get((group, name))
        return (kind.resource if kind else None), kind


def _is_new(item: dict[str, Any], seen: set[int]) -> bool:
    """Whether this object was not met yet, by its uid (or by its name, in files written by hand)."""
    metadata = item["metadata"]
    known_by = metadata.get("uid") or (item["kind"], metadata.get("namespace"), metadata.get("name"))
    mark = hash(str(known_by))
    if mark in seen:
        return False
    seen.add(mark)
    return True


def _name_of(item: dict[str, Any]) -> str:
    return str(item["metadata"].get("name", ""))

"""Which objects of a cluster are to be changed, which follow by themselves, and which somebody else writes.

A pod follows its Deployment. What is left over of an older revision (a ReplicaSet kept for rollback, a finished job)
is counted and not touched. An owner that is not among the objects that we read is an operator's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from registry_core.cutover_entries import Names, Workload
from registry_core.cutover_managers import operator_of
from registry_core.cutover_objects import OldNames, Pointing, read_pointing
from registry_core.globs import Matcher
from registry_core.service_accounts import ServiceAccounts
from registry_core.workload_kinds import PODS, WorkloadKind
from registry_core.workloads import Surroundings, image_uses

_LONGEST_CHAIN = 12


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a cluster is looked at."""

    cluster: str
    old: OldNames
    namespaces: Matcher


@dataclass(frozen=True, slots=True)
class Found:
    """What of a cluster points at the old registry. `running` has digests that nodes told, by uid and image text."""

    pointing: tuple[Pointing, ...]  #: to be changed, here or by their manager; by namespace, kind and name
    followers: int = 0  #: objects that change with what owns them
    leftovers: tuple[Workload, ...] = ()  #: of older revisions, and finished: they keep the old image
    running: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    with_pods: frozenset[str] = frozenset()  #: uids of those that have pods now
    accounts: ServiceAccounts = field(default_factory=ServiceAccounts)


class _Known(NamedTuple):
    workload: Workload
    owner: str | None  #: uid (or key) of what owns it
    owner_kind: str
    owner_name: str
    built_in: bool


class ClusterSurvey:
    """Learns every object of a cluster, in any order, and then tells what was found."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._known: dict[str, _Known] = {}
        self._pointing: dict[str, Pointing] = {}
        self._pods: list[str] = []
        self._digests: dict[str, list[tuple[str, str]]] = {}

    def learn(self, item: Mapping[str, Any], kind: WorkloadKind) -> None:
        """Take in one object; what is malformed in it is left out."""
        metadata = item.get("metadata")
        if not isinstance(metadata, Mapping):
            return
        namespace, name = str(metadata.get("namespace") or ""), str(metadata.get("name") or "")
        own = str(metadata.get("uid") or _key(namespace, kind.kind, name))
        owner = _owner(metadata)
        pointing = None
        if self._scope.namespaces.matches(namespace):
            pointing = read_pointing(item, kind, self._scope.cluster, self._scope.old)
        workload = pointing.workload if pointing else _light(self._scope.cluster, kind, namespace, name, own)
        self._known[own] = _Known(workload, *owner, kind.origin == "built-in")
        if pointing is not None:
            self._pointing[own] = pointing
        if kind.resource == PODS:
            self._pods.append(own)
            if pointing is not None:
                self._digests[own] = [
                    (use.reference, use.status_digest)
                    for use in image_uses(item, kind, Surroundings(self._scope.cluster))
                    if use.status_digest
                ]

    def start_over(self, resource: str) -> None:
        """Forget all objects of a resource: its list begins anew."""
        void = {own for own, known in self._known.items() if known.workload.resource == resource}
        self._pods = [pod for pod in self._pods if pod not in void]
        for learned in (self._known, self._pointing, self._digests):
            for own in void:
                learned.pop(own, None)

    def found(self) -> Found:
        """After the last object."""
        chosen: list[Pointing] = []
        leftovers: list[Workload] = []
        followers = 0
        alike: set[tuple[str, str, Names]] = set()
        for own, pointing in sorted(self._pointing.items(), key=lambda pair: _order(pair[1].workload)):
            verdict = self._judge(own, pointing)
            if isinstance(verdict, Pointing) and not self._is_alike(own, verdict, alike):
                chosen.append(verdict)
            elif verdict == "leftover":
                leftovers.append(pointing.workload)
            else:
                followers += 1
        return Found(
            pointing=tuple(chosen),
            followers=followers,
            leftovers=tuple(leftovers),
            running=self._running(),
            with_pods=frozenset(top for pod in self._pods for top in self._chain(pod)),
        )

    def _judge(self, own: str, pointing: Pointing) -> Pointing | str:
        above = list(self._chain(own))[1:]
        if any(one in self._pointing for one in above):
            return "follower"
        if pointing.finished:
            return "leftover"
        top = self._known[above[-1] if above else own]
        if top.owner is not None:  # its owner is of a kind that we do not read
            if above and self._known[own].built_in and top.built_in:
                return "leftover"
            operator = operator_of(top.owner_kind, top.owner_name, pointing.workload.namespace)
            return replace(pointing, manager=operator)
        if above:
            if top.built_in:
                return "leftover"
            maker = operator_of(top.workload.kind, top.workload.name, pointing.workload.namespace)
            return replace(pointing, manager=maker)
        return pointing

    def _is_alike(self, own: str, pointing: Pointing, alike: set[tuple[str, str, Names]]) -> bool:
        """Whether a pod of the same maker with the same images was told already: one line is enough for all."""
        owner = self._known[own].owner
        if pointing.workload.kind != "Pod" or owner is None:
            return False
        key = (pointing.workload.namespace, owner, tuple(image.text for image in pointing.images))
        if key in alike:
            return True
        alike.add(key)
        return False

    def _chain(self, own: str) -> Iterator[str]:
        """An object and what owns it, upwards, as far as it is known."""
        seen: set[str] = set()
        current: str | None = own
        while current is not None and current in self._known and current not in seen and len(seen) < _LONGEST_CHAIN:
            seen.add(current)
            yield current
            current = self._known[current].owner

    def _running(self) -> dict[tuple[str, str], frozenset[str]]:
        found: dict[tuple[str, str], set[str]] = {}
        for pod, digests in self._digests.items():
            for one in self._chain(pod):
                for text, digest in digests:
                    found.setdefault((self._known[one].workload.uid, text), set()).add(digest)
        return {key: frozenset(digests) for key, digests in found.items()}


def _light(cluster: str, kind: WorkloadKind, namespace: str, name: str, own: str) -> Workload:
    return Workload(cluster=cluster, resource=kind.resource, kind=kind.kind, namespace=namespace, name=name, uid=own)


def _owner(metadata: Mapping[str, Any]) -> tuple[str | None, str, str]:
    """(uid, kind, name) of what manages an object: the owner marked `controller`, else the first. A node is none."""
    written = metadata.get("ownerReferences")
    references = [one for one in written if isinstance(one, Mapping)] if isinstance(written, list) else []
    if not references:
        return None, "", ""
    chosen = next((one for one in references if one.get("controller")), references[0])
    kind, name = str(chosen.get("kind") or ""), str(chosen.get("name") or "")
    if not kind or kind == "Node":
        return None, "", ""
    return str(chosen.get("uid") or _key(str(metadata.get("namespace") or ""), kind, name)), kind, name


def _key(namespace: str, kind: str, name: str) -> str:
    """For objects written by hand, which have no uid."""
    return f"{namespace}/{kind}/{name}"


def _order(workload: Workload) -> tuple[str, str, str]:
    return workload.namespace, workload.name, workload.kind

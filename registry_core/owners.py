"""Who owns whom: a pod belongs to a ReplicaSet, that to a Deployment, and a person knows the Deployment.

A flat map from an owned object to its owner, so that the chains of 50,000 pods cost a look-up each. What has
no owner is not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from sys import intern
from typing import Any, NamedTuple

#: Chains are four long in practice (Knative: pod, ReplicaSet, Deployment, Revision, Configuration, Service: six).
_LONGEST_CHAIN = 12

#: Static pods are "owned" by the node they run on: that is a place, not a workload.
_NOT_WORKLOADS = frozenset({"Node"})


class Owner(NamedTuple):
    kind: str
    name: str


class _Link(NamedTuple):
    kind: str
    name: str
    key: str


class Owners:
    """Learn every object before asking for the top of a chain that leads over it."""

    def __init__(self) -> None:
        self._above: dict[str, _Link] = {}

    def learn(self, item: Mapping[str, Any], kind: str) -> None:
        """Remember the owner of `item`, if it has one."""
        metadata = _mapping(item.get("metadata"))
        link = _controller(metadata)
        if link is not None:
            name, namespace = str(metadata.get("name", "")), str(metadata.get("namespace", ""))
            self._above[str(metadata.get("uid") or _key(namespace, kind, name))] = link

    def top_of(self, metadata: Mapping[str, Any], kind: str) -> Owner:
        """The top of the owner chain of an object; itself where nothing owns it."""
        link = _controller(metadata)
        if link is None:
            return Owner(kind, str(metadata.get("name", "")))
        for _ in range(_LONGEST_CHAIN):
            above = self._above.get(link.key)
            if above is None:
                break
            link = above
        return Owner(link.kind, link.name)

    def __len__(self) -> int:
        return len(self._above)


def _controller(metadata: Mapping[str, Any]) -> _Link | None:
    """The owner that manages the object: the one marked `controller`, else the first."""
    written = metadata.get("ownerReferences")
    references = [one for one in written if isinstance(one, Mapping)] if isinstance(written, list) else []
    if not references:
        return None
    chosen = next((one for one in references if one.get("controller")), references[0])
    kind, name = intern(str(chosen.get("kind", ""))), str(chosen.get("name", ""))
    if not kind or kind in _NOT_WORKLOADS:
        return None
    return _Link(kind, name, str(chosen.get("uid") or "") or _key(str(metadata.get("namespace", "")), kind, name))


def _key(namespace: str, kind: str, name: str) -> str:
    """For objects written by hand, which have no uid."""
    return f"{namespace}/{kind}/{name}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

"""From one Kubernetes object to its rows of the inventory: every place where it names an image.

Objects are dicts as the API and `kubectl -o json` write them. What is malformed inside an object is left out
without harm to the rest of it; an object is never the reason that a snapshot fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from registry_core.errors import InvalidReference
from registry_core.image_paths import pull_secret_names
from registry_core.inventory import ContainerKind, ImageUse
from registry_core.owners import Owner, Owners
from registry_core.pod_statuses import PodStatus, SeenByRuntime, text_of, time_of
from registry_core.references import Reference, host_of
from registry_core.workload_kinds import PODS, WorkloadKind

_CONTAINERS: tuple[tuple[str, ContainerKind], ...] = (
    ("initContainers", "init"),
    ("containers", "container"),
    ("ephemeralContainers", "ephemeral"),
)

#: Begins `invalid` of a text that a controller fills in later (`{{inputs.parameters.image}}`): not a mistake.
TEMPLATE_TEXT = "a template that is filled in when it runs, not a reference"

#: Longer than any valid reference; an index over a longer one would be refused by PostgreSQL.
LONGEST_REFERENCE = 1_000


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What must be known of a cluster to make its rows."""

    cluster: str
    platforms: Mapping[str, str] = field(default_factory=dict)  #: `linux/amd64` by name of node
    owners: Owners = field(default_factory=Owners)


class _Holder(NamedTuple):
    """The object whose rows are made."""

    cluster: str
    resource: str
    namespace: str
    kind: str
    name: str
    owner: Owner
    created: datetime | None
    node: str | None
    platform: str | None
    replicas: int | None


class _Place(NamedTuple):
    """One place in it."""

    container: str
    kind: ContainerKind
    path: str


def image_uses(item: Mapping[str, Any], kind: WorkloadKind, around: Surroundings) -> list[ImageUse]:
    """The rows of one object of `kind`, in the order in which it names images."""
    metadata = item.get("metadata")
    if not isinstance(metadata, Mapping):
        return []
    spec = item.get("spec")
    node = text_of(spec.get("nodeName")) if kind.resource == PODS and isinstance(spec, Mapping) else None
    holder = _Holder(
        around.cluster,
        kind.resource,
        str(metadata.get("namespace") or ""),
        kind.kind,
        str(metadata.get("name") or ""),
        around.owners.top_of(metadata, kind.kind),
        time_of(metadata.get("creationTimestamp")),
        node,
        around.platforms.get(node) if node else None,
        _replicas(item, kind),
    )
    if kind.image_paths:
        return list(_custom_uses(item, kind, holder))
    pod_spec: Any = item
    for key in kind.pod_spec:
        pod_spec = pod_spec.get(key) if isinstance(pod_spec, Mapping) else None
    if not isinstance(pod_spec, Mapping):
        return []
    status = PodStatus(item) if kind.resource == PODS else None
    return list(_pod_spec_uses(pod_spec, "." + ".".join(kind.pod_spec), status, holder))


def platform_of_node(node: Mapping[str, Any]) -> str | None:
    """`linux/amd64` from what the kubelet reports, else from its labels; None where neither tells."""
    info = _inside(_inside(node, "status"), "nodeInfo")
    labels = _inside(_inside(node, "metadata"), "labels")
    system = info.get("operatingSystem") or labels.get("kubernetes.io/os")
    architecture = info.get("architecture") or labels.get("kubernetes.io/arch")
    return f"{system}/{architecture}" if system and architecture else None


def _inside(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = value.get(key)
    return inner if isinstance(inner, Mapping) else {}


def _pod_spec_uses(
    spec: Mapping[str, Any], place: str, status: PodStatus | None, holder: _Holder
) -> Iterator[ImageUse]:
    secrets = pull_secret_names(spec)
    template = SeenByRuntime("template", since=holder.created)
    for name, container_kind in _CONTAINERS:
        containers = spec.get(name)
        if not isinstance(containers, list):
            continue
        for position, container in enumerate(containers):
            text = container.get("image") if isinstance(container, Mapping) else None
            if not isinstance(text, str) or not text:
                continue
            called = str(container.get("name") or "")
            seen = status.of_container(name, called) if status else template
            at = _Place(called, container_kind, f"{place}.{name}[{position}].image")
            yield _use(holder, at, text, seen, secrets)
    volumes = spec.get("volumes")
    for position, volume in enumerate(volumes if isinstance(volumes, list) else ()):
        image = volume.get("image") if isinstance(volume, Mapping) else None
        text = image.get("reference") if isinstance(image, Mapping) else None
        if not isinstance(text, str) or not text:
            continue
        called = str(volume.get("name") or "")
        seen = status.of_volume(called) if status else template
        at = _Place(called, "volume", f"{place}.volumes[{position}].image.reference")
        yield _use(holder, at, text, seen, secrets)


def _custom_uses(item: Mapping[str, Any], kind: WorkloadKind, holder: _Holder) -> Iterator[ImageUse]:
    template = SeenByRuntime("template", since=holder.created)
    for path in kind.image_paths:
        for found in path.find(item):
            at = _Place(path.written, "custom", found.path)
            yield _use(holder, at, found.text, template, found.pull_secrets)


def _use(holder: _Holder, at: _Place, text: str, seen: SeenByRuntime, secrets: tuple[str, ...]) -> ImageUse:
    written = text_of(text, LONGEST_REFERENCE) or ""
    parts = _take_apart(written)
    return ImageUse(
        holder.cluster,
        holder.resource,
        holder.namespace,
        holder.kind,
        holder.name,
        holder.owner.kind,
        holder.owner.name,
        at.container,
        at.kind,
        at.path,
        written,
        parts.registry,
        parts.repository,
        parts.tag,
        parts.digest,
        parts.invalid,
        seen.image,
        seen.digest,
        seen.repository,
        seen.state,
        seen.reason,
        seen.message,
        seen.since,
        holder.node,
        holder.platform,
        secrets,
        holder.replicas,
    )


class _Parts(NamedTuple):
    registry: str | None
    repository: str | None = None
    tag: str | None = None
    digest: str | None = None
    invalid: str | None = None


@lru_cache(maxsize=1 << 14)
def _take_apart(written: str) -> _Parts:
    """Trap: the registry of an invalid text is a best guess, so that its finding reaches somebody."""
    if "{{" in written:
        return _Parts(host_of(written.partition("{{")[0] + "x"), invalid=TEMPLATE_TEXT)
    try:
        reference = Reference.parse(written).with_default_tag()
    except InvalidReference as error:
        return _Parts(host_of(written), invalid=text_of(str(error)))
    return _Parts(reference.registry, reference.repository, reference.tag, reference.digest)


def _replicas(item: Mapping[str, Any], kind: WorkloadKind) -> int | None:
    """How many the workload wishes for; 0 also for a suspended job. None for pods and where it does not say."""
    spec = item.get("spec")
    if not isinstance(spec, Mapping) or kind.resource == PODS:
        return None
    if spec.get("suspend") is True:
        return 0
    if kind.kind == "DaemonSet":
        status = item.get("status")
        wished = status.get("desiredNumberScheduled") if isinstance(status, Mapping) else None
    elif kind.kind == "Job":
        wished = spec.get("parallelism")
    else:
        wished = spec.get("replicas")
    return wished if isinstance(wished, int) else None

"""From one Kubernetes object to what a cut-over must know of it: its images of the old registry, and where they stand.

The inventory's own reading (`workloads.image_uses`) finds the images, so that a cut-over finds what the inventory
shows, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from registry_core.cutover_entries import Manager, Names, Workload
from registry_core.cutover_managers import manager_of
from registry_core.cutover_rollout import trouble_now
from registry_core.image_paths import pull_secret_names
from registry_core.inventory import ImageUse
from registry_core.json_places import ABSENT, Place, place_of, value_at
from registry_core.registry_directory import RegistryNames
from registry_core.service_accounts import account_of
from registry_core.workload_kinds import WorkloadKind
from registry_core.workloads import Surroundings, image_uses

_INSTANCE = "app.kubernetes.io/instance"
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

#: Keys below which a pod's spec lists what names images; `sidecarContainers` is of the Summerwind runners.
_LISTS = frozenset({"containers", "initContainers", "ephemeralContainers", "sidecarContainers", "volumes"})

#: Labels of nodes by which a workload says on which platform it runs.
PLATFORM_LABELS = ("kubernetes.io/os", "kubernetes.io/arch")


@dataclass(frozen=True, slots=True, kw_only=True)
class OldImage:
    """One image text that names the old registry. `repository` is None where the text is no reference (`invalid`)."""

    place: Place
    container: str
    text: str  #: as written
    repository: str | None  #: in the old registry
    tag: str | None
    digest: str | None
    invalid: str | None
    before: Names = ()  #: names of the containers that stand before it in its list


@dataclass(frozen=True, slots=True)
class SecretPlace:
    """A pod's spec inside an object, and what its `imagePullSecrets` name; None where there is no such list."""

    place: Place
    names: Names | None
    account: str = "default"  #: service account of its pods


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointing:
    """An object that names images of the old registry."""

    workload: Workload
    images: tuple[OldImage, ...]
    pod_specs: tuple[SecretPlace, ...]  #: above those images
    without_pod_spec: tuple[str, ...] = ()  #: paths of images of which nobody knows where their pull secrets stand
    manager: Manager | None = None
    selector: Mapping[str, str] = field(default_factory=dict)  #: of PLATFORM_LABELS, as its pods ask for nodes
    applied: bool = False  #: written by `kubectl apply`, so that the old file would bring the old image back
    finished: bool = False  #: a job or pod that is over
    trouble: str | None = None  #: what it lacks already, before anything is changed
    others: tuple[str, ...] = ()  #: its images of other registries
    instance: str | None = None  #: `app.kubernetes.io/instance`, by which older Argo CD knows its objects


@dataclass(frozen=True, slots=True)
class OldNames:
    """Which references name the old registry. What is written with a host of `destination` has arrived, also where it
    is a proxy's name for an image of the old one."""

    names: RegistryNames
    destination: str | None = None  #: name of the configured registry that workloads are pointed at

    def repositories(self, use: ImageUse) -> tuple[str | None, ...]:
        """What `use` names of the old registry, the original last; (None,) for a text that is no reference and has its
        host, nothing for an image of another registry."""
        if use.registry is None:
            return ()
        if self.destination is not None and self.names.directory.registry_of(use.registry) == self.destination:
            return ()
        if use.repository is None:
            return (None,) if self.names.owns_host(use.registry) else ()
        return self.names.repositories(use.registry, use.repository)


def read_pointing(item: Mapping[str, Any], kind: WorkloadKind, cluster: str, old: OldNames) -> Pointing | None:
    """What of an object names images of the old registry where it can be changed; None for nothing."""
    found: list[OldImage] = []
    others: list[str] = []
    for use in image_uses(item, kind, Surroundings(cluster)):
        repositories = old.repositories(use)
        if not repositories:
            others.append(use.reference)
        place = place_of(item, use.path) if repositories else None
        if place is not None and place[0] != "status" and use.container_kind != "ephemeral":
            found.append(
                OldImage(
                    place=place,
                    container=use.container,
                    text=use.reference,
                    repository=repositories[-1],
                    tag=use.tag,
                    digest=use.digest,
                    invalid=use.invalid,
                    before=_before(item, place),
                )
            )
    if not found:
        return None
    specs: dict[Place, SecretPlace] = {}
    unknown: list[str] = []
    for image in found:
        spec = _pod_spec_of(item, image.place, kind)
        if spec is None:
            unknown.append(image.container)
        else:
            found_spec = value_at(item, spec)
            specs[spec] = SecretPlace(spec, _names(found_spec), account_of(_mapping(found_spec)))
    metadata = _mapping(item.get("metadata"))
    return Pointing(
        workload=workload_of(item, kind, cluster),
        images=tuple(found),
        pod_specs=tuple(specs.values()),
        without_pod_spec=tuple(dict.fromkeys(unknown)),
        others=tuple(dict.fromkeys(others)),
        manager=manager_of(item),
        selector=_platform_selector(item, specs),
        applied=_APPLIED in _mapping(metadata.get("annotations")),
        trouble=trouble_now(item, kind.kind),
        instance=_text(_mapping(metadata.get("labels")).get(_INSTANCE)),
        finished=_is_finished(_mapping(item.get("status")), kind),
    )


def workload_of(item: Mapping[str, Any], kind: WorkloadKind, cluster: str) -> Workload:
    """The names of an object."""
    metadata = _mapping(item.get("metadata"))
    return Workload(
        cluster=cluster,
        resource=kind.resource,
        kind=kind.kind,
        namespace=str(metadata.get("namespace") or ""),
        name=str(metadata.get("name") or ""),
        uid=str(metadata.get("uid") or ""),
    )


def _is_finished(status: Mapping[str, Any], kind: WorkloadKind) -> bool:
    if kind.kind == "Job":
        ended = ("Complete", "Failed")
        conditions = [one for one in status.get("conditions") or () if isinstance(one, Mapping)]
        return any(one.get("type") in ended and one.get("status") == "True" for one in conditions)
    return kind.kind == "Pod" and status.get("phase") in ("Succeeded", "Failed")


def _pod_spec_of(item: Mapping[str, Any], place: Place, kind: WorkloadKind) -> Place | None:
    """The pod's spec above an image: where its kind has it, else what holds the list of containers it stands in,
    else the nearest object above it that has `imagePullSecrets`."""
    if kind.pod_spec:
        return kind.pod_spec
    for position, step in enumerate(place[:-1]):
        if step in _LISTS and isinstance(place[position + 1], int):
            return place[:position]
    for length in range(len(place) - 1, 0, -1):
        if isinstance(value_at(item, (*place[:length], "imagePullSecrets")), list):
            return place[:length]
    return None


def _before(item: Mapping[str, Any], place: Place) -> Names:
    """Names of the containers before this one in its list; nothing for an image elsewhere."""
    if len(place) < 3 or place[-3] not in ("containers", "initContainers"):
        return ()
    position, listed = place[-2], value_at(item, place[:-2])
    if not isinstance(position, int) or not isinstance(listed, list):
        return ()
    return tuple(str(_mapping(one).get("name") or "") for one in listed[:position])


def _names(spec: Any) -> Names | None:
    if value_at(spec, ("imagePullSecrets",)) in (ABSENT, None):
        return None
    return pull_secret_names(_mapping(spec))


def _platform_selector(item: Mapping[str, Any], specs: Mapping[Place, SecretPlace]) -> dict[str, str]:
    """What all its pod specs ask of a node's platform; nothing where they do not agree."""
    asked = []
    for place in specs:
        selector = _mapping(_mapping(value_at(item, place)).get("nodeSelector"))
        asked.append({label: str(selector[label]) for label in PLATFORM_LABELS if label in selector})
    return asked[0] if asked and all(one == asked[0] for one in asked) else {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None

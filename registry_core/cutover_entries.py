"""The lines of a cut-over plan: what changes in which workload, what must be changed elsewhere, what cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry_core.json_places import Place, print_place

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One object of one cluster, by all that names it."""

    cluster: str
    resource: str  #: `apps/v1 deployments`
    kind: str
    namespace: str  #: empty for an object of the whole cluster
    name: str
    uid: str  #: empty for an object of a dump that was written by hand

    @property
    def api_version(self) -> str:
        return self.resource.partition(" ")[0]

    @property
    def plural(self) -> str:
        return self.resource.partition(" ")[2]

    @property
    def group(self) -> str:
        """`apps`; empty for the core group."""
        group, slash, _ = self.api_version.partition("/")
        return group if slash else ""

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.cluster} {where} ({self.kind})"

    def to_json(self) -> dict[str, Any]:
        return {
            "cluster": self.cluster,
            "resource": self.resource,
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "uid": self.uid,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Workload:
        return cls(**{key: _text(value[key]) for key in cls.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageChange:
    """One image text of an object, as it is and as it is to be. `digest` is what the new text is served as. `before`:
    names of the containers that stand before it in its list, which is how a merge by name keeps their order."""

    place: Place
    container: str  #: name of the container or volume; for custom resources the path
    old: str
    new: str
    repository: str  #: at the destination
    digest: str
    before: Names = ()

    @property
    def path(self) -> str:
        return print_place(self.place)

    def to_json(self) -> dict[str, Any]:
        return {
            "place": list(self.place),
            "container": self.container,
            "old": self.old,
            "new": self.new,
            "repository": self.repository,
            "digest": self.digest,
            **({"before": list(self.before)} if self.before else {}),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ImageChange:
        texts = {key: _text(value[key]) for key in ("container", "old", "new", "repository", "digest")}
        return cls(place=tuple(value["place"]), before=tuple(map(_text, value.get("before", ()))), **texts)


@dataclass(frozen=True, slots=True)
class SecretChange:
    """`imagePullSecrets` of one pod spec inside an object. `before` None: there is no such list."""

    place: Place  #: of the pod's spec: `("spec", "template", "spec")`
    before: Names | None
    after: Names

    @property
    def added(self) -> Names:
        return tuple(name for name in self.after if name not in (self.before or ()))

    def to_json(self) -> dict[str, Any]:
        return {
            "place": list(self.place),
            "before": None if self.before is None else list(self.before),
            "after": list(self.after),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> SecretChange:
        before = value["before"]
        return cls(tuple(value["place"]), None if before is None else tuple(before), tuple(value["after"]))


@dataclass(frozen=True, slots=True)
class Entry:
    """A workload that the cut-over job patches.

    `platforms` are those that its images must be served for. `runs_pods`: whether pods of it ran when the plan was
    made, which is how a custom resource tells that there is a rollout to watch.
    """

    workload: Workload
    images: tuple[ImageChange, ...]
    secrets: tuple[SecretChange, ...] = ()
    platforms: Names = ()
    runs_pods: bool = False
    notes: Names = ()  #: what a person should know before approving, in sentences

    def to_json(self) -> dict[str, Any]:
        return {
            **self.workload.to_json(),
            "images": [change.to_json() for change in self.images],
            "secrets": [change.to_json() for change in self.secrets],
            "platforms": list(self.platforms),
            "runs_pods": self.runs_pods,
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Entry:
        return cls(
            workload=Workload.from_json(value),
            images=tuple(ImageChange.from_json(one) for one in value["images"]),
            secrets=tuple(SecretChange.from_json(one) for one in value["secrets"]),
            platforms=tuple(value["platforms"]),
            runs_pods=bool(value["runs_pods"]),
            notes=tuple(value["notes"]),
        )


@dataclass(frozen=True, slots=True)
class PullSecret:
    """A pull secret that has to be there before workloads of a namespace are changed. Its content is never here."""

    cluster: str
    namespace: str
    name: str
    host: str  #: the registry that it signs in to

    def to_json(self) -> dict[str, Any]:
        return {"cluster": self.cluster, "namespace": self.namespace, "name": self.name, "host": self.host}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> PullSecret:
        return cls(*(_text(value[key]) for key in ("cluster", "namespace", "name", "host")))


@dataclass(frozen=True, slots=True)
class Manager:
    """Who would undo a patch, and how that is known."""

    name: str  #: `Helm`, `Argo CD`, `Flux`, or the kind of an owner
    of: str  #: release, application, kustomization, or the owner's name
    evidence: str  #: `annotation meta.helm.sh/release-name: shop`
    where: str  #: what a person changes, in words

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "of": self.of, "evidence": self.evidence, "where": self.where}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Manager:
        return cls(*(_text(value[key]) for key in ("name", "of", "evidence", "where")))


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A workload that somebody else writes: the lines to change there."""

    workload: Workload
    manager: Manager
    images: tuple[ImageChange, ...]
    secrets: tuple[SecretChange, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            **self.workload.to_json(),
            "manager": self.manager.to_json(),
            "images": [change.to_json() for change in self.images],
            "secrets": [change.to_json() for change in self.secrets],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Elsewhere:
        return cls(
            workload=Workload.from_json(value),
            manager=Manager.from_json(value["manager"]),
            images=tuple(ImageChange.from_json(one) for one in value["images"]),
            secrets=tuple(SecretChange.from_json(one) for one in value["secrets"]),
        )


@dataclass(frozen=True, slots=True)
class Left:
    """A workload that points at the old registry and stays so by this plan: why, and which images."""

    workload: Workload
    images: Names
    why: str

    def to_json(self) -> dict[str, Any]:
        return {**self.workload.to_json(), "images": list(self.images), "why": self.why}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Left:
        return cls(Workload.from_json(value), tuple(value["images"]), _text(value["why"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text stands where {value!r} is")
    return value

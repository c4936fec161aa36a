"""The inventory: a snapshot of every image reference of every workload of a cluster.

A row is one place where an image is named: a container of a Deployment's template, a container of a running
pod with what its status says, an image volume, a field of a custom resource. Workload and pod rows both stand:
the template says what will be pulled next, the pod says what runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

ContainerKind = Literal["container", "init", "ephemeral", "volume", "custom"]
State = Literal["running", "waiting", "terminated", "template", "unknown"]
"""`template`: the row is a workload's wish, not a running thing; `unknown`: a pod without a status."""


@dataclass(frozen=True, slots=True)
class ImageUse:
    """One image reference of one workload, and where it was found.

    `registry`, `repository`, `tag` and `digest` are `reference` taken apart with Docker Hub's defaults
    (`docker.io/library/…`), `tag` being `latest` where neither tag nor digest was written; all four are None
    where the text is no reference (`invalid` then says why). `status_*` is what the runtime reported and may
    name another tag or repository than was asked for (design §8).
    """

    cluster: str
    resource: str  #: what was listed to find it, the place of its coverage: `v1 pods`, `apps/v1 deployments`
    namespace: str
    kind: str  #: of the object that holds the reference: `Pod`, `Deployment`, `RunnerDeployment`
    name: str
    owner_kind: str  #: the top of the owner chain (`Deployment` for a pod of its ReplicaSet), else the object
    owner_name: str
    container: str  #: name of the container or volume; for custom resources the path
    container_kind: ContainerKind
    path: str  #: where in the object: `.spec.template.spec.containers[0].image`
    reference: str  #: as written
    registry: str | None = None  #: host, with port where written: `registry.example.com:5443`
    repository: str | None = None
    tag: str | None = None
    digest: str | None = None
    invalid: str | None = None
    status_image: str | None = None  #: `containerStatuses[].image` as written
    status_digest: str | None = None  #: digest in `imageID`: of an index, a child, or a config
    status_repository: str | None = None  #: `host/repository` in `imageID`, where it names one
    state: State = "template"
    reason: str | None = None  #: ImagePullBackOff, ErrImagePull, InvalidImageName, Completed, CrashLoopBackOff, …
    message: str | None = None  #: the runtime's words, cut at 1,000 characters
    since: datetime | None = None  #: started (running), finished (terminated), pod created (waiting, template)
    node: str | None = None
    platform: str | None = None  #: of the node: `linux/amd64`
    pull_secrets: tuple[str, ...] = ()
    replicas: int | None = None  #: wished for by the workload: 0 is scaled to zero


#: Columns of the inventory frame: the fields above, in their order, then the two sighting times.
#: `pull_secrets` is one text, names joined by a comma.
INVENTORY_COLUMNS = (
    "cluster", "resource", "namespace", "kind", "name", "owner_kind", "owner_name", "container",
    "container_kind", "path", "reference", "registry", "repository", "tag", "digest", "invalid",
    "status_image", "status_digest", "status_repository", "state", "reason", "message", "since", "node",
    "platform", "pull_secrets", "replicas", "first_seen_at", "last_seen_at",
)  # fmt: skip

#: What makes two sightings the same thing seen twice; the rest may change while it lives.
INVENTORY_KEY = (
    "cluster", "resource", "namespace", "kind", "name", "container", "container_kind", "path",
    "reference", "status_digest",
)  # fmt: skip

#: Waiting reasons that mean that an image could not be pulled (kubelet `pkg/kubelet/images/types.go`).
PULL_ERRORS = (
    "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError",
    "RegistryUnavailable", "SignatureValidationFailed",
)  # fmt: skip

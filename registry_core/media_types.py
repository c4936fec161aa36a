"""Media types of manifests, configs and layers, and what may be concluded from one.

Sources: OCI image specification 1.1 "media-types"; distribution `manifest/schema1`, `schema2`, `manifestlist`.
"""

from __future__ import annotations

from typing import Literal

DOCKER_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
DOCKER_SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
ARTIFACT_MANIFEST = "application/vnd.oci.artifact.manifest.v1+json"
ORAS_MANIFEST = "application/vnd.cncf.oras.artifact.manifest.v1+json"

DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"

_INDEXES = frozenset({DOCKER_LIST, OCI_INDEX})
_SCHEMA1 = frozenset({DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED})
_ARTIFACTS = frozenset({ARTIFACT_MANIFEST, ORAS_MANIFEST})
_MANIFESTS = _INDEXES | _SCHEMA1 | _ARTIFACTS | {DOCKER_MANIFEST, OCI_MANIFEST}
_CONFIGS = frozenset({DOCKER_CONFIG, OCI_CONFIG})
#: How the type of Docker's layers begins that no registry is asked to keep.
DOCKER_FOREIGN = "application/vnd.docker.image.rootfs.foreign."

#: What an index may list beside manifests, known by the beginning of its type: layers and configs. BuildKit's cache
#: index (`cache-to type=registry`) lists nothing else.
_BLOBS = (
    "application/vnd.oci.image.layer.",
    "application/vnd.docker.image.rootfs.",
    "application/vnd.buildkit.cacheconfig.",
    DOCKER_CONFIG,
    OCI_CONFIG,
    OCI_EMPTY,
)

ListedKind = Literal["manifest", "blob", "unknown"]
"""What an entry of an index is, by the `mediaType` of its descriptor.

manifest  one of the manifest types: it is read under `/manifests/`
blob      a type of layers or configs: it is asked for, and copied, under `/blobs/`
unknown   no type, or one that we do not know: only the registry can say; a blob, unless it proves to be a manifest
"""

#: The value of `Accept` for every HEAD and GET of a manifest. Without the index types, distribution answers a
#: multi-platform tag with a *child's* digest; with schema1 among them, 2.8 may invent a manifest that was never
#: pushed. Schema1 images are still answered, by registries that hold them, whatever is asked.
MANIFEST_ACCEPT = ", ".join((DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX, ARTIFACT_MANIFEST))

_NAMES = {
    DOCKER_SCHEMA1: "Docker image (schema 1)",
    DOCKER_SCHEMA1_SIGNED: "Docker image (schema 1, signed)",
    DOCKER_MANIFEST: "Docker image",
    DOCKER_LIST: "Docker manifest list",
    OCI_MANIFEST: "OCI image",
    OCI_INDEX: "OCI index",
    ARTIFACT_MANIFEST: "OCI artifact",
    ORAS_MANIFEST: "ORAS artifact",
    DOCKER_CONFIG: "Docker image config",
    OCI_CONFIG: "OCI image config",
    OCI_EMPTY: "empty config",
}


def without_parameters(content_type: str | None) -> str:
    """The media type of a `Content-Type` header: `; charset=…` cut off, lower case; empty for none."""
    return content_type.partition(";")[0].strip().lower() if content_type else ""


def is_index(media_type: str) -> bool:
    """Whether it lists other manifests: an OCI index or a Docker manifest list."""
    return media_type in _INDEXES


def is_schema1(media_type: str) -> bool:
    """Whether it is Docker's first format, which has no config and no sizes."""
    return media_type in _SCHEMA1


def is_artifact(media_type: str) -> bool:
    """Whether it is a manifest with `blobs` and no config (withdrawn from OCI 1.1, still held by registries)."""
    return media_type in _ARTIFACTS


def is_manifest(media_type: str) -> bool:
    """Whether it is a manifest of a type that we read, an index included."""
    return media_type in _MANIFESTS


def kind_listed(media_type: str) -> ListedKind:
    """What an index lists under this media type, in any case and with any parameters."""
    plain = without_parameters(media_type)
    if plain in _MANIFESTS:
        return "manifest"
    return "blob" if plain.startswith(_BLOBS) else "unknown"


def is_image_config(media_type: str) -> bool:
    """Whether it is the config of something that runs, so that it tells a platform and a date."""
    return media_type in _CONFIGS


def name_of(media_type: str) -> str:
    """What people call it (`OCI index`), or the media type itself."""
    return _NAMES.get(media_type, media_type or "unknown type")

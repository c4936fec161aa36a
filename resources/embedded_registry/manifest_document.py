"""What a manifest names: the blobs and children it cannot live without, and the image it refers to.

An entry of an index is what its media type says: a manifest, a blob, or either where only its content can tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from registry_core.foreign_json import NotJson, read_json
from registry_core.media_types import kind_listed
from resources.embedded_registry.names import is_digest
from resources.embedded_registry.rejections import Rejection

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"

#: Descriptors of blobs, by media type; `manifests` and `subject` are looked for in all of these.
_BLOB_KEYS: Mapping[str, tuple[str, ...]] = {
    OCI_MANIFEST: ("config", "layers"),
    DOCKER_MANIFEST: ("config", "layers"),
    OCI_ARTIFACT: ("blobs",),
    OCI_INDEX: (),
    DOCKER_LIST: (),
}


@dataclass(frozen=True, slots=True)
class Child:
    """One manifest that an index lists."""

    digest: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ManifestDocument:
    """What was read out of a manifest. All empty for a media type we do not know: its bytes are just kept."""

    blobs: tuple[str, ...] = ()  #: config and layers, without those that lie elsewhere by definition
    children: tuple[Child, ...] = ()
    either: tuple[str, ...] = ()  #: listed by an index under no media type that we know: a manifest or a blob
    subject: str | None = None
    artifact_type: str | None = None  #: as the referrers API lists it
    annotations: Mapping[str, str] = field(default_factory=dict)


def read_manifest_document(content: bytes, media_type: str) -> ManifestDocument:
    """Read a manifest of a known type; MANIFEST_INVALID where it is not what its type promises."""
    if media_type not in _BLOB_KEYS:
        return ManifestDocument()
    try:
        document = read_json(content)
    except NotJson as error:
        raise _invalid(media_type, f"it {error}") from error
    if not isinstance(document, dict):
        raise _invalid(media_type, "it is not a JSON object")
    if media_type != OCI_ARTIFACT and document.get("schemaVersion") != 2:
        raise _invalid(media_type, "its schemaVersion is not 2")
    if document.get("mediaType", media_type) != media_type:
        raise _invalid(media_type, "its mediaType field says something else than its Content-Type")
    config = document.get("config")
    if "config" in _BLOB_KEYS[media_type] and config is None:
        raise _invalid(media_type, "it has no config")
    blobs = [
        descriptor["digest"]
        for key in _BLOB_KEYS[media_type]
        for descriptor in _descriptors(document, key, media_type)
        if not _lies_elsewhere(descriptor)
    ]
    children: list[Child] = []
    either: list[str] = []
    for descriptor in _descriptors(document, "manifests", media_type) if media_type in (OCI_INDEX, DOCKER_LIST) else ():
        listed_as = descriptor.get("mediaType")
        kind = kind_listed(listed_as) if isinstance(listed_as, str) else "unknown"
        if kind == "manifest":
            children.append(Child(descriptor["digest"], str(listed_as), descriptor["size"]))
        else:
            (blobs if kind == "blob" else either).append(descriptor["digest"])
    subjects = _descriptors(document, "subject", media_type)
    annotations = document.get("annotations")
    return ManifestDocument(
        blobs=tuple(dict.fromkeys(blobs)),
        children=tuple(children),
        either=tuple(dict.fromkeys(either)),
        subject=subjects[0]["digest"] if subjects else None,
        artifact_type=document.get("artifactType") or (config or {}).get("mediaType"),
        annotations=annotations if isinstance(annotations, dict) else {},
    )


def media_type_within(content: bytes) -> str | None:
    """The `mediaType` field of a manifest that came without a Content-Type."""
    try:
        document = read_json(content)
    except NotJson:
        return None
    found = document.get("mediaType") if isinstance(document, dict) else None
    return found if isinstance(found, str) else None


def _descriptors(document: dict[str, Any], key: str, media_type: str) -> list[dict[str, Any]]:
    value = document.get(key)
    if value is None:
        return []
    descriptors = [value] if key in ("config", "subject") else value
    if not isinstance(descriptors, list):
        raise _invalid(media_type, f"{key} is not a list")
    for descriptor in descriptors:
        if not isinstance(descriptor, dict) or not is_digest(str(descriptor.get("digest"))):
            raise _invalid(media_type, f"{key} holds a descriptor without a valid digest")
        size = descriptor.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise _invalid(media_type, f"{key} holds a descriptor without a valid size")
    return descriptors


def _lies_elsewhere(descriptor: dict[str, Any]) -> bool:
    """Layers that registries are not asked to keep: OCI `nondistributable` and docker `foreign` ones with `urls`."""
    media_type = str(descriptor.get("mediaType"))
    is_foreign = ".layer.nondistributable." in media_type or ".rootfs.foreign." in media_type
    return is_foreign and bool(descriptor.get("urls"))


def _invalid(media_type: str, what: str) -> Rejection:
    return Rejection("MANIFEST_INVALID", f"the manifest of type {media_type} cannot be kept: {what}")

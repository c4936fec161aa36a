"""Manifests: what a body says, whatever a registry holds under that name.

Reading is lenient where a registry may be odd (no `mediaType`, null for a list, an entry without a digest, types
that nobody knows) and strict where nothing can be said: a body that is no JSON object is corrupt. An entry that
holds no digest names nothing that could be stored, so leaving it out loses nothing.

Sources: OCI image specification 1.1 (`manifest.md`, `image-index.md`, `descriptor.md`, `config.md`); distribution
`manifest/schema1`; buildkit `docs/attestations/attestation-storage.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from registry_core import media_types as types
from registry_core.catalog import ManifestFacts
from registry_core.foreign_json import (
    LARGEST_SIZE,
    NotJson,
    digest_in,
    entries_of,
    is_address,
    media_type_in,
    read_json,
    read_object,
    short_text,
    size_in,
)
from registry_core.index_entries import kinds_listed
from registry_core.rfc3339 import read_time

_CREATED = "org.opencontainers.image.created"
_ATTESTED_DIGEST = "vnd.docker.reference.digest"
_ATTESTED_TYPE = "vnd.docker.reference.type"

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BlobDescriptor:
    """A blob that a manifest needs: its config, a layer, or what an index lists that is no manifest (`listed`).

    `size_bytes` is 0 where it is not known (schema 1; BuildKit writes 0 for its cache config).

    `elsewhere`: its manifest says by `urls` where else the layer lies. `foreign`: it does, or it is of Docker's foreign
    type, so that its absence is no damage. A nondistributable one without `urls` is a layer like others: it can come
    from nowhere else.
    """

    digest: str
    size_bytes: int
    media_type: str
    kind: Literal["config", "layer", "listed"]
    foreign: bool = False
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class ChildDescriptor:
    """An entry of an index, which is a manifest unless its `kind` says otherwise. `platform` is None where the index
    does not name one.

    `attestation_of` is the digest of the sibling that a build attestation is about; its platform is
    `unknown/unknown`.
    """

    digest: str
    media_type: str
    size_bytes: int
    platform: str | None = None
    attestation_of: str | None = None

    @property
    def kind(self) -> types.ListedKind:
        """What it is by its media type."""
        return types.kind_listed(self.media_type)


@dataclass(frozen=True, slots=True)
class ConfigFacts:
    """What the config blob of an image tells; None for what it does not, or not readably."""

    created_at: datetime | None = None
    os: str | None = None
    architecture: str | None = None
    variant: str | None = None


def read_manifest(body: bytes, *, digest: str, content_type: str | None = None) -> ManifestFacts:
    """Read what a manifest says of itself. `digest` is taken as proven: check it before.

    The document's own `mediaType` decides, then a `content_type` that we know, then the shape; a type that
    nobody knows keeps its bytes, its subject and no children. `created_at` is the annotation
    `org.opencontainers.image.created` until `with_config` knows better, and `config_read` is True from the start
    where there is no image config to read (index, artifact, chart, schema 1).
    Raises RegistryError with the fault `corrupt` for a body that is no JSON object.
    """
    document = read_object(body, what=f"manifest {digest}", content_type=content_type)
    media_type = media_type_of(document, content_type)
    if types.is_index(media_type):
        listed = kinds_listed(entries_of(document, "manifests"))
        return ManifestFacts(
            digest=digest,
            media_type=media_type,
            document=body,
            artifact_type=short_text(document.get("artifactType")),
            subject=digest_in(document.get("subject")),
            children=tuple(listed),
            listed_as=tuple(listed.values()),
            created_at=_annotated_time(document),
            config_read=True,
        )
    if types.is_schema1(media_type):
        return _read_schema1(document, body=body, digest=digest, media_type=media_type)
    config, layers = _config_and_layers(document, media_type)
    config_type = media_type_in(config.get("mediaType")) if config else ""
    artifact_type = short_text(document.get("artifactType"))
    if not artifact_type and config_type not in (types.OCI_CONFIG, types.DOCKER_CONFIG, types.OCI_EMPTY):
        artifact_type = config_type or None
    return ManifestFacts(
        digest=digest,
        media_type=media_type,
        document=body,
        artifact_type=artifact_type,
        subject=digest_in(document.get("subject")),
        config_digest=digest_in(config),
        image_bytes=min(sum(size_in(entry) for entry in layers) + size_in(config), LARGEST_SIZE),
        layers=len(layers),
        created_at=_annotated_time(document),
        config_read=not types.is_image_config(config_type),
    )


def descriptors(manifest: ManifestFacts | Document) -> tuple[BlobDescriptor, ...]:
    """The blobs that a manifest needs, its config first; none for an unknown type.

    Of an index those of its entries whose media type is none of a manifest; an entry without any type is left out, as
    nothing says what it is. Takes facts (their document is read again) or a document that is already read. A blob that
    is named twice stands here twice. Raises RegistryError (`corrupt`) as `read_manifest` does.
    """
    document, media_type = _document_and_type(manifest)
    if types.is_schema1(media_type):
        blobs = (entry.get("blobSum") for entry in entries_of(document, "fsLayers"))
        return tuple(BlobDescriptor(blob, 0, "", "layer") for blob in blobs if blob and is_address(blob))
    if types.is_index(media_type):
        listed = children(manifest)
        return tuple(
            BlobDescriptor(entry.digest, entry.size_bytes, entry.media_type, "listed")
            for entry in listed
            if entry.media_type and entry.kind != "manifest"
        )
    config, entries = _config_and_layers(document, media_type)
    found = [_blob(config, "config")] if config and digest_in(config) else []
    return (*found, *(_blob(entry, "layer") for entry in entries if digest_in(entry)))


def children(manifest: ManifestFacts | Document) -> tuple[ChildDescriptor, ...]:
    """What an index lists, in its order, with platforms and attestations; empty for anything else.

    Not every entry is a manifest: see `ChildDescriptor.kind`. One child may stand here for two platforms. Raises
    RegistryError (`corrupt`) as `read_manifest` does.
    """
    document, media_type = _document_and_type(manifest)
    if not types.is_index(media_type):
        return ()
    return tuple(_child(entry) for entry in entries_of(document, "manifests") if digest_in(entry))


def read_config(body: bytes, *, digest: str = "") -> ConfigFacts:
    """Read the config blob of an image; only a date that parses is a date, an odd value is None.

    Raises RegistryError with the fault `corrupt` for a body that is no JSON object; `digest` is for its message.
    """
    return _config_facts(read_object(body, what=f"image config {digest}".rstrip(), content_type=None))


def with_config(facts: ManifestFacts, config: ConfigFacts) -> ManifestFacts:
    """The facts of a manifest, completed by those of its config; a date of the config wins over an annotation."""
    return replace(
        facts,
        created_at=config.created_at or facts.created_at,
        os=config.os,
        architecture=config.architecture,
        variant=config.variant,
        config_read=True,
    )


def media_type_of(document: Document, content_type: str | None = None) -> str:
    """The media type of a manifest that is read: its own, else the header's if we know it, else by its shape."""
    written = media_type_in(document.get("mediaType"))
    if written:
        return written
    told = types.without_parameters(content_type)
    if types.is_manifest(told):
        return told
    if document.get("schemaVersion") == 1 or "fsLayers" in document:
        return types.DOCKER_SCHEMA1_SIGNED if document.get("signatures") else types.DOCKER_SCHEMA1
    if "manifests" in document:
        return types.OCI_INDEX
    if "layers" in document or "config" in document:
        return types.OCI_MANIFEST
    if "blobs" in document:
        return types.ARTIFACT_MANIFEST
    return media_type_in(told) or "application/octet-stream"


def _read_schema1(document: Document, *, body: bytes, digest: str, media_type: str) -> ManifestFacts:
    """Schema 1 has no config blob: the newest entry of its history is one, as JSON within JSON."""
    newest = next(iter(entries_of(document, "history")), {}).get("v1Compatibility")
    try:
        history = read_json(newest) if isinstance(newest, str) else {}
    except NotJson:
        history = {}
    config = _config_facts(history if isinstance(history, dict) else {})
    facts = ManifestFacts(
        digest=digest,
        media_type=media_type,
        document=body,
        layers=len(entries_of(document, "fsLayers")),
    )
    return with_config(
        facts, replace(config, architecture=config.architecture or short_text(document.get("architecture")))
    )


def _document_and_type(manifest: ManifestFacts | Document) -> tuple[Document, str]:
    if isinstance(manifest, ManifestFacts):
        return read_object(
            manifest.document, what=f"manifest {manifest.digest}", content_type=None
        ), manifest.media_type
    return manifest, media_type_of(manifest)


def _config_and_layers(document: Document, media_type: str) -> tuple[Document | None, list[dict[str, Any]]]:
    if types.is_artifact(media_type):
        return None, entries_of(document, "blobs")
    if types.is_index(media_type) or not types.is_manifest(media_type):
        return None, []
    config = document.get("config")
    return (config if isinstance(config, dict) else None), entries_of(document, "layers")


def _config_facts(document: Document) -> ConfigFacts:
    return ConfigFacts(
        created_at=read_time(document.get("created")),
        os=short_text(document.get("os")),
        architecture=short_text(document.get("architecture")),
        variant=short_text(document.get("variant")),
    )


def _blob(entry: Document, kind: Literal["config", "layer"]) -> BlobDescriptor:
    media_type = media_type_in(entry.get("mediaType"))
    urls = entry.get("urls")
    elsewhere = isinstance(urls, list) and any(isinstance(url, str) and url for url in urls)
    foreign = elsewhere or media_type.startswith(types.DOCKER_FOREIGN)
    return BlobDescriptor(
        entry["digest"], size_in(entry), media_type, kind, foreign and kind == "layer", elsewhere and kind == "layer"
    )


def _child(entry: Document) -> ChildDescriptor:
    platform = entry.get("platform")
    annotations = entry.get("annotations")
    attested = None
    if isinstance(annotations, dict) and annotations.get(_ATTESTED_TYPE) == "attestation-manifest":
        attested = annotations.get(_ATTESTED_DIGEST)
    return ChildDescriptor(
        digest=entry["digest"],
        media_type=media_type_in(entry.get("mediaType")),
        size_bytes=size_in(entry),
        platform=_platform(platform) if isinstance(platform, dict) else None,
        attestation_of=attested if attested and is_address(attested) else None,
    )


def _platform(platform: Document) -> str | None:
    os, architecture = short_text(platform.get("os")), short_text(platform.get("architecture"))
    variant = short_text(platform.get("variant"))
    if not os or not architecture:
        return None
    return f"{os}/{architecture}/{variant}" if variant else f"{os}/{architecture}"


def _annotated_time(document: Document) -> datetime | None:
    annotations = document.get("annotations")
    return read_time(annotations.get(_CREATED)) if isinstance(annotations, dict) else None

"""The descriptors that the referrers API lists (OCI distribution specification, "Listing Referrers")."""

from __future__ import annotations

from typing import Any

from resources.embedded_registry.blob_files import BlobFiles
from resources.embedded_registry.contents import Repository
from resources.embedded_registry.manifest_document import ManifestDocument, read_manifest_document
from resources.embedded_registry.rejections import Rejection


def referrer_descriptors(held: Repository, subject: str, files: BlobFiles) -> list[dict[str, Any]]:
    """One descriptor for each manifest of the repository whose subject is `subject`.

    A referrer whose bytes are gone or wrong is listed with what is remembered of it, as a tag would be.
    """
    descriptors = []
    for digest in list(held.referrers.get(subject, {})):
        kept = held.manifests.get(digest)
        if kept is None:
            continue
        document = _read(files.read(digest), kept.media_type)
        descriptor: dict[str, Any] = {
            "mediaType": kept.media_type,
            "digest": digest,
            "size": kept.size_bytes,
        }
        if document.artifact_type:
            descriptor["artifactType"] = document.artifact_type
        if document.annotations:
            descriptor["annotations"] = dict(document.annotations)
        descriptors.append(descriptor)
    return descriptors


def _read(content: bytes | None, media_type: str) -> ManifestDocument:
    if content is None:
        return ManifestDocument()
    try:
        return read_manifest_document(content, media_type)
    except Rejection:
        return ManifestDocument()

"""Take in manifests that an `index.json` names and nobody has told us about: a layout that others wrote."""

from __future__ import annotations

from collections.abc import Iterator

from registry_core.manifest_bytes import is_manifest_body
from resources.embedded_registry.blob_files import BlobFiles
from resources.embedded_registry.contents import Change
from resources.embedded_registry.index_file import NamedManifest
from resources.embedded_registry.manifest_document import (
    OCI_MANIFEST,
    Child,
    ManifestDocument,
    media_type_within,
    read_manifest_document,
)
from resources.embedded_registry.rejections import Rejection


def changes_of_adoption(named: NamedManifest, files: BlobFiles) -> Iterator[Change]:
    """The manifest, its children at any depth, and the blobs they name, as changes of its repository.

    What is missing or cannot be read is taken in as named: the registry then answers for it honestly, with
    404 or with the bytes as they are.
    """
    waiting = [Child(named.digest, named.media_type, named.size_bytes)]
    seen: set[str] = set()
    while waiting:
        manifest = waiting.pop()
        if manifest.digest in seen:
            continue
        seen.add(manifest.digest)
        document = _read(manifest, files)
        yield Change(
            do="put_manifest",
            repository=named.repository,
            digest=manifest.digest,
            media_type=manifest.media_type,
            size_bytes=manifest.size_bytes,
            subject=document.subject,
        )
        for digest in document.blobs:
            yield Change(do="link_blob", repository=named.repository, digest=digest)
        waiting.extend(document.children)
        for digest in document.either:
            content = files.read(digest)
            if content is not None and is_manifest_body(content):
                waiting.append(Child(digest, media_type_within(content) or OCI_MANIFEST, len(content)))
            else:
                yield Change(do="link_blob", repository=named.repository, digest=digest)


def _read(manifest: Child, files: BlobFiles) -> ManifestDocument:
    content = files.read(manifest.digest)
    if content is None:
        return ManifestDocument()
    try:
        return read_manifest_document(content, manifest.media_type)
    except Rejection:
        return ManifestDocument()

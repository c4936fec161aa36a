"""The store: one OCI image layout on disk that holds a whole registry. No HTTP.

Safe for threads of one process; a second writing process is refused. Whatever returned is on the disk, and a
process killed at any point leaves no manifest without the blobs that it needed when it was pushed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resources.embedded_registry.blob_files import check_content, check_file
from resources.embedded_registry.contents import Change, Repository
from resources.embedded_registry.holdings import Holdings
from resources.embedded_registry.manifest_document import ManifestDocument, read_manifest_document
from resources.embedded_registry.names import check_digest, check_repository, digest_of, is_tag
from resources.embedded_registry.referrers import referrer_descriptors
from resources.embedded_registry.rejections import Rejection


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest that is there: size by its file, type as it was pushed."""

    digest: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class PushedManifest:
    """What a push of a manifest led to; `subject` is the image that it refers to, if any."""

    digest: str
    subject: str | None


class Layout:
    """Repositories, tags, manifests and blobs in an OCI image layout at `root`, made if it is not there.

    `durable=False` leaves out fsync (bulk filling for tests and benchmarks). With `read_only` nothing is
    written, not even a lock. Methods raise `Rejection` with the codes of the specification.
    """

    def __init__(self, root: Path | str, *, read_only: bool = False, durable: bool = True) -> None:
        self.root = Path(root)
        self.read_only = read_only
        self._holdings = Holdings(self.root, read_only=read_only, durable=durable)
        self.files = self._holdings.files

    def __enter__(self) -> Layout:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Layout({self.root})"

    def close(self) -> None:
        """Write everything into `index.json` and let other processes in. Does nothing the second time."""
        self._holdings.close()

    def fold(self) -> None:
        """Bring `index.json` up to date now, for other tools that read the layout."""
        self._holdings.fold()

    # Listing

    def repositories(self) -> list[str]:
        """Names of repositories with a tag or a manifest, sorted."""
        return self._holdings.names()

    def tags(self, repository: str) -> Sequence[str]:
        """All tags in the specification's order, also those that resolve to nothing; NAME_UNKNOWN."""
        return self._known(repository).sorted_tags()

    def resolve(self, repository: str, tag: str) -> str:
        """The digest a tag points to, whether that manifest is there or not; MANIFEST_UNKNOWN."""
        held = self._holdings.get(repository)
        digest = held.tags.get(tag) if held else None
        if digest is None:
            raise _manifest_unknown(repository, tag)
        return digest

    def referrers(self, repository: str, subject: str) -> list[dict[str, Any]]:
        """Descriptors of the manifests that refer to `subject`, with artifactType and annotations."""
        held = self._holdings.get(repository)
        if held is None:
            return []
        return referrer_descriptors(held, subject, self.files)

    # Reading

    def manifest(self, repository: str, reference: str) -> StoredManifest:
        """The manifest of a tag or digest; MANIFEST_UNKNOWN also where only its bytes are gone."""
        held = self._holdings.get(repository)
        if held is not None:
            digest = held.tags.get(reference, reference)
            kept = held.manifests.get(digest)
            if kept is not None:
                size_bytes = self.files.size_bytes(digest)
                if size_bytes is not None:
                    return StoredManifest(digest, kept.media_type, size_bytes)
        raise _manifest_unknown(repository, reference)

    def read_manifest(self, repository: str, reference: str) -> tuple[StoredManifest, bytes]:
        """A manifest and its bytes as they lie on disk, not checked against the digest."""
        stored = self.manifest(repository, reference)
        content = self.files.read(stored.digest)
        if content is None:
            raise _manifest_unknown(repository, reference)
        return StoredManifest(stored.digest, stored.media_type, len(content)), content

    def blob_path(self, repository: str, digest: str) -> Path:
        """The file of a blob of this repository, not checked against the digest; BLOB_UNKNOWN."""
        if not self.has_blob(repository, digest):
            raise Rejection(
                "BLOB_UNKNOWN", f"{repository} has no blob {digest}: push or mount it", detail={"digest": digest}
            )
        return self.files.path(digest)

    def has_blob(self, repository: str, digest: str) -> bool:
        held = self._holdings.get(repository)
        return held is not None and digest in held.blobs and self.files.size_bytes(digest) is not None

    # Writing

    def put_blob(self, repository: str, content: bytes, digest: str | None = None) -> str:
        """Keep a small blob; returns its digest. Large ones are streamed (`uploads.py`)."""
        check_repository(repository)
        digest = digest or digest_of(content)
        check_content(content, digest)
        self._holdings.check_writable()
        with self._holdings.keeping(digest):
            self.files.write(content, digest)
            self._link_blob(repository, digest)
        return digest

    def take_upload(self, repository: str, upload: Path, digest: str, *, verified: bool = False) -> str:
        """Make a complete file in the uploads folder a blob of the repository; DIGEST_INVALID."""
        check_repository(repository)
        check_digest(digest)
        self._holdings.check_writable()
        if not verified:
            check_file(upload, digest)
        with self._holdings.keeping(digest):
            self.files.publish(upload, digest)
            self._link_blob(repository, digest)
        return digest

    def mount_blob(self, repository: str, digest: str, *, source: str) -> bool:
        """Let a repository have a blob of another one; False where that one does not have it."""
        check_repository(repository)
        with self._holdings.keeping(digest):
            if not self.has_blob(source, digest):
                return False
            self._link_blob(repository, digest)
        return True

    def put_manifest(
        self,
        repository: str,
        content: bytes,
        media_type: str,
        *,
        tag: str | None = None,
        digest: str | None = None,
    ) -> PushedManifest:
        """Keep a manifest, under a tag if one is given. MANIFEST_BLOB_UNKNOWN where this repository lacks its
        config, a layer or a child; a missing subject is allowed (specification, "Push")."""
        check_repository(repository)
        if tag is not None and not is_tag(tag):
            raise Rejection("MANIFEST_INVALID", f"{tag[:140]!r} is neither a tag nor a digest", detail={"tag": tag})
        digest = digest or digest_of(content)
        check_content(content, digest)
        self._holdings.check_writable()
        document = read_manifest_document(content, media_type)
        self._check_needs(repository, document)
        change = Change("put_manifest", repository, digest, tag, media_type, len(content), document.subject)
        with self._holdings.keeping(digest):
            self.files.write(content, digest)
            self._holdings.sync(self._holdings.make(change))
        return PushedManifest(digest, document.subject)

    def delete_tag(self, repository: str, tag: str) -> None:
        """Remove the tag alone; the manifest stays, by its digest. MANIFEST_UNKNOWN."""
        with self._holdings.lock:
            self._known(repository)
            self.resolve(repository, tag)
            number = self._holdings.make(Change(do="delete_tag", repository=repository, tag=tag))
        self._holdings.sync(number)

    def delete_manifest(self, repository: str, digest: str) -> None:
        """Remove a manifest and every tag on it; its blobs stay. MANIFEST_UNKNOWN."""
        with self._holdings.lock:
            if digest not in self._known(repository).manifests:
                raise _manifest_unknown(repository, digest)
            self._drop(Change(do="delete_manifest", repository=repository, digest=digest), digest)

    def delete_blob(self, repository: str, digest: str) -> None:
        """Take a blob from a repository, also from under its manifests; BLOB_UNKNOWN."""
        with self._holdings.lock:
            self.blob_path(repository, digest)
            self._drop(Change(do="delete_blob", repository=repository, digest=digest), digest)

    # Deeds

    def _link_blob(self, repository: str, digest: str) -> None:
        self._holdings.sync(self._holdings.make(Change(do="link_blob", repository=repository, digest=digest)))

    def _drop(self, change: Change, digest: str) -> None:
        self._holdings.sync(self._holdings.make(change))
        self._holdings.remove_unheld(digest)

    def _check_needs(self, repository: str, document: ManifestDocument) -> None:
        held = self._holdings.get(repository) or Repository()
        missing = [digest for digest in document.blobs if not self.has_blob(repository, digest)]
        for digest, or_blob in (
            *((child.digest, False) for child in document.children),
            *((digest, True) for digest in document.either),
        ):
            is_manifest = digest in held.manifests and self.files.size_bytes(digest) is not None
            if not is_manifest and not (or_blob and self.has_blob(repository, digest)):
                missing.append(digest)
        if missing:
            raise Rejection(
                "MANIFEST_BLOB_UNKNOWN",
                f"{repository} lacks {len(missing)} of the blobs and manifests that this manifest names"
                f" ({', '.join(missing[:3])}): push or mount them first",
                detail=[{"digest": digest} for digest in missing],
            )

    def _known(self, repository: str) -> Repository:
        held = self._holdings.get(repository)
        if held is None or not held.known:
            raise Rejection(
                "NAME_UNKNOWN",
                f"this registry has no repository {repository!r}",
                detail={"name": repository},
            )
        return held


def _manifest_unknown(repository: str, reference: str) -> Rejection:
    return Rejection(
        "MANIFEST_UNKNOWN",
        f"{repository} has no manifest {reference[:140]}",
        detail={"name": repository, "reference": reference[:140]},
    )

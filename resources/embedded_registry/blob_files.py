"""Bytes on disk: `blobs/<algorithm>/<hex>`, each put there whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from pathlib import Path

from resources.embedded_registry.names import check_digest, digest_of
from resources.embedded_registry.rejections import Rejection

#: How much of a file is read, hashed or sent at a time.
PIECE_BYTES = 1024 * 1024


class BlobFiles:
    """Files by digest. Knows nothing of repositories.

    `durable=False` leaves out fsync: for filling a registry that may be thrown away, never for one that is kept.
    """

    def __init__(self, root: Path, *, durable: bool = True) -> None:
        self._blobs = root / "blobs"
        self._uploads = root / "uploads"
        self._durable = durable

    def path(self, digest: str) -> Path:
        algorithm, _, encoded = digest.partition(":")
        return self._blobs / algorithm / encoded

    def size_bytes(self, digest: str) -> int | None:
        """Size of the file, None where there is none. One `stat`, so that what vanished is told at once."""
        algorithm, _, encoded = digest.partition(":")
        try:
            return os.stat(f"{self._blobs}/{algorithm}/{encoded}").st_size
        except FileNotFoundError:
            return None

    def read(self, digest: str) -> bytes | None:
        try:
            return self.path(digest).read_bytes()
        except FileNotFoundError:
            return None

    def new_upload(self) -> Path:
        """An empty file with a name that nobody else has, on the same file system as the blobs."""
        self._uploads.mkdir(exist_ok=True)
        path = self._uploads / str(uuid.uuid4())
        path.touch(exist_ok=False)
        return path

    def discard_uploads(self) -> None:
        """Throw away what pushes of an earlier process left behind."""
        shutil.rmtree(self._uploads, ignore_errors=True)

    def publish(self, upload: Path, digest: str) -> None:
        """Give a complete, already verified upload its name; durable when this returns."""
        target = self.path(digest)
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            self._sync(target.parent.parent)
        self._sync(upload)
        os.replace(upload, target)
        self._sync(target.parent)

    def write(self, content: bytes, digest: str) -> None:
        """Put these bytes under their digest; heals a file whose bytes are wrong."""
        if self.read(digest) == content:
            self._sync(self.path(digest).parent)  # another thread may have renamed it there just now
            return
        upload = self.new_upload()
        upload.write_bytes(content)
        self.publish(upload, digest)

    def remove(self, digest: str) -> None:
        self.path(digest).unlink(missing_ok=True)

    def _sync(self, path: Path) -> None:
        if not self._durable:
            return
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def check_file(path: Path, digest: str) -> None:
    """DIGEST_INVALID where the bytes of the file are not those of the digest."""
    algorithm = check_digest(digest).partition(":")[0]
    with path.open("rb") as file:
        check_same(f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}", digest)


def check_content(content: bytes, digest: str) -> None:
    """DIGEST_INVALID where these bytes are not those of the digest."""
    check_same(digest_of(content, check_digest(digest).partition(":")[0]), digest)


def check_same(actual: str, digest: str) -> None:
    """DIGEST_INVALID where what came has another digest than was promised."""
    if actual != digest:
        raise Rejection(
            "DIGEST_INVALID",
            f"the bytes that came have the digest {actual}, not {digest}: send them again, whole",
            detail={"expected": digest, "actual": actual},
        )

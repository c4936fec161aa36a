"""Blob uploads under way: a file that grows, and the hash of what it holds.

An upload lives as long as the process. After a restart its client is told BLOB_UPLOAD_UNKNOWN and starts
again; the bytes were thrown away, so that nothing torn is ever taken for a blob.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from resources.embedded_registry.blob_files import check_same
from resources.embedded_registry.layout import Layout
from resources.embedded_registry.names import check_digest, check_repository
from resources.embedded_registry.rejections import Rejection

if TYPE_CHECKING:
    from hashlib import _Hash

#: An upload that nobody touched for so long is thrown away.
PATIENCE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in an upload to which it can be brought back."""

    size_bytes: int
    hashing: _Hash


class Upload:
    """One session. Hold `turn` while working on it: requests about one upload are served one by one."""

    def __init__(self, repository: str, path: Path) -> None:
        self.repository = repository
        self.path = path
        self.turn = asyncio.Lock()
        self.size_bytes = 0
        self.touched = time.monotonic()
        self._hashing = hashlib.sha256()
        self._file = path.open("r+b", buffering=0)

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def range_header(self) -> str:
        """`0-<end>`, inclusive; `0-0` also for an upload without a byte, as every registry answers."""
        return f"0-{max(self.size_bytes - 1, 0)}"

    def append(self, piece: bytes) -> None:
        view = memoryview(piece)
        while view:
            view = view[self._file.write(view) :]
        self._hashing.update(piece)
        self.size_bytes += len(piece)
        self.touched = time.monotonic()

    def mark(self) -> Mark:
        return Mark(self.size_bytes, self._hashing.copy())

    def go_back(self, mark: Mark) -> None:
        """Forget all bytes after the mark: a chunk that was not what it promised."""
        self._file.truncate(mark.size_bytes)
        self._file.seek(mark.size_bytes)
        self.size_bytes, self._hashing = mark.size_bytes, mark.hashing.copy()

    def check(self, digest: str) -> bool:
        """DIGEST_INVALID where the bytes are others. True when that was found out without reading them again."""
        if check_digest(digest).startswith("sha256:"):
            check_same(f"sha256:{self._hashing.hexdigest()}", digest)
            return True
        return False

    def discard(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)


class Uploads:
    """All uploads of one registry."""

    def __init__(self, layout: Layout, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._layout = layout
        self._clock = clock
        self._open: dict[str, Upload] = {}

    def start(self, repository: str) -> Upload:
        check_repository(repository)
        self._discard_forgotten()
        upload = Upload(repository, self._layout.files.new_upload())
        self._open[upload.id] = upload
        return upload

    def get(self, repository: str, upload_id: str) -> Upload:
        """BLOB_UPLOAD_UNKNOWN where there is none of this id in this repository (any more)."""
        upload = self._open.get(upload_id)
        if upload is None or upload.repository != repository:
            raise Rejection(
                "BLOB_UPLOAD_UNKNOWN",
                f"{repository} has no upload {upload_id[:40]}: it was finished, cancelled, or ended with the"
                " process that had it. Start a new one",
                detail={"upload": upload_id[:40]},
            )
        return upload

    def finish(self, upload: Upload, digest: str) -> None:
        """Make the upload a blob. It is over afterwards, also where the digest was wrong."""
        try:
            verified = upload.check(digest)
            self._layout.take_upload(upload.repository, upload.path, digest, verified=verified)
        finally:
            self.cancel(upload)

    def cancel(self, upload: Upload) -> None:
        self._open.pop(upload.id, None)
        upload.discard()

    def _discard_forgotten(self) -> None:
        oldest = self._clock() - PATIENCE.total_seconds()
        for upload in list(self._open.values()):
            if upload.touched < oldest and not upload.turn.locked():
                self.cancel(upload)

"""The contents, their journal and their lock: every change is made here, one after the other."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry_core.errors import ConfigError, Problem
from resources.embedded_registry.blob_files import BlobFiles
from resources.embedded_registry.contents import Change, Repository
from resources.embedded_registry.index_file import write_holdings, write_index
from resources.embedded_registry.journal import Journal
from resources.embedded_registry.opening import changes_tags, lock_folder, prepare_folder, read_contents

#: The journal is folded when it has more lines than this, and than the registry had tags and manifests when it
#: was folded last: so that folding costs each push the same, however large the registry is.
SHORTEST_FOLD = 5_000


class Holdings:
    """What the layout at `root` holds, and the only way to change it.

    Reading needs no lock: `repositories` is looked up in memory. Decide and change under `lock`, then `sync`
    outside it, so that those who push at once share one fsync.
    """

    def __init__(self, root: Path, *, read_only: bool, durable: bool) -> None:
        self._root, self._read_only, self._durable = root, read_only, durable
        prepare_folder(root, read_only=read_only)
        self.files = BlobFiles(root, durable=durable)
        self.lock = threading.RLock()
        self._arriving: dict[str, int] = {}
        self._longest_journal = SHORTEST_FOLD
        self._folder_lock = None if read_only else lock_folder(root)
        try:
            opened = read_contents(root, self.files)
        except BaseException:
            if self._folder_lock is not None:
                os.close(self._folder_lock)
            raise
        self._contents, self._others = opened.contents, opened.others
        self._tags_to_fold, self._holdings_to_fold = opened.tags_to_fold, opened.holdings_to_fold
        self._journal: Journal | None = None
        if not read_only:
            self.files.discard_uploads()
            self._journal = Journal(root / "journal.jsonl", durable=durable)
            self.fold()

    def get(self, repository: str) -> Repository | None:
        return self._contents.repositories.get(repository)

    def names(self) -> list[str]:
        return self._contents.names()

    def check_writable(self) -> Journal:
        """ConfigError where the layout is open read-only, or closed."""
        if self._journal is None:
            what = "is open read-only" if self._read_only else "was closed"
            raise ConfigError(Problem(str(self._root), f"{what}, so nothing can be changed in it"))
        return self._journal

    def make(self, change: Change) -> int:
        """Note the change and apply it; returns the number to `sync` before anybody is told."""
        with self.lock:
            journal = self.check_writable()
            number = journal.write(change)
            self._contents.apply(change)
            self._holdings_to_fold = True
            self._tags_to_fold = self._tags_to_fold or changes_tags(change)
            if journal.lines > self._longest_journal:
                self.fold()
            return number

    def sync(self, number: int) -> None:
        self.check_writable().sync(number)

    def remove_unheld(self, digest: str) -> None:
        """Free the bytes of a digest that no repository holds. Call it under `lock`, after `sync`.

        Descriptors of the index that are not ours may need any blob: where there are some, nothing is freed.
        """
        if digest not in self._contents.holders and digest not in self._arriving and not self._others:
            self.files.remove(digest)

    @contextmanager
    def keeping(self, digest: str) -> Iterator[None]:
        """While a file arrives that nobody holds yet, a deletion elsewhere must not take it away."""
        with self.lock:
            self._arriving[digest] = self._arriving.get(digest, 0) + 1
        try:
            yield
        finally:
            with self.lock:
                self._arriving[digest] -= 1
                if not self._arriving[digest]:
                    del self._arriving[digest]

    def fold(self) -> None:
        """Write `holdings.jsonl` and `index.json` anew where changes wait in the journal, then clear it."""
        with self.lock:
            journal = self.check_writable()
            if self._holdings_to_fold:
                write_holdings(self._root, self._contents.changes(), durable=self._durable)
            if self._tags_to_fold:
                write_index(self._root, self._contents, self._others, durable=self._durable)
            self._tags_to_fold = self._holdings_to_fold = False
            journal.clear()
            self._longest_journal = max(SHORTEST_FOLD, len(self._contents))

    def close(self) -> None:
        """Fold, and let other processes in. Does nothing the second time."""
        with self.lock:
            if self._journal is None or self._folder_lock is None:
                return
            self.fold()
            self._journal.close()
            os.close(self._folder_lock)
            self._journal = self._folder_lock = None

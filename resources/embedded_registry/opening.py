"""Open a layout: check that it is one, keep other writers out, and read what it holds."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from registry_core.errors import ConfigError, Problem
from resources.embedded_registry.adoption import changes_of_adoption
from resources.embedded_registry.blob_files import BlobFiles
from resources.embedded_registry.contents import Change, Contents, Repository
from resources.embedded_registry.index_file import check_layout, read_index, write_whole
from resources.embedded_registry.journal import read_changes

#: What a new or half-made layout of ours may hold beside `oci-layout`, which is written last.
_OURS = frozenset({"blobs", "index.json", "index.json.new", "oci-layout.new"})


@dataclass(frozen=True, slots=True)
class OpenedContents:
    """What was read, and what of it does not stand in the layout's own files yet."""

    contents: Contents = field(repr=False)
    others: tuple[Mapping[str, Any], ...] = ()  #: descriptors of `index.json` that are no tags of ours
    tags_to_fold: bool = False
    holdings_to_fold: bool = False


def prepare_folder(root: Path, *, read_only: bool) -> None:
    """Make `root` a layout if it is nothing yet; refuse a folder that holds something else."""
    if read_only and not (root / "oci-layout").is_file():
        raise ConfigError(Problem(str(root), "is no OCI image layout (no file oci-layout), so it cannot be served"))
    check_layout(root)
    if read_only or (root / "oci-layout").exists():
        return
    root.mkdir(parents=True, exist_ok=True)
    strangers = sorted({entry.name for entry in root.iterdir()} - _OURS)
    if strangers:
        raise ConfigError(
            Problem(
                str(root),
                f"holds other files ({', '.join(strangers[:3])}) and is no OCI image layout:"
                " name an empty or a new folder",
            )
        )
    write_whole(root / "index.json", b'{"schemaVersion":2,"manifests":[]}', durable=True)
    (root / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
    write_whole(root / "oci-layout", b'{"imageLayoutVersion":"1.0.0"}', durable=True)


def lock_folder(root: Path) -> int:
    """Keep other writing processes out until the descriptor is closed, or the process dies however it dies."""
    descriptor = os.open(root / "registry.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise ConfigError(
            Problem(str(root), "is served by another registry already: stop that one, or open this read-only")
        ) from error
    return descriptor


def read_contents(root: Path, files: BlobFiles) -> OpenedContents:
    """Holdings, then tags, then the journal, and last whatever the index names that nobody has told us of.

    In this order a fold that was cut off at any point is read as what it was made from.
    """
    contents = Contents()
    for change in read_changes(root / "holdings.jsonl"):
        contents.apply(change)
    index = read_index(root, known=contents.repositories)
    for named in index.named:
        contents.repositories.setdefault(named.repository, Repository()).set_tag(named.tag, named.digest)
    pending = read_changes(root / "journal.jsonl")
    for change in pending:
        contents.apply(change)
    adopted = False
    for named in index.named:
        held = contents.repositories[named.repository]
        if held.tags.get(named.tag) == named.digest and named.digest not in held.manifests:
            adopted = True
            for change in changes_of_adoption(named, files):
                contents.apply(change)
    return OpenedContents(
        contents=contents,
        others=index.others,
        tags_to_fold=any(changes_tags(change) for change in pending),
        holdings_to_fold=adopted or bool(pending),
    )


def changes_tags(change: Change) -> bool:
    return change.tag is not None or change.do == "delete_manifest"

"""The newest reading of a source that may be believed: whole, or a catalog that lacks a few repositories only."""

from __future__ import annotations

from registry_core.catalog_gaps import why_not_believed
from resources.database.history import History
from resources.database.sightings import SnapshotKind
from resources.database.snapshots import Snapshot

#: How many readings are looked through before the newest whole one is taken.
_LOOKED_THROUGH = 5


def newest_believed(history: History, kind: SnapshotKind, source: str, *, max_unread_share: float) -> Snapshot | None:
    """The newest snapshot that a conclusion may be drawn from; None where there is none. Raises DatabaseError."""
    newest = history.latest(kind, source)
    if newest is None or is_believed(newest, max_unread_share=max_unread_share):
        return newest
    if kind == "catalog":
        for snapshot in history.snapshots(kind, source, limit=_LOOKED_THROUGH):
            if is_believed(snapshot, max_unread_share=max_unread_share):
                return snapshot
    return history.latest_complete(kind, source)


def is_believed(snapshot: Snapshot, *, max_unread_share: float) -> bool:
    """Whether it is whole, or a catalog with no more gaps than `limits.max_unread_share` allows."""
    if snapshot.kind != "catalog" or snapshot.state == "running":
        return snapshot.complete
    return why_not_believed(snapshot.coverage, most=max_unread_share) is None

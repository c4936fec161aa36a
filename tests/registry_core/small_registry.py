"""A registry in a few lines, as the frames that the crawl and the join would have made."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from registry_core.catalog import CHILD_COLUMNS, IMAGE_COLUMNS, TAG_COLUMNS, CatalogFrames
from registry_core.usage import UNRESOLVED_COLUMNS, USAGE_COLUMNS, UsageFrames

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_TIMES = ("created_at", "pushed_at", "pulled_at", "first_seen_at", "last_seen_at")


def digest(name: str) -> str:
    """A digest for a name, so that a test can speak of `web 1`."""
    return "sha256:" + hashlib.sha256(name.encode()).hexdigest()


def days_ago(days: float) -> datetime:
    return AS_OF - timedelta(days=days)


class SmallRegistry:
    """Images are named by words; `pushed` is the age in days, None for a registry that does not tell it."""

    def __init__(self, name: str = "example") -> None:
        self.name = name
        self.tags: list[dict[str, Any]] = []
        self.images: list[dict[str, Any]] = []
        self.children: list[dict[str, Any]] = []
        self.usage: list[dict[str, Any]] = []
        self.unresolved: list[dict[str, Any]] = []

    def image(
        self,
        repository: str,
        name: str,
        *tags: str,
        pushed: float | None = None,
        children: Sequence[str] = (),
        subject: str | None = None,
        **columns: Any,
    ) -> str:
        """Add an image; `children` and `subject` are names. Returns its digest."""
        row = {
            "repository": repository,
            "digest": digest(name),
            "found_by": "tag" if tags else "digest",
            "media_type": INDEX if children else MANIFEST,
            "subject": digest(subject) if subject else None,
            "size_bytes": 500,
            "image_bytes": 0 if children else 1_000_000,
            "pushed_at": None if pushed is None else days_ago(pushed),
            **columns,
        }
        self.images.append(row)
        for tag in tags:
            self.tag(repository, tag, name)
        for position, child in enumerate(children):
            self.children.append({"digest": digest(name), "child": digest(child), "position": position})
        return digest(name)

    def tag(self, repository: str, tag: str, name: str | None, **columns: Any) -> None:
        self.tags.append({"repository": repository, "tag": tag, "digest": digest(name) if name else None, **columns})

    def use(self, repository: str, name: str, *, by: str = "web", seen: float | None = 0.0, **columns: Any) -> None:
        """A workload uses an image; `reference` among `columns` is what it wrote, else it named none of its tags."""
        self.usage.append(
            {
                "repository": repository,
                "digest": digest(name),
                "match": "tag",
                "cluster": "production",
                "namespace": "health",
                "owner_kind": "Deployment",
                "owner_name": by,
                "pods": 3,
                "first_seen_at": None if seen is None else days_ago(seen + 10),
                "last_seen_at": None if seen is None else days_ago(seen),
                **columns,
            }
        )

    def want(self, repository: str, tag: str) -> None:
        """A workload names what is not there."""
        self.unresolved.append({"repository": repository, "tag": tag, "fault": "missing", "owner_name": "web"})

    def catalog(self, *, seed: int | None = None) -> CatalogFrames:
        return CatalogFrames(
            registry=self.name,
            tags=_frame(self.tags, TAG_COLUMNS, seed),
            images=_frame(self.images, IMAGE_COLUMNS, seed),
            children=_frame(self.children, CHILD_COLUMNS, seed),
        )

    def uses(self, *, seed: int | None = None) -> UsageFrames:
        return UsageFrames(
            registry=self.name,
            usage=_frame(self.usage, USAGE_COLUMNS, seed),
            unresolved=_frame(self.unresolved, UNRESOLVED_COLUMNS, seed),
        )


def _frame(rows: list[dict[str, Any]], columns: Sequence[str], seed: int | None) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(columns))
    for column in _TIMES:
        if column in frame:
            frame[column] = pd.to_datetime(frame[column], utc=True).astype("datetime64[us, UTC]")
    for column in ("size_bytes", "image_bytes", "layers", "pods"):
        if column in frame:
            frame[column] = pd.to_numeric(frame[column]).fillna(0).astype("int64")
    return frame if seed is None else frame.sample(frac=1, random_state=seed).reset_index(drop=True)

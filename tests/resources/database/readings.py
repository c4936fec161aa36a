"""Small readings to store, written shortly: `crawl(history, 1, {"app/web": {"v1": "a"}})`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from registry_core.catalog import ImageSeen, ManifestFacts, RepositoryCrawled, TagSeen
from registry_core.coverage import Coverage, Fault, Gap
from registry_core.inventory import ImageUse
from resources.database.history import History
from resources.database.snapshots import Snapshot


def hour(number: int) -> datetime:
    return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=number)


def digest(name: str) -> str:
    return f"sha256:{name.encode().hex():0>64}"


def tag(repository: str, name: str, points_to: str | None, fault: Fault | None = None) -> TagSeen:
    return TagSeen(repository, name, digest(points_to) if points_to else None, fault, fault or "")


def manifest(name: str, **facts: Any) -> ManifestFacts:
    values: dict[str, Any] = {"media_type": "application/vnd.oci.image.manifest.v1+json", "document": name.encode()}
    return ManifestFacts(digest=digest(name), **{**values, **facts})


def repository(name: str, tags: Mapping[str, str | None], *, gap: bool = False) -> RepositoryCrawled:
    """Tags and where they point; None is a tag that was throttled."""
    seen = tuple(tag(name, each, target, None if target else "throttled") for each, target in tags.items())
    targets = sorted({target for target in tags.values() if target})
    return RepositoryCrawled(
        repository=name,
        tags=seen,
        images=tuple(ImageSeen(name, digest(target), "tag") for target in targets),
        manifests=tuple(manifest(target) for target in targets),
        gap=Gap(name, "unreachable", "cut off") if gap else None,
    )


def crawl(
    history: History,
    at: int,
    repositories: Mapping[str, Mapping[str, str | None]],
    *,
    gaps: Iterable[str] = (),
    listed: Iterable[str] | None = None,
    registry: str = "main",
) -> Snapshot:
    """A whole crawl at an hour. Repositories in `gaps` are read in part."""
    missed = set(gaps)
    with history.begin("catalog", registry, hour(at)) as writer:
        for name, tags in repositories.items():
            writer.add_repository(repository(name, tags, gap=name in missed))
        return writer.finish(coverage(missed), places_listed=listed)


def coverage(gaps: Iterable[str] = ()) -> Coverage:
    return Coverage(asked=1, answered=1, gaps=tuple(Gap(name, "unreachable", "cut off") for name in gaps))


def use(name: str, *, resource: str = "v1 pods", cluster: str = "production", **fields: Any) -> ImageUse:
    values: dict[str, Any] = {
        "cluster": cluster,
        "resource": resource,
        "namespace": "shop",
        "kind": "Pod",
        "name": name,
        "owner_kind": "Deployment",
        "owner_name": name,
        "container": "app",
        "container_kind": "container",
        "path": ".spec.containers[0].image",
        "reference": f"registry.example.com/shop/{name}:v1",
    }
    return ImageUse(**{**values, **fields})


def take_inventory(
    history: History,
    at: int,
    uses: Iterable[ImageUse],
    *,
    whole: Iterable[str] = ("v1 pods",),
    cluster: str = "production",
) -> Snapshot:
    with history.begin("inventory", cluster, hour(at)) as writer:
        writer.add_uses(uses)
        return writer.finish(coverage(), places_read_whole=whole)


def pointing(frame: pd.DataFrame) -> set[tuple[str, str, str | None]]:
    """(repository, tag, name of the digest) of a tags frame."""
    named = {None: None} | {value: bytes.fromhex(value[7:]).strip(b"\0").decode() for value in frame["digest"].dropna()}
    return {
        (name, each, named[target])
        for name, each, target in zip(frame["repository"], frame["tag"], frame["digest"], strict=True)
    }

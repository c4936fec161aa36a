"""Repositories without a tag: what is left of a push that never came to its end, or of what was deleted."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from registry_core.catalog import CatalogFrames
from registry_core.findings import Finding

_NOTHING = (
    "it has no tag, and no workload uses an image of it: it holds images without a tag, which no registry lists, or the"
    " rest of a push that never came to its end, or nothing; look into it before you remove it, or leave it out with"
    " `exclude`"
)


def judge_untagged(repositories: Iterable[str], catalog: CatalogFrames, usage: pd.DataFrame) -> list[Finding]:
    """Findings for repositories that name nothing, each a warning that hurts nobody: what is used is pulled by digest.

    `repositories` are those that were read whole: of another one nobody can say that it has no tag (law 1). A tag
    that could not be read is a tag.
    """
    tagged = set(catalog.tags["repository"].unique())
    stored = _images_by_repository(catalog.images[~catalog.images["fault"].eq("missing")])
    used = _images_by_repository(usage)
    return [
        Finding("missing", "tags", name, None, None, None, None, "warning", _told(stored, used, name))
        for name in sorted(set(repositories) - tagged)
    ]


def _images_by_repository(rows: pd.DataFrame) -> dict[str, int]:
    counted = rows.groupby("repository", sort=False)["digest"].nunique()
    return {str(name): int(count) for name, count in counted.items()}


def _told(stored: dict[str, int], used: dict[str, int], name: str) -> str:
    images = stored.get(name, 0)
    if not images:
        return _NOTHING
    told = f"it has no tag; {images} {'image' if images == 1 else 'images'} can be pulled by digest alone"
    if name not in used:
        return f"{told}, and no workload does so"
    return (
        f"{told}, and {used[name]} of them {'is' if used[name] == 1 else 'are'} in use; tag what is used, before a"
        " clean-up of untagged images takes it"
    )

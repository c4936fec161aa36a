"""The summary of a plan: the figures that a person reads first, and what is unusual, in words."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pandas as pd

from registry_core.catalog_gaps import unread_in_words
from registry_core.eviction import Plan
from registry_core.retention_reasons import HEADINGS, Reason

_LARGER = 2.0  #: times the last plan, from which on it is worth a word
_LARGE_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class RepositoryShare:
    """What goes from one repository."""

    repository: str
    images: int
    tags: int
    image_bytes: int


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """`dependents` of the images belong to another one that goes: children of indexes, signatures and the like."""

    images: int
    dependents: int
    tags: int
    removed_tags: int  #: of `tags`, those removed from an image that stays
    image_bytes: int  #: shared layers counted each time, so what is freed is less
    stored_images: int
    kept: dict[str, int]
    broken_kept: int  #: of those that stay, images that could not be put back
    broken_evicted: int  #: of those that go
    repositories: tuple[RepositoryShare, ...]  #: the most bytes first
    unusual: tuple[str, ...]


def summarise(plan: Plan, *, last_images: int | None = None) -> PlanSummary:
    """Sum a plan up. `last_images` is the number of images of the plan before it, None for the first."""
    figures: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for entry in plan.entries:
        sums = figures[entry.repository]
        sums[0] += entry.kind == "delete"
        sums[1] += len(entry.tags)
        sums[2] += entry.image_bytes
    shares = [RepositoryShare(name, *sums) for name, sums in figures.items()]
    return PlanSummary(
        images=plan.images,
        dependents=sum(bool(entry.owners) for entry in plan.entries),
        tags=plan.tags,
        removed_tags=sum(len(entry.tags) for entry in plan.entries if entry.kind == "untag"),
        image_bytes=plan.image_bytes,
        stored_images=plan.stored_images,
        kept=dict(plan.kept),
        broken_kept=plan.broken_kept,
        broken_evicted=plan.broken_evicted,
        repositories=tuple(sorted(shares, key=lambda share: (-share.image_bytes, -share.images, share.repository))),
        unusual=tuple(_unusual(plan, last_images)),
    )


def _unusual(plan: Plan, last_images: int | None) -> list[str]:
    told = [sentence] if (sentence := unread_in_words(plan.unread)) else []
    if plan.emptied:
        count = len(plan.emptied)
        told.append(f"{count:,} {'repository' if count == 1 else 'repositories'} would become empty")
    if last_images and plan.images / last_images >= _LARGER:
        told.append(f"the plan is {plan.images / last_images:.0f} times larger than the last one")
    if plan.share >= _LARGE_SHARE:
        told.append(f"{plan.share:.0%} of the stored images would go")
    second = plan.basis.limits.needs_second_person(images=plan.images, share=plan.share)
    if second:
        told.append(f"a second person must approve: {second}")
    if plan.broken_evicted:
        count = plan.broken_evicted
        told.append(f"{count:,} of the images that go {'is' if count == 1 else 'are'} broken and could not be put back")
    for reason in (
        Reason.BROKEN, Reason.UNREADABLE, Reason.NOT_READ_WHOLE, Reason.SUBJECT_UNREAD, Reason.VENDOR_UNKNOWN,
        Reason.UNKNOWN_DATE,
    ):  # fmt: skip
        count = plan.kept.get(HEADINGS[reason], 0)
        if count:
            told.append(f"{count:,} {'image is' if count == 1 else 'images are'} {HEADINGS[reason]}")
    if plan.waiting_tags:
        told.append(
            f"{plan.waiting_tags:,} tags that no rule keeps wait, because the registry deletes by digest only and"
            " other tags of their images stay"
        )
    return told


#: `layers`: a row for each (image, blob that it needs), config included.
LAYER_COLUMNS = ("repository", "digest", "blob", "blob_bytes")


def unique_bytes(plan: Plan, layers: pd.DataFrame) -> int:
    """Bytes of blobs (LAYER_COLUMNS of the whole registry) that no image needs any more: what collection can free.

    A blob is counted once, and only if every image that needs it goes, in whatever repository.
    """
    going = pd.MultiIndex.from_tuples(
        [entry.image for entry in plan.entries if entry.kind == "delete"], names=["repository", "digest"]
    )
    goes = pd.MultiIndex.from_frame(layers[["repository", "digest"]]).isin(going)
    needed = layers["blob"].isin(layers.loc[np.logical_not(goes), "blob"])
    return int(layers[~needed].drop_duplicates("blob")["blob_bytes"].sum())

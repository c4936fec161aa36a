"""Reasons that no policy can take away: protection by us and by the vendor, use, and what we do not know."""

from __future__ import annotations

import numpy as np

from registry_core.retention_facts import Facts
from registry_core.retention_nodes import Array
from registry_core.retention_reasons import Reason

_NOT_READ = ("forbidden", "unreachable", "throttled")
_UNREAD = ("corrupt", *_NOT_READ)


def reasons_by_law(facts: Facts) -> Array:
    """The reasons of each image that stand whatever its entry says.

    A manifest that could not be read may be an index that lists any image of its repository, and an unread tag
    may name any: so all of that repository stays. A *corrupt* manifest cannot be pulled, so that tagged images lose
    nothing by it; the untagged ones beside it stay, because they may be its parts. What could not be put back stays
    unless its entry lets it go. Where anything was not read, it may be the subject of a signature that has none.
    """
    nodes, shape = facts.nodes, facts.shape
    images = nodes.catalog.images
    protect = np.array([entry.protect for entry in facts.policies.entries] + [False])
    reasons = np.zeros(len(nodes), dtype=np.uint32)

    def keep(rows: Array, reason: Reason) -> None:
        reasons[rows] |= np.uint32(reason)

    keep(protect[facts.entries][nodes.repository], Reason.PROTECTED)
    keep((facts.entries < 0)[nodes.repository], Reason.NO_POLICY)
    keep(facts.use.images, Reason.IN_USE)
    keep(~shape.stored, Reason.GONE)
    corrupt = images["fault"].eq("corrupt").to_numpy(dtype=bool, na_value=False)
    unreadable = (images["fault"].isin(_UNREAD) | images["config_fault"].isin(_NOT_READ)).to_numpy()
    keep(unreadable & ~(corrupt & facts.let_go_broken), Reason.UNREADABLE)
    keep(shape.broken & ~corrupt & ~facts.let_go_broken, Reason.BROKEN)
    told, not_told = images["protection"].notna().to_numpy(), images["protection_fault"].notna().to_numpy()
    keep(told & ~not_told & shape.stored, Reason.VENDOR)
    keep(not_told & shape.stored, Reason.VENDOR_UNKNOWN)

    closed_book = images["media_type"].isna().to_numpy() & shape.stored
    unread = _not_read_whole(facts, closed_book & ~corrupt)
    keep(unread[nodes.repository], Reason.NOT_READ_WHOLE)
    beside = nodes.images_per_repository(closed_book) > 0
    may_belong = beside[nodes.repository] & ~shape.own_tag & shape.stored
    keep(may_belong & ~(corrupt & facts.let_go_broken), Reason.MAY_BELONG)
    if unread.any() or facts.evidence.catalog.coverage.gaps:
        keep(shape.alone & facts.subjects.unknown, Reason.SUBJECT_UNREAD)
    return reasons


def _not_read_whole(facts: Facts, closed_book: Array) -> Array:
    """Repositories of which something that could name or list any of their images was not read."""
    nodes = facts.nodes
    tags = nodes.catalog.tags
    unread = nodes.images_per_repository(closed_book) > 0
    lost = tags["digest"].isna().to_numpy() & ~tags["fault"].eq("missing").to_numpy(dtype=bool, na_value=False)
    dangling = tags["digest"].notna().to_numpy() & (nodes.tag_image < 0)
    unread[nodes.tag_repository[(lost | dangling) & (nodes.tag_repository >= 0)]] = True
    gaps = {gap.place for gap in facts.evidence.catalog.coverage.gaps}
    if gaps:
        unread |= np.array([name in gaps for name in nodes.names], dtype=bool)
    return np.asarray(unread)

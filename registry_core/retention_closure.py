"""Closure: what stands with a kept image. What it lists, what refers to it, and what it refers to."""

from __future__ import annotations

import numpy as np

from registry_core.retention_nodes import Array, Edges
from registry_core.retention_reasons import Reason


def spread(marked: Array, edges: Edges) -> Array:
    """A mask of all rows that hang, by any number of steps from owner to dependent, on a marked one."""
    reached = np.zeros(len(marked), dtype=bool)
    front = marked
    while True:
        below = edges.dependent[front[edges.owner]]
        below = below[~reached[below]]
        if not len(below):
            return reached
        reached[below] = True
        front = np.zeros(len(marked), dtype=bool)
        front[below] = True


def keep_what_belongs(reasons: Array, edges: Edges, *, stored: Array) -> None:
    """Add BELONGS and SUBJECT to `reasons`, in place, until nothing changes.

    What is not `stored` holds nothing up. SUBJECT goes to an image that has no other reason than that something
    kept refers to it; everything that an owner holds gets BELONGS beside its other reasons.
    """
    down = edges.only(stored[edges.owner])
    up = edges.only(edges.by_subject & stored[edges.dependent])
    kept = (reasons != 0) & stored
    while True:
        below = down.dependent[kept[down.owner]]
        fresh = below[~kept[below]]
        reason = Reason.BELONGS
        if not len(fresh):
            above = up.owner[kept[up.dependent]]
            fresh = above[~kept[above]]
            reason = Reason.SUBJECT
        if not len(fresh):
            break
        kept[fresh] = True
        reasons[fresh] |= np.uint32(reason)
    reasons[down.dependent[kept[down.owner]]] |= np.uint32(Reason.BELONGS)

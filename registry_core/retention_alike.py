"""Alike: images about which the same is said, so that the words of millions are made once for each distinct sentence.

The words of most images follow from a few numbers (reasons, entry, how many are newer, the day, the one image it
belongs to). Those are packed into one number; images with equal numbers share one tuple of texts. Nothing is decided
here: where the words of an image follow from more than these, it is like no other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from registry_core.adjacency import Adjacency
from registry_core.retention_facts import Facts
from registry_core.retention_nodes import Array
from registry_core.retention_order import UNKNOWN
from registry_core.retention_reasons import Reason

_DAY = 86_400_000_000  #: microseconds
#: Reasons of which all is said that can be: by the number of the entry, the day, the owner. The words of any other
#: tell of the users, tags, referrers or faults of the one image.
_SAID_ALIKE = np.uint32(
    Reason.PROTECTED | Reason.NO_POLICY | Reason.MAY_BELONG | Reason.GONE | Reason.ROLLBACK | Reason.ROLLBACK_UNKNOWN
    | Reason.LAST | Reason.WITHIN | Reason.UNKNOWN_DATE | Reason.UNTAGGED | Reason.BELONGS
)  # fmt: skip


@dataclass(frozen=True)
class Alike:
    """`first` holds one row of each kind, `kind` for each of the given rows the place of its kind in `first`."""

    first: Array
    kind: Array


def find_alike(facts: Facts, rows: Array, *, reasons: Array, newer: Array) -> Alike:
    """Put the rows together of which the same words are said. `reasons` and `newer` are of all images."""
    why, repository = reasons[rows], facts.nodes.repository[rows]
    emptied = facts.emptied[repository]
    own_tag, dependent = facts.shape.own_tag[rows], facts.shape.dependent[rows]
    kept = why != 0
    belongs = np.where(kept, why & np.uint32(Reason.BELONGS) != 0, ~emptied & ~own_tag & dependent)
    dated = np.where(kept, why & np.uint32(Reason.WITHIN) != 0, ~emptied & ~belongs)
    ranked = ~kept & ~emptied & own_tag

    named = facts.subjects.tagged_for_unknown[rows]
    state = (why << np.uint32(4)) | (named << 3) | (emptied << 2) | (own_tag << 1) | dependent
    state = np.unique(state, return_inverse=True)[1]
    dates = facts.dates[rows]
    day = np.where(dated & (dates != UNKNOWN), dates // _DAY + 1, 0)
    other = np.where(ranked, newer[rows] + 1, 0).astype(np.int64)
    if belongs.any():
        other[belongs] = _owner(facts, rows[belongs], reasons)
    alone = (why & ~_SAID_ALIKE != 0) | facts.shape.broken[rows]
    other[alone] = 3 * len(facts.nodes) + rows[alone]

    number = facts.entries[repository] + 1
    key = (state * (int(number.max(initial=0)) + 1) + number) * (int(day.max(initial=0)) + 1) + day
    key = key * (4 * len(facts.nodes) + 1) + other
    _, first, kind = np.unique(key, return_index=True, return_inverse=True)
    return Alike(first=rows[first], kind=kind)


def _owner(facts: Facts, rows: Array, reasons: Array) -> Array:
    """A number for the one image that each row is part of, else for the one that it refers to, else for itself."""
    size, stored = len(facts.nodes), facts.shape.stored
    found = 2 * size + rows
    undecided = np.ones(len(rows), dtype=bool)
    for offset, relation in ((0, facts.nodes.graph.parents), (size, facts.nodes.graph.subjects)):
        count, owner = _single(relation, rows, stored, reasons)
        single = undecided & (count == 1)
        found[single] = offset + owner[single]
        undecided &= count == 0
    return found


def _single(relation: Adjacency, rows: Array, stored: Array, reasons: Array) -> tuple[Array, Array]:
    """How many stored owners of the same fate each row has, and one of them."""
    dependent, owner = relation.edges_of(rows)
    same = stored[owner] & ((reasons[owner] == 0) == (reasons[dependent] == 0))
    place = np.zeros(len(stored), dtype=np.int32)
    place[rows] = np.arange(len(rows))
    places, owner = place[dependent[same]], owner[same]
    last = np.zeros(len(rows), dtype=np.int64)
    last[places] = owner
    return np.bincount(places, minlength=len(rows)), last

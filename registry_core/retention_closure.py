"""Closure: what stays with a kept image. What it lists, what refers to it, and what it refers to."""

from __future__ import annotations

import numpy as np

from registry_core.adjacency import reachable
from registry_core.retention_facts import Facts
from registry_core.retention_nodes import Array
from registry_core.retention_reasons import Reason


def stays_with(facts: Facts, kept: Array) -> Array:
    """Mask of all that may not go while the rows of the mask `kept` stay, these included.

    A kept signature keeps its subject too, beside what `ManifestGraph.closure` follows: of a kept image nothing
    may go that it names. Signatures in another repository are kept by their subject, and do not keep it.
    """
    graph = facts.nodes.graph
    relations = [graph.children, graph.referrers, graph.subjects, facts.subjects.abroad]
    return reachable(np.flatnonzero(kept), relations, len(graph))


def keep_what_belongs(reasons: Array, facts: Facts) -> None:
    """Add BELONGS and SUBJECT to `reasons`, in place. What is not stored holds nothing up by itself.

    What a kept image owns gets BELONGS beside its other reasons; SUBJECT is for what is kept only because
    something kept refers to it.
    """
    stored = facts.shape.stored
    kept = stays_with(facts, (reasons != 0) & stored)
    owners = kept & stored
    belongs = facts.nodes.dependents(owners)
    belongs[facts.subjects.abroad.edges_of(np.flatnonzero(owners))[1]] = True
    reasons[belongs] |= np.uint32(Reason.BELONGS)
    reasons[kept & (reasons == 0)] |= np.uint32(Reason.SUBJECT)

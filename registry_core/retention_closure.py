"""Closure: what stands with a kept image. What it lists, what refers to it, and what it refers to."""

from __future__ import annotations

import numpy as np

from registry_core.adjacency import reachable
from registry_core.manifest_graph import ManifestGraph
from registry_core.retention_nodes import Array, Nodes
from registry_core.retention_reasons import Reason


def stands_with(graph: ManifestGraph, kept: Array) -> Array:
    """Mask of all that may not go while the rows of the mask `kept` stay, these included.

    A kept signature keeps its subject too, beside what `ManifestGraph.closure` follows: of a kept image nothing
    may go that it names.
    """
    return reachable(np.flatnonzero(kept), [graph.children, graph.referrers, graph.subjects], len(graph))


def keep_what_belongs(reasons: Array, nodes: Nodes, *, stored: Array) -> None:
    """Add BELONGS and SUBJECT to `reasons`, in place. What is not `stored` holds nothing up by itself.

    Whatever a kept image owns gets BELONGS beside its other reasons; SUBJECT is for what is kept only because
    something kept refers to it.
    """
    kept = stands_with(nodes.graph, (reasons != 0) & stored)
    reasons[nodes.dependents(kept & stored)] |= np.uint32(Reason.BELONGS)
    reasons[kept & (reasons == 0)] |= np.uint32(Reason.SUBJECT)

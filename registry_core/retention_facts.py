"""The facts of one decision: the numbered images, their dates, who uses them, and the entry that decides."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from registry_core.catalog import CatalogFrames
from registry_core.policy_rules import Policies
from registry_core.retention_evidence import Evidence
from registry_core.retention_naming import Naming, find_naming
from registry_core.retention_nodes import Array, Nodes
from registry_core.retention_order import dates_of_images
from registry_core.retention_use import Use, find_use
from registry_core.usage import UsageFrames


@dataclass(frozen=True)
class Shape:
    """What each image is to the others of its repository, as masks."""

    stored: Array  #: the registry has it
    own_tag: Array  #: has a tag that is not just named for a subject
    dependent: Array  #: listed by a stored index, or refers to a stored image
    counted: Array  #: counted by keep_last: tagged, no part of a tagged index, no referrer

    @property
    def alone(self) -> Array:
        """Untagged, and nobody's part: what the `untagged` rule is for."""
        return np.asarray(self.stored & ~self.own_tag & ~self.dependent)


@dataclass(frozen=True)
class Facts:
    """`entries`: the number of the entry of each repository, -1 for none. `dates`: see `retention_order`."""

    policies: Policies
    evidence: Evidence
    nodes: Nodes
    entries: Array
    use: Use
    shape: Shape
    dates: Array

    @property
    def emptied(self) -> Array:
        """Repositories of which all goes, because nobody uses them and their entry says so."""
        evict = np.array([entry.when_unused == "evict" for entry in self.policies.entries] + [False])
        return np.asarray(evict[self.entries] & ~self.use.repositories)

    @cached_property
    def naming(self) -> Naming:
        """By which tags workloads know what they use."""
        use = self.use
        return find_naming(self.nodes, image=use.image, references=use.frames.usage["reference"], counts=use.counts)


def gather_facts(policies: Policies, catalog: CatalogFrames, usage: UsageFrames, evidence: Evidence) -> Facts:
    nodes = Nodes.of(catalog)
    entries = policies.entries_of(list(nodes.names))
    use = find_use(usage, nodes=nodes, policies=policies, entry_of_repository=entries, evidence=evidence)
    return Facts(
        policies=policies,
        evidence=evidence,
        nodes=nodes,
        entries=entries,
        use=use,
        shape=shape_of_images(nodes),
        dates=dates_of_images(nodes, evidence),
    )


def shape_of_images(nodes: Nodes) -> Shape:
    """What each image of a catalog is to the others."""
    stored = ~nodes.catalog.images["fault"].eq("missing").to_numpy(dtype=bool, na_value=False)
    own_tag = np.zeros(len(nodes), dtype=bool)
    own_tag[nodes.tag_image[nodes.tag_is_own & (nodes.tag_image >= 0)]] = True
    graph = nodes.graph
    under_tagged = graph.closure(own_tag & stored, referrers=False)
    part = np.zeros(len(nodes), dtype=bool)
    part[graph.children.edges_of(np.flatnonzero(under_tagged & stored))[1]] = True
    part[graph.referrers.edges_of(np.flatnonzero(stored))[1]] = True
    return Shape(stored=stored, own_tag=own_tag, dependent=nodes.dependents(stored), counted=stored & own_tag & ~part)

"""The facts of one decision: the numbered images, their dates, who uses them, and the entry that decides."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from registry_core.adjacency import Adjacency
from registry_core.catalog import CatalogFrames
from registry_core.policy_rules import Policies
from registry_core.retention_broken import broken_images
from registry_core.retention_evidence import Evidence
from registry_core.retention_naming import Naming, find_naming
from registry_core.retention_nodes import Array, Nodes
from registry_core.retention_order import dates_of_images
from registry_core.retention_subjects import Subjects
from registry_core.retention_use import Use, find_use
from registry_core.usage import UsageFrames


@dataclass(frozen=True)
class Shape:
    """What each image is to the others of its repository, as masks."""

    stored: Array  #: the registry has it
    own_tag: Array  #: has a tag that is not just named for a subject
    listed: Array  #: by a stored index
    dependent: Array  #: listed by a stored index, or refers to a stored image, of whatever repository
    counted: Array  #: asked by keep_last: tagged, no part of a tagged index, no referrer of its repository
    broken: Array  #: could not be put back after its deletion, see `retention_broken`
    takes_place: Array  #: of the counted ones, those that move others down: whole, and about no image anywhere

    @property
    def alone(self) -> Array:
        """Untagged, and no part of another image: what the `untagged` rule is for."""
        return np.asarray(self.stored & ~self.own_tag & ~self.dependent)


@dataclass(frozen=True)
class Facts:
    """`entries`: the number of the entry of each repository, -1 for none. `dates`: see `retention_order`."""

    policies: Policies
    evidence: Evidence
    nodes: Nodes
    entries: Array
    use: Use
    subjects: Subjects
    shape: Shape
    dates: Array

    @property
    def emptied(self) -> Array:
        """Repositories of which all goes, because no cluster uses them and their entry says so."""
        evict = np.array([entry.when_unused == "evict" for entry in self.policies.entries] + [False])
        return np.asarray(evict[self.entries] & ~self.use.repositories)

    @cached_property
    def let_go_broken(self) -> Array:
        """Broken images whose entry lets them go where no other reason keeps them."""
        evicts = np.array([entry.evicts_broken for entry in self.policies.entries] + [False])
        return np.asarray(self.shape.broken & evicts[self.entries][self.nodes.repository])

    @cached_property
    def naming(self) -> Naming:
        """By which tags workloads know what they use."""
        use = self.use
        return find_naming(self.nodes, image=use.image, references=use.frames.usage["reference"], counts=use.counts)


def gather_facts(policies: Policies, catalog: CatalogFrames, usage: UsageFrames, evidence: Evidence) -> Facts:
    nodes = Nodes.of(catalog)
    entries = policies.entries_of(list(nodes.names))
    subjects = Subjects.of(nodes, stored_images(catalog))
    use = find_use(usage, nodes=nodes, policies=policies, entry_of_repository=entries, evidence=evidence)
    return Facts(
        policies=policies,
        evidence=evidence,
        nodes=nodes,
        entries=entries,
        use=use,
        subjects=subjects,
        shape=shape_of_images(nodes, abroad=subjects.abroad),
        dates=dates_of_images(nodes, evidence),
    )


def stored_images(catalog: CatalogFrames) -> Array:
    """Mask of the images that the registry holds, whatever of them it lost."""
    return np.asarray(~catalog.images["fault"].eq("missing").to_numpy(dtype=bool, na_value=False))


def shape_of_images(nodes: Nodes, *, abroad: Adjacency | None = None) -> Shape:
    """What each image of a catalog is to the others; `abroad` as in `Subjects`, None to leave that out."""
    stored = stored_images(nodes.catalog)
    own_tag = np.zeros(len(nodes), dtype=bool)
    own_tag[nodes.tag_image[nodes.tag_is_own & (nodes.tag_image >= 0)]] = True
    graph = nodes.graph
    under_tagged = graph.closure(own_tag & stored, referrers=False)
    part = np.zeros(len(nodes), dtype=bool)
    part[graph.children.edges_of(np.flatnonzero(under_tagged & stored))[1]] = True
    part[graph.referrers.edges_of(np.flatnonzero(stored))[1]] = True
    listed = np.zeros(len(nodes), dtype=bool)
    listed[graph.children.edges_of(np.flatnonzero(stored))[1]] = True
    dependent = nodes.dependents(stored)
    about = nodes.catalog.images["subject"].notna().to_numpy(dtype=bool, copy=True)
    if abroad is not None:
        elsewhere = abroad.edges_of(np.flatnonzero(stored))[1]
        dependent[elsewhere] = True
        about[elsewhere] = True
    counted, broken = stored & own_tag & ~part, broken_images(nodes, stored)
    return Shape(
        stored=stored,
        own_tag=own_tag,
        listed=listed,
        dependent=dependent,
        counted=counted,
        broken=broken,
        takes_place=counted & ~broken & ~about,
    )

"""Use: which images and repositories count as used, by which rows of the usage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from registry_core.policy_rules import Policies
from registry_core.retention_evidence import Evidence
from registry_core.retention_nodes import Array, Nodes
from registry_core.retention_order import UNKNOWN, microseconds, times
from registry_core.usage import UsageFrames


@dataclass(frozen=True)
class Use:
    """`image` and `counts` for each row of `frames.usage`; `images` and `repositories` as masks."""

    frames: UsageFrames
    image: Array  #: row of the image, -1 where it is not stored
    counts: Array  #: seen lately enough to be a use
    images: Array  #: used themselves or through a child
    repositories: Array  #: used, or asked for in vain

    @property
    def images_in_use(self) -> int:
        """Number of stored images that are used themselves."""
        return len(np.unique(self.image[self.counts & (self.image >= 0)]))


def find_use(
    frames: UsageFrames, *, nodes: Nodes, policies: Policies, entry_of_repository: Array, evidence: Evidence
) -> Use:
    """Say what is used, by `seen_within` of the entry of each repository.

    A use that is in the newest inventory of its cluster counts however short `seen_within` is, and so does one
    that does not say when it was seen. A reference that resolves to nothing makes its repository a used one:
    somebody asks for it.
    """
    usage = frames.usage
    place = nodes.repositories(usage["repository"])
    image = nodes.graph.rows_at(usage["repository"], usage["digest"])
    counts = _seen_lately(frames, place, policies, entry_of_repository, evidence)

    images = np.zeros(len(nodes), dtype=bool)
    images[image[counts & (image >= 0)]] = True
    images = nodes.graph.closure(images, down=False, up=True, referrers=False)

    repositories = np.zeros(len(nodes.names), dtype=bool)
    repositories[place[counts & (place >= 0)]] = True
    wanted = nodes.repositories(frames.unresolved["repository"])
    repositories[wanted[wanted >= 0]] = True
    return Use(frames=frames, image=image, counts=counts, images=images, repositories=repositories)


def _seen_lately(
    frames: UsageFrames, place: Array, policies: Policies, entry_of_repository: Array, evidence: Evidence
) -> Array:
    seen = times(frames.usage["last_seen_at"])
    as_of = microseconds(evidence.as_of)
    oldest = np.full(len(policies) + 1, UNKNOWN, dtype=np.int64)  # the last is for repositories without entry
    for number, entry in enumerate(policies.entries):
        if entry.keep_in_use is not None and entry.keep_in_use.seen_within is not None:
            oldest[number] = as_of - int(entry.keep_in_use.seen_within.total_seconds() * 1_000_000)
    lately = (seen >= oldest[np.append(entry_of_repository, -1)[place]]) | (seen == UNKNOWN)
    for cluster, inventory in evidence.inventories.items():
        newest = frames.usage["cluster"].eq(cluster).to_numpy(dtype=bool, na_value=False)
        lately |= newest & (seen >= microseconds(inventory.as_of))
    return np.asarray(lately)

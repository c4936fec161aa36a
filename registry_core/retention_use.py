"""Use: which images and repositories count as used, by which rows of the usage."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import pandas as pd

from registry_core.policy_rules import Policies
from registry_core.policy_spans import FOREVER, NOW
from registry_core.retention_evidence import Evidence
from registry_core.retention_nodes import Array, Nodes
from registry_core.retention_order import UNKNOWN, microseconds, times
from registry_core.usage import UsageFrames

_MICROSECOND = timedelta(microseconds=1)
_ELSEWHERE = "same digest elsewhere"


@dataclass(frozen=True)
class Use:
    """`image` and `counts` for each row of `frames.usage`; `images` and `repositories` as masks."""

    frames: UsageFrames
    image: Array  #: row of the image, -1 where it is not stored
    counts: Array  #: seen lately enough to be a use
    current: Array  #: in the newest inventory of its cluster
    images: Array  #: used themselves or through a child
    repositories: Array  #: used, or asked for in vain

    @property
    def images_in_use(self) -> int:
        """Number of stored images that the newest inventories use.

        The past does not count here: it would hide that an inventory is empty.
        """
        return len(np.unique(self.image[self.current & (self.image >= 0)]))


def find_use(
    frames: UsageFrames, *, nodes: Nodes, policies: Policies, entry_of_repository: Array, evidence: Evidence
) -> Use:
    """Find what is used, by `seen_within` of the entry of each repository.

    A use that is in the newest inventory of its cluster counts however short `seen_within` is, and so does one
    that does not say when it was seen. A reference that resolves to nothing makes its repository a used one:
    a workload asks for it.
    """
    frames = _in_every_repository(frames, nodes, evidence)
    usage = frames.usage
    place = nodes.repositories(usage["repository"])
    image = nodes.graph.rows_at(usage["repository"], usage["digest"])
    seen = times(usage["last_seen_at"])
    current = _in_newest_inventory(usage["cluster"], seen, evidence)
    oldest = _oldest_that_counts(policies, evidence)[np.append(entry_of_repository, -1)[place]]
    counts = current | (seen >= oldest) | (seen == UNKNOWN)

    images = np.zeros(len(nodes), dtype=bool)
    images[image[counts & (image >= 0)]] = True
    images = nodes.graph.closure(images, down=False, up=True, referrers=False)

    repositories = np.zeros(len(nodes.names), dtype=bool)
    repositories[place[counts & (place >= 0)]] = True
    wanted = nodes.repositories(frames.unresolved["repository"])
    repositories[wanted[wanted >= 0]] = True
    return Use(frames=frames, image=image, counts=counts, current=current, images=images, repositories=repositories)


def _in_every_repository(frames: UsageFrames, nodes: Nodes, evidence: Evidence) -> UsageFrames:
    """The usage, and what of it a repository with the same digest has neither itself nor a newer one like it of.

    The join of the newest inventories has all of these; what was stored before a copy was pushed has not.
    """
    usage = frames.usage
    seen = times(usage["last_seen_at"])
    always = (seen == UNKNOWN) | _in_newest_inventory(usage["cluster"], seen, evidence)
    lately = np.where(always, np.iinfo(np.int64).max, seen)
    own = nodes.graph.rows_at(usage["repository"], usage["digest"])
    use, image = nodes.graph.rows_anywhere(usage["digest"])
    use, image = use[own[use] != image], image[own[use] != image]
    if not len(use):
        return frames
    foreign = usage["match"].eq(_ELSEWHERE).to_numpy(dtype=bool, na_value=False) & (own >= 0)
    newest = np.full(len(nodes), UNKNOWN, dtype=np.int64)
    np.maximum.at(newest, own[foreign], lately[foreign])
    written, texts = pd.factorize(usage["reference"], use_na_sentinel=False)
    there = own >= 0
    alike = _newest_by(own[there] * len(texts) + written[there], lately[there], image * len(texts) + written[use])
    missing = lately[use] > np.maximum(newest[image], alike)
    if not missing.any():
        return frames
    repositories = nodes.names[nodes.repository[image[missing]]]
    more = usage.iloc[use[missing]].assign(repository=repositories, match=_ELSEWHERE)
    return replace(frames, usage=pd.concat([usage, more], ignore_index=True))


def _newest_by(keys: Array, times_of_keys: Array, wanted: Array) -> Array:
    """The newest time of each wanted key, UNKNOWN for one that there is not."""
    known, place = np.unique(keys, return_inverse=True)
    newest = np.full(len(known) + 1, UNKNOWN, dtype=np.int64)
    np.maximum.at(newest, place, times_of_keys)
    at = np.searchsorted(known, wanted)
    found = np.append(known, -1)[at] == wanted
    return np.where(found, newest[at], UNKNOWN)


def _in_newest_inventory(clusters: pd.Series[str], seen: Array, evidence: Evidence) -> Array:
    """Uses that the newest inventory of their cluster saw; of a cluster without one, those as new as the evidence."""
    newest = np.full(len(seen), microseconds(evidence.as_of), dtype=np.int64)
    for cluster, inventory in evidence.inventories.items():
        newest[clusters.eq(cluster).to_numpy(dtype=bool, na_value=False)] = microseconds(inventory.as_of)
    return np.asarray(seen >= newest)


def _oldest_that_counts(policies: Policies, evidence: Evidence) -> Array:
    """For each entry the time since which a use counts; the last is for repositories without entry, where all do."""
    as_of = microseconds(evidence.as_of)
    words = {NOW: np.iinfo(np.int64).max, FOREVER: UNKNOWN}
    windows = [entry.seen_within for entry in policies.entries]
    oldest = [words[window] if window in words else as_of - window // _MICROSECOND for window in windows]
    return np.array([*oldest, UNKNOWN], dtype=np.int64)

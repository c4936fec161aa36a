"""Subjects: which image a signature, an attestation or an SBOM is about, wherever in the registry that image lies.

Within a repository `ManifestGraph` has these edges. Here are those that leave it (cosign's COSIGN_REPOSITORY keeps
signatures in a repository of their own), and the tags and images whose subject the registry does not hold. Only the
way from an image to its signatures is an edge: a signature that stays in one repository holds nothing in another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from registry_core.adjacency import Adjacency
from registry_core.retention_nodes import Array, Nodes


@dataclass(frozen=True)
class Subjects:
    """`abroad` leads from an image to what refers to it from other repositories, `abroad_subjects` back."""

    abroad: Adjacency
    abroad_subjects: Adjacency
    unknown_tags: Array  #: mask of tags that are named for an image which is not stored, or for the tagged one itself
    tagged_for_unknown: Array  #: mask of images with such a tag
    unknown: Array  #: mask of images with such a tag, or such a `subject`

    @classmethod
    def of(cls, nodes: Nodes, stored: Array) -> Subjects:
        """Find them. `stored` is the mask of the images that the registry has: no other is anybody's subject."""
        images = nodes.catalog.images
        named = nodes.tags_named_for_subjects
        fields = np.flatnonzero(images["subject"].notna().to_numpy())
        referrer = np.concatenate([nodes.tag_image[named.rows], fields])
        digest = pd.Series([*named.digests, *images["subject"].iloc[fields]], dtype=object)

        place, subject = nodes.graph.rows_anywhere(digest)
        own = images["digest"].to_numpy(dtype=object)
        real = stored[subject] & (own[subject] != own[referrer[place]]) & (referrer[place] >= 0)
        place, subject = place[real], subject[real]
        known = np.zeros(len(referrer), dtype=bool)
        known[place] = True
        home = np.zeros(len(referrer), dtype=bool)
        home[place[nodes.repository[subject] == nodes.repository[referrer[place]]]] = True

        leaves = ~home[place]
        abroad = Adjacency.from_edges(subject[leaves], referrer[place[leaves]], len(nodes))
        unknown_tags = np.zeros(len(nodes.tag_image), dtype=bool)
        unknown_tags[named.rows[~known[: len(named.rows)]]] = True
        tagged_for_unknown = np.zeros(len(nodes), dtype=bool)
        tagged_for_unknown[nodes.tag_image[unknown_tags & (nodes.tag_image >= 0)]] = True
        unknown = tagged_for_unknown.copy()
        unknown[fields[~known[len(named.rows) :]]] = True
        return cls(abroad, abroad.reversed(), unknown_tags, tagged_for_unknown, unknown)

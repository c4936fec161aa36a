"""Broken: images that could not be put back after their deletion, because a part of them is lost already.

A registry refuses an index while it does not have all that the index lists (distribution answers 400
MANIFEST_BLOB_UNKNOWN), and an image without its config is none. The catalog knows what of that is lost; layers it
does not ask for. What was only not read (forbidden, unreachable, throttled) is not known to be lost.
"""

from __future__ import annotations

import numpy as np

from registry_core.retention_nodes import Array, Nodes

_LOST = ("missing", "corrupt")


def broken_images(nodes: Nodes, stored: Array) -> Array:
    """Mask of the stored images that are broken, or list one that is, at any depth."""
    images = nodes.catalog.images
    lost = (images["fault"].isin(_LOST) | images["config_fault"].isin(_LOST)).to_numpy(dtype=bool)
    above = nodes.graph.closure(lost | nodes.graph.incomplete, down=False, up=True, referrers=False)
    return np.asarray(above & stored)

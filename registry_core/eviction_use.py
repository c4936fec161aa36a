"""Who uses what just now, as the last look before a deletion asks it: images, and the tags by which they are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from registry_core.retention_naming import find_naming
from registry_core.retention_nodes import Nodes

Image = tuple[str, str]  #: repository and digest


@dataclass(frozen=True)
class UseNow:
    """By whom, in words. Nothing known is nothing used: only for repositories that were looked at."""

    images: Mapping[Image, str] = field(default_factory=dict)  #: used themselves, through a child, or through an index
    tags: Mapping[tuple[str, str], str] = field(default_factory=dict)  #: by repository and tag: a workload names it
    whole: Mapping[Image, str] = field(default_factory=dict)  #: in use by somebody who names none of the image's tags


def use_now(nodes: Nodes, usage: pd.DataFrame) -> UseNow:
    """Say it from USAGE_COLUMNS of an inventory taken now, each row of which counts."""
    columns = [usage[name] for name in ("cluster", "namespace", "owner_name")]
    users = [f"{cluster} {namespace}/{owner}" for cluster, namespace, owner in zip(*columns, strict=True)]
    rows = nodes.graph.rows_at(usage["repository"], usage["digest"])
    stored = list(zip(nodes.catalog.images["repository"], nodes.catalog.images["digest"], strict=True))
    images: dict[Image, str] = {}
    for repository, digest, user in zip(usage["repository"], usage["digest"], users, strict=True):
        images.setdefault((repository, digest), user)
    for row in np.unique(rows[rows >= 0]).tolist():
        user = images[stored[row]]
        for down in (False, True):  # apart: together they would reach the other images of an index
            around = nodes.graph.closure(np.array([row]), down=down, up=not down, referrers=False)
            for other in np.flatnonzero(around).tolist():
                images.setdefault(stored[other], user)
    naming = find_naming(nodes, image=rows, references=usage["reference"])
    tags = zip(nodes.catalog.tags["repository"], nodes.catalog.tags["tag"], strict=True)
    return UseNow(
        images=images,
        tags={tag: users[use] for tag, use in zip(tags, naming.tags.tolist(), strict=True) if use >= 0},
        whole={image: users[use] for image, use in zip(stored, naming.whole.tolist(), strict=True) if use >= 0},
    )

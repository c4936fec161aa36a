"""Names for sentences: the tags of an image, how to call it, who uses it, whom it belongs to."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from registry_core.retention_facts import Facts
from registry_core.retention_nodes import Array

SHOWN = 3  #: a list in a sentence names this many, then counts


def listed(names: list[str]) -> str:
    """`a, b, c and 4 more`."""
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


@dataclass(frozen=True)
class Groups:
    """Values by a number from 0: what belongs to each row, without a Python list for each."""

    values: Array = field(repr=False)
    bounds: Array = field(repr=False)

    @classmethod
    def by(cls, key: Array, value: Array, size: int) -> Groups:
        """Group `value` by `key`; pairs whose key is negative belong to nobody."""
        known = key >= 0
        key, value = key[known].astype(np.int32), value[known].astype(np.int32)
        bounds = np.zeros(size + 1, dtype=np.int64)
        np.cumsum(np.bincount(key, minlength=size), out=bounds[1:])
        return cls(value[np.argsort(key, kind="stable")], bounds)

    def of(self, number: int) -> list[int]:
        found: list[int] = self.values[self.bounds[number] : self.bounds[number + 1]].tolist()
        return found


@dataclass(frozen=True)
class Names:
    """Names of the images of one catalog, by row."""

    facts: Facts

    @cached_property
    def digest(self) -> Array:
        return self.facts.nodes.catalog.images["digest"].to_numpy(dtype=object)

    @cached_property
    def tag(self) -> Array:
        return self.facts.nodes.catalog.tags["tag"].to_numpy(dtype=object)

    @cached_property
    def tags(self) -> Groups:
        """Rows of tags by image."""
        image = self.facts.nodes.tag_image
        return Groups.by(image, np.arange(len(image)), len(self.facts.nodes))

    @cached_property
    def uses(self) -> Groups:
        use = self.facts.use
        return Groups.by(np.where(use.counts, use.image, -1), np.arange(len(use.image)), len(self.facts.nodes))

    def tags_of(self, row: int) -> list[str]:
        """All tags of an image, sorted, those that are named for a subject included."""
        return sorted(self.tag[tag] for tag in self.tags.of(row))

    def label(self, row: int) -> str:
        """How to call an image: by its first tag, else by the start of its digest."""
        own = sorted(self.tag[tag] for tag in self.tags.of(row) if self.facts.nodes.tag_is_own[tag])
        return own[0] if own else f"{self.digest[row][:19]}…"

    def labels(self, rows: list[int]) -> str:
        return listed(sorted({self.label(row) for row in rows}))

    def users(self, row: int) -> str:
        """Who uses an image: `production/health/web (3 pods)`; empty where nobody does, itself."""
        pods: defaultdict[str, int] = defaultdict(int)
        for use in self.uses.of(row):
            cluster, namespace, owner, count = self._users[use]
            workload = f"{cluster}/{namespace}/{owner}"
            pods[workload] = max(pods[workload], int(count))
        names = [
            f"{workload} ({count} {'pod' if count == 1 else 'pods'})" if count else workload
            for workload, count in sorted(pods.items())
        ]
        return listed(names)

    def users_below(self, row: int) -> tuple[str, str]:
        """Who uses a child of an index, and the label of that child; two empty texts where nobody does."""
        children, front, seen = self.facts.nodes.graph.children, [row], {row}
        while front:
            front = list({child for parent in front for child in children.of(parent).tolist()} - seen)
            seen.update(front)
            for child in sorted(front, key=lambda row: self.digest[row]):
                if users := self.users(child):
                    return users, self.label(child)
        return "", ""

    @cached_property
    def _users(self) -> list[tuple[str, str, str, int]]:
        usage = self.facts.use.frames.usage
        columns = [usage[name] for name in ("cluster", "namespace", "owner_name", "pods")]
        return list(zip(*columns, strict=True))

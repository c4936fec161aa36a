"""Names for sentences: the tags of an image, how to call it, which workloads use it, what it belongs to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from registry_core.digests import shortened
from registry_core.policy_spans import FOREVER, print_window
from registry_core.retention_facts import Facts
from registry_core.retention_nodes import Array
from registry_core.retention_order import UNKNOWN, day_of, times

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
        """Group `value` by `key`; pairs whose key is negative are left out."""
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
    def current_uses(self) -> Groups:
        """Rows of the usage by image: those of the newest inventories, and those of unknown time."""
        use = self.facts.use
        return self._uses(use.counts & (use.current | (times(use.frames.usage["last_seen_at"]) == UNKNOWN)))

    @cached_property
    def past_uses(self) -> Groups:
        """The others that count."""
        use = self.facts.use
        return self._uses(use.counts & ~use.current)

    def _uses(self, chosen: Array) -> Groups:
        image = self.facts.use.image
        return Groups.by(np.where(chosen, image, -1), np.arange(len(image)), len(self.facts.nodes))

    @cached_property
    def lost_children(self) -> dict[str, list[str]]:
        """By index, what it lists and has no row; for the indexes that list such."""
        nodes = self.facts.nodes
        rows = np.flatnonzero(nodes.graph.incomplete)
        children = nodes.catalog.children
        listed = children[children["digest"].isin(set(self.digest[rows]))]
        if "kind" in listed:
            listed = listed[~listed["kind"].isin(["blob", "unknown"])]
        found: defaultdict[str, list[str]] = defaultdict(list)
        for index, child in zip(listed["digest"], listed["child"], strict=True):
            found[index].append(child)
        return found

    def tags_of(self, row: int) -> list[str]:
        """All tags of an image, sorted, those that are named for a subject included."""
        return sorted(self.tag[tag] for tag in self.tags.of(row))

    def label(self, row: int, *, seen_from: int | None = None) -> str:
        """How to call an image: by its first tag, else by the start of its digest; with its repository where it is
        not that of the image `seen_from`."""
        own = sorted(self.tag[tag] for tag in self.tags.of(row) if self.facts.nodes.tag_is_own[tag])
        name = own[0] if own else shortened(self.digest[row])
        repository = self.facts.nodes.repository
        if seen_from is None or repository[row] == repository[seen_from]:
            return name
        return f"{self.facts.nodes.names[repository[row]]}{':' if own else '@'}{name}"

    def labels(self, rows: list[int], *, seen_from: int | None = None) -> str:
        return listed(sorted({self.label(row, seen_from=seen_from) for row in rows}))

    def in_use(self, row: int) -> str:
        """By which workloads an image is in use, itself or through a child, and within which window where no current
        workload uses it: `in use by production/health/web (3 pods)`; empty where it is not in use."""
        for users, through in self._uses_of(row, self._current_users):
            return f"in use by {users}{through}"
        number = self.facts.entries[self.facts.nodes.repository[row]]
        window = self.facts.policies.entries[number].seen_within if number >= 0 else FOREVER
        before = "before" if window == FOREVER else f"within {print_window(window)}"
        for users, through in self._uses_of(row, self._past_users):
            return f"in use {before} by {users}{through}"
        return ""

    def _uses_of(self, row: int, users_of: Callable[[int], str]) -> Iterator[tuple[str, str]]:
        """Users of the image itself; else of the nearest of what it lists, and through which child."""
        if users := users_of(row):
            yield users, ""
        children, front, seen = self.facts.nodes.graph.children, [row], {row}
        while front:
            front = list({child for parent in front for child in children.of(parent).tolist()} - seen)
            seen.update(front)
            for child in sorted(front, key=lambda row: self.digest[row]):
                if users := users_of(child):
                    yield users, f", through its child {self.label(child)}"

    def _current_users(self, row: int) -> str:
        """`production/health/web (3 pods)`."""
        pods: defaultdict[str, int] = defaultdict(int)
        for use in self.current_uses.of(row):
            cluster, namespace, owner, count = self._users[use]
            workload = f"{cluster}/{namespace}/{owner}"
            pods[workload] = max(pods[workload], int(count))
        names = [
            f"{workload} ({count} {'pod' if count == 1 else 'pods'})" if count else workload
            for workload, count in sorted(pods.items())
        ]
        return listed(names)

    def _past_users(self, row: int) -> str:
        """`production/health/web (last seen 2026-03-29)`."""
        last: dict[str, int] = {}
        seen = self._last_seen
        for use in self.past_uses.of(row):
            cluster, namespace, owner, _ = self._users[use]
            workload = f"{cluster}/{namespace}/{owner}"
            last[workload] = max(last.get(workload, seen[use]), seen[use])
        return listed([f"{workload} (last seen {day_of(at)})" for workload, at in sorted(last.items())])

    @cached_property
    def _last_seen(self) -> list[int]:
        found: list[int] = times(self.facts.use.frames.usage["last_seen_at"]).tolist()
        return found

    @cached_property
    def _users(self) -> list[tuple[str, str, str, int]]:
        usage = self.facts.use.frames.usage
        columns = [usage[name] for name in ("cluster", "namespace", "owner_name", "pods")]
        return list(zip(*columns, strict=True))

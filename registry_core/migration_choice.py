"""Choose what a copy rule takes from a catalog: masks over images and tags, by the numbers of `retention_nodes`.

Any reason wins. What has no known date may be one of the newest or of those before one in use, so it is taken too.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from registry_core.catalog import CatalogFrames
from registry_core.copy_rule import Scope, Selection
from registry_core.globs import compile_globs
from registry_core.retention_evidence import Evidence
from registry_core.retention_facts import Shape, shape_of_images
from registry_core.retention_nodes import Array, Nodes
from registry_core.retention_order import UNKNOWN, Order, dates_of_images, order_images
from registry_core.usage import UsageFrames
from registry_core.versions import Version, VersionPattern


@dataclass(frozen=True)
class Choice:
    """Images and tags that a selection takes, and by which of its keys; masks over rows of images and of tags."""

    selection: Selection
    scope: Scope
    nodes: Nodes = field(repr=False)
    usage: UsageFrames = field(repr=False)
    tops: dict[int, tuple[int, ...]] = field(repr=False)  #: used image → what is copied for it: its indexes, or itself
    all: Array
    in_use: Array
    rollback: Array
    maybe_rollback: Array  #: a date that nobody knows leaves open whether it is one
    newest: Array
    maybe_newest: Array
    tags: dict[int, str] = field(repr=False)  #: row of a tag → why it is taken
    lost_tags: dict[int, str] = field(repr=False)  #: tags that resolve to nothing, and why they may be wanted
    own_tags: Array  #: tags of repositories in scope that are not just named for a subject

    @property
    def images(self) -> Array:
        """Images that are taken with all their tags."""
        whole = (self.all, self.in_use, self.rollback, self.maybe_rollback, self.newest, self.maybe_newest)
        return np.asarray(np.logical_or.reduce(whole))


def choose(selection: Selection, catalog: CatalogFrames, usage: UsageFrames, evidence: Evidence) -> Choice:
    """Choose from the catalog of the source, by the usage of all clusters. Raises ValueError for a selection that
    cannot be read (its globs, ranges or patterns)."""
    nodes, scope = Nodes.of(catalog), selection.scope()
    shape, dates = shape_of_images(nodes), dates_of_images(nodes, evidence)
    here = np.array([name in scope for name in nodes.names], dtype=bool)[nodes.repository]
    tops = _tops(nodes, _used(selection, nodes, usage, here), shape)
    in_use = np.zeros(len(nodes), dtype=bool)
    in_use[[top for found in tops.values() for top in found]] = True
    rollback, maybe_rollback = _rollbacks(selection, nodes, dates, shape.counted & here, in_use)
    newest, maybe_newest = _newest(selection, nodes, dates, shape.counted & here)
    # A tag on a manifest that the registry has lost: it may be one of them, and must not be left out in silence.
    lost = shape.own_tag & ~shape.stored & here
    maybe_newest |= lost & bool(selection.newest)
    maybe_rollback |= lost & _beside_used(nodes, in_use) & bool(selection.rollbacks)
    own = _own_tags(nodes, scope)
    return Choice(
        selection=selection,
        scope=scope,
        nodes=nodes,
        usage=usage,
        tops=tops,
        all=shape.own_tag & here if selection.all else np.zeros(len(nodes), dtype=bool),
        in_use=in_use,
        rollback=rollback & ~in_use,
        maybe_rollback=maybe_rollback & ~in_use,
        newest=newest,
        maybe_newest=maybe_newest,
        tags=_chosen_tags(selection, catalog.tags["tag"], own),
        lost_tags=_lost_tags(selection, nodes, own, in_use),
        own_tags=own,
    )


def _used(selection: Selection, nodes: Nodes, usage: UsageFrames, here: Array) -> Array:
    """Rows of images that the chosen clusters use, each once."""
    rows = usage.usage
    chosen = rows["cluster"].isin(list(selection.in_use)).to_numpy()
    images = nodes.graph.rows_at(rows["repository"], rows["digest"])
    images = np.unique(images[chosen & (images >= 0)])
    return np.asarray(images[here[images]])


def _tops(nodes: Nodes, used: Array, shape: Shape) -> dict[int, tuple[int, ...]]:
    """What is copied for each used image: the indexes that list it, the topmost; itself where none does, or where it
    has a tag of its own beside."""
    found: dict[int, tuple[int, ...]] = {}
    for image in used.tolist():
        tops: set[int] = set()
        waiting, seen = [image], {image}
        while waiting:
            row = waiting.pop()
            above = [parent for parent in nodes.graph.parents.of(row).tolist() if shape.stored[parent]]
            if not above:
                tops.add(row)
            fresh = [parent for parent in above if parent not in seen]
            seen.update(fresh)
            waiting.extend(fresh)
        if shape.own_tag[image]:
            tops.add(image)
        found[image] = tuple(sorted(tops))
    return found


def _rollbacks(selection: Selection, nodes: Nodes, dates: Array, counted: Array, in_use: Array) -> tuple[Array, Array]:
    """The images just before each one in use, and those of which nobody knows whether they are."""
    rollback, maybe = np.zeros(len(nodes), dtype=bool), np.zeros(len(nodes), dtype=bool)
    if not selection.rollbacks:
        return rollback, maybe
    ranked = counted | in_use
    order = order_images(nodes, dates, ranked)
    back = order.back_to(in_use, ranked)
    rollback[order.rows[(back >= 0) & (back <= selection.rollbacks)]] = True
    rollback &= ~in_use  # what is of the very same time as an image in use may have come before it
    undated = dates == UNKNOWN
    lost = nodes.images_per_repository(in_use & undated) > 0
    maybe |= counted & (lost[nodes.repository] | (undated & _beside_used(nodes, in_use)))
    return rollback, maybe & ~rollback


def _newest(selection: Selection, nodes: Nodes, dates: Array, counted: Array) -> tuple[Array, Array]:
    newest, maybe = np.zeros(len(nodes), dtype=bool), np.zeros(len(nodes), dtype=bool)
    if selection.newest:
        order: Order = order_images(nodes, dates, counted)
        newest[order.rows[order.newer(counted) < selection.newest]] = True
        maybe |= counted & (dates == UNKNOWN)
    return newest, maybe


def _beside_used(nodes: Nodes, in_use: Array) -> Array:
    """Images of repositories of which an image is in use."""
    return np.asarray((nodes.images_per_repository(in_use) > 0)[nodes.repository])


def before_used(selection: Selection) -> str:
    """What `rollbacks` takes, in words."""
    count = selection.rollbacks
    return "the image before one in use" if count == 1 else f"one of the {count} images before one in use"


def newest_of(selection: Selection) -> str:
    """What `newest` takes, in words."""
    return "the newest of its repository" if selection.newest == 1 else f"one of the newest {selection.newest}"


def _lost_tags(selection: Selection, nodes: Nodes, own: Array, in_use: Array) -> dict[int, str]:
    """Tags that resolve to nothing, or could not be resolved, where a key that takes whole images may want them."""
    tags = nodes.catalog.tags
    lost = tags["digest"].isna().to_numpy() & own
    reasons: dict[int, str] = {}
    if selection.rollbacks:
        used = np.append(nodes.images_per_repository(in_use) > 0, False)[nodes.tag_repository]
        why = f"may be {before_used(selection)}: what it points to is not known"
        reasons.update(dict.fromkeys(np.flatnonzero(lost & used).tolist(), why))
    if selection.newest:
        why = f"may be {newest_of(selection)}: what it points to is not known"
        reasons.update(dict.fromkeys(np.flatnonzero(lost).tolist(), why))
    if selection.all:
        reasons.update(dict.fromkeys(np.flatnonzero(lost).tolist(), "all is copied"))
    return reasons


def _own_tags(nodes: Nodes, scope: Scope) -> Array:
    repositories, names = pd.factorize(nodes.catalog.tags["repository"])
    inside = np.array([name in scope for name in names], dtype=bool)
    return np.asarray(inside[repositories] & nodes.tag_is_own) if len(repositories) else np.zeros(0, dtype=bool)


def _chosen_tags(selection: Selection, tags: pd.Series[str], own: Array) -> dict[int, str]:
    """Why each tag is taken that a glob or a range takes; each distinct name is looked at once."""
    if not (selection.tags or selection.versions) or not len(tags):
        return {}
    rows = np.flatnonzero(own)
    codes, names = pd.factorize(tags.iloc[rows])
    globs, ranges, patterns = compile_globs(selection.tags), selection.ranges, selection.version_patterns
    reasons: list[str | None] = []
    for name in names:
        glob = globs.first(name)
        reason = None if glob is None else f"its tag {name} matches {glob}"
        version = _version(name, patterns) if ranges and reason is None else None
        if version is not None:
            within = next((one for one in ranges if version in one), None)
            reason = None if within is None else f"version {version} is in {within}"
        reasons.append(reason)
    chosen = np.array([reason is not None for reason in reasons], dtype=bool)[codes]
    return {row: reasons[code] or "" for row, code in zip(rows[chosen].tolist(), codes[chosen].tolist(), strict=True)}


def _version(tag: str, patterns: tuple[VersionPattern, ...]) -> Version | None:
    return next((version for pattern in patterns if (version := pattern.parse(tag)) is not None), None)

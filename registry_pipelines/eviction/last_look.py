"""The last look: what is true of a wave's repositories now, and what of the wave may therefore still go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import pandas as pd

from assets.taking.evidence import Evidence
from registry_core.catalog import CatalogFrames
from registry_core.coverage import Gap
from registry_core.eviction_entries import Entry
from registry_core.eviction_shrink import Fresh, Shrunk, shrink
from registry_core.eviction_use import Image, UseNow, use_now
from registry_core.manifest_graph import ManifestGraph
from registry_core.policy_rules import Policies
from registry_core.retention_nodes import Nodes
from registry_core.usage import join_usage
from registry_pipelines.eviction.vendor_protection import VendorProtection
from resources.connections import Connections
from resources.registry.looking import Looked, look_at

_TAGS = ["repository", "tag", "digest", "fault", "detail"]
_IMAGES = ["repository", "digest", "config_digest", "subject", "fault", "detail"]


@dataclass(frozen=True)
class Seen:
    """What may still go of a wave by what was seen, and what must be known of it to keep it: all tags on each image,
    and what refers to it."""

    shrunk: Shrunk
    fresh: Fresh
    tags: Mapping[Image, tuple[str, ...]]
    referrers: Mapping[Image, tuple[str, ...]]


@dataclass(frozen=True)
class LastLook:
    """Looks at waves of one registry. `evidence` holds the fresh inventories and the catalog that was planned by."""

    connections: Connections
    evidence: Evidence
    policies: Policies

    @cached_property
    def _protection(self) -> VendorProtection:
        return VendorProtection(self.connections, self.evidence.registry)

    def at(self, entries: Sequence[Entry], *, as_of: datetime) -> Seen:
        """Look at the repositories of these entries, and decide which of them may still go."""
        asked: dict[str, set[str]] = {}
        for entry in entries:
            # An owner that is not among them went before: that it is gone has to be seen.
            asked.setdefault(entry.repository, set()).update((entry.digest, *entry.owners))
        registry = self.evidence.registry
        looked = list(
            look_at(
                self.connections.registry(registry),
                asked,
                remembered=self.connections.history.remembered(registry),
                as_of=as_of,
            )
        )
        frames = self._frames(looked, asked)
        nodes = Nodes.of(frames)
        bonds, referrers = _bonds(nodes.graph, frames, entries, looked)
        protected, unread = self._protection.of(asked)
        fresh = Fresh(
            # A tag that is listed and answers 404 names nothing: that is an answer.
            tags={
                one.crawled.repository: {tag.tag: tag.digest for tag in one.crawled.tags if tag.fault != "missing"}
                for one in looked
            },
            use=self._use(nodes, looked),
            bonds=bonds,
            gone=frozenset((one.crawled.repository, digest) for one in looked for digest in one.gone),
            unread={**unread, **{one.crawled.repository: one.unread for one in looked if one.unread}},
            protected=protected,
            policies=self.policies,
        )
        return Seen(shrink(entries, fresh), fresh, _tags_on(looked), referrers)

    def _frames(self, looked: Iterable[Looked], asked: Mapping[str, Iterable[str]]) -> CatalogFrames:
        """The repositories as they are now; what a digest means is known from the catalog or read just now."""
        catalog = self.evidence.catalog
        tags, images, children = [], [], []
        facts = {}
        for one in looked:
            repository = one.crawled.repository
            tags += [(repository, tag.tag, tag.digest, tag.fault, tag.detail) for tag in one.crawled.tags]
            rows = {seen.digest: (seen.fault, seen.detail) for seen in one.crawled.images}
            rows.update({digest: (None, "") for digest in asked[repository] if digest not in rows})
            rows.update(dict.fromkeys(one.gone, ("missing", "gone")))
            for listed in one.referrers.values():
                rows.update({digest: (None, "") for digest in listed if digest not in rows})
            images += [(repository, digest, *row) for digest, row in rows.items()]
            facts.update({facts.digest: (facts.config_digest, facts.subject) for facts in one.crawled.manifests})
            children += [(facts.digest, child) for facts in one.crawled.manifests for child in facts.children]
        stored = catalog.images[catalog.images["repository"].isin(list(asked))]
        known = stored[["digest", "config_digest", "subject"]].astype(object)
        known = known.where(known.notna(), None)
        for digest, config_digest, subject in known.itertuples(index=False, name=None):
            facts.setdefault(digest, (config_digest, subject))
        present = {digest for _, digest, *_ in images}
        listed_before = catalog.children[catalog.children["digest"].isin(present)][["digest", "child"]]
        nothing = (None, None)
        return CatalogFrames(
            registry=catalog.registry,
            tags=pd.DataFrame(tags, columns=_TAGS, dtype=object),
            images=pd.DataFrame(
                [(name, digest, *facts.get(digest, nothing), *row) for name, digest, *row in images],
                columns=_IMAGES,
                dtype=object,
            ),
            children=pd.concat(
                [listed_before, pd.DataFrame(children, columns=["digest", "child"], dtype=object)], ignore_index=True
            ).drop_duplicates(ignore_index=True),
        )

    def _use(self, nodes: Nodes, looked: Iterable[Looked]) -> UseNow:
        registry = self.evidence.registry
        unread = {one.crawled.repository: Gap(one.crawled.repository, "unreachable", one.unread) for one in looked
                  if one.unread}  # fmt: skip
        joined = join_usage(
            self.evidence.inventory,
            nodes.catalog,
            names=self.connections.registry_settings(registry).names,
            environment_of=self.connections.site.environment_of,
            unread=unread,
        )
        return use_now(nodes, joined.usage)


def _bonds(
    graph: ManifestGraph, frames: CatalogFrames, entries: Sequence[Entry], looked: Iterable[Looked]
) -> tuple[dict[Image, tuple[str, ...]], dict[Image, tuple[str, ...]]]:
    """For each entry what stands with it and is stored now, and of that what refers to it."""
    digests = frames.images["digest"].to_numpy()
    stored = ~frames.images["fault"].eq("missing").to_numpy(dtype=bool, na_value=False)
    listed = {(one.crawled.repository, digest): of for one in looked for digest, of in one.referrers.items()}
    repositories = pd.Series([entry.repository for entry in entries], dtype=object)
    rows = graph.rows_at(repositories, pd.Series([entry.digest for entry in entries], dtype=object))
    bonds: dict[Image, set[str]] = {entry.image: set() for entry in entries}
    referrers = {entry.image: set(listed.get(entry.image, ())) for entry in entries}
    image_of = dict(zip(rows.tolist(), (entry.image for entry in entries), strict=True))
    for relation, kinds in ((graph.parents, (bonds,)), (graph.subjects, (bonds,)), (graph.referrers, (referrers,))):
        sources, targets = relation.edges_of(rows[rows >= 0])
        for source, target in zip(sources.tolist(), targets.tolist(), strict=True):
            if stored[target]:
                for kind in kinds:
                    kind[image_of[source]].add(digests[target])
    for image, found in referrers.items():
        bonds[image] |= found
    return (
        {image: tuple(sorted(found)) for image, found in bonds.items() if found},
        {image: tuple(sorted(found)) for image, found in referrers.items() if found},
    )


def _tags_on(looked: Iterable[Looked]) -> dict[Image, tuple[str, ...]]:
    found: dict[Image, list[str]] = {}
    for one in looked:
        for tag in one.crawled.tags:
            if tag.digest is not None:
                found.setdefault((one.crawled.repository, tag.digest), []).append(tag.tag)
    return {image: tuple(sorted(tags)) for image, tags in found.items()}

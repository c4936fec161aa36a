"""The shelf: what one registry offers under which tag, and what a digest that a runtime reports stands for there."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from registry_core.catalog import CatalogFrames
from registry_core.deployed_versions import CatalogSeen
from registry_core.products import ProductNames
from registry_core.retention_evidence import Evidence
from registry_core.retention_nodes import Array, Nodes
from registry_core.retention_order import UNKNOWN, dates_of_images

#: A row a tag that names an image of its own. `date` in microseconds, UNKNOWN where there is none; `digest` None
#: where the registry lists the tag and could not be asked about it.
OFFER_COLUMNS = ("product", "registry", "repository", "tag", "digest", "date")


@dataclass(frozen=True, eq=False)
class Shelf:
    """One catalog, ready to be asked."""

    seen: CatalogSeen
    catalog: CatalogFrames = field(repr=False)
    nodes: Nodes = field(repr=False)
    dates: Array = field(repr=False)

    @classmethod
    def of(cls, seen: CatalogSeen) -> Shelf | None:
        """None for a registry that was never crawled."""
        if seen.frames is None or seen.as_of is None:
            return None
        nodes = Nodes.of(seen.frames)
        # What was there when we first looked was not first seen then.
        began = seen.frames.images["first_seen_at"].min()
        evidence = Evidence.at(seen.as_of, history_began_at=None if pd.isna(began) else began.to_pydatetime())
        return cls(seen, seen.frames, nodes, dates_of_images(nodes, evidence))

    def offers(self, products: ProductNames) -> pd.DataFrame:
        """OFFER_COLUMNS of the chosen products. Signatures, SBOMs and the like are about an image, and none."""
        tags, row = self.catalog.tags, self.nodes.tag_image
        about = self.catalog.images["subject"].notna().to_numpy()
        is_about = np.zeros(len(tags), dtype=bool)
        is_about[row >= 0] = about[row[row >= 0]]
        there = self.nodes.tag_is_own & ~is_about & ~tags["fault"].eq("missing").to_numpy(dtype=bool, na_value=False)
        found = tags.loc[there, ["repository", "tag", "digest"]].reset_index(drop=True)
        own = row[there]
        date = np.full(len(found), UNKNOWN, dtype=np.int64)
        date[own >= 0] = self.dates[own[own >= 0]]
        host = pd.Series(self.seen.hosts[0], index=found.index, dtype=object)
        found = found.assign(
            registry=self.seen.registry, date=date, product=products.products_of(host, found["repository"])
        )
        return found.loc[found["product"].notna(), list(OFFER_COLUMNS)]

    @cached_property
    def repositories(self) -> frozenset[str]:
        return frozenset(self.catalog.tags["repository"]) | frozenset(self.catalog.images["repository"])

    def images_of(self, repositories: pd.Series[str], digests: pd.Series[str]) -> Array:
        """The row of the image that each digest stands for in its repository, -1 where it stands for none.

        A runtime may report an index, a child of one, or a config (design §8): all mean the image that a tag names,
        which is the index.
        """
        rows = self.nodes.graph.rows_at(repositories, digests).copy()
        unknown = np.flatnonzero((rows < 0) & digests.notna().to_numpy())
        if unknown.size:
            rows[unknown] = self._by_config(repositories.iloc[unknown], digests.iloc[unknown])
        tagged = np.zeros(len(self.nodes) + 1, dtype=bool)
        tagged[self.nodes.tag_image[self.nodes.tag_is_own]] = True  # -1, no image, is the one too many
        for place in np.flatnonzero((rows >= 0) & ~tagged[rows]):
            parents = self.nodes.graph.parents.of(int(rows[place]))
            if parents.size:
                with_tag = parents[tagged[parents]]
                rows[place] = with_tag[0] if with_tag.size else parents[0]
        return rows

    def _by_config(self, repositories: pd.Series[str], digests: pd.Series[str]) -> Array:
        images = self.catalog.images
        configs = pd.DataFrame(
            {"repository": images["repository"], "config": images["config_digest"], "row": np.arange(len(images))}
        )
        configs = configs[configs["config"].isin(set(digests))].drop_duplicates(["repository", "config"])
        wanted = pd.DataFrame({"repository": repositories.to_numpy(), "config": digests.to_numpy()})
        return np.asarray(
            wanted.merge(configs, on=["repository", "config"], how="left")["row"].fillna(-1).astype("int64")
        )

    def why_unread(self, repository: str) -> str | None:
        """Why not all versions of a repository are known; None where they are, also where it is not there."""
        gap = self.seen.unread.get(repository)
        if gap is None and repository not in self.repositories:
            gap = self.seen.unread.get("*")
        if gap is not None:
            return f"{self.seen.registry} could not be read: {gap.fault}, {gap.detail}"
        include, exclude = self.seen.include, self.seen.exclude
        left_out = (include is not None and not include.matches(repository)) or (
            exclude is not None and exclude.matches(repository)
        )
        if left_out and repository not in self.repositories:
            return f"{self.seen.registry} leaves it out of its catalog, by `include` and `exclude`"
        return None

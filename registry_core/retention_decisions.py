"""Decisions: what stays and what may go of one catalog, as a value that can be asked for its reasons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from registry_core.retention_facts import Facts
from registry_core.retention_nodes import Array
from registry_core.retention_reasons import HEADINGS, REASONS_OF_TAGS, Reason
from registry_core.retention_words import Words

#: `Decisions.frame`: a row an image. `decision` is `keep` or `evict`, `tags` are joined by a comma.
DECISION_COLUMNS = ("repository", "digest", "tags", "decision", "reasons")


@dataclass(frozen=True)
class Decisions:
    """One decision for each row of the catalog's images, reasons as bits (`Reason`), words on demand."""

    facts: Facts
    newer: Array = field(repr=False)  #: how many counted images are newer; -1: not counted or no date
    reasons: Array = field(repr=False)  #: of each image; 0: it may go
    tag_reasons: Array = field(repr=False)  #: of each tag: TAG and VERSION

    @property
    def evicted(self) -> Array:
        """Mask of the images that may go."""
        return np.asarray(self.reasons == 0)

    @property
    def stored_images(self) -> int:
        """Images that the registry holds, used or not."""
        return int(self.facts.shape.stored.sum())

    @cached_property
    def single_tags(self) -> Array:
        """Mask of the tags that may go although their image stays: nothing but other tags of its keeps it, by a
        rule or because a workload names them."""
        image = self.facts.nodes.tag_image
        free = np.append((self.reasons != 0) & (self.reasons & ~np.uint32(REASONS_OF_TAGS) == 0), False)
        loose = free[image] & (self.tag_reasons == 0) & self.facts.nodes.tag_is_own
        if loose.any():
            naming = self.facts.naming
            loose &= (naming.tags < 0) & ~np.append(naming.whole >= 0, False)[image]
        return np.asarray(loose)

    @cached_property
    def words(self) -> Words:
        return Words(facts=self.facts, newer=self.newer, reasons=self.reasons, tag_reasons=self.tag_reasons)

    def row_of(self, repository: str, digest: str) -> int | None:
        rows = self.facts.nodes.graph.rows_of([digest], repository=repository)
        return int(rows[0]) if len(rows) else None

    def reasons_of(self, repository: str, digest: str) -> tuple[str, ...]:
        """All reasons in words, why it stays or why nothing keeps it. Raises KeyError for an unknown image."""
        row = self.row_of(repository, digest)
        if row is None:
            raise KeyError(f"{repository}@{digest} is not in the catalog of {self.facts.nodes.catalog.registry}")
        return self.words.of(row)

    def is_kept(self, repository: str, digest: str) -> bool:
        """Whether an image stays; what the catalog does not know is not ours to let go."""
        row = self.row_of(repository, digest)
        return row is None or bool(self.reasons[row] != 0)

    def counts(self) -> dict[str, int]:
        """How many images each reason keeps, in words; an image with two reasons is counted under both."""
        found = {heading: int((self.reasons & np.uint32(bit) != 0).sum()) for bit, heading in HEADINGS.items()}
        return {heading: count for heading, count in found.items() if count}

    def frame(self, rows: Iterable[int] | None = None) -> pd.DataFrame:
        """DECISION_COLUMNS of the given rows, else of all, sorted by repository and digest."""
        chosen = np.arange(len(self.reasons)) if rows is None else np.asarray(list(rows), dtype=np.int64)
        images = self.facts.nodes.catalog.images.iloc[chosen]
        table = pd.DataFrame(
            {
                "repository": images["repository"].to_numpy(),
                "digest": images["digest"].to_numpy(),
                "tags": [", ".join(self.words.names.tags_of(row)) for row in chosen.tolist()],
                "decision": np.where(self.reasons[chosen] == 0, "evict", "keep"),
                "reasons": ["; ".join(reasons) for reasons in self.words.of_many(chosen)],
            }
        )
        return table.sort_values(["repository", "digest"], ignore_index=True)

    def kept_for(self, reason: Reason) -> Array:
        """Mask of the images that have this reason, among others."""
        return np.asarray(self.reasons & np.uint32(reason) != 0)

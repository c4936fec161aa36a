"""The graph of a catalog: which manifest lists which, and which is about which.

Law 2: what a kept index lists, and what refers to a kept image, is kept with it and goes with it. Both questions
are one closure over the same edges, so retention and usage stand on this file.

A node is a *row of the images frame*: one digest in one repository, by its position. The same digest in two
repositories is two nodes, because registries link and delete by repository; edges never leave a repository.

Edges, all within one repository:

- child: from an index to each manifest that it lists (the children frame, wherever the index lies);
- referrer: from an image to each manifest that is about it, found in one of three ways: its `subject`; what the
  tag `sha256-<hex>` points to (OCI distribution specification 1.1.1, "Referrers Tag Schema": an index, so its
  children follow); what cosign's tags `sha256-<hex>.sig`, `.att`, `.sbom` point to.

A manifest that another one names but that has no row (it was never seen in this repository) has no node. A tag
of a registry that answers `sha256-<hex>` with the image itself makes no edge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from registry_core.adjacency import Adjacency, Mask, Rows, reachable
from registry_core.catalog import CatalogFrames
from registry_core.digests import HEX_LENGTHS, fallback_tag, subject_of_tag
from registry_core.numbering import Numbering

_NAMED_AFTER_DIGEST = tuple(f"{algorithm}-" for algorithm in HEX_LENGTHS)
_NO_MANIFESTS = ("blob", "unknown")  #: kinds of entries: a crawl gives a row to each that is, or may be, a manifest
_CUT_IN_TAGS = tuple(f"{algorithm}:" for algorithm, length in HEX_LENGTHS.items() if length > 64)


@dataclass(frozen=True, eq=False)
class ManifestGraph:
    """Parents, children, subjects and referrers of every image of a catalog. Made by `ManifestGraph.of`."""

    children: Adjacency  #: index → what it lists
    parents: Adjacency  #: manifest → the indexes that list it
    incomplete: Mask  #: indexes that list a manifest without a row in their repository; blobs have none
    tags_named_after_digests: Rows = field(repr=False)  #: rows of tags that begin like `sha256-<hex>`
    referrers: Adjacency  #: image → signatures, attestations, SBOMs, … that are about it
    subjects: Adjacency  #: referrer → the images that it is about
    _nodes: _Nodes = field(repr=False)

    @classmethod
    def of(cls, frames: CatalogFrames) -> ManifestGraph:
        """Build the graph of one catalog; about seven seconds for five million edges and a million images.

        Reads `images` (repository, digest, subject), `children` (digest, child) and `tags` (repository, tag,
        digest). Raises ValueError where a repository has two rows of one digest, or a row without a digest.
        """
        nodes = _Nodes.of(frames.images)
        children, incomplete = _child_edges(nodes, frames.children)
        by_subject = _subject_edges(nodes, frames.images)
        named = _named_after_digests(frames.tags)
        by_tag = _tag_edges(nodes, frames.tags, named)
        referrers = Adjacency.from_edges(
            np.concatenate([by_subject[0], by_tag[0]]), np.concatenate([by_subject[1], by_tag[1]]), len(nodes)
        )
        return cls(
            children=children,
            parents=children.reversed(),
            incomplete=incomplete,
            tags_named_after_digests=named,
            referrers=referrers,
            subjects=referrers.reversed(),
            _nodes=nodes,
        )

    def __len__(self) -> int:
        return len(self._nodes)

    def rows_of(self, digests: Iterable[str], *, repository: str | None = None) -> Rows:
        """The rows of the images frame that hold one of `digests`, ascending: in every repository, or in one.

        Digests that the catalog does not hold are left out.
        """
        wanted = self._nodes.digests.codes_of(pd.Series(list(digests), dtype=object))
        rows = np.unique(self._nodes.rows_by_digest(wanted[wanted >= 0])[1])
        if repository is None:
            return rows
        place = self._nodes.repositories.get_indexer(pd.Index([repository]))[0]
        return rows[self._nodes.repository_codes[rows] == place] if place >= 0 else rows[:0]

    def rows_at(self, repositories: pd.Series, digests: pd.Series) -> Rows:
        """The row of each pair of two equally long columns; -1 where the catalog holds no such image."""
        codes, distinct = pd.factorize(repositories)
        places = np.append(self._nodes.repositories.get_indexer(pd.Index(distinct)), -1)[codes]
        return self._nodes.rows(places, self._nodes.digest_codes_of(digests))

    def rows_anywhere(self, digests: pd.Series) -> tuple[Rows, Rows]:
        """Every row of each digest in whatever repository, as (position in `digests`, row)."""
        codes = self._nodes.digest_codes_of(digests)
        known = np.flatnonzero(codes >= 0)
        position, rows = self._nodes.rows_by_digest(codes[known])
        return known[position], rows

    def closure(self, seeds: Rows | Mask, *, down: bool = True, up: bool = False, referrers: bool = True) -> Mask:
        """Everything that hangs together with `seeds`, as a mask over the rows of the images frame.

        `seeds` are row numbers or a mask over the rows. `down` follows from an index to its children, `up` from a
        manifest to the indexes that list it, `referrers` from an image to what is about it; each is followed from
        everything reached, so `up` and `down` together reach the siblings. Subjects are never followed: a
        signature does not keep its image.
        """
        rows = np.flatnonzero(seeds) if seeds.dtype == np.bool_ else seeds.astype(np.int64)
        followed = [
            relation
            for relation, wanted in ((self.children, down), (self.parents, up), (self.referrers, referrers))
            if wanted
        ]
        return reachable(rows, followed, len(self))

    def closure_of(
        self, digests: Iterable[str], *, down: bool = True, up: bool = False, referrers: bool = True
    ) -> set[str]:
        """`closure` from digests to digests, starting in every repository that holds one of them.

        Trap: which repository holds what is lost on the way; for decisions use rows.
        """
        mask = self.closure(self.rows_of(digests), down=down, up=up, referrers=referrers)
        return set(self._nodes.digests.texts[self._nodes.digest_codes[mask]])


@dataclass(frozen=True, eq=False)
class _Nodes:
    """The rows of the images frame by (repository, digest), as integers."""

    repositories: pd.Index
    digests: Numbering
    repository_codes: Rows
    digest_codes: Rows
    _keys: Rows = field(repr=False)  #: sorted (repository, digest) of each node, as one number
    _order: Rows = field(repr=False)  #: the row of each key
    _digest_starts: Rows = field(repr=False)
    _digest_order: Rows = field(repr=False)

    @classmethod
    def of(cls, images: pd.DataFrame) -> _Nodes:
        repository_codes, repositories = pd.factorize(images["repository"])
        if images["digest"].isna().any() or (repository_codes < 0).any():
            raise ValueError("an image of the catalog has no repository or no digest: it cannot stand in a graph")
        digest_codes, digests = Numbering.of(images["digest"])
        keys = repository_codes.astype(np.int64) * max(len(digests), 1) + digest_codes
        order = np.argsort(keys)
        keys = keys[order]
        if (twice := np.flatnonzero(keys[1:] == keys[:-1])).size:
            row = images.iloc[order[twice[0]]]
            raise ValueError(f"{row['repository']}@{row['digest']} has two rows in the catalog: it must have one")
        starts = np.zeros(len(digests) + 1, dtype=np.int64)
        np.cumsum(np.bincount(digest_codes, minlength=len(digests)), out=starts[1:])
        return cls(
            repositories=pd.Index(repositories),
            digests=digests,
            repository_codes=repository_codes.astype(np.int64),
            digest_codes=digest_codes.astype(np.int64),
            _keys=keys,
            _order=order,
            _digest_starts=starts,
            _digest_order=np.argsort(digest_codes, kind="stable"),
        )

    def __len__(self) -> int:
        return len(self._keys)

    def digest_codes_of(self, digests: pd.Series) -> Rows:
        """The number of each digest; -1 where no image has it, or where it is missing."""
        return self.digests.codes_of(digests)

    def rows(self, repository_codes: Rows, digest_codes: Rows) -> Rows:
        """The row of each (repository, digest); -1 where there is none."""
        wanted = repository_codes * max(len(self.digests), 1) + digest_codes
        if not len(self._keys):
            return np.full(len(wanted), -1, dtype=np.int64)
        places = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        there = (self._keys[places] == wanted) & (repository_codes >= 0) & (digest_codes >= 0)
        return np.where(there, self._order[places], -1)

    def rows_by_digest(self, digest_codes: Rows) -> tuple[Rows, Rows]:
        """Every row of each digest, as (position in `digest_codes`, row), however many repositories hold it."""
        starts = self._digest_starts[digest_codes]
        counts = self._digest_starts[digest_codes + 1] - starts
        before = np.cumsum(counts) - counts
        places = np.repeat(starts - before, counts) + np.arange(counts.sum())
        return np.repeat(np.arange(len(digest_codes)), counts), self._digest_order[places]


def _child_edges(nodes: _Nodes, children: pd.DataFrame) -> tuple[Adjacency, Mask]:
    """The edges, and which indexes list a manifest that has no row."""
    parents = nodes.digest_codes_of(children["digest"])
    listed = nodes.digest_codes_of(children["child"])
    known = parents >= 0
    parents, listed = parents[known], listed[known]
    edge, parent_rows = nodes.rows_by_digest(parents)
    child_rows = nodes.rows(nodes.repository_codes[parent_rows], listed[edge])
    here = child_rows >= 0
    incomplete = np.zeros(len(nodes), dtype=np.bool_)
    if not here.all():
        may_be_blobs = _kinds(children).isin(_NO_MANIFESTS).to_numpy()[known][edge]
        incomplete[parent_rows[~here & ~may_be_blobs]] = True
    return Adjacency.from_edges(parent_rows[here], child_rows[here], len(nodes)), incomplete


def _kinds(children: pd.DataFrame) -> pd.Series:
    return children["kind"] if "kind" in children else pd.Series("manifest", index=children.index)


def _subject_edges(nodes: _Nodes, images: pd.DataFrame) -> tuple[Rows, Rows]:
    referrer_rows = np.flatnonzero(images["subject"].notna().to_numpy())
    subjects = nodes.digest_codes_of(images["subject"].iloc[referrer_rows])
    return _known_pairs(nodes.rows(nodes.repository_codes[referrer_rows], subjects), referrer_rows)


def _named_after_digests(tags: pd.DataFrame) -> Rows:
    texts = tags["tag"].to_numpy(dtype=object).tolist()
    rows = [row for row, tag in enumerate(texts) if isinstance(tag, str) and tag.startswith(_NAMED_AFTER_DIGEST)]
    return np.array(rows, dtype=np.int64)


def _tag_edges(nodes: _Nodes, tags: pd.DataFrame, rows: Rows) -> tuple[Rows, Rows]:
    named = tags.iloc[rows]
    named = named[named["digest"].notna()]
    subjects = [subject_of_tag(tag) for tag in named["tag"]]
    cut = {}
    if None in subjects:
        digests = nodes.digests.texts.tolist()
        cut = {fallback_tag(digest): digest for digest in digests if digest.startswith(_CUT_IN_TAGS)}
    about = [subject.digest if subject else cut.get(tag) for tag, subject in zip(named["tag"], subjects, strict=True)]
    repository_codes = nodes.repositories.get_indexer(pd.Index(named["repository"]))
    subject_rows = nodes.rows(repository_codes, nodes.digest_codes_of(pd.Series(about, dtype=object)))
    return _known_pairs(subject_rows, nodes.rows(repository_codes, nodes.digest_codes_of(named["digest"])))


def _known_pairs(sources: Rows, targets: Rows) -> tuple[Rows, Rows]:
    known = (sources >= 0) & (targets >= 0)
    return sources[known], targets[known]

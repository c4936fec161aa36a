"""What a look at some repositories found, as frames and a graph: their catalog of this moment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import pandas as pd

from registry_core.catalog import CatalogFrames
from registry_core.eviction_entries import Entry
from registry_core.eviction_use import Image
from registry_core.index_entries import kinds_of
from registry_core.manifest_graph import ManifestGraph
from resources.registry.looking import Looked, Question

_CHILDREN = ["digest", "child", "kind"]
_TAGS = ["repository", "tag", "digest", "fault", "detail"]
_IMAGES = ["repository", "digest", "config_digest", "subject", "fault", "detail"]


def frames_now(
    catalog: CatalogFrames,
    looked: Iterable[Looked],
    questions: Mapping[str, Question],
    lost: Mapping[str, Mapping[str, Collection[str]]],
) -> CatalogFrames:
    """The repositories as they are now; what a digest means is known from the catalog or read just now.

    `lost` are tags of each repository that name nothing now, and what they named: they still do here, and so is an
    image here that a workload uses by its digest and the registry denies.
    """
    stored = catalog.images[catalog.images["repository"].isin(list(questions))]
    known_here = set(zip(stored["repository"], stored["digest"], strict=True))
    tags, images, children = [], [], []
    facts = {}
    for one in looked:
        repository = one.crawled.repository
        question, names = questions[repository], lost[repository]
        tags += [
            (repository, tag.tag, digest, *((None, "") if tag.tag in names else (tag.fault, tag.detail)))
            for tag in one.crawled.tags
            for digest in (names.get(tag.tag) or (tag.digest,))
        ]
        rows = {seen.digest: (seen.fault, seen.detail) for seen in one.crawled.images}
        used = [digest for digest in question.used if (repository, digest) in known_here]
        asked = [*question.images, *used, *(digest for digests in names.values() for digest in digests)]
        rows.update({digest: (None, "") for digest in asked if digest not in rows})
        rows.update({digest: ("missing", "gone") for digest in one.gone if digest not in used})
        for listed in one.referrers.values():
            rows.update({digest: (None, "") for digest in listed if digest not in rows})
        images += [(repository, digest, *row) for digest, row in rows.items()]
        facts.update({facts.digest: (facts.config_digest, facts.subject) for facts in one.crawled.manifests})
        for manifest in one.crawled.manifests:
            kinds = kinds_of(manifest.children, manifest.listed_as)
            children += [(manifest.digest, child, kind) for child, kind in kinds.items()]
    known = stored[["digest", "config_digest", "subject"]].astype(object)
    known = known.where(known.notna(), None)
    for digest, config_digest, subject in known.itertuples(index=False, name=None):
        facts.setdefault(digest, (config_digest, subject))
    present = {digest for _, digest, *_ in images}
    listed_before = catalog.children[catalog.children["digest"].isin(present)][_CHILDREN]
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
            [listed_before, pd.DataFrame(children, columns=_CHILDREN, dtype=object)], ignore_index=True
        ).drop_duplicates(ignore_index=True),
    )


def bonds_of(
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

"""What hangs together with an image: children, parents and referrers, as a plain search would find them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_core.catalog import CatalogFrames
from registry_core.digests import digest_of, fallback_tag
from registry_core.manifest_graph import ManifestGraph

DIGESTS = [digest_of(bytes([number])) for number in range(8)] + [digest_of(b"9", "sha512")]
INDEX, AMD64, ARM64, SIGNATURE, SBOM, LIST, OTHER, LOST, LONG = DIGESTS


def frames(
    images: list[tuple[str, str, str | None]],
    children: list[tuple[str, str]] = [],  # noqa: B006 - never changed
    tags: list[tuple[str, str, str | None]] = [],  # noqa: B006 - never changed
) -> CatalogFrames:
    return CatalogFrames(
        registry="registry.example.com",
        images=pd.DataFrame(images, columns=["repository", "digest", "subject"], dtype=object),
        children=pd.DataFrame(children, columns=["digest", "child"], dtype=object),
        tags=pd.DataFrame(tags, columns=["repository", "tag", "digest"], dtype=object),
    )


def signed_index() -> CatalogFrames:
    """An index of two platforms; a cosign signature by tag, an SBOM by subject, both ways with a fallback tag."""
    return frames(
        images=[
            ("web", INDEX, None),
            ("web", AMD64, None),
            ("web", ARM64, None),
            ("web", SIGNATURE, None),
            ("web", SBOM, AMD64),
            ("web", LIST, None),
            ("web", OTHER, None),
            ("api", AMD64, None),
        ],
        children=[(INDEX, AMD64), (INDEX, ARM64), (INDEX, LOST), (LIST, SBOM)],
        tags=[
            ("web", "1.0", INDEX),
            ("web", f"{fallback_tag(INDEX)}.sig", SIGNATURE),
            ("web", fallback_tag(AMD64), LIST),
            ("web", fallback_tag(OTHER), OTHER),
            ("api", f"{fallback_tag(AMD64)}.sig", None),
        ],
    )


def names(digests: set[str]) -> set[str]:
    words = ["INDEX", "AMD64", "ARM64", "SIGNATURE", "SBOM", "LIST", "OTHER", "LOST", "LONG"]
    return {words[DIGESTS.index(digest)] for digest in digests}


def test_an_index_is_kept_with_its_children_and_everything_that_is_about_them() -> None:
    graph = ManifestGraph.of(signed_index())
    assert names(graph.closure_of([INDEX])) == {"INDEX", "AMD64", "ARM64", "SIGNATURE", "LIST", "SBOM"}


def test_each_direction_is_followed_only_when_asked() -> None:
    graph = ManifestGraph.of(signed_index())
    assert names(graph.closure_of([INDEX], down=False)) == {"INDEX", "SIGNATURE"}
    assert names(graph.closure_of([INDEX], referrers=False)) == {"INDEX", "AMD64", "ARM64"}
    assert names(graph.closure_of([ARM64], down=False, referrers=False, up=True)) == {"ARM64", "INDEX"}
    assert names(graph.closure_of([ARM64], referrers=False, up=True)) == {"ARM64", "INDEX", "AMD64"}
    assert names(graph.closure_of([INDEX], down=False, referrers=False)) == {"INDEX"}


def test_a_signature_does_not_keep_its_image() -> None:
    graph = ManifestGraph.of(signed_index())
    assert names(graph.closure_of([SIGNATURE, SBOM])) == {"SIGNATURE", "SBOM"}
    (signature,) = graph.rows_of([SIGNATURE])
    assert graph.subjects.of(signature).tolist() == graph.rows_of([INDEX]).tolist()


def test_the_same_digest_in_another_repository_is_another_image() -> None:
    graph = ManifestGraph.of(signed_index())
    assert graph.rows_of([AMD64]).tolist() == [1, 7]
    assert graph.rows_of([AMD64], repository="api").tolist() == [7]
    assert graph.rows_of([AMD64], repository="nowhere").tolist() == []
    assert np.flatnonzero(graph.closure(graph.rows_of([AMD64], repository="api"))).tolist() == [7]
    assert graph.parents.of(7).tolist() == []
    assert graph.parents.of(1).tolist() == [0]


def test_a_registry_that_answers_the_fallback_tag_with_the_image_itself_makes_no_edge() -> None:
    graph = ManifestGraph.of(signed_index())
    (other,) = graph.rows_of([OTHER])
    assert graph.referrers.of(other).tolist() == []


def test_the_cut_fallback_tag_of_a_long_digest_leads_to_its_image() -> None:
    graph = ManifestGraph.of(
        frames(images=[("web", LONG, None), ("web", LIST, None)], tags=[("web", fallback_tag(LONG), LIST)])
    )
    assert names(graph.closure_of([LONG])) == {"LONG", "LIST"}


def test_what_the_catalog_does_not_hold_is_left_out() -> None:
    graph = ManifestGraph.of(signed_index())
    assert graph.closure_of([LOST, "sha256:nonsense"]) == set()
    assert len(graph) == 8
    assert graph.children.nodes == 8


def test_frames_of_either_kind_of_text_make_the_same_graph() -> None:
    catalog = signed_index()
    as_str = CatalogFrames(
        registry=catalog.registry,
        images=catalog.images.astype("string"),
        children=catalog.children.astype("category"),
        tags=catalog.tags.astype(pd.StringDtype(na_value=np.nan)),
    )
    assert ManifestGraph.of(as_str).closure_of([INDEX]) == ManifestGraph.of(catalog).closure_of([INDEX])


def test_an_empty_catalog_has_an_empty_graph() -> None:
    graph = ManifestGraph.of(frames(images=[], children=[(INDEX, AMD64)], tags=[("web", fallback_tag(AMD64), LIST)]))
    assert len(graph) == 0
    assert graph.closure_of([INDEX]) == set()
    assert graph.closure(np.zeros(0, dtype=bool)).tolist() == []


def test_two_rows_of_one_image_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=f"web@{INDEX} has two rows"):
        ManifestGraph.of(frames(images=[("web", INDEX, None), ("api", INDEX, None), ("web", INDEX, None)]))
    with pytest.raises(ValueError, match="no digest"):
        ManifestGraph.of(frames(images=[("web", None, None)]))  # type: ignore[list-item]


REPOSITORIES = st.sampled_from(["web", "api"])
ANY_DIGEST = st.sampled_from(DIGESTS)
COSIGN = st.sampled_from([".sig", ".att", ".sbom"])
SHORT_DIGEST = st.sampled_from(DIGESTS[:-1])
TAGS = (
    st.just("latest") | ANY_DIGEST.map(fallback_tag) | st.builds("{}{}".format, SHORT_DIGEST.map(fallback_tag), COSIGN)
)
CATALOGS = st.builds(
    frames,
    st.lists(
        st.tuples(REPOSITORIES, ANY_DIGEST, st.none() | ANY_DIGEST), unique_by=lambda image: image[:2], max_size=16
    ),
    st.lists(st.tuples(ANY_DIGEST, ANY_DIGEST), max_size=12),
    st.lists(st.tuples(REPOSITORIES, TAGS, st.none() | ANY_DIGEST), max_size=10),
)


def plain_search(
    catalog: CatalogFrames, seeds: set[tuple[str, str]], *, down: bool, up: bool, referrers: bool
) -> set[tuple[str, str]]:
    """The same question, one image at a time and by names."""
    images = {(row.repository, row.digest): row.subject for row in catalog.images.itertuples()}
    reached, waiting = set(seeds), list(seeds)
    while waiting:
        repository, digest = waiting.pop()
        found = {row.child for row in catalog.children.itertuples() if down and row.digest == digest}
        found |= {row.digest for row in catalog.children.itertuples() if up and row.child == digest}
        if referrers:
            found |= {other for (place, other), subject in images.items() if place == repository and subject == digest}
            names_of_tags = {fallback_tag(digest) + suffix for suffix in ("", ".sig", ".att", ".sbom")}
            found |= {
                row.digest
                for row in catalog.tags.itertuples()
                if row.repository == repository and row.tag in names_of_tags
            }
        fresh = {(repository, other) for other in found if (repository, other) in images} - reached
        reached |= fresh
        waiting += fresh
    return reached


@given(CATALOGS, st.data(), st.booleans(), st.booleans(), st.booleans())
def test_the_closure_is_what_a_plain_search_finds(
    catalog: CatalogFrames, data: st.DataObject, down: bool, up: bool, referrers: bool
) -> None:
    mask = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(catalog.images), max_size=len(catalog.images))), bool
    )
    keys = list(zip(catalog.images["repository"], catalog.images["digest"], strict=True))
    graph = ManifestGraph.of(catalog)
    reached = graph.closure(mask, down=down, up=up, referrers=referrers)
    expected = plain_search(
        catalog, {key for key, seed in zip(keys, mask, strict=True) if seed}, down=down, up=up, referrers=referrers
    )
    assert {key for key, there in zip(keys, reached, strict=True) if there} == expected
    by_rows = graph.closure(np.flatnonzero(mask), down=down, up=up, referrers=referrers)
    assert by_rows.tolist() == reached.tolist()


@given(CATALOGS)
def test_parents_and_subjects_are_the_edges_turned_round(catalog: CatalogFrames) -> None:
    graph = ManifestGraph.of(catalog)
    rows = np.arange(len(graph))
    for there, back in ((graph.children, graph.parents), (graph.referrers, graph.subjects)):
        sources, targets = there.edges_of(rows)
        assert len(there) == len(back) == len(sources)
        assert set(zip(targets.tolist(), sources.tolist(), strict=True)) == set(
            zip(*(part.tolist() for part in back.edges_of(rows)), strict=True)
        )
        assert (sources != targets).all()

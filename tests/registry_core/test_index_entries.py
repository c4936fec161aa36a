"""Indexes that list blobs: their edges keep what they name, and no blob is waited for as a manifest."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from registry_core.catalog import CHILD_COLUMNS, IMAGE_COLUMNS, TAG_COLUMNS, CatalogFrames
from registry_core.copies_held import held_at
from registry_core.deployed_versions import CatalogSeen
from registry_core.health import Documents, parts_of_everything
from registry_core.index_entries import may_be_manifests
from registry_core.manifest_bytes import is_manifest_body
from registry_core.manifest_graph import ManifestGraph
from registry_core.manifests import descriptors, read_manifest
from registry_core.policy import read_policies
from registry_core.retention import decide
from registry_core.retention_evidence import Evidence
from registry_core.usage import UNRESOLVED_COLUMNS, USAGE_COLUMNS, UsageFrames
from tests.image_builder import (
    OCI_INDEX,
    OCI_LAYER,
    BuiltImage,
    blob_descriptor,
    canonical,
    make_build_cache,
    make_image,
)

_CHILD = make_image([b"child"])


def index_of(*entries: dict[str, Any]) -> BuiltImage:
    return BuiltImage(canonical({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)}), OCI_INDEX)


def listed_under(media_type: str | None) -> BuiltImage:
    """An index that lists a whole image under some media type."""
    entry = {**_CHILD.descriptor, "mediaType": media_type}
    return index_of({key: value for key, value in entry.items() if value is not None})


def catalog_of(*images: BuiltImage, tags: dict[str, BuiltImage] | None = None) -> CatalogFrames:
    """Images of `app` as a crawl keeps them."""
    read = [read_manifest(one.manifest_bytes, digest=one.digest, content_type=one.media_type) for one in images]
    rows = [
        {"repository": "app", "digest": facts.digest, "found_by": "tag", "media_type": facts.media_type}
        for facts in read
    ]
    children = [
        {"digest": facts.digest, "child": child, "position": place, "kind": kind}
        for facts in read
        for place, (child, kind) in enumerate(zip(facts.children, facts.listed_as, strict=True))
    ]
    named = [{"repository": "app", "tag": tag, "digest": image.digest} for tag, image in (tags or {}).items()]
    frames = (pd.DataFrame(part, columns=list(columns), dtype=object) for part, columns in (
        (named, TAG_COLUMNS), (rows, IMAGE_COLUMNS), (children, CHILD_COLUMNS)
    ))  # fmt: skip
    times = {name: pd.Timestamp("2026-01-01", tz="UTC") for name in ("first_seen_at", "last_seen_at")}
    found_tags, found_images, found_children = frames
    no_date = pd.Series(pd.NaT, index=found_images.index, dtype="datetime64[us, UTC]")
    dated = found_images.assign(**times, created_at=no_date, pushed_at=no_date)
    return CatalogFrames("main", found_tags.assign(**times), dated, found_children)


def test_a_build_cache_lists_blobs_and_no_manifests() -> None:
    cache = make_build_cache([b"one", b"two"])
    facts = read_manifest(cache.manifest_bytes, digest=cache.digest)
    assert facts.children == tuple(cache.blobs)
    assert facts.listed_as == ("blob", "blob", "blob")
    assert may_be_manifests(facts.children, facts.listed_as) == {}
    assert [(blob.digest, blob.kind, blob.foreign) for blob in descriptors(facts)] == [
        (digest, "listed", False) for digest in cache.blobs
    ]


def test_what_is_listed_twice_is_a_manifest_if_one_entry_says_so() -> None:
    as_layer = {**_CHILD.descriptor, "mediaType": OCI_LAYER}
    untyped = {"digest": _CHILD.digest, "size": 1}
    for entries, kind in (
        ((as_layer, _CHILD.descriptor), "manifest"),
        ((_CHILD.descriptor, as_layer), "manifest"),
        ((as_layer, untyped), "unknown"),
        ((untyped, as_layer), "unknown"),
        ((as_layer, as_layer), "blob"),
    ):
        built = index_of(*entries)
        assert read_manifest(built.manifest_bytes, digest=built.digest).listed_as == (kind,)


@pytest.mark.parametrize("media_type", [None, "", OCI_LAYER, "application/vnd.example.bundle", 7])
def test_an_image_that_an_index_lists_under_any_type_is_kept_with_it(media_type: Any) -> None:
    index = listed_under(media_type)
    catalog = catalog_of(index, _CHILD, tags={"v1": index})
    assert _CHILD.digest in ManifestGraph.of(catalog).closure_of([index.digest])
    policies = read_policies([{"repositories": ["**"], "keep_tags": ["v1"], "untagged": {"keep_within": "1s"}}])
    nothing = UsageFrames("main", pd.DataFrame(columns=USAGE_COLUMNS), pd.DataFrame(columns=UNRESOLVED_COLUMNS))
    decisions = decide(policies, catalog, nothing, evidence=Evidence.at(pd.Timestamp("2026-06-01", tz="UTC")))
    assert decisions.is_kept("app", _CHILD.digest)


def test_a_second_copy_of_a_build_cache_is_whole_without_its_blobs_as_images() -> None:
    cache = make_build_cache()
    seen = CatalogSeen(registry="main", hosts=(), as_of=None, frames=catalog_of(cache), unread={})
    assert held_at([cache.digest], seen) == {("app", cache.digest): "whole"}


def test_an_image_under_an_odd_type_that_the_registry_lost_is_still_a_part_of_its_index() -> None:
    index = listed_under("application/vnd.example.bundle")
    frames = catalog_of(index, _CHILD)
    frames.images.loc[frames.images["digest"].eq(_CHILD.digest), "fault"] = "missing"
    seen = CatalogSeen(registry="main", hosts=(), as_of=None, frames=frames, unread={})
    assert held_at([index.digest], seen) == {("app", index.digest): "part"}


def test_a_listed_blob_is_asked_for_as_a_blob_and_its_loss_is_no_alarm() -> None:
    cache = make_build_cache([b"one"])
    documents = Documents({cache.digest: cache.manifest_bytes})
    parts = parts_of_everything(catalog_of(cache), documents)
    assert [(part.what, part.is_manifest, part.wanted) for part in parts] == [
        ("manifest", True, True),
        ("layer", False, False),
        ("layer", False, False),
    ]
    assert [part.size_bytes for part in parts[1:]] == [3, None], "BuildKit says 0 bytes of its config"


@pytest.mark.parametrize(
    ("body", "is_manifest"),
    [
        (_CHILD.manifest_bytes, True),
        (canonical({"schemaVersion": 2, "layers": [], "config": {}}), True),
        (canonical({"schemaVersion": 1, "fsLayers": []}), True),
        (canonical({"layers": [], "records": []}), False),
        (canonical({"mediaType": "application/vnd.oci.image.layer.v1.tar", "schemaVersion": 2}), False),
        (b"[]", False),
        (b"\x1f\x8b gzip", False),
        (b"", False),
    ],
)
def test_bytes_are_a_manifest_by_what_they_say(body: bytes, is_manifest: bool) -> None:
    assert is_manifest_body(body) == is_manifest


def test_what_a_list_of_blobs_holds_beside_is_read_as_ever() -> None:
    index = index_of(_CHILD.descriptor, blob_descriptor(b"beside", OCI_LAYER), {"digest": "nonsense"}, {"size": 3})
    facts = read_manifest(index.manifest_bytes, digest=index.digest)
    assert may_be_manifests(facts.children, facts.listed_as) == {_CHILD.digest: True}

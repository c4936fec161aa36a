"""Words of many images are made once for each distinct sentence; nobody may read another image's reasons for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_core import retention_tags, retention_words
from tests.registry_core.small_registry import SmallRegistry, digest
from tests.registry_core.test_retention_laws import ENTRIES, decisions_of, registries


@settings(max_examples=80, deadline=None)
@given(registries(), ENTRIES, st.randoms(use_true_random=False))
def test_of_many_images_the_same_is_said_as_of_each_alone(registry, entry, random):
    words = decisions_of(registry, entry).words
    rows = list(range(len(registry.images)))
    random.shuffle(rows)
    assert words.of_many(np.array(rows, dtype=np.int64)) == [words.of(row) for row in rows]


def test_images_of_which_the_same_is_said_share_one_text():
    registry = SmallRegistry()
    for number in range(20):
        registry.image("apps/web", f"image {number}", f"build-{number}", pushed=50)
    decisions = decisions_of(registry, {"repositories": ["**"], "keep_within": "30d"})
    first, *others = decisions.words.of_many(np.arange(20))
    assert first == ("not in use within 30d", "of 2026-02-10, older than keep_within 30d")
    assert all(words is first for words in others)


@settings(max_examples=20, deadline=None)
@given(registries(), ENTRIES, st.integers(1, 5))
def test_it_makes_no_difference_how_many_are_looked_at_together(registry, entry, at_once):
    whole = decisions_of(registry, entry)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(retention_tags, "_AT_ONCE", at_once)
        patched.setattr(retention_words, "_AT_ONCE", at_once)
        parts = decisions_of(registry, entry)
        assert np.array_equal(parts.tag_reasons, whole.tag_reasons)
        assert parts.frame().equals(whole.frame())


def test_a_tagged_child_of_a_kept_index_has_the_reasons_of_both():
    registry = SmallRegistry()
    registry.image("apps/web", "index", "v1", pushed=5, children=["amd64"])
    registry.image("apps/web", "amd64", "v1-amd64", pushed=5)
    registry.use("apps/web", "amd64")
    decisions = decisions_of(registry, {"repositories": ["**"], "keep_tags": ["*-amd64", "v1"]})
    assert decisions.reasons_of("apps/web", digest("amd64")) == (
        "in use by production/health/web (3 pods)",
        "tag v1-amd64 kept by keep_tags *-amd64, v1",
        "part of v1, which stays",
    )

"""Words of many images are made once for each distinct sentence; nobody may read another image's reasons for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_core import retention_tags, retention_words
from tests.registry_core.small_registry import SmallRegistry
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

"""What a registry says of a repository against what it said before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_core.eviction_doubts import TagsNow, doubt_about
from tests.registry_core.small_registry import digest

A, B = digest("a"), digest("b")


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        (TagsNow([], {"v2": None}, {"v2": [A]}, [A]), f"no longer shows the tag v2 and still has {A}"),
        (TagsNow(["v2"], {"v2": None}, {"v2": [A]}, [A]), f"no longer shows the tag v2 and still has {A}"),
        (TagsNow([], {"v2": A}, {"v2": [A]}), "list of tags leaves out v2"),
        (TagsNow([], {"v9": A}, {}), "list of tags leaves out v9"),
        (TagsNow(["new"], {"new": None}, {}), "lists the tag new and answers 404"),
        # The image of a lost tag is there under another name.
        (TagsNow(["v3"], {"v2": None, "v3": A}, {"v2": [A]}), "no longer shows the tag v2"),
        # The tag has named two images, of which one is left.
        (TagsNow([], {"v2": None}, {"v2": [A, B]}, [B]), f"still has {B}"),
    ],
)
def test_a_registry_that_contradicts_itself_is_doubted(tags: TagsNow, words: str) -> None:
    assert words in (doubt_about(tags) or "")


@pytest.mark.parametrize(
    "tags",
    [
        TagsNow(["v2"], {"v2": A}, {"v2": [A]}),
        TagsNow(["v2"], {"v2": B}, {"v2": [A]}),  # it has moved
        TagsNow(["v2", "new"], {"v2": A, "new": B}, {"v2": [A]}),
        TagsNow([], {"v2": None}, {"v2": [A]}),  # gone with its image
        TagsNow(["v2"], {"v2": None}, {"v2": [A]}),  # and left behind in the list
        TagsNow(["odd"], {"odd": None}, {"odd": []}),  # as it was when the catalog was taken
        TagsNow([], {"asked": None}, {}),  # a name that a workload wants, and that never was
    ],
)
def test_a_registry_that_agrees_with_itself_is_believed(tags: TagsNow) -> None:
    assert doubt_about(tags) is None


NAMES = st.sampled_from(["v1", "v2", "v3", "latest"])
DIGESTS = st.sampled_from([A, B, digest("c")])


@given(known=st.dictionaries(NAMES, DIGESTS, min_size=1), data=st.data())
def test_no_subset_of_a_list_of_tags_is_believed_while_the_images_answer(
    known: dict[str, str], data: st.DataObject
) -> None:
    listed = data.draw(st.sets(st.sampled_from(sorted(known))))
    answers = data.draw(st.sets(st.sampled_from(sorted(known))))
    tags = TagsNow(
        listed=listed,
        named={tag: digest if tag in listed or tag in answers else None for tag, digest in known.items()},
        known={tag: [digest] for tag, digest in known.items()},
        there=known.values(),
    )
    assert (doubt_about(tags) is None) == (listed == set(known))

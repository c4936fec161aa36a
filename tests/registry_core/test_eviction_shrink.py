"""The last look before a deletion: a plan can lose entries, and never gain one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_core.eviction_entries import Entry
from registry_core.eviction_shrink import Fresh, shrink
from registry_core.eviction_use import UseNow
from registry_core.policy import read_policies
from tests.registry_core.small_registry import digest


def entry(name: str, *tags: str, parents=(), subjects=(), kind="delete") -> Entry:
    return Entry(
        kind=kind, repository="apps/web", digest=digest(name), tags=tags, media_type=None, image_bytes=1,
        reasons=("not in use",), parents=tuple(map(digest, parents)), subjects=tuple(map(digest, subjects)),
    )  # fmt: skip


FAMILY = (
    entry("index", "v1", "latest"),
    entry("amd64", parents=["index"]),
    entry("arm64", parents=["index"]),
    entry("signature", "sha256-x.sig", subjects=["index"]),
    entry("stranger", "build-1"),
)
TAGS = {
    "v1": digest("index"), "latest": digest("index"), "sha256-x.sig": digest("signature"),
    "build-1": digest("stranger"), "v9": digest("kept"),
}  # fmt: skip
AS_PLANNED = Fresh(tags={"apps/web": TAGS})


def image(name: str) -> tuple[str, str]:
    return "apps/web", digest(name)


def spared(fresh: Fresh, entries=FAMILY) -> dict[str, str]:
    names = {digest(name): name for name in ("index", "amd64", "arm64", "signature", "stranger")}
    return {names[one.entry.digest]: one.why for one in shrink(entries, fresh).spared}


def test_where_nothing_changed_everything_goes_in_the_order_of_the_plan():
    assert shrink(FAMILY, AS_PLANNED).entries == FAMILY


def test_a_tag_that_moved_spares_the_image_and_its_family():
    found = spared(replace(AS_PLANNED, tags={"apps/web": {**TAGS, "v1": digest("kept")}}))
    assert set(found) == {"index", "amd64", "arm64", "signature"}
    assert found["index"] == f"the tag v1 has moved to {digest('kept')}"
    assert "belongs with" in found["amd64"]


def test_a_new_tag_spares_the_image():
    found = spared(replace(AS_PLANNED, tags={"apps/web": {**TAGS, "rescue": digest("stranger")}}))
    assert found == {"stranger": "it has the new tag rescue"}


def test_a_new_tag_on_a_child_spares_the_child_alone():
    assert set(spared(replace(AS_PLANNED, tags={"apps/web": {**TAGS, "rescue": digest("amd64")}}))) == {"amd64"}


def test_a_tag_that_is_gone_is_no_reason_to_spare():
    tags = {tag: to for tag, to in TAGS.items() if tag != "latest"}
    assert shrink(FAMILY, replace(AS_PLANNED, tags={"apps/web": tags})).entries == FAMILY


def test_a_child_in_use_spares_the_index_and_all_that_belongs_to_it():
    found = spared(replace(AS_PLANNED, use=UseNow({image("arm64"): "production/health/web"})))
    assert found["arm64"] == "now in use by production/health/web"
    assert "its child" in found["index"]
    assert set(found) == {"index", "amd64", "arm64", "signature"}


def test_a_repository_protected_since_is_spared_whole():
    policies = read_policies([{"repositories": ["apps/**"], "protect": True}])
    assert set(spared(replace(AS_PLANNED, policies=policies)).values()) == {"protected since by policies[0]"}


def test_other_changes_of_the_policy_do_not_matter_now():
    policies = read_policies([{"repositories": ["apps/**"], "keep_last": 99}])
    assert spared(replace(AS_PLANNED, policies=policies)) == {}


def test_what_a_new_index_lists_is_spared():
    found = spared(replace(AS_PLANNED, bonds={image("amd64"): (digest("new index"),)}))
    assert found == {"amd64": f"it belongs with {digest('new index')}, which stays"}


def test_a_new_referrer_spares_its_subject_with_its_family():
    found = spared(replace(AS_PLANNED, bonds={image("index"): (digest("new signature"),)}))
    assert set(found) == {"index", "amd64", "arm64", "signature"}


def test_a_spared_signature_spares_its_subject():
    found = spared(replace(AS_PLANNED, tags={"apps/web": {**TAGS, "keepsake": digest("signature")}}))
    assert set(found) == {"index", "amd64", "arm64", "signature"}


def test_a_bond_to_another_entry_that_is_spared_spares_this_one():
    fresh = replace(AS_PLANNED, tags={"apps/web": {**TAGS, "rescue": digest("stranger")}},
                    bonds={image("amd64"): (digest("stranger"),)})  # fmt: skip
    assert set(spared(fresh)) == {"stranger", "amd64"}


@pytest.mark.parametrize(
    ("fresh", "words"),
    [
        (Fresh(tags={}), "was not looked at"),
        (Fresh(tags={}, unread={"apps/web": "throttled"}), "could not be read: throttled"),
        (Fresh(tags={"apps/web": {**TAGS, "odd": None}}), "the tag odd could not be read"),
    ],
)
def test_what_could_not_be_read_is_spared(fresh, words):
    found = spared(fresh)
    assert len(found) == len(FAMILY)
    assert all(words in why for why in found.values())


def test_what_refers_to_another_repository_goes_only_when_all_of_that_is_gone():
    elsewhere = (("apps/a", digest("signed")), ("apps/b", digest("signed")))
    signature = replace(entry("stranger", "build-1"), subjects_elsewhere=elsewhere)
    assert shrink([signature], replace(AS_PLANNED, gone=frozenset(elsewhere))).entries == (signature,)
    for gone in (frozenset(), frozenset(elsewhere[:1])):
        found = spared(replace(AS_PLANNED, gone=gone), [signature])
        left = "apps/b" if gone else "apps/a"
        assert found == {"stranger": f"it refers to {left}@{digest('signed')}, which is not gone yet"}


def test_what_is_gone_already_is_told_and_holds_nothing_up():
    shrunk = shrink(FAMILY, replace(AS_PLANNED, gone=frozenset({image("index")})))
    assert [one.digest for one in shrunk.gone] == [digest("index")]
    assert shrunk.entries == FAMILY[1:]


def test_a_child_whose_owner_is_left_to_another_wave_waits():
    assert set(spared(AS_PLANNED, FAMILY[1:])) == {"amd64", "arm64", "signature"}


LOOSE = entry("kept", "v9", kind="untag")
TWO_TAGS = {**TAGS, "stable": digest("kept")}
BESIDE_ANOTHER = Fresh(tags={"apps/web": TWO_TAGS})


def why_a_tag_stays(fresh: Fresh) -> str | None:
    (why,) = [one.why for one in shrink([LOOSE], fresh).spared] or [None]
    return why


def test_a_single_tag_goes_while_it_points_there_and_new_tags_do_not_matter():
    assert why_a_tag_stays(BESIDE_ANOTHER) is None
    assert why_a_tag_stays(Fresh(tags={"apps/web": {**TWO_TAGS, "another": digest("kept")}})) is None


def test_a_single_tag_that_moved_is_spared():
    moved = Fresh(tags={"apps/web": {**TWO_TAGS, "v9": digest("index")}})
    assert why_a_tag_stays(moved) == f"the tag v9 has moved to {digest('index')}"


def test_a_single_tag_that_a_workload_names_is_spared():
    use = UseNow({image("kept"): "production shop/web"}, {("apps/web", "v9"): "production shop/web"})
    assert why_a_tag_stays(replace(BESIDE_ANOTHER, use=use)) == "the tag v9 is now in use by production shop/web"


def test_a_single_tag_goes_from_an_image_that_is_in_use_by_another_tag():
    use = UseNow({image("kept"): "production shop/web"}, {("apps/web", "stable"): "production shop/web"})
    assert why_a_tag_stays(replace(BESIDE_ANOTHER, use=use)) is None


def test_an_image_that_is_in_use_by_its_digest_keeps_all_its_names():
    use = UseNow({image("kept"): "production shop/web"}, whole={image("kept"): "production shop/web"})
    why = why_a_tag_stays(replace(BESIDE_ANOTHER, use=use))
    assert why == "now in use by production shop/web, which names none of its tags"


def test_an_image_never_loses_its_last_tag():
    assert why_a_tag_stays(AS_PLANNED) == "no other tag is left on the image"
    only_for_a_signature = {**TAGS, digest("index").replace(":", "-") + ".sig": digest("kept")}
    assert why_a_tag_stays(Fresh(tags={"apps/web": only_for_a_signature})) == "no other tag is left on the image"


def test_a_single_tag_of_a_repository_that_is_protected_since_is_spared():
    policies = read_policies([{"repositories": ["apps/**"], "protect": True}])
    assert why_a_tag_stays(replace(BESIDE_ANOTHER, policies=policies)) == "protected since by policies[0]"
    vendor = replace(BESIDE_ANOTHER, protected={image("kept"): "Harbor: immutable"})
    assert why_a_tag_stays(vendor) == "protected by Harbor: immutable"


NAMES = st.sampled_from(["index", "amd64", "arm64", "signature", "stranger", "kept"])


@given(
    st.dictionaries(st.sampled_from([*TAGS, "new"]), st.one_of(st.none(), NAMES.map(digest))),
    st.dictionaries(NAMES.map(image), st.just("somebody")),
    st.dictionaries(NAMES.map(image), NAMES.map(lambda name: (digest(name),))),
    st.frozensets(NAMES.map(image)),
)
def test_a_plan_only_shrinks_and_no_spared_image_loses_what_belongs_to_it(tags, in_use, bonds, gone):
    fresh = Fresh(tags={"apps/web": tags}, use=UseNow(in_use), bonds=bonds, gone=gone)
    shrunk = shrink(FAMILY, fresh)
    left = {one.image for one in shrunk.entries}
    stays = {one.entry.image for one in shrunk.spared}
    assert left | stays | {one.image for one in shrunk.gone} == {one.image for one in FAMILY}
    assert len(shrunk.entries) + len(shrunk.spared) + len(shrunk.gone) == len(FAMILY)
    assert not left & set(in_use)
    for one in shrunk.entries:
        assert not {("apps/web", owner) for owner in one.owners} & stays
        assert not {("apps/web", bond) for bond in bonds.get(one.image, ())} & stays

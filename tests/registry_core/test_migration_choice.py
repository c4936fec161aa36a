"""What a migration takes: by use, by history, by age, by name; always with all reasons, never silently without."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_core.copy_rule import Selection
from registry_core.coverage import Gap
from registry_core.migration_choice import choose
from registry_core.migration_words import Chosen, chosen_images
from registry_core.retention_evidence import Evidence
from tests.registry_core.small_registry import AS_OF, SmallRegistry, digest


def taken(registry: SmallRegistry, *gaps: Gap, seed: int | None = None, **selection: object) -> list[Chosen]:
    chosen = Selection(**selection)  # type: ignore[arg-type]
    choice = choose(chosen, registry.catalog(seed=seed), registry.uses(seed=seed), Evidence.at(AS_OF))
    return chosen_images(choice, gaps)


def names(chosen: list[Chosen]) -> list[str]:
    return [f"{one.repository}:{','.join(one.tags)}" for one in chosen]


def six_versions() -> SmallRegistry:
    """`team/app` with 1.0.0 (oldest) to 1.5.0; 1.4.0 is in production, 1.2.0 in staging."""
    registry = SmallRegistry()
    for minor in range(6):
        registry.image("team/app", f"app {minor}", f"1.{minor}.0", pushed=60 - 10 * minor)
    registry.tag("team/app", "latest", "app 5")
    registry.use("team/app", "app 4")
    registry.use("team/app", "app 2", cluster="staging", by="preview", pods=1)
    registry.image("sandbox/try", "try", "v1", pushed=1)
    return registry


def test_what_chosen_clusters_use_is_taken_and_what_others_use_is_not() -> None:
    (app,) = taken(six_versions(), in_use=("production",))
    assert (app.tags, app.digest) == (("1.4.0",), digest("app 4"))
    assert app.reasons == ("in use by production/health/web (3 pods)",)


def test_the_images_before_each_one_in_use_are_taken_with_it() -> None:
    chosen = taken(six_versions(), in_use=("production",), rollbacks=2)
    assert names(chosen) == ["team/app:1.2.0", "team/app:1.3.0", "team/app:1.4.0"]
    assert chosen[0].reasons == ("one of the 2 images before one in use",)
    assert chosen[0].used_by == "staging/health/preview (1 pod)"  # told, though it is not why


def test_the_newest_go_with_all_their_tags() -> None:
    chosen = taken(six_versions(), newest=2, repositories=("team/**",))
    assert names(chosen) == ["team/app:1.4.0", "team/app:1.5.0,latest"]
    assert chosen[1].reasons == ("one of the newest 2",)


def test_a_range_of_versions_takes_the_tags_that_are_in_it_alone() -> None:
    chosen = taken(six_versions(), versions=(">=1.4 <2",))
    assert names(chosen) == ["team/app:1.4.0", "team/app:1.5.0"]
    assert chosen[1].reasons == ("version 1.5.0 is in >=1.4 <2",)


def test_all_reasons_of_an_image_are_told() -> None:
    (app,) = taken(six_versions(), in_use=("production",), tags=("1.4.*",), versions=("1.4",))
    assert app.reasons == ("in use by production/health/web (3 pods)", "its tag 1.4.0 matches 1.4.*")


def test_repositories_and_exclude_bound_every_other_key() -> None:
    assert names(taken(six_versions(), all=True, exclude=("team/**",))) == ["sandbox/try:v1"]
    assert names(taken(six_versions(), tags=("v*", "latest"), repositories=("team/*",))) == ["team/app:latest"]


def test_all_takes_every_tagged_image_and_no_signature_on_its_own() -> None:
    registry = SmallRegistry()
    registry.image("app", "index", "v1", children=["amd64", "arm64"])
    registry.image("app", "amd64")
    registry.image("app", "arm64")
    registry.image("app", "signature", f"{digest('index').replace(':', '-')}.sig")
    registry.image("app", "leftover")
    assert names(taken(registry, all=True)) == ["app:v1"]


def test_a_child_in_use_takes_the_index_that_lists_it() -> None:
    registry = SmallRegistry()
    registry.image("app", "index", "v1", children=["amd64"])
    registry.image("app", "amd64")
    registry.use("app", "amd64", match="running digest")
    (app,) = taken(registry, in_use=("production",))
    assert (app.digest, app.tags) == (digest("index"), ("v1",))
    assert app.reasons == ("in use by production/health/web (3 pods)",)


def test_an_untagged_image_in_use_is_taken_by_its_digest() -> None:
    registry = SmallRegistry()
    registry.image("app", "pinned")
    registry.use("app", "pinned")
    (app,) = taken(registry, in_use=("production",))
    assert (app.digest, app.tags, app.can_be_asked) == (digest("pinned"), (), True)


def test_what_is_in_use_and_not_there_is_told_with_who_uses_it() -> None:
    registry = six_versions()
    registry.unresolved.append(
        {
            "repository": "team/app", "tag": "9.9.9", "fault": "missing", "why": "no such tag in the repository",
            "cluster": "production", "namespace": "shop", "owner_name": "till", "pods": 2, "reference": "app:9.9.9",
        }
    )  # fmt: skip
    lost = next(one for one in taken(registry, in_use=("production",)) if one.fault)
    assert (lost.fault, lost.tags, lost.can_be_asked) == ("missing", ("9.9.9",), False)
    assert lost.used_by == "production/shop/till (2 pods)"
    assert lost.why == "no such tag in the repository"
    assert not any(one.fault for one in taken(registry, in_use=("staging",)))


def test_a_tag_that_did_not_resolve_is_asked_for_again_by_its_name() -> None:
    registry = SmallRegistry()
    registry.tag("app", "v1", None, fault="throttled", detail="429")
    (one,) = taken(registry, all=True)
    assert (one.digest, one.tags, one.can_be_asked) == (None, ("v1",), True)
    (one,) = taken(registry, tags=("v*",))
    assert one.reasons == ("its tag v1 matches v*",)


def test_a_repository_that_was_not_read_is_told_and_not_forgotten() -> None:
    gap = Gap("team/secret", "forbidden", "403 for us")
    lost = next(one for one in taken(six_versions(), gap, all=True) if one.fault)
    assert (lost.repository, lost.fault) == ("team/secret", "forbidden")
    assert "may hold more than is told here: 403 for us" in lost.why
    assert not any(one.fault for one in taken(six_versions(), gap, all=True, exclude=("team/secret",)))


def test_what_has_no_date_may_be_one_of_the_newest() -> None:
    registry = six_versions()
    registry.image("team/app", "undated", "old-or-new", pushed=None)
    chosen = taken(registry, newest=1, repositories=("team/**",))
    assert names(chosen) == ["team/app:1.5.0,latest", "team/app:old-or-new"]
    assert chosen[1].reasons == ("may be the newest of its repository: its date is not known",)


def test_a_used_image_without_a_date_takes_its_repository() -> None:
    registry = SmallRegistry()
    for name in ("one", "two"):
        registry.image("app", name, name, pushed=5)
    registry.image("app", "used", "used", pushed=None)
    registry.use("app", "used")
    assert names(taken(registry, in_use=("production",), rollbacks=1)) == ["app:one", "app:two", "app:used"]


def test_a_selection_that_cannot_be_read_is_no_empty_one() -> None:
    with pytest.raises(ValueError, match="is no range of versions"):
        taken(six_versions(), versions=("newest",))


_KEYS = st.fixed_dictionaries(
    {},
    optional={
        "all": st.booleans(),
        "in_use": st.lists(st.sampled_from(["production", "staging"]), unique=True).map(tuple),
        "newest": st.integers(1, 4),
        "tags": st.lists(st.sampled_from(["1.*", "latest", "v?"]), unique=True).map(tuple),
        "versions": st.lists(st.sampled_from(["^1.2", "<1.3"]), unique=True).map(tuple),
    },
)


@settings(deadline=None, max_examples=25)
@given(_KEYS, _KEYS, st.integers(0, 5))
def test_more_keys_never_take_less_and_the_order_of_rows_is_no_matter(one: dict, other: dict, seed: int) -> None:
    registry = six_versions()

    def tags(chosen: list[Chosen]) -> set[tuple[str, str | None, str]]:
        return {(image.repository, image.digest, tag) for image in chosen for tag in image.tags}

    fewer = taken(registry, **one)
    wider = {**one, **{key: value for key, value in other.items() if key not in one}}
    assert tags(fewer) <= tags(taken(registry, **wider))
    assert taken(registry, seed=seed, **one) == fewer

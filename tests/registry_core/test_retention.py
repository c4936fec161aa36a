"""What stays and what may go: the predecessor's faults, use, tags, versions and what belongs together."""

from __future__ import annotations

import pandas as pd
import pytest

from registry_core.inventory import INVENTORY_COLUMNS
from registry_core.policy import read_policies
from registry_core.references import Reference
from registry_core.registry_directory import RegistryNames
from registry_core.retention import decide
from registry_core.retention_evidence import Evidence, Snapshot
from registry_core.retention_reasons import Reason
from registry_core.usage import UsageFrames, join_usage
from tests.registry_core.small_registry import AS_OF, SmallRegistry, days_ago, digest

PREDECESSOR = {"keep_last": 3, "keep_in_use": {"seen_within": "31d", "rollbacks": 2}, "when_unused": "evict"}
HOST = "registry.example.com:5443"


def rules(**given):
    return read_policies([{"repositories": ["**"], **given}])


def going(registry: SmallRegistry, policies, usage: UsageFrames | None = None, **evidence) -> set[str]:
    """Digests that may go, of all repositories."""
    decisions = decide(
        policies,
        registry.catalog(),
        registry.uses() if usage is None else usage,
        evidence=Evidence.at(AS_OF, **evidence),
    )
    frame = decisions.frame()
    return set(frame.loc[frame["decision"].eq("evict"), "digest"])


def builds(registry: SmallRegistry, repository: str, count: int) -> list[str]:
    """`count` images, the newest first, each tagged `build-<number>`."""
    names = [f"{repository} {number}" for number in range(count)]
    for number, name in enumerate(names):
        registry.image(repository, name, f"build-{count - number}", pushed=10 * number + 1)
    return names


def digests(*names: str) -> set[str]:
    return {digest(name) for name in names}


def used_by_reference(registry: SmallRegistry, reference: str) -> UsageFrames:
    """Usage by one Deployment that names `reference`, through the real parser and the real join."""
    parsed = Reference.parse(reference)
    row = {
        "cluster": "production", "resource": "apps/v1 deployments", "namespace": "health", "kind": "Deployment",
        "name": "web", "owner_kind": "Deployment", "owner_name": "web", "container": "web",
        "container_kind": "container", "reference": reference, "registry": parsed.registry,
        "repository": parsed.repository,
        "tag": parsed.tag or (None if parsed.digest else "latest"), "digest": parsed.digest,
        "state": "template", "first_seen_at": pd.Timestamp(days_ago(5)), "last_seen_at": pd.Timestamp(AS_OF),
    }  # fmt: skip
    inventory = pd.DataFrame({name: pd.Series([row.get(name)], dtype=object) for name in INVENTORY_COLUMNS})
    for column in ("first_seen_at", "last_seen_at"):
        inventory[column] = pd.to_datetime(inventory[column], utc=True)
    return join_usage(
        inventory,
        registry.catalog(),
        names=RegistryNames.of_hosts("main", HOST),
        environment_of=lambda cluster, namespace: "production",
    )


# The predecessor's faults, each by name ----------------------------------------------------------------------


def test_a_repository_that_is_referred_to_only_by_digest_is_a_used_one():
    registry = SmallRegistry()
    names = builds(registry, "apps/web", 6)
    usage = used_by_reference(registry, f"{HOST}/apps/web@{digest(names[5])}")
    assert going(registry, rules(**PREDECESSOR), usage) == digests(names[3], names[4])


def test_a_reference_with_tag_and_digest_means_the_digest():
    registry = SmallRegistry()
    names = builds(registry, "apps/web", 6)
    usage = used_by_reference(registry, f"{HOST}/apps/web:build-6@{digest(names[5])}")
    assert digest(names[5]) not in going(registry, rules(**PREDECESSOR), usage)


def test_a_reference_without_tag_means_latest():
    registry = SmallRegistry()
    names = builds(registry, "apps/web", 6)
    registry.tag("apps/web", "latest", names[5])
    usage = used_by_reference(registry, f"{HOST}/apps/web")
    assert going(registry, rules(**PREDECESSOR), usage) == digests(names[3], names[4])


def test_a_reference_with_host_and_port_is_no_tag():
    registry = SmallRegistry()
    names = builds(registry, "apps/web", 6)
    usage = used_by_reference(registry, f"{HOST}/apps/web:build-1")
    assert going(registry, rules(**PREDECESSOR), usage) == digests(names[3], names[4])


def test_a_tag_kept_by_rule_keeps_the_digest_that_it_shares_with_one_that_is_not():
    registry = SmallRegistry()
    names = builds(registry, "apps/web", 3)
    registry.tag("apps/web", "v1.0", names[2])
    assert going(registry, rules(keep_last=1, keep_tags=["v*"])) == digests(names[1])


def test_a_rule_that_stands_second_in_the_list_holds_too():
    registry = SmallRegistry()
    names = builds(registry, "apps/web", 4)
    registry.tag("apps/web", "stable", names[3])
    assert going(registry, rules(keep_tags=["v*", "stable"], keep_last=1)) == digests(names[1], names[2])


def test_an_entry_that_stands_second_decides_where_the_first_does_not_match():
    registry = SmallRegistry()
    names = builds(registry, "apps/web", 2)
    policies = read_policies([
        {"repositories": ["base/**"], "keep_last": 1}, {"repositories": ["apps/**"], "keep_last": 2},
    ])  # fmt: skip
    assert going(registry, policies) == set()
    assert len(names) == 2


def test_several_tags_on_one_digest_count_as_one_image():
    registry = SmallRegistry()
    names = builds(registry, "apps/web", 4)
    for number in range(20):
        registry.tag("apps/web", f"alias-{number}", names[0])
    assert going(registry, rules(keep_last=3)) == digests(names[3])


def test_the_used_image_may_be_the_oldest():
    registry = SmallRegistry()
    names = builds(registry, "apps/web", 8)
    registry.use("apps/web", names[7])
    assert going(registry, rules(**PREDECESSOR)) == digests(*names[3:7])


# Use ---------------------------------------------------------------------------------------------------------


def test_what_is_in_use_stays_under_every_policy():
    registry = SmallRegistry()
    names = builds(registry, "apps/web", 3)
    registry.use("apps/web", names[2])
    assert going(registry, rules(keep_last=1)) == digests(names[1])


def test_a_use_longer_ago_than_seen_within_is_no_use():
    registry = SmallRegistry()
    names = builds(registry, "apps/web", 3)
    registry.use("apps/web", names[2], seen=40)
    in_use = {"seen_within": "31d", "rollbacks": 0}
    assert going(registry, rules(keep_last=1, keep_in_use=in_use)) == digests(names[1], names[2])


def test_a_use_of_unknown_time_counts():
    registry = SmallRegistry()
    names = builds(registry, "apps/web", 2)
    registry.use("apps/web", names[1], seen=None)
    assert going(registry, rules(keep_last=1, keep_in_use={"seen_within": "1d"})) == set()


def test_a_use_in_the_newest_inventory_counts_however_short_the_span():
    registry = SmallRegistry()
    names = builds(registry, "apps/web", 2)
    registry.use("apps/web", names[1], seen=0.5)
    evidence = Evidence(
        registry="example",
        catalog=Snapshot("c", AS_OF),
        inventories={"production": Snapshot("i", days_ago(0.5)), "staging": Snapshot("j", AS_OF)},
        required=("staging",),
    )
    policies = rules(keep_last=1, keep_in_use={"seen_within": "1h"})
    decisions = decide(policies, registry.catalog(), registry.uses(), evidence=evidence)
    assert decisions.is_kept("apps/web", digest(names[1]))


def test_a_used_child_keeps_its_index_its_siblings_and_the_images_before():
    registry = SmallRegistry()
    for number in range(5):
        registry.image("apps/web", f"index {number}", f"v{number}", pushed=50 - 10 * number,
                       children=[f"amd64 {number}", f"arm64 {number}"])  # fmt: skip
        registry.image("apps/web", f"amd64 {number}")
        registry.image("apps/web", f"arm64 {number}")
    registry.use("apps/web", "arm64 1")
    stays = rules(keep_last=1, keep_in_use={"rollbacks": 1})
    gone = {f"{kind} {number}" for kind in ("index", "amd64", "arm64") for number in (2, 3)}
    assert going(registry, stays) == digests(*gone)


def test_a_reference_to_what_is_not_there_makes_the_repository_a_used_one():
    registry = SmallRegistry()
    builds(registry, "apps/web", 2)
    registry.want("apps/web", "v9")
    assert going(registry, rules(keep_last=3, when_unused="evict")) == set()


def test_rollbacks_overlap_without_counting_twice():
    registry = SmallRegistry()
    names = builds(registry, "apps/web", 9)
    registry.use("apps/web", names[3])
    registry.use("apps/web", names[4])
    assert going(registry, rules(keep_last=1, keep_in_use={"rollbacks": 2})) == digests(*names[1:3], *names[7:])


def test_rollbacks_stay_within_their_repository():
    registry = SmallRegistry()
    first, second = builds(registry, "apps/a", 4), builds(registry, "apps/b", 4)
    registry.use("apps/a", first[3])
    assert going(registry, rules(keep_last=1, keep_in_use={"rollbacks": 2})) == digests(*first[1:3], *second[1:])


def test_an_untagged_build_between_releases_uses_up_no_rollback():
    registry = SmallRegistry()
    names = builds(registry, "apps/web", 5)
    registry.image("apps/web", "leftover", pushed=22)
    registry.use("apps/web", names[2])
    policies = rules(keep_last=1, keep_in_use={"rollbacks": 2}, untagged={"keep": False})
    assert going(registry, policies) == digests(names[1])


def test_an_image_in_use_without_a_date_keeps_all_that_may_be_before_it():
    registry = SmallRegistry()
    builds(registry, "apps/web", 4)
    registry.image("apps/web", "undated", "old")
    registry.use("apps/web", "undated")
    assert going(registry, rules(keep_last=1, keep_in_use={"rollbacks": 1})) == set()
    assert len(going(registry, rules(keep_last=1, keep_in_use={"rollbacks": 0}))) == 3


# What belongs together ---------------------------------------------------------------------------------------


def test_an_index_counts_once_and_its_tagged_children_do_not():
    registry = SmallRegistry()
    for number in range(3):
        registry.image("apps/web", f"index {number}", f"v{number}", pushed=number + 1.0, children=[f"part {number}"])
        registry.image("apps/web", f"part {number}", f"v{number}-amd64", pushed=number + 1.0)
    assert going(registry, rules(keep_last=2)) == digests("index 2", "part 2")


def test_a_tagged_part_of_an_untagged_index_is_counted_for_itself():
    registry = SmallRegistry()
    registry.image("apps/web", "leftover index", pushed=9, children=["part"])
    registry.image("apps/web", "part", "v1-amd64", pushed=9)
    policies = rules(keep_last=1, untagged={"keep": False})
    assert going(registry, policies) == digests("leftover index")


def test_signatures_and_referrers_are_not_counted():
    registry = SmallRegistry()
    names = builds(registry, "apps/web", 3)
    registry.image("apps/web", "signature", digest(names[2]).replace(":", "-") + ".sig", pushed=0)
    registry.image("apps/web", "sbom", subject=names[2], pushed=0)
    assert going(registry, rules(keep_last=2)) == digests(names[2], "signature", "sbom")


def test_the_fallback_tag_and_what_its_index_lists_stay_with_the_subject():
    registry = SmallRegistry()
    names = builds(registry, "apps/web", 2)
    for name in names:
        registry.image("apps/web", f"list of {name}", digest(name).replace(":", "-"), children=[f"sbom of {name}"])
        registry.image("apps/web", f"sbom of {name}", subject=name)
    old = names[1]
    assert going(registry, rules(keep_last=1)) == digests(old, f"list of {old}", f"sbom of {old}")


def test_what_a_kept_image_refers_to_stays():
    registry = SmallRegistry()
    names = builds(registry, "apps/web", 2)
    registry.image("apps/web", "notes", "release-notes", subject=names[1], pushed=1)
    policies = rules(keep_last=1, keep_tags=["release-*"])
    assert going(registry, policies) == set()


def test_nested_indexes_stand_and_fall_whole():
    registry = SmallRegistry()
    for number in range(2):
        registry.image("apps/web", f"outer {number}", f"v{number}", pushed=number + 1.0, children=[f"inner {number}"])
        registry.image("apps/web", f"inner {number}", children=[f"leaf {number}"])
        registry.image("apps/web", f"leaf {number}")
    assert going(registry, rules(keep_last=1)) == digests("outer 1", "inner 1", "leaf 1")


def test_the_same_digest_is_decided_in_each_repository_for_itself():
    registry = SmallRegistry()
    registry.image("apps/a", "same", "v1", pushed=5)
    registry.image("apps/b", "same", "build-1", pushed=5)
    decisions = decide(rules(keep_tags=["v*"]), registry.catalog(), registry.uses(), evidence=Evidence.at(AS_OF))
    assert decisions.is_kept("apps/a", digest("same"))
    assert not decisions.is_kept("apps/b", digest("same"))


def test_a_child_that_the_registry_lost_is_not_deleted():
    registry = SmallRegistry()
    registry.image("apps/web", "old", "v1", pushed=9, children=["lost", "there"])
    registry.image("apps/web", "lost", fault="missing", media_type=None)
    registry.image("apps/web", "there")
    registry.image("apps/web", "new", "v2", pushed=1)
    assert going(registry, rules(keep_last=1, broken={"evict": True})) == digests("old", "there")


# Single tags -------------------------------------------------------------------------------------------------


def test_tags_that_no_rule_keeps_may_go_only_where_nothing_but_tags_keeps_the_image():
    registry = SmallRegistry()
    registry.image("apps/web", "new", "latest", "build-2", pushed=1)
    registry.image("apps/web", "old", "v1.0", "build-1", pushed=90)
    decisions = decide(
        rules(keep_last=1, keep_tags=["v*"]), registry.catalog(), registry.uses(), evidence=Evidence.at(AS_OF)
    )
    catalog = decisions.facts.nodes.catalog
    assert list(catalog.tags.loc[decisions.single_tags, "tag"]) == ["build-1"]


@pytest.mark.parametrize(
    ("per", "kept"),
    [
        ("major", {"v2.1.0", "v1.10.1"}), ("minor", {"v2.1.0", "v2.0.0"}), ("patch", {"v2.1.0", "v2.0.0"}),
    ],
)  # fmt: skip
def test_versions_are_kept_per_major_minor_or_patch(per, kept):
    registry = SmallRegistry()
    tags = ["v1.9.9", "v1.10.0", "v1.10.1", "v2.0.0", "v2.1.0", "v2.2.0-rc.1", "v1.2", "latest"]
    for tag in tags:
        registry.image("apps/web", tag, tag, pushed=1)
    policies = rules(keep_versions={"pattern": "v{semver}", "last": 2, "per": per})
    assert digests(*tags) - going(registry, policies) == digests(*kept)


@pytest.mark.parametrize(
    ("tags", "pattern", "newest"),
    [
        (["v1.4.0-rc8", "v1.4.0-rc9", "v1.4.0-rc10", "v1.4.0-rc11"], "v{semver}", "v1.4.0-rc11"),
        (["7.4.0-debian-12-r9", "7.4.0-debian-12-r10"], "{semver}", "7.4.0-debian-12-r10"),
        (["v1.0.20200827-ls30", "v1.0.20200827-ls31", "v1.0.20200827-ls100"], "v{semver}", "v1.0.20200827-ls100"),
    ],
)
def test_of_revisions_the_one_with_the_highest_number_is_the_newest(tags, pattern, newest):
    registry = SmallRegistry()
    for days, tag in enumerate(reversed(tags)):
        registry.image("apps/web", tag, tag, pushed=100 + days)
    policies = rules(keep_versions={"pattern": pattern, "last": 1, "prereleases": True})
    assert going(registry, policies) == digests(*(tag for tag in tags if tag != newest))


def test_where_the_order_of_words_and_that_of_pushes_contradict_each_other_both_stay():
    registry = SmallRegistry()
    for tag, days in (("1.4.0-rc1", 5), ("1.4.0-final", 2), ("1.4.0-early", 9), ("1.3.0", 1), ("1.4.0-nodate", None)):
        registry.image("apps/web", tag, tag, pushed=days)
    policies = rules(keep_versions={"pattern": "{semver}", "last": 1, "prereleases": True})
    decisions = decide(policies, registry.catalog(), registry.uses(), evidence=Evidence.at(AS_OF))
    assert going(registry, policies) >= digests("1.4.0-early", "1.3.0"), "pushed before it, or of other numbers"
    assert not going(registry, policies) & digests("1.4.0-rc1", "1.4.0-final")
    assert decisions.reasons_of("apps/web", digest("1.4.0-final")) == (
        "tag 1.4.0-final kept: pushed after a version that keep_versions takes for newer",
    )


def test_a_tag_with_an_underscore_is_kept_as_a_version_and_takes_no_place_from_another():
    registry = SmallRegistry()
    for days, tag in enumerate(("1.2.3", "1.2.3_build.1", "1.2.4_amd64", "1.2.4_build.1", "1.2.2_build.9", "1.2.2")):
        registry.image("apps/web", tag, tag, pushed=10 - days)
    policies = rules(keep_versions={"pattern": "{semver}", "last": 1})
    assert going(registry, policies) == digests("1.2.2", "1.2.2_build.9")
    decisions = decide(policies, registry.catalog(), registry.uses(), evidence=Evidence.at(AS_OF))
    for tag in ("1.2.3", "1.2.3_build.1", "1.2.4_amd64", "1.2.4_build.1"):
        assert decisions.reasons_of("apps/web", digest(tag)) == (
            f"tag {tag} kept by keep_versions (last 1, per patch)",
        ), "equals are kept as versions, whichever was pushed later"


def test_a_version_without_a_date_contradicts_no_order():
    registry = SmallRegistry()
    for tag, days in (("1.4.0-rc2", None), ("1.4.0-rc1", 5), ("1.4.0-nodate", None)):
        registry.image("apps/web", tag, tag, pushed=days)
    policies = rules(keep_versions={"pattern": "{semver}", "last": 1, "prereleases": True})
    assert going(registry, policies) == digests("1.4.0-rc1", "1.4.0-nodate")


def test_pre_releases_are_versions_by_choice():
    registry = SmallRegistry()
    for tag in ("v1.0.0-rc.2", "v1.0.0-rc.10", "v0.9.0"):
        registry.image("apps/web", tag, tag, pushed=1)
    versions = {"pattern": "v{semver}", "last": 1, "per": "minor", "prereleases": True}
    assert going(registry, rules(keep_versions=versions)) == digests("v1.0.0-rc.2", "v0.9.0")


# Words -------------------------------------------------------------------------------------------------------


def test_all_reasons_are_told_in_words():
    registry = SmallRegistry()
    registry.image("apps/web", "image", "v1.2.0", "v1.2", pushed=3)
    registry.use("apps/web", "image")
    registry.use("apps/web", "image", by="worker", pods=1)
    decisions = decide(
        rules(keep_last=3, keep_tags=["v*"], keep_within="30d"),
        registry.catalog(),
        registry.uses(),
        evidence=Evidence.at(AS_OF),
    )
    assert decisions.reasons_of("apps/web", digest("image")) == (
        "in use by production/health/web (3 pods), production/health/worker (1 pod)",
        "tags v1.2, v1.2.0 kept by keep_tags v*",
        "one of the newest 3 images",
        "of 2026-03-29, within keep_within 30d",
    )
    assert decisions.counts() == {
        "in use": 1, "kept by keep_tags": 1, "kept by keep_last": 1, "kept by keep_within": 1,
    }  # fmt: skip


def test_asking_for_an_image_that_is_not_there_says_so():
    decisions = decide(
        rules(keep_last=1), SmallRegistry().catalog(), SmallRegistry().uses(), evidence=Evidence.at(AS_OF)
    )
    with pytest.raises(KeyError, match="not in the catalog"):
        decisions.reasons_of("apps/web", digest("nothing"))
    assert decisions.is_kept("apps/web", digest("nothing"))


def test_every_reason_has_words():
    registry = SmallRegistry()
    builds(registry, "apps/web", 2)
    decisions = decide(rules(keep_last=1), registry.catalog(), registry.uses(), evidence=Evidence.at(AS_OF))
    needs_facts = (Reason.ROLLBACK, Reason.VERSION, Reason.WITHIN, Reason.IN_USE, Reason.BROKEN)
    for reason in Reason:
        decisions.reasons[0] = reason
        assert all(decisions.words.of(0)) or reason in needs_facts

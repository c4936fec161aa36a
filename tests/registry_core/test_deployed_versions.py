"""Deployed against available versions, by worked examples."""

from __future__ import annotations

import pytest

from registry_core.coverage import Gap
from registry_core.deployed_versions import Wish
from registry_core.deployed_versions_words import newest_text, place_text
from registry_core.products import Choice
from registry_core.versions import VersionPattern
from tests.registry_core.deployment import leaves_out, looks, pod, product, report, seen, template
from tests.registry_core.small_registry import SmallRegistry


def versions(*tags: str, repository: str = "web", name: str = "example") -> SmallRegistry:
    """A registry with an image for each tag."""
    registry = SmallRegistry(name)
    for tag in tags:
        registry.image(repository, f"{repository} {tag}", tag)
    return registry


def at(rows: list[dict], registry: SmallRegistry, place: str = "prod", **named: object) -> str:
    found = report(rows, seen(registry), **named)  # type: ignore[arg-type]
    return place_text(product(found), place)


class TestNewest:
    def test_versions_are_ordered_as_versions_and_not_as_texts(self) -> None:
        found = report([], seen(versions("1.9.0", "1.10.0", "1.2.0")))
        assert [one.tag for one in product(found).newest] == ["1.10.0", "1.9.0", "1.2.0"]

    def test_five_are_shown_by_default_and_as_many_as_one_wishes(self) -> None:
        registry = versions(*(f"1.{number}.0" for number in range(9)))
        assert len(product(report([], seen(registry))).newest) == 5
        assert len(product(report([], seen(registry), wish=Wish(newest=2))).newest) == 2

    def test_a_pre_release_counts_only_where_it_is_wished_for(self) -> None:
        registry = versions("1.0.0", "1.1.0-rc.1")
        assert newest_text(product(report([], seen(registry)))) == "1.0.0"
        assert newest_text(product(report([], seen(registry), wish=Wish(prereleases=True)))) == "1.1.0-rc.1"

    def test_a_product_of_which_there_are_only_pre_releases_is_ordered_by_them(self) -> None:
        assert newest_text(product(report([], seen(versions("1.0.0-rc.1", "1.0.0-rc.2"))))) == "1.0.0-rc.2"

    def test_two_ways_of_writing_one_version_are_one_version(self) -> None:
        found = product(report([], seen(versions("1.0.0", "v1.0.0", "v1.1.0"))))
        assert [one.tag for one in found.newest] == ["v1.1.0", "1.0.0"]

    def test_versions_may_be_written_as_a_team_writes_them(self) -> None:
        wish = Wish(patterns=(VersionPattern("release-{semver}"),))
        found = product(report([], seen(versions("release-2.0.0", "release-10.0.0")), wish=wish))
        assert (found.by, newest_text(found)) == ("version", "release-10.0.0")

    def test_what_is_no_version_is_ordered_by_the_time_it_was_pushed(self) -> None:
        registry = SmallRegistry()
        for tag, days in (("build-1", 3), ("build-3", 1), ("build-2", 2)):
            registry.image("web", tag, tag, pushed=days)
        found = product(report([], seen(registry)))
        assert (found.by, [one.tag for one in found.newest]) == ("time", ["build-3", "build-2", "build-1"])

    def test_of_one_image_the_tag_that_says_most_is_shown(self) -> None:
        registry = SmallRegistry()
        registry.image("web", "one", "latest", "build-7", "stable", pushed=1)
        assert newest_text(product(report([], seen(registry)))) == "build-7"

    def test_signatures_and_what_refers_to_an_image_are_no_versions(self) -> None:
        registry = versions("1.0.0")
        registry.image("web", "sbom", "2.0.0", subject="web 1.0.0")
        registry.image("web", "signature", "sha256-" + "a" * 64 + ".sig")
        assert [one.tag for one in product(report([], seen(registry))).newest] == ["1.0.0"]

    def test_a_tag_that_resolves_to_nothing_is_not_available(self) -> None:
        registry = versions("1.0.0")
        registry.tag("web", "2.0.0", None, fault="missing", detail="gone")
        registry.tag("web", "1.5.0", None, fault="throttled", detail="later")
        assert [one.tag for one in product(report([], seen(registry))).newest] == ["1.5.0", "1.0.0"]


class TestBehind:
    @pytest.mark.parametrize(
        ("deployed", "told"),
        [
            ("2.1.1", "2.1.1"),
            ("2.1.0", "2.1.0 (-1 patch)"),
            ("2.0.0", "2.0.0 (-2 minor)"),
            ("1.0.0", "1.0.0 (-3 major)"),
            ("2.1.1-rc.1", "2.1.1-rc.1 (-1 pre-release)"),
            ("9.0.0", "9.0.0"),
        ],
    )
    def test_it_is_told_in_versions_and_by_what_differs(self, deployed: str, told: str) -> None:
        registry = versions("1.0.0", "2.0.0", "2.1.0", "2.1.1", "2.2.0-rc.1")
        assert at([pod("prod", f"web:{deployed}")], registry) == told

    def test_every_version_of_a_cluster_is_shown(self) -> None:
        rows = [pod("prod", "web:1.0.0"), pod("prod", "web:1.1.0", owner_name="other")]
        assert at(rows, versions("1.0.0", "1.1.0")) == "1.0.0 (-1 minor), 1.1.0"

    def test_images_without_a_version_are_behind_by_images(self) -> None:
        registry = SmallRegistry()
        for number in range(1, 5):
            registry.image("web", f"build {number}", f"build-{number}", pushed=10 - number)
        assert at([pod("prod", "web:build-2")], registry) == "build-2 (-2 images)"

    def test_an_image_without_a_date_is_behind_by_nobody_knows_how_many(self) -> None:
        registry = SmallRegistry()
        registry.image("web", "old", "old-1")
        registry.image("web", "new", "new-1", pushed=1)
        assert at([pod("prod", "web:old-1")], registry) == "old-1 (?)"

    def test_a_reference_by_digest_is_called_by_the_version_of_its_image(self) -> None:
        assert at([pod("prod", "web@web 1.0.0")], versions("1.0.0", "1.1.0")) == "1.0.0 (-1 minor)"

    def test_latest_is_measured_by_the_version_that_it_stands_for(self) -> None:
        registry = versions("1.0.0", "1.1.0")
        registry.tag("web", "latest", "web 1.0.0")
        rows = [pod("prod", "web:latest", runs="web 1.0.0")]
        assert at(rows, registry) == "latest (1.0.0) (-1 minor)"
        assert looks(report(rows, seen(registry)))["unversioned"] == (
            "`latest` (now 1.0.0) is not a version, deployed in prod"
        )


class TestVariants:
    """What stands behind the number: compared within one variant, as the repository's own tags show it."""

    REDIS = ("7.2.4", "7.2.4-alpine", "7.2.5", "7.2.5-alpine", "7", "latest")

    @pytest.mark.parametrize("prereleases", [False, True])
    def test_a_variant_is_behind_its_own_variant_and_never_behind_the_others(self, prereleases: bool) -> None:
        found = product(
            report([pod("prod", "web:7.2.4-alpine")], seen(versions(*self.REDIS)), wish=Wish(prereleases=prereleases))
        )
        assert place_text(found, "prod") == "7.2.4-alpine (-1 patch)"
        assert [one.tag for one in found.newest] == ["7.2.5-alpine", "7.2.4-alpine"]
        assert [look.text for look in found.looks if look.kind == "patch"] == [
            "7.2.5-alpine is a newer patch of 7.2.4-alpine, deployed in prod"
        ]

    def test_what_has_no_variant_is_not_behind_one(self) -> None:
        found = product(report([pod("prod", "web:7.2.4")], seen(versions(*self.REDIS))))
        assert place_text(found, "prod") == "7.2.4 (-1 patch)"
        assert [one.tag for one in found.newest] == ["7.2.5", "7.2.4"]

    def test_of_each_variant_that_runs_the_newest_is_shown_first(self) -> None:
        rows = [pod("prod", "web:7.2.4"), pod("prod", "web:7.2.4-alpine", owner_name="other")]
        found = product(report(rows, seen(versions(*self.REDIS, "7.1.0")), wish=Wish(newest=3)))
        assert [one.tag for one in found.newest] == ["7.2.5-alpine", "7.2.5", "7.2.4-alpine"]

    def test_of_a_product_that_runs_nowhere_those_without_a_variant_are_shown(self) -> None:
        assert [one.tag for one in product(report([], seen(versions(*self.REDIS)))).newest] == ["7.2.5", "7.2.4"]
        only = versions("7.2.4-alpine", "7.2.5-alpine")
        assert [one.tag for one in product(report([], seen(only))).newest] == ["7.2.5-alpine", "7.2.4-alpine"]

    @pytest.mark.parametrize(
        ("deployed", "behind", "tags"),
        [
            (
                "3.12.1-slim-bookworm",
                "-1 patch",
                ["3.12.2-slim-bookworm", "3.12.2-slim", "3.12.2", "3.13.0-slim-trixie"],
            ),
            ("3.12.1-alpine3.18", "-1 patch", ["3.12.2-alpine3.19", "3.12.2-alpine", "3.12.3"]),
            ("1.2.3-amd64", "-1 patch", ["1.2.4-amd64", "1.2.5-arm64", "1.2.6-arm64v8"]),
            ("1.2.3_amd64", "-1 minor", ["1.3.0_amd64", "1.3.0", "1.4.0_x86_64"]),
            ("1.2.3-windowsservercore-ltsc2022", "-1 major", ["2.0.0-windowsservercore-ltsc2022", "3.0.0"]),
            ("1.2.3-ubuntu22.04", "-1 patch", ["1.2.4-ubuntu24.04", "1.2.9"]),
            ("16.1.0-ce.0", "-1 patch", ["16.1.1-ce.0", "16.1.2-ee.0", "16.1.3-rc1-ce.0"]),
            ("3.9.1-management-alpine", "-1 patch", ["3.9.2-management-alpine", "3.9.3-management", "3.9.3"]),
            ("1.2.3-acme", "-1 patch", ["1.2.4-acme", "1.2.4", "1.2.5"]),  # a word of theirs, but twice
            ("1.2-alpine", "-1 minor", ["1.3-alpine", "1.4", "1.3"]),
            ("1.2.3-alpine", "", ["1.2.4", "1.2.5"]),  # nothing is known of a newer one
        ],
    )
    def test_the_suffix_that_the_tags_of_the_repository_share_is_the_variant(
        self, deployed: str, behind: str, tags: list[str]
    ) -> None:
        told = f"{deployed} ({behind})" if behind else deployed
        assert at([pod("prod", f"web:{deployed}")], versions(deployed, *tags)) == told

    @pytest.mark.parametrize(
        ("deployed", "told"),
        [
            ("1.4.0-rc9", "-3 patch"),
            ("1.4.0-rc10", "-3 patch"),
            ("1.4.0-beta.2", "-3 patch"),
            ("1.4.0-g1a2b3c4", "-3 patch"),
            ("1.4.0-3-gdeadbe3f", "-3 patch"),
            ("1.4.0-feature-x.12", "-3 patch"),
            ("1.4.0-2ee4567", "-3 patch"),  # a commit, though `ee` is an edition elsewhere
            ("1.4.0-something", "-3 patch"),  # once only: by the letter a pre-release
        ],
    )
    def test_a_pre_release_is_behind_its_release(self, deployed: str, told: str) -> None:
        registry = versions(deployed, "1.3.0", "1.4.0", "1.4.1", "1.4.2")
        assert at([pod("prod", f"web:{deployed}")], registry) == f"{deployed} ({told})"

    def test_a_branch_is_no_variant_in_however_many_versions_it_is(self) -> None:
        registry = versions("1.4.0-feature-x.12", "1.5.0-feature-x.3", "1.4.0", "1.5.0")
        assert at([pod("prod", "web:1.4.0-feature-x.12")], registry) == "1.4.0-feature-x.12 (-2 minor)"

    def test_latest_stands_for_the_version_and_not_for_a_variant_of_the_same_image(self) -> None:
        registry = versions("7.2.4", "7.2.5")
        registry.tag("web", "latest", "web 7.2.4")
        registry.tag("web", "7.2.4-bookworm", "web 7.2.4")
        assert at([pod("prod", "web:latest", runs="web 7.2.4")], registry) == "latest (7.2.4) (-1 patch)"

    @pytest.mark.parametrize(
        ("deployed", "told", "tags"),
        [
            ("7.4.0-debian-12-r9", "-1 revision", ["7.4.0-debian-12-r8", "7.4.0-debian-12-r10"]),
            ("7.4.0-debian-11-r30", "-1 revision", ["7.4.0-debian-12-r0"]),
            ("v1.0.20200827-ls31", "-1 revision", ["v1.0.20200827-ls30", "v1.0.20200827-ls100"]),
            ("v1.0.20200827-ls31", "-2 patch", ["v1.0.20200827-ls100", "v1.0.20210101-ls1"]),
            ("1.2.3_build.1", "-2 patch", ["1.2.3_build.2", "1.2.4"]),
            ("1.2.3_build.9", "-1 revision", ["1.2.3_build.10", "1.2.3"]),
            ("1.2.3", "-1 revision", ["1.2.3-r1"]),
            ("1.2.3.4", "-1 patch", ["1.2.3.10"]),
            ("1.2.3.4", "-1 minor", ["1.3.0.0"]),
            ("v1.4.0-rc9", "-2 pre-release", ["v1.4.0-rc8", "v1.4.0-rc10", "v1.4.0-rc11"]),
        ],
    )
    def test_what_was_built_again_of_one_release_is_its_revision(
        self, deployed: str, told: str, tags: list[str]
    ) -> None:
        assert at([pod("prod", f"web:{deployed}")], versions(deployed, *tags)) == f"{deployed} ({told})"

    def test_the_newest_of_revisions_has_the_highest_number(self) -> None:
        registry = versions("v1.0.20200827-ls30", "v1.0.20200827-ls31", "v1.0.20200827-ls100")
        assert newest_text(product(report([], seen(registry)))) == "v1.0.20200827-ls100"
        chart = versions("1.2.3_build.1", "1.2.3_build.2", "1.2.4")
        assert newest_text(product(report([], seen(chart)))) == "1.2.4"


class TestTwoNumbers:
    POSTGRES = ("16.3", "16.4", "16.10", "17.0", "16", "17", "latest")

    def test_versions_of_two_numbers_are_versions_and_floating_tags_are_none(self) -> None:
        found = product(report([pod("prod", "web:16.4")], seen(versions(*self.POSTGRES))))
        assert (found.by, place_text(found, "prod")) == ("version", "16.4 (-2 major)")
        assert [one.tag for one in found.newest] == ["17.0", "16.10", "16.4", "16.3"]
        assert [look.text for look in found.looks if look.kind == "patch"] == [
            "16.10 is a newer minor version of 16.4, deployed in prod"
        ]

    def test_a_floating_tag_is_measured_by_the_version_that_it_stands_for(self) -> None:
        registry = versions("16.3", "16.10", "17.0")
        registry.tag("web", "16", "web 16.10")
        assert at([pod("prod", "web:16", runs="web 16.10")], registry) == "16 (16.10) (-1 major)"

    def test_two_numbers_beside_three_follow_those(self) -> None:
        registry = versions("1.2.3", "1.2.4", "1.3.0")
        registry.tag("web", "1.2", "web 1.2.4")
        found = report([pod("prod", "web:1.2", runs="web 1.2.4")], seen(registry))
        assert place_text(product(found), "prod") == "1.2 (1.2.4) (-1 minor)"
        assert [one.tag for one in product(found).newest] == ["1.3.0", "1.2.4", "1.2.3"]

    def test_two_numbers_do_not_follow_a_pre_release_of_three(self) -> None:
        assert at([pod("prod", "web:1.2")], versions("1.2", "1.3", "1.3.0-rc.1")) == "1.2 (-1 minor)"

    def test_years_and_months_are_ordered_with_a_zero_in_front_too(self) -> None:
        assert at([pod("prod", "web:22.04")], versions("20.04", "22.04", "22.10", "24.04")) == "22.04 (-2 major)"


class TestWhatIsDeployed:
    @pytest.mark.parametrize("kind", ["ReplicaSet", "ControllerRevision", "Job", "Revision"])
    def test_what_a_workload_keeps_of_its_past_is_not_deployed(self, kind: str) -> None:
        past = template("prod", "web:1.0.0", kind, owner_kind="Deployment")
        rows = [template("prod", "web:1.1.0"), pod("prod", "web:1.1.0"), past]
        assert at(rows, versions("1.0.0", "1.1.0")) == "1.1.0"

    def test_a_replica_set_that_nobody_owns_is_deployed(self) -> None:
        assert at([template("prod", "web:1.0.0", "ReplicaSet")], versions("1.0.0")) == "1.0.0"

    def test_nothing_is_started_from_a_pod_template(self) -> None:
        assert report([template("prod", "web:1.0.0", "PodTemplate")], seen(versions("1.0.0"))).places == ()

    def test_pods_that_ended_run_nothing(self) -> None:
        rows = [pod("prod", "web:1.0.0", state="terminated"), template("prod", "web:1.1.0", "CronJob")]
        assert at(rows, versions("1.0.0", "1.1.0")) == "1.1.0"

    def test_a_workload_scaled_to_zero_is_deployed(self) -> None:
        assert at([template("prod", "web:1.0.0", replicas=0)], versions("1.0.0")) == "1.0.0"

    def test_what_a_template_wants_and_a_pod_runs_is_one_row_with_its_pods(self) -> None:
        rows = [template("prod", "web:1.0.0"), pod("prod", "web:1.0.0", runs="web 1.0.0"),
                pod("prod", "web:1.0.0", runs="web 1.0.0", name="web-2")]  # fmt: skip
        [one] = product(report(rows, seen(versions("1.0.0")))).deployed
        assert (one.pods, one.digest_from, one.workloads) == (2, "running", ("shop/web",))

    def test_a_namespace_with_an_environment_of_its_own_is_a_place_of_its_own(self) -> None:
        rows = [pod("prod", "web:1.0.0"), pod("prod", "web:1.1.0", namespace="staging-shop")]
        found = report(rows, seen(versions("1.0.0", "1.1.0")), namespaces={"staging-shop": "staging"})
        assert found.places == ("prod", "prod (staging)")
        assert looks(found)["differs"] == "staging and production differ: staging 1.1.0; production 1.0.0"


class TestLooks:
    def test_staging_and_production_that_differ_are_told(self) -> None:
        rows = [pod("prod", "web:1.0.0"), pod("stage", "web:1.1.0")]
        found = report(rows, seen(versions("1.0.0", "1.1.0")))
        assert looks(found)["differs"] == "staging and production differ: staging 1.1.0; production 1.0.0"

    def test_environments_that_need_not_be_the_same_are_not_compared(self) -> None:
        rows = [pod("prod", "web:1.0.0"), pod("lab", "web:1.1.0")]
        assert "differs" not in looks(report(rows, seen(versions("1.0.0", "1.1.0"))))

    def test_the_same_tag_with_another_image_in_another_cluster_has_moved(self) -> None:
        registry = versions("1.0.0")
        registry.image("web", "web rebuilt")
        rows = [pod("prod", "web:1.0.0", runs="web 1.0.0"), pod("stage", "web:1.0.0", runs="web rebuilt")]
        assert looks(report(rows, seen(registry)))["moved"] == (
            "`1.0.0` is not the same image in prod and stage: the tag moved"
        )

    def test_a_child_its_index_and_a_config_are_the_same_image(self) -> None:
        registry = SmallRegistry()
        registry.image("web", "index", "1.0.0", children=["amd64", "arm64"])
        registry.image("web", "amd64", config_digest="sha256:" + "c" * 64)
        registry.image("web", "arm64")
        rows = [
            pod("prod", "web:1.0.0", runs="index"),
            pod("stage", "web:1.0.0", runs="arm64", platform="linux/arm64"),
            pod("lab", "web:1.0.0", status_digest="sha256:" + "c" * 64),
        ]
        found = report(rows, seen(registry))
        assert "moved" not in looks(found)
        assert len({one.digest for one in product(found).deployed}) == 1

    def test_unknown_digests_of_two_platforms_may_be_children_of_one_index(self) -> None:
        other = [
            pod("prod", "hub//web:1.0.0", runs="a"),
            pod("stage", "hub//web:1.0.0", runs="b", platform="linux/arm64"),
        ]
        assert "moved" not in looks(report(other, seen(versions("1.0.0"))), "hub/web")
        same = [pod("prod", "hub//web:1.0.0", runs="a"), pod("stage", "hub//web:1.0.0", runs="b")]
        assert "moved" in looks(report(same, seen(versions("1.0.0"))), "hub/web")

    def test_a_tag_that_was_pushed_anew_names_another_image_than_the_one_that_runs(self) -> None:
        registry = versions("staging")
        registry.image("web", "older")
        found = looks(report([pod("stage", "web:staging", runs="older")], seen(registry)))
        assert found["retagged"] == "`staging` names another image now than the one that runs in stage"

    def test_a_version_that_the_registry_has_not_is_told(self) -> None:
        found = report([pod("prod", "web:0.9.0")], seen(versions("1.0.0")))
        assert looks(found)["gone"] == "0.9.0 is not in example, but deployed in prod"

    def test_a_newer_patch_of_the_same_minor_is_told_even_behind_a_newer_minor(self) -> None:
        found = looks(report([pod("prod", "web:1.4.1")], seen(versions("1.4.1", "1.4.3", "1.4.2", "1.5.0"))))
        assert found["patch"] == "1.4.3 is a newer patch of 1.4.1, deployed in prod"

    def test_the_newest_minor_has_no_newer_patch(self) -> None:
        assert "patch" not in looks(report([pod("prod", "web:1.4.1")], seen(versions("1.4.1", "1.5.0"))))

    def test_without_any_versions_only_plain_words_are_told_as_none(self) -> None:
        rows = [pod("prod", "web:2026.04"), pod("stage", "web:staging")]
        found = looks(report(rows, seen(versions("2026.04", "staging"))))
        assert found["unversioned"] == "`staging` is not a version, deployed in stage"

    def test_a_repository_that_the_catalog_does_not_have_is_told(self) -> None:
        found = looks(report([pod("prod", "api:1.0.0")], seen(versions("1.0.0"))), "api")
        assert found == {"uncatalogued": "not in the catalog of example, deployed in prod"}

    def test_a_repository_that_nothing_runs_is_told_and_comes_last(self) -> None:
        found = report([pod("prod", "web:1.0.0")], seen(versions("1.0.0")), seen(versions("1.0.0", name="second")))
        assert [one.name for one in found.products] == ["example/web", "second/web"]
        assert looks(found, "second/web") == {"unused": "deployed nowhere"}

    def test_the_gravest_comes_first(self) -> None:
        registry = versions("1.0.0", "1.0.1")
        rows = [pod("prod", "web:0.1.0"), pod("stage", "web:1.0.0")]
        assert list(looks(report(rows, seen(registry)))) == ["gone", "differs", "patch"]


class TestWhatCouldNotBeRead:
    def test_a_registry_that_is_not_configured_is_told_and_never_as_up_to_date(self) -> None:
        found = report([pod("prod", "hub//web:1.0.0")], seen(versions("1.0.0")))
        assert looks(found, "hub/web")["unread"] == "hub is not configured, so its versions are not known"
        assert place_text(product(found, "hub/web"), "prod") == "1.0.0 (?)"
        assert newest_text(product(found, "hub/web")) == "?"

    def test_a_repository_that_was_read_in_part_is_at_least_so_far_behind(self) -> None:
        gap = Gap("web", "throttled", "asked to wait an hour")
        rows = [pod("prod", "web:1.0.0"), pod("stage", "web:1.1.0"), pod("lab", "web:0.1.0")]
        found = report(rows, seen(versions("1.0.0", "1.1.0"), gap))
        assert place_text(product(found), "prod") == "1.0.0 (-1+ minor)"
        assert place_text(product(found), "stage") == "1.1.0 (?)"
        assert "gone" not in looks(found)
        assert looks(found)["unread"] == "example could not be read: throttled, asked to wait an hour"
        assert found.unread == ("example was not read whole: web: throttled: asked to wait an hour",)

    def test_a_list_of_repositories_that_failed_makes_absence_unknown(self) -> None:
        gap = Gap("*", "unreachable", "timed out")
        found = report([pod("prod", "api:1.0.0"), pod("prod", "web:1.0.0")], seen(versions("1.0.0"), gap))
        assert list(looks(found, "api")) == ["unread"]
        assert "unread" not in looks(found, "web")

    def test_a_repository_that_the_configuration_leaves_out_is_told_so(self) -> None:
        found = report([pod("prod", "api:1.0.0")], seen(versions("1.0.0"), **leaves_out("api")))
        assert looks(found, "api") == {"unread": "example leaves it out of its catalog, by `include` and `exclude`"}

    def test_a_cluster_that_was_not_read_makes_nowhere_a_guess(self) -> None:
        found = report([pod("prod", "api:1")], seen(versions("1.0.0")), unread=("cluster stage was never read",))
        assert looks(found)["unused"] == "deployed nowhere, as far as clusters could be read"
        assert found.unread == ("cluster stage was never read",)


class TestProducts:
    def test_two_registries_hold_one_product_where_the_file_says_so(self) -> None:
        ghcr = versions("1.0.0", repository="acme/web", name="ghcr.io")
        harbor = versions("1.1.0", name="harbor")
        rows = [pod("prod", "ghcr.io//acme/web:1.0.0"), pod("stage", "harbor//web:1.1.0")]
        found = report(rows, seen(ghcr), seen(harbor), rules={"ghcr.io/acme/": "", "harbor/": ""})
        assert [one.name for one in found.products] == ["web"]
        assert product(found).registries == ("ghcr.io", "harbor")
        assert place_text(product(found), "prod") == "1.0.0 (-1 minor)"

    def test_a_tag_that_differs_between_its_registries_is_told(self) -> None:
        first, second = versions("1.0.0", name="first"), SmallRegistry("second")
        second.image("web", "another", "1.0.0")
        found = report([], seen(first), seen(second), rules={"first/": "", "second/": ""})
        assert looks(found)["copies differ"] == "`1.0.0` is another image in first and second"

    def test_only_chosen_products_are_looked_at(self) -> None:
        registry = versions("1.0.0")
        for name in ("shop/cart", "shop/test", "ops/cron"):
            registry.image(name, f"{name} 1", "1.0.0")
        choice = Choice(prefixes=("shop/", "web"), block=("**/test",))
        found = report([pod("prod", "ops/cron:1.0.0")], seen(registry), choice=choice)
        assert sorted(one.name for one in found.products) == ["shop/cart", "web"]


def test_nothing_at_all_is_an_empty_report() -> None:
    assert report([]).products == ()

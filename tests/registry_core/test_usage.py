"""Usage: which stored image is used by whom, and what finds nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from registry_core.catalog import CHILD_COLUMNS, IMAGE_COLUMNS, TAG_COLUMNS, CatalogFrames
from registry_core.coverage import Gap
from registry_core.inventory import INVENTORY_COLUMNS
from registry_core.references import Reference
from registry_core.registry_directory import RegistryNames
from registry_core.usage import USAGE_COLUMNS, USAGE_KEY, UsageFrames, join_usage

NOW = datetime(2026, 11, 21, tzinfo=UTC)
OURS = "registry.example.com"


def digest(of: str) -> str:
    return "sha256:" + of.encode().hex().ljust(64, "0")


def use(reference: str, **known: Any) -> dict[str, Any]:
    read = Reference.parse(reference)
    row: dict[str, Any] = dict.fromkeys(INVENTORY_COLUMNS)
    row |= {
        "cluster": "production", "resource": "v1 pods", "namespace": "shop", "kind": "Pod", "name": "web-1",
        "owner_kind": "Deployment", "owner_name": "web", "container": "web", "container_kind": "container",
        "reference": reference, "registry": read.registry, "repository": read.repository, "tag": read.tag,
        "digest": read.digest, "state": "running", "first_seen_at": NOW, "last_seen_at": NOW,
    }  # fmt: skip
    if read.tag is None and read.digest is None:
        row["tag"] = "latest"
    return row | known


def catalog(*tags: tuple[str, str, str | None], images: list[dict[str, Any]] | None = None) -> CatalogFrames:
    """Tags as (repository, tag, digest), an image for each digest, and more images."""
    rows = [
        {"repository": repository, "tag": tag, "digest": to, "fault": None if to else "missing", "detail": ""}
        for repository, tag, to in tags
    ]
    stored = {(repository, to) for repository, _, to in tags if to}
    all_images = [{"repository": repository, "digest": to} for repository, to in sorted(stored)] + (images or [])
    return CatalogFrames(
        OURS,
        pd.DataFrame(rows, columns=list(TAG_COLUMNS)),
        pd.DataFrame(all_images, columns=list(IMAGE_COLUMNS)),
        pd.DataFrame(columns=list(CHILD_COLUMNS)),
    )


def join(uses: list[dict[str, Any]], of: CatalogFrames, **options: Any) -> UsageFrames:
    inventory = pd.DataFrame(uses, columns=list(INVENTORY_COLUMNS))
    return join_usage(
        inventory,
        of,
        names=RegistryNames.of_hosts("ours", OURS),
        environment_of=lambda cluster, namespace: "production",
        **options,
    )


def matches(frames: UsageFrames) -> set[tuple[str, str, str]]:
    return {(row.repository, row.digest, row.match) for row in frames.usage.itertuples(index=False)}


def test_a_tag_is_used_through_what_it_resolves_to_now() -> None:
    frames = join([use(f"{OURS}/web:1.0")], catalog(("web", "1.0", digest("a"))))
    assert matches(frames) == {("web", digest("a"), "tag")}
    assert frames.unresolved.empty


def test_a_tag_that_moved_keeps_what_still_runs_in_use_too() -> None:
    frames = join(
        [use(f"{OURS}/web:stable", status_digest=digest("old"))],
        catalog(("web", "stable", digest("new")), images=[{"repository": "web", "digest": digest("old")}]),
    )
    assert matches(frames) == {("web", digest("new"), "tag"), ("web", digest("old"), "running digest")}


def test_a_digest_decides_over_the_tag_beside_it() -> None:
    frames = join(
        [use(f"{OURS}/web:1.0@{digest('a')}")], catalog(("web", "1.0", digest("b")), ("web", "0.9", digest("a")))
    )
    assert matches(frames) == {("web", digest("a"), "digest")}


def test_no_tag_means_latest() -> None:
    assert matches(join([use(f"{OURS}/web")], catalog(("web", "latest", digest("a"))))) == {("web", digest("a"), "tag")}


def test_a_runtime_that_reports_a_config_digest_uses_every_image_with_that_config() -> None:
    images = [{"repository": "web", "digest": digest("a"), "config_digest": digest("config")}]
    frames = join([use(f"{OURS}/web:gone", status_digest=digest("config"))], catalog(images=images))
    assert matches(frames) == {("web", digest("a"), "config digest")}


@pytest.mark.parametrize("fault", ["corrupt", "forbidden", "unreachable", "throttled"])
def test_an_image_that_could_not_be_read_is_found_by_the_digest_that_runs(fault: str) -> None:
    images = [{"repository": name, "digest": digest("a"), "fault": fault} for name in ("web", "mirror/web")]
    frames = join([use(f"{OURS}/web:gone", status_digest=digest("a"))], catalog(images=images))
    assert matches(frames) == {
        ("web", digest("a"), "running digest"),
        ("mirror/web", digest("a"), "same digest elsewhere"),
    }


def test_an_image_that_the_registry_has_lost_is_found_by_nothing() -> None:
    images = [{"repository": "web", "digest": digest("a"), "fault": "missing"}]
    frames = join([use(f"{OURS}/web@{digest('a')}", status_digest=digest("a"))], catalog(images=images))
    assert frames.usage.empty


def test_the_same_digest_is_in_use_in_every_repository_that_holds_it() -> None:
    stored = catalog(("web", "1", digest("a")), ("mirror/web", "1", digest("a")))
    frames = join([use(f"{OURS}/web:1", status_digest=digest("a"))], stored)
    assert ("mirror/web", digest("a"), "same digest elsewhere") in matches(frames)


@pytest.mark.parametrize("written", ["web:1", "web", "web@" + digest("a"), "web:9@" + digest("a")])
def test_it_is_so_by_what_was_written_alone_where_no_runtime_reports_a_digest(written: str) -> None:
    stored = catalog(("web", "1", digest("a")), ("web", "latest", digest("a")), ("mirror/web", "7", digest("a")),
                     ("other/web", "1", digest("b")))  # fmt: skip
    frames = join([use(f"{OURS}/{written}")], stored)
    assert matches(frames) == {
        ("web", digest("a"), "digest" if "@" in written else "tag"),
        ("mirror/web", digest("a"), "same digest elsewhere"),
    }
    assert frames.unresolved.empty


@pytest.mark.parametrize("written", ["web:1", "web@" + digest("a")])
def test_a_copy_is_in_use_where_the_repository_that_is_named_has_lost_the_image(written: str) -> None:
    lost = {"repository": "web", "digest": digest("a"), "fault": "missing"}
    stored = catalog(("mirror/web", "7", digest("a")), images=[lost])
    tags = pd.concat([stored.tags, pd.DataFrame([{"repository": "web", "tag": "1", "digest": digest("a")}])])
    frames = join([use(f"{OURS}/{written}")], replace(stored, tags=tags.reset_index(drop=True)))
    assert ("mirror/web", digest("a"), "same digest elsewhere") in matches(frames)


def test_what_was_pulled_from_another_registry_keeps_its_twin_here() -> None:
    frames = join([use(f"ghcr.io/acme/web@{digest('a')}")], catalog(("web", "1", digest("a"))))
    assert matches(frames) == {("web", digest("a"), "same digest elsewhere")}
    assert frames.unresolved.empty  # it is no reference to us


def test_host_and_port_are_another_registry_than_the_host() -> None:
    frames = join([use(f"{OURS}:5443/web:1")], catalog(("web", "1", digest("a"))))
    assert frames.usage.empty
    assert frames.unresolved.empty


def test_pods_of_a_workload_are_counted_and_their_states_told_together() -> None:
    pods = [use(f"{OURS}/web:1", name=f"web-{number}") for number in range(3)]
    pods[2] |= {"state": "waiting", "reason": "CrashLoopBackOff"}
    template = use(f"{OURS}/web:1", kind="Deployment", name="web", state="template")
    (row,) = join([*pods, template], catalog(("web", "1", digest("a")))).usage.itertuples(index=False)
    assert row.pods == 3
    assert row.state == "running, template, waiting"
    assert row.reason == "CrashLoopBackOff"


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        (catalog(("other", "1", digest("a"))), "no such repository in the registry"),
        (catalog(("web", "2", digest("a"))), "no such tag in the repository"),
        (catalog(("web", "1", None)), "the registry lists the tag, but reading it: missing"),
    ],
)
def test_a_reference_that_finds_nothing_says_why(stored: CatalogFrames, why: str) -> None:
    (row,) = join([use(f"{OURS}/web:1")], stored).unresolved.itertuples(index=False)
    assert (row.fault, row.why) == ("missing", why)


def test_a_repository_that_could_not_be_read_is_never_told_as_missing() -> None:
    gap = Gap("web", "throttled", "429 until our patience ended")
    (row,) = join([use(f"{OURS}/web:1")], catalog(), unread={"web": gap}).unresolved.itertuples(index=False)
    assert row.fault == "throttled"
    assert "could not read web" in row.why


def test_a_repository_that_a_broken_list_lacks_is_never_told_as_missing() -> None:
    gap = Gap("list of repositories", "unreachable", "timed out")
    uses = [use(f"{OURS}/web:1"), use(f"{OURS}/api:1")]
    lost = join(uses, catalog(("api", "2", "b")), unread={"*": gap}).unresolved.set_index("repository")["fault"]
    assert lost.to_dict() == {"web": "unreachable", "api": "missing"}


def test_a_digest_whose_manifest_the_registry_has_lost_is_not_in_use_but_missing() -> None:
    lost = [{"repository": "web", "digest": digest("a"), "fault": "missing", "detail": "404"}]
    frames = join([use(f"{OURS}/web@{digest('a')}", status_digest=digest("a"))], catalog(images=lost))
    assert frames.usage.empty
    assert list(frames.unresolved["fault"]) == ["missing"]


def test_a_text_that_is_no_reference_is_told_to_the_registry_that_it_means() -> None:
    broken = {"reference": f"{OURS}/Web:1", "repository": None, "tag": None, "invalid": "must be lowercase"}
    row = use(f"{OURS}/web:1") | broken
    (told,) = join([row], catalog()).unresolved.itertuples(index=False)
    assert told.why == "not a reference: must be lowercase"


def test_an_empty_inventory_and_an_empty_catalog_join_to_nothing() -> None:
    frames = join([], catalog())
    assert list(frames.usage.columns) == list(USAGE_COLUMNS)
    assert frames.usage.empty
    assert frames.unresolved.empty


def test_the_order_of_rows_does_not_matter() -> None:
    uses = [use(f"{OURS}/web:{number % 5}", name=f"pod-{number}", status_digest=digest("a")) for number in range(20)]
    stored = catalog(*[("web", str(number), digest("ab"[number % 2])) for number in range(4)])
    forward, backward = join(uses, stored), join(uses[::-1], stored)
    key = list(USAGE_KEY)
    pd.testing.assert_frame_equal(
        forward.usage.sort_values(key, ignore_index=True), backward.usage.sort_values(key, ignore_index=True)
    )
    assert len(forward.usage[key].drop_duplicates()) == len(forward.usage)


def test_a_namespace_may_be_for_something_else_than_its_cluster() -> None:
    uses = [use(f"{OURS}/web:1"), use(f"{OURS}/web:1", namespace="staging-shop")]
    frames = join_usage(
        pd.DataFrame(uses, columns=list(INVENTORY_COLUMNS)),
        catalog(("web", "1", digest("a"))),
        names=RegistryNames.of_hosts("ours", OURS),
        environment_of=lambda cluster, namespace: "staging" if namespace.startswith("staging-") else cluster,
    )
    assert dict(zip(frames.usage["namespace"], frames.usage["environment"], strict=True)) == {
        "shop": "production",
        "staging-shop": "staging",
    }

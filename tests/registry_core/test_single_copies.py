"""Single copies: what is lost with one registry, and what only looks so."""

from __future__ import annotations

import random
from typing import Any

import pandas as pd
import pytest

from registry_core.coverage import Gap
from registry_core.deployed_versions import CatalogSeen
from registry_core.deployed_versions_report import Clusters
from registry_core.inventory import INVENTORY_COLUMNS
from registry_core.single_copies import CopiesReport, UsedImage, find_single_copies
from registry_core.single_copies_words import ROW_COLUMNS, cluster_rows, report_rows, summary_sentence, why_text
from tests.registry_core.deployment import ENVIRONMENTS, leaves_out, pod, seen, template, typed
from tests.registry_core.small_registry import AS_OF, SmallRegistry, digest


def report(rows: list[dict[str, Any]], *catalogs: CatalogSeen, ours: set[str] | None = None) -> CopiesReport:
    inventory = typed(pd.DataFrame(rows, columns=list(INVENTORY_COLUMNS)))
    clusters = Clusters(inventory, ENVIRONMENTS, lambda cluster, namespace: ENVIRONMENTS[cluster], AS_OF)
    return find_single_copies(clusters, catalogs, ours={one.registry for one in catalogs} if ours is None else ours)


def only(found: CopiesReport) -> UsedImage:
    (image,) = found.images
    return image


def registry(name: str, *images: str, platforms: tuple[str, ...] = ()) -> SmallRegistry:
    """A registry with these images of `web`, each tagged by its own name; with `platforms` each is an index."""
    made = SmallRegistry(name)
    for image in images:
        children = [f"{image} {platform}" for platform in platforms]
        made.image("web", image, image, children=children)
        for child, platform in zip(children, platforms, strict=True):
            os, architecture = platform.split("/")
            made.image("web", child, os=os, architecture=architecture)
    return made


NEVER = CatalogSeen("third", ("third",), None, None)


def test_an_image_in_one_registry_is_a_single_point() -> None:
    found = only(report([pod("prod", "web:1", runs="1")], seen(registry("example", "1")), seen(registry("second"))))
    assert (found.verdict, found.judgement.why) == ("single", "only in example")
    assert found.is_single_point
    assert (found.image, found.digest) == ("example/web:1", digest("1"))
    assert found.workloads == ("prod: shop/web",)


def test_a_copy_by_the_same_digest_is_one_whatever_its_name() -> None:
    second = SmallRegistry("second")
    second.image("mirror/of/web", "1", "other-tag")
    found = only(report([pod("prod", "web:1", runs="1")], seen(registry("example", "1")), seen(second)))
    assert (found.verdict, found.judgement.registries) == ("copied", ("example", "second"))


def test_the_same_tag_with_another_digest_is_no_copy() -> None:
    second = SmallRegistry("second")
    second.image("web", "rebuilt", "1")
    assert only(report([pod("prod", "web:1")], seen(registry("example", "1")), seen(second))).verdict == "single"


def test_one_child_is_no_copy_for_every_platform() -> None:
    example = registry("example", "1", platforms=("linux/amd64", "linux/arm64"))
    second = SmallRegistry("second")
    second.image("web", "1 linux/amd64", "1", os="linux", architecture="amd64")
    found = only(report([pod("prod", "web:1", runs="1")], seen(example), seen(second)))
    assert found.verdict == "single"
    assert why_text(found) == "only in example; a part in second (linux/amd64)"


def test_an_index_that_lost_a_child_is_no_copy() -> None:
    example = registry("example", "1", platforms=("linux/amd64", "linux/arm64"))
    second = SmallRegistry("second")
    second.image("web", "1", "1", children=["1 linux/amd64", "1 linux/arm64"])
    second.image("web", "1 linux/amd64", os="linux", architecture="amd64")
    second.image("web", "1 linux/arm64", fault="missing")
    assert only(report([pod("prod", "web:1")], seen(example), seen(second))).verdict == "single"


def test_children_spread_over_two_repositories_are_no_copy() -> None:
    example = registry("example", "1", platforms=("linux/amd64", "linux/arm64"))
    second = SmallRegistry("second")
    second.image("web", "1", "1", children=["1 linux/amd64", "1 linux/arm64"])
    second.image("web", "1 linux/amd64", os="linux", architecture="amd64")
    second.image("elsewhere", "1 linux/arm64", os="linux", architecture="arm64")
    assert only(report([pod("prod", "web:1")], seen(example), seen(second))).verdict == "single"


def test_an_attestation_is_not_needed_to_run() -> None:
    example = registry("example", "1", platforms=("linux/amd64", "unknown/unknown"))
    second = SmallRegistry("second")
    second.image("web", "1", "1", children=["1 linux/amd64", "1 unknown/unknown"])
    second.image("web", "1 linux/amd64", os="linux", architecture="amd64")
    assert only(report([pod("prod", "web:1")], seen(example), seen(second))).verdict == "copied"


def test_a_running_child_stands_for_its_index() -> None:
    example = registry("example", "1", platforms=("linux/amd64", "linux/arm64"))
    second = registry("second", "1", platforms=("linux/amd64", "linux/arm64"))
    found = only(report([pod("prod", "web:1", runs="1 linux/arm64")], seen(example), seen(second)))
    assert (found.verdict, found.digest) == ("copied", digest("1"))


def test_a_nested_index_is_looked_into() -> None:
    example, second = SmallRegistry("example"), SmallRegistry("second")
    for held in (example, second):
        held.image("web", "outer", "1", children=["inner"])
        held.image("web", "inner", children=["leaf"])
    example.image("web", "leaf", os="linux", architecture="amd64")
    assert only(report([pod("prod", "web:1")], seen(example), seen(second))).verdict == "single"
    second.image("web", "leaf", os="linux", architecture="amd64")
    assert only(report([pod("prod", "web:1")], seen(example), seen(second))).verdict == "copied"


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (seen(registry("second"), Gap("other", "forbidden", "not ours to read")), "second could not be read whole"),
        (seen(registry("second"), Gap("*", "unreachable", "no answer")), "second could not be read whole"),
        (CatalogSeen("second", ("second",), None, None), "second was never crawled"),
    ],
)
def test_what_could_not_be_read_is_never_not_there(second: CatalogSeen, words: str) -> None:
    found = only(report([pod("prod", "web:1")], seen(registry("example", "1")), second))
    assert found.verdict == "unknown"
    assert found.judgement.why.startswith("at least in example; ")
    assert words in found.judgement.why


def test_a_manifest_that_could_not_be_read_leaves_it_unknown() -> None:
    second = SmallRegistry("second")
    second.image("web", "1", "1", fault="throttled")
    found = only(report([pod("prod", "web:1")], seen(registry("example", "1")), seen(second)))
    assert found.verdict == "unknown"
    assert "second lists it, and it could not be read whole" in found.judgement.why


def test_two_copies_are_enough_whatever_else_is_not_read() -> None:
    found = report([pod("prod", "web:1")], seen(registry("example", "1")), seen(registry("second", "1")), NEVER)
    assert only(found).verdict == "copied"
    assert found.unread == ("third was never crawled",)


def test_an_image_of_a_registry_that_is_not_configured_is_only_outside() -> None:
    rows = [pod("prod", "docker.io//library/nginx:1", registry="docker.io", repository="library/nginx", runs="nginx")]
    found = only(report(rows, seen(registry("example"))))
    assert (found.verdict, found.judgement.why) == ("outside", "only outside (docker.io)")
    mirror = SmallRegistry("example")
    mirror.image("mirror/nginx", "nginx", "1")
    found = only(report(rows, seen(mirror)))
    assert (found.verdict, found.judgement.why) == ("copied", "in example, docker.io (not looked at)")


def test_a_configured_registry_that_is_not_ours_does_not_make_it_safe() -> None:
    found = only(report([pod("prod", "web:1")], seen(registry("example", "1")), ours=set()))
    assert (found.verdict, found.judgement.why) == ("outside", "only outside (example)")
    both = report(
        [pod("prod", "web:1")], seen(registry("example", "1")), seen(registry("second", "1")), ours={"second"}
    )
    assert only(both).verdict == "copied"


def test_what_is_in_no_registry_is_the_gravest_and_what_is_left_out_is_not_known() -> None:
    found = only(report([pod("prod", "web:1", runs="1")], seen(registry("example"))))
    assert (found.verdict, found.judgement.why) == ("nowhere", "in no registry that we know")
    left_out = report([pod("prod", "web:1", runs="1")], seen(registry("example"), **leaves_out("web")))
    assert only(left_out).verdict == "unknown"
    assert "leaves it out" in only(left_out).judgement.why


def test_a_template_means_what_its_pods_run() -> None:
    outside = {"registry": "docker.io", "repository": "library/redis", "tag": "7"}
    rows = [
        pod("prod", "docker.io//redis:7", runs="redis", **outside),
        template("prod", "docker.io//redis:7", **outside, owner_name="cache"),
        template("stage", "docker.io//redis:6", **{**outside, "tag": "6"}),
    ]
    found = {image.image: image for image in report(rows, seen(registry("example"))).images}
    assert found["docker.io/library/redis:7"].verdict == "outside"
    assert found["docker.io/library/redis:7"].workloads == ("prod: shop/cache", "prod: shop/web")
    assert found["docker.io/library/redis:6"].verdict == "unknown"
    assert "no pod runs it" in found["docker.io/library/redis:6"].judgement.why


def test_a_template_whose_tag_is_gone_is_the_image_that_its_pods_run() -> None:
    rows = [pod("prod", "web:1", runs="1"), template("prod", "web:1"), template("stage", "web:2")]
    found = report(rows, seen(registry("example")), seen(registry("second", "1")))
    assert [(image.image, image.verdict) for image in found.images] == [
        ("example/web:1", "single"),
        ("example/web:2", "nowhere"),
    ]


def test_a_config_that_a_runtime_reports_finds_its_image() -> None:
    example, second = SmallRegistry("example"), SmallRegistry("second")
    for held in (example, second):
        held.image("web", "1", "1", config_digest=digest("config"))
    rows = [pod("prod", "other//web:1", registry="other", runs="config")]
    assert only(report(rows, seen(example), seen(second))).judgement.registries == ("example", "second")


def test_the_worst_of_production_comes_first() -> None:
    rows = [
        pod("lab", "web:gone", runs="gone"),
        pod("prod", "web:copied"),
        pod("prod", "web:single"),
        *(pod("prod", "web:busy", name=f"web-{number}") for number in range(3)),
    ]
    found = report(rows, seen(registry("example", "copied", "single", "busy")), seen(registry("second", "copied")))
    assert [image.image.partition(":")[2] for image in found.images] == ["busy", "single", "gone", "copied"]
    assert [image.image for image in found.of_clusters(["lab"]).images] == ["example/web:gone"]
    assert cluster_rows(found) == [
        {"cluster": "lab", "images": 1, "nowhere": 1, "outside": 0, "single": 0, "unknown": 0, "copied": 0},
        {"cluster": "prod", "images": 3, "nowhere": 0, "outside": 0, "single": 2, "unknown": 0, "copied": 1},
    ]
    assert "2 in one registry only; 1 in two registries or more" in summary_sentence(found)
    assert all(tuple(row) == ROW_COLUMNS for row in report_rows(found.images))


def test_nothing_in_use_and_no_registry_are_no_error() -> None:
    assert report([], seen(registry("example", "1"))).images == ()
    assert only(report([pod("prod", "web:1", runs="1")])).verdict == "outside"


@pytest.mark.parametrize("number", range(20))
def test_one_more_registry_never_makes_it_worse_and_a_gap_never_makes_it_known(number: int) -> None:
    """Two laws, on random company: a copy more only helps; what was not read only takes away certainty."""
    chance = random.Random(number)
    names = [str(one) for one in range(8)]
    rows = [pod("prod", f"web:{name}", runs=name) for name in names]
    example = seen(registry("example", *chance.sample(names, 5)))
    second = registry("second", *chance.sample(names, 4))
    before = {image.image: image.verdict for image in report(rows, example).images}
    after = {image.image: image.verdict for image in report(rows, example, seen(second)).images}
    doubtful = {
        image.image: image.verdict for image in report(rows, example, seen(second, Gap("x", "forbidden", "no"))).images
    }
    order = {"nowhere": 0, "single": 1, "copied": 2}
    assert all(order[after[name]] >= order[before[name]] for name in before)
    assert all(doubtful[name] in (after[name], "unknown") for name in after)
    assert {name for name in after if doubtful[name] == "copied"} == {name for name in after if after[name] == "copied"}

"""Which parts an image needs, and what their absence means to whom."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from registry_core.catalog import CHILD_COLUMNS, IMAGE_COLUMNS, TAG_COLUMNS, CatalogFrames
from registry_core.coverage import FAULTS, Fault
from registry_core.findings import FINDING_COLUMNS, judge_catalog, judge_parts, judge_pulls, merge_findings
from registry_core.health import Answer, Documents, Part, nodes_of_images, parts_in_use, parts_of_image
from registry_core.inventory import INVENTORY_COLUMNS
from registry_core.usage import USAGE_COLUMNS
from tests.image_builder import make_image, make_multi_platform

SEVERITY = {"production": "error"}


def severity_of(environment: str) -> str:
    return SEVERITY.get(environment, "warning")


def usage_of(digest: str, *, environment: str = "production", cluster: str = "production") -> pd.DataFrame:
    row: dict[str, Any] = dict.fromkeys(USAGE_COLUMNS)
    row |= {
        "repository": "web", "digest": digest, "match": "tag", "cluster": cluster, "namespace": "shop",
        "owner_kind": "Deployment", "owner_name": "web", "environment": environment, "pods": 1,
    }  # fmt: skip
    return pd.DataFrame([row], columns=list(USAGE_COLUMNS))


def catalog(tags: list[dict[str, Any]] | None = None, images: list[dict[str, Any]] | None = None) -> CatalogFrames:
    return CatalogFrames(
        "r",
        pd.DataFrame(tags or [], columns=list(TAG_COLUMNS)),
        pd.DataFrame(images or [], columns=list(IMAGE_COLUMNS)),
        pd.DataFrame(columns=list(CHILD_COLUMNS)),
    )


def documents(built: Any) -> Documents:
    return Documents({one.digest: one.manifest_bytes for one in (built, *built.children)})


@pytest.fixture(scope="module")
def index() -> Any:
    return make_multi_platform(["linux/amd64", "linux/arm64"], attested=True)


def test_an_image_needs_its_manifest_its_config_and_every_layer() -> None:
    image = make_image(layers=[b"one", b"two"])
    parts = parts_of_image("web", image.digest, documents(image), platforms=["linux/amd64"])
    assert [part.what for part in parts] == ["manifest", "config", "layer", "layer"]
    assert all(part.wanted for part in parts)
    assert all(part.size_bytes for part in parts if part.what != "manifest")


def test_only_the_children_for_the_platforms_of_the_nodes_are_wanted(index: Any) -> None:
    parts = parts_of_image("web", index.digest, documents(index), platforms=["linux/amd64"])
    wanted = {part.platform for part in parts if part.what == "child" and part.wanted}
    assert wanted == {"linux/amd64"}
    assert {part.platform for part in parts if part.what == "layer"} == {"linux/amd64"}
    assert sum(part.what == "child" for part in parts) == len(index.children)  # all are asked for


def test_of_an_image_in_use_the_layers_that_no_node_pulls_are_listed_and_not_wanted(index: Any) -> None:
    whole = parts_of_image("web", index.digest, documents(index), platforms=["linux/amd64"], whole=True)
    below = {part.platform: part.wanted for part in whole if part.what in ("layer", "config")}
    assert below == {"linux/amd64": True, "linux/arm64": False}
    wanted = [part for part in whole if part.wanted]
    assert wanted == [
        part for part in parts_of_image("web", index.digest, documents(index), platforms=["linux/amd64"]) if part.wanted
    ]


def test_nodes_of_an_image_are_those_of_all_clusters_that_use_it() -> None:
    both = pd.concat([usage_of("sha256:a"), usage_of("sha256:a", cluster="arm"), usage_of("sha256:b")])
    amd, arm = frozenset({"linux/amd64"}), frozenset({"linux/arm64"})
    found = nodes_of_images(both, {"production": amd, "arm": arm})
    assert list(found.values()) == [amd | arm, amd]
    assert list(nodes_of_images(both, {"production": amd}).values()) == [None, amd]


def test_nodes_that_could_not_be_read_may_be_of_any_platform(index: Any) -> None:
    usage = usage_of(index.digest)
    parts = parts_in_use(usage, documents(index), platforms={})
    assert {part.platform for part in parts if part.what == "config"} == {"linux/amd64", "linux/arm64"}


def test_an_image_of_two_clusters_is_wanted_for_the_nodes_of_both(index: Any) -> None:
    usage = pd.concat([usage_of(index.digest), usage_of(index.digest, cluster="arm", environment="lab")])
    nodes = {"production": frozenset({"linux/amd64"}), "arm": frozenset({"linux/arm64"})}
    parts = parts_in_use(usage, documents(index), platforms=nodes)
    assert {part.platform for part in parts if part.what == "config"} == {"linux/amd64", "linux/arm64"}


def test_a_manifest_that_was_never_read_is_asked_for_and_nothing_is_made_up_below_it() -> None:
    (part,) = parts_of_image("web", "sha256:" + "a" * 64, Documents({}), platforms=None)
    assert part.what == "manifest"


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_stays_the_word_that_it_is(fault: Fault) -> None:
    image = make_image(layers=[b"one"])
    layer = parts_of_image("web", image.digest, documents(image), platforms=None)[-1]
    (finding,) = judge_parts(
        [layer], {("web", layer.digest): Answer(fault, "why")}, usage_of(image.digest), catalog(), severity_of
    )
    assert (finding.kind, finding.what, finding.blob) == (fault, "layer", layer.digest)
    assert finding.used_by == "production shop/web (Deployment)"
    assert finding.severity == "error"


def test_the_gravest_environment_that_is_hurt_decides() -> None:
    image = make_image(layers=[b"one"])
    part = Part("web", image.digest, "manifest", image.digest)
    answers = {("web", image.digest): Answer("missing")}
    lab = usage_of(image.digest, environment="lab", cluster="lab")
    (mild,) = judge_parts([part], answers, lab, catalog(), severity_of)
    (grave,) = judge_parts([part], answers, pd.concat([lab, usage_of(image.digest)]), catalog(), severity_of)
    assert (mild.severity, grave.severity) == ("warning", "error")
    assert grave.clusters == "lab, production"


def test_a_part_that_nobody_asked_for_is_a_defect_not_health() -> None:
    with pytest.raises(KeyError):
        judge_parts([Part("web", "d", "manifest", "d")], {}, usage_of("d"), catalog(), severity_of)


def test_a_pull_error_and_a_lost_tag_are_one_trouble_told_once() -> None:
    row: dict[str, Any] = dict.fromkeys(INVENTORY_COLUMNS)
    row |= {
        "cluster": "production", "namespace": "shop", "owner_kind": "Deployment", "owner_name": "web",
        "reference": "r/web:1", "repository": "web", "tag": "1", "reason": "ErrImagePull", "message": "not found",
    }  # fmt: skip
    pulls = judge_pulls(pd.DataFrame([row]), lambda cluster, namespace: cluster, severity_of)
    tags = judge_catalog(catalog(tags=[{"repository": "web", "tag": "1", "fault": "missing", "detail": "404"}]))
    merged = merge_findings(pulls, tags)
    assert len(merged) == 1
    assert merged.loc[0, "what"] == "pull"


def test_the_catalog_tells_a_corrupt_config_from_a_corrupt_manifest() -> None:
    images = [
        {"repository": "web", "digest": "sha256:a", "config_digest": "sha256:c", "config_fault": "corrupt",
         "detail": "bytes"},
        {"repository": "web", "digest": "sha256:b", "fault": "corrupt", "detail": "no JSON"},
        {"repository": "web", "digest": "sha256:d", "config_digest": "sha256:e", "fault": "missing", "detail": "404"},
    ]  # fmt: skip
    found = judge_catalog(catalog(images=images))
    assert [(finding.what, finding.kind, finding.blob) for finding in found] == [
        ("config", "corrupt", "sha256:c"),
        ("manifest", "corrupt", None),
        ("manifest", "missing", None),  # whatever is known of its config from another place
    ]


def test_findings_come_worst_first_and_what_hurts_somebody_before_what_hurts_nobody() -> None:
    image = make_image(layers=[b"one"])
    part = Part("web", image.digest, "manifest", image.digest)
    answers = {("web", image.digest): Answer("missing")}
    judged = judge_parts([part], answers, usage_of(image.digest), catalog(), severity_of)
    unused = judge_catalog(catalog(tags=[{"repository": "a", "tag": "1", "fault": "missing"}]))
    merged = merge_findings(unused, judged)
    assert list(merged["severity"]) == ["error", "warning"]
    assert list(merged.columns) == list(FINDING_COLUMNS)


def test_no_finding_is_an_empty_frame_with_its_columns() -> None:
    assert list(merge_findings().columns) == list(FINDING_COLUMNS)

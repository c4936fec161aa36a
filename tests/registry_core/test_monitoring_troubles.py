"""Which references are in trouble, why, and where they run."""

from __future__ import annotations

from typing import Any

import pytest

from registry_core.monitoring_uses import ground_of_environment, phases_of
from tests.registry_core.monitored import HOST, digest, failing, finding, report, troubles, use, used

WEB = f"{HOST}/shop/web:v1"


def test_a_healthy_image_is_no_trouble() -> None:
    assert troubles([use(WEB)]) == ()


def test_a_reference_that_resolves_to_nothing_has_no_digest() -> None:
    (one,) = troubles([use(WEB)], report([finding("reference", "missing", "shop/web", tag="v1")]))
    assert one.to_row() == {"tag": WEB, "wrongs": ["no digest"], "namespaces": ["main;shop"], "phase": ["Running"]}
    assert (one.ground, one.running_on, one.failing_in_prod) == ("prod", ("node1",), frozenset())


def test_a_finding_about_another_tag_hurts_nobody_here() -> None:
    assert troubles([use(WEB)], report([finding("reference", "missing", "shop/web", tag="v2")])) == ()


def test_a_finding_of_one_registry_does_not_hurt_the_same_repository_of_another() -> None:
    elsewhere = WEB.replace(HOST, "other.example.com")
    assert troubles([use(elsewhere)], report([finding("reference", "missing", "shop/web", tag="v1")])) == ()


def test_a_reference_by_digest_is_found_by_its_digest() -> None:
    pinned = f"{HOST}/shop/web@{digest('a')}"
    (one,) = troubles([use(pinned)], report([finding("reference", "missing", "shop/web", digest=digest("a"))]))
    assert (one.reference, one.wrongs) == (pinned, ("no digest",))


def test_a_lost_layer_hurts_whoever_uses_the_image() -> None:
    broken = report([finding("layer", "missing", "shop/web", digest=digest("a"), blob=digest("b"))],
                    [used(WEB, digest("a"))])  # fmt: skip
    (one,) = troubles([use(WEB)], broken)
    assert one.wrongs == ("layer missing",)


def test_the_same_bytes_in_another_registry_are_not_what_this_workload_pulls() -> None:
    broken = report([finding("layer", "missing", "shop/web", digest=digest("a"))],
                    [used(WEB, digest("a"), match="same digest elsewhere")])  # fmt: skip
    assert troubles([use(WEB)], broken) == ()


@pytest.mark.parametrize(("platform", "wrongs"), [("linux/amd64", [("child missing",)]), ("linux/s390x", [])])
def test_a_lost_child_is_trouble_only_where_a_node_would_pull_it(platform: str, wrongs: list[tuple[str, ...]]) -> None:
    broken = report([finding("child", "missing", "shop/web", digest=digest("a"), platform=platform)],
                    [used(WEB, digest("a"))])  # fmt: skip
    assert [one.wrongs for one in troubles([use(WEB)], broken)] == wrongs


def test_missing_and_forbidden_are_two_words() -> None:
    (one,) = troubles([use(WEB)], report([finding("reference", "forbidden", "shop/web", tag="v1")]))
    assert one.wrongs == ("reference forbidden",)


def test_a_pull_error_is_trouble_though_the_registry_has_the_image() -> None:
    (one,) = troubles([use(WEB), failing(WEB, node="node2")])
    assert one.wrongs == ("ImagePullBackOff",)
    assert one.phases == ("ImagePullBackOff", "Pending", "Running")
    assert (one.running_on, one.failing_in_prod) == (("node1",), frozenset({"main"}))


def test_a_pull_error_hurts_where_it_happens_not_where_the_image_runs() -> None:
    (one,) = troubles([use(WEB), failing(WEB, cluster="stage")])
    assert (one.ground, one.failing_in_prod) == ("staging", frozenset())


def test_a_lost_image_hurts_the_gravest_who_wants_it() -> None:
    lost = report([finding("reference", "missing", "shop/web", tag="v1")])
    (one,) = troubles([use(WEB, cluster="nonprod"), use(WEB, cluster="stage")], lost)
    assert (one.ground, one.namespaces) == ("staging", ("nonprod;shop", "stage;shop"))


def test_nonprod_is_not_prod() -> None:
    (one,) = troubles([failing(WEB, cluster="nonprod", namespace="production")])
    assert (one.ground, one.failing_in_prod) == ("other", frozenset())


def test_a_pull_error_from_a_registry_that_is_not_ours_is_left_to_others() -> None:
    assert troubles([failing("docker.io/library/nginx:1")]) == ()


def test_a_text_that_is_no_reference_is_told_where_a_cluster_trips_over_it() -> None:
    row = failing("Not A Reference", reason="InvalidImageName", registry=None, repository=None, invalid="upper case")
    (one,) = troubles([row])
    assert (one.reference, one.wrongs) == ("Not A Reference", ("ImagePullBackOff",))


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "terminated", "reason": "Completed"},
        {"kind": "ReplicaSet", "state": "template", "replicas": 0},
        {"kind": "ReplicaSet", "state": "template", "replicas": 3},
        {"kind": "Deployment", "state": "template", "replicas": 0},
        {"kind": "CronJob", "state": "template", "replicas": 0},
        {"kind": "Job", "state": "template", "replicas": 1},
    ],
)
def test_what_nobody_wants_now_is_no_trouble(fields: dict[str, Any]) -> None:
    assert troubles([use(WEB, **fields)], report([finding("reference", "missing", "shop/web", tag="v1")])) == ()


@pytest.mark.parametrize("kind", ["CronJob", "Deployment", "DaemonSet", "Rollout"])
def test_a_template_that_wants_pods_is_trouble_before_they_start(kind: str) -> None:
    lost = report([finding("reference", "missing", "shop/web", tag="v1")])
    (one,) = troubles([use(WEB, kind=kind, state="template", node=None)], lost)
    assert (one.running_on, one.ran_on, one.phases) == ((), (), ())


def test_where_it_ran_is_known_from_pods_that_ended() -> None:
    lost = report([finding("reference", "missing", "shop/web", tag="v1")])
    ended = use(WEB, "web-0", state="terminated", reason="Error", node="node7")
    (one,) = troubles([failing(WEB), ended], lost)
    assert (one.running_on, one.ran_on, one.wrongs) == ((), ("node7",), ("no digest", "ImagePullBackOff"))


@pytest.mark.parametrize(
    ("state", "reason", "phases"),
    [
        ("running", None, ("Running",)),
        ("waiting", "CrashLoopBackOff", ("Running",)),
        ("waiting", "ContainerCreating", ("Pending",)),
        ("waiting", "ErrImagePull", ("ImagePullBackOff", "Pending")),
        ("terminated", "Completed", ("Succeeded",)),
        ("terminated", "OOMKilled", ("Failed",)),
        ("unknown", "Evicted", ("Unknown",)),
        ("template", None, ()),
    ],
)
def test_phases_are_those_of_the_container(state: str, reason: str | None, phases: tuple[str, ...]) -> None:
    assert phases_of(state, reason) == phases


@pytest.mark.parametrize(
    ("environment", "severity", "ground"),
    [
        ("production", "error", "prod"),
        ("customer-facing", "error", "prod"),
        ("staging", "warning", "staging"),
        ("nonprod", "warning", "other"),
        ("production", "warning", "other"),
    ],
)
def test_severity_as_configured_decides_the_ground(environment: str, severity: str, ground: str) -> None:
    assert ground_of_environment(environment, severity) == ground

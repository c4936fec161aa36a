"""What a live cluster does not show us, and whether that makes its snapshot incomplete."""

from __future__ import annotations

import pytest

from registry_core.errors import ConfigError
from registry_core.service_accounts import ServiceAccounts
from resources.clusters import whole_inventory
from tests.resources.clusters.api_server import Answer, Cluster
from tests.resources.clusters.conftest import OpenLive, gap_of

DEPLOYMENTS = "/apis/apps/v1/deployments"
PODS = "/api/v1/pods"


def test_a_forbidden_list_is_a_gap_that_names_the_rule_to_add(live: OpenLive, cluster: Cluster) -> None:
    cluster.forbidden.add(DEPLOYMENTS)
    rows, coverage = whole_inventory(live())
    (gap,) = coverage.unexcused
    assert (gap.place, gap.fault) == ("apps/v1 deployments", "forbidden")
    assert '{apiGroups: ["apps"], resources: ["deployments"], verbs: ["list"]}' in gap.detail
    assert not coverage.complete
    assert any(row.kind == "Pod" for row in rows)


def test_a_forbidden_list_that_may_be_missing_is_excused(live: OpenLive, cluster: Cluster) -> None:
    cluster.forbidden.add("/apis/apps/v1/statefulsets")
    _, coverage = whole_inventory(live(may_be_missing=["apps/v1 statefulsets"]))
    assert coverage.complete
    assert any(gap.place == "apps/v1 statefulsets" and gap.excused for gap in coverage.gaps)


def test_old_revisions_of_statefulsets_that_are_forbidden_make_the_snapshot_incomplete(
    live: OpenLive, cluster: Cluster
) -> None:
    cluster.forbidden.add("/apis/apps/v1/controllerrevisions")
    assert not gap_of(live(), "apps/v1 controllerrevisions").excused


def test_pod_templates_run_nothing_so_a_forbidden_list_of_them_is_excused(live: OpenLive, cluster: Cluster) -> None:
    cluster.forbidden.add("/api/v1/podtemplates")
    assert gap_of(live(), "v1 podtemplates").excused


def test_forbidden_nodes_leave_the_images_known_and_the_platforms_unknown(live: OpenLive, cluster: Cluster) -> None:
    cluster.forbidden.add("/api/v1/nodes")
    rows, coverage = whole_inventory(live())
    assert coverage.complete
    assert next(gap for gap in coverage.gaps if gap.place == "v1 nodes").fault == "forbidden"
    assert {row.platform for row in rows} == {None}


def test_a_default_custom_resource_that_nobody_installed_is_excused(live: OpenLive) -> None:
    gap = gap_of(live(), "argoproj.io/v1alpha1 rollouts")
    assert (gap.fault, gap.excused) == ("missing", True)


def test_narrow_rights_do_not_make_a_kind_forbidden_that_nobody_installed(live: OpenLive, cluster: Cluster) -> None:
    cluster.narrow_rights = True
    gap = gap_of(live(), "argoproj.io/v1alpha1 rollouts")
    assert (gap.fault, gap.excused) == ("missing", True)


def test_an_installed_default_that_is_forbidden_is_a_gap(live: OpenLive, cluster: Cluster) -> None:
    cluster.forbidden.add("/apis/actions.summerwind.dev/v1alpha1/runnerdeployments")
    gap = gap_of(live(), "actions.summerwind.dev/v1alpha1 runnerdeployments")
    assert (gap.fault, gap.excused) == ("forbidden", False)


def test_where_discovery_is_forbidden_the_list_itself_decides(live: OpenLive, cluster: Cluster) -> None:
    cluster.always["/apis"] = Answer(403)
    _, coverage = whole_inventory(live())
    assert coverage.complete
    assert coverage.found["actions.summerwind.dev/v1alpha1 runnerdeployments"] == 1


def test_a_default_that_is_served_in_another_version_only_is_a_gap(live: OpenLive, cluster: Cluster) -> None:
    cluster.kinds["/apis/argoproj.io/v1beta1/rollouts"] = "Rollout"
    gap = gap_of(live(), "argoproj.io/v1alpha1 rollouts")
    assert (gap.fault, gap.excused) == ("missing", False)
    assert "argoproj.io/v1beta1" in gap.detail


PIPELINE = {"resource": "example.com/v1 pipelines", "kind": "Pipeline", "paths": [".spec.steps{*}.image"]}


def test_a_configured_custom_resource_that_is_not_installed_is_a_gap(live: OpenLive) -> None:
    gap = gap_of(live(custom_resources=[PIPELINE]), "example.com/v1 pipelines")
    assert (gap.fault, gap.excused) == ("missing", False)
    assert "may_be_missing" in gap.detail


def test_a_configured_custom_resource_that_may_be_missing_is_excused(live: OpenLive) -> None:
    source = live(custom_resources=[PIPELINE], may_be_missing=["example.com/v1 pipelines"])
    assert gap_of(source, "example.com/v1 pipelines").excused


def test_a_configured_custom_resource_is_read_beside_the_defaults(live: OpenLive, cluster: Cluster) -> None:
    cluster.kinds["/apis/example.com/v1/pipelines"] = "Pipeline"
    cluster.add({
        "kind": "Pipeline",
        "metadata": {"name": "p", "namespace": "ci"},
        "spec": {"steps": {"build": {"image": "ghcr.io/a/b:1"}, "test": {"image": "ghcr.io/a/c:2"}}},
    })  # fmt: skip
    rows, coverage = whole_inventory(live(custom_resources=[PIPELINE]))
    found = {row.path: row.reference for row in rows if row.kind == "Pipeline"}
    assert found == {".spec.steps.build.image": "ghcr.io/a/b:1", ".spec.steps.test.image": "ghcr.io/a/c:2"}
    assert coverage.found["actions.summerwind.dev/v1alpha1 runnerdeployments"] == 1


def test_a_path_that_cannot_be_read_is_told_when_the_cluster_is_opened(live: OpenLive) -> None:
    broken = {**PIPELINE, "paths": ["spec.image"]}
    with pytest.raises(ConfigError, match=r"custom_resources\.0\.paths: the path 'spec\.image' cannot be read"):
        live(custom_resources=[broken])


def test_a_misspelt_resource_that_may_be_missing_is_told_with_the_right_ones(live: OpenLive) -> None:
    with pytest.raises(ConfigError, match=r"'v1 pod' is not read from a cluster; write one of: .*v1 pods"):
        live(may_be_missing=["v1 pod"])


def test_a_server_without_a_built_in_kind_is_a_gap(live: OpenLive, cluster: Cluster) -> None:
    del cluster.kinds["/apis/batch/v1/cronjobs"]
    gap = gap_of(live(), "batch/v1 cronjobs")
    assert (gap.fault, gap.excused) == ("missing", False)


ACCOUNTS = "/api/v1/serviceaccounts"


def test_pull_secrets_of_service_accounts_are_known_or_it_is_said_why_not(live: OpenLive, cluster: Cluster) -> None:
    assert live().service_accounts() == ServiceAccounts()
    puller = {
        "kind": "ServiceAccount", "metadata": {"name": "puller", "namespace": "shop"},
        "imagePullSecrets": [{"name": "quay"}],
    }  # fmt: skip
    cluster.objects[ACCOUNTS] = [puller]
    assert live().service_accounts().of("shop", "puller") == ("quay",)
    cluster.forbidden.add(ACCOUNTS)
    unknown = live().service_accounts().unknown
    assert unknown is not None
    assert '{apiGroups: [""], resources: ["serviceaccounts"], verbs: ["list"]}' in unknown

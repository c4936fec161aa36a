"""A live cluster: read whole, read in part, and never a part taken for the whole."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from registry_core.coverage import Gap
from registry_core.errors import ClusterError, ConfigError
from resources.clusters import ClusterSource, Progress, ResourceRead, RowsRead, StartedOver, whole_inventory
from tests.resources.clusters.api_server import Answer, Cluster
from tests.resources.clusters.conftest import ManyPods, Pauses

OpenLive = Callable[..., ClusterSource]
PODS = "/api/v1/pods"
DEPLOYMENTS = "/apis/apps/v1/deployments"


def gap_of(source: ClusterSource, resource: str) -> Gap:
    return next(gap for gap in whole_inventory(source)[1].gaps if gap.place == resource)


def test_every_page_of_every_kind_is_read(live: OpenLive, cluster: Cluster) -> None:
    rows, coverage = whole_inventory(live())
    assert coverage.complete
    assert coverage.found["v1 pods"] == 19
    assert coverage.found["apps/v1 replicasets"] == 9
    assert coverage.found["actions.summerwind.dev/v1alpha1 runnerdeployments"] == 1
    assert len({row.name for row in rows if row.kind == "Pod"}) == 19
    assert len(cluster.asked(PODS)) == 4


def test_lists_ask_for_the_most_recent_state_in_pages(live: OpenLive, cluster: Cluster) -> None:
    whole_inventory(live())
    queries = cluster.asked(PODS)
    assert queries[0] == {"limit": "5"}
    assert all("resourceVersion" not in query for query in queries)
    assert all("continue" in query for query in queries[1:])


def test_pods_are_told_under_the_deployment_that_a_person_knows(live: OpenLive) -> None:
    rows, _ = whole_inventory(live())
    owners = {(row.owner_kind, row.owner_name) for row in rows if row.kind == "Pod" and row.namespace == "health"}
    assert owners == {("Deployment", "api"), ("Deployment", "web"), ("Deployment", "worker")}
    assert {row.owner_kind for row in rows if row.namespace == "ops" and row.kind == "Job"} == {"CronJob"}


def test_pods_have_the_platform_of_their_node(live: OpenLive) -> None:
    rows, _ = whole_inventory(live())
    assert {row.platform for row in rows if row.node} == {"linux/amd64"}
    assert live().nodes()[0] == {"node-production": "linux/amd64"}


def test_nothing_is_opened_before_the_first_question(live: OpenLive, cluster: Cluster) -> None:
    source = live()
    assert source.describe().startswith("context production of ")
    source.read()
    assert cluster.requests == []


def test_an_expired_token_starts_the_list_afresh_and_no_row_is_taken_twice(live: OpenLive, cluster: Cluster) -> None:
    whole = whole_inventory(live())
    cluster.expire_at[PODS] = [10]
    events = list(live().read())
    assert [event.resource for event in events if isinstance(event, StartedOver)] == ["v1 pods"]
    cluster.expire_at[PODS] = [10]
    assert whole_inventory(live()) == whole


def test_a_new_beginning_takes_larger_pages(live: OpenLive, cluster: Cluster) -> None:
    cluster.expire_at[PODS] = [10]
    whole_inventory(live())
    assert [query["limit"] for query in cluster.asked(PODS)] == ["5", "5", "5", "10", "10"]


def test_a_list_that_expires_every_time_is_a_gap(live: OpenLive, cluster: Cluster) -> None:
    cluster.expire_at[PODS] = [5, 10, 20, 40] * 5
    cluster.objects[PODS] = ManyPods(60, cluster.objects[PODS][0])
    gap = gap_of(live(), "v1 pods")
    assert gap.fault == "unreachable"
    assert not gap.excused
    assert "after 4 beginnings we gave up" in gap.detail


def test_a_token_given_twice_is_an_error_and_no_loop(live: OpenLive, cluster: Cluster) -> None:
    cluster.repeat_token = True
    gap = gap_of(live(), "v1 pods")
    assert "the same continue token twice" in gap.detail


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


def test_throttling_in_the_middle_waits_as_long_as_the_server_says(
    live: OpenLive, cluster: Cluster, pauses: Pauses
) -> None:
    cluster.faults[PODS] = [Answer(429, headers={"Retry-After": "7"})]
    _, coverage = whole_inventory(live())
    assert coverage.complete
    assert pauses == [7.0]


def test_throttling_that_does_not_end_is_a_gap_called_throttled(live: OpenLive, cluster: Cluster) -> None:
    cluster.always[PODS] = Answer(429, headers={"Retry-After": "1"})
    assert gap_of(live(), "v1 pods").fault == "throttled"


def test_a_wait_longer_than_our_patience_is_not_waited(live: OpenLive, cluster: Cluster, pauses: Pauses) -> None:
    cluster.always[PODS] = Answer(429, headers={"Retry-After": "86400"})
    assert gap_of(live(), "v1 pods").fault == "throttled"
    assert pauses == []


@pytest.mark.parametrize("fault", [Answer(500), Answer(503), Answer(408), Answer(how="drop"), Answer(how="cut")])
def test_what_passes_is_tried_again(live: OpenLive, cluster: Cluster, pauses: Pauses, fault: Answer) -> None:
    cluster.faults[PODS] = [fault, fault]
    _, coverage = whole_inventory(live())
    assert coverage.complete
    assert coverage.found["v1 pods"] == 19
    assert len(pauses) == 2


def test_a_page_that_is_cut_short_every_time_is_a_gap_and_not_an_empty_list(live: OpenLive, cluster: Cluster) -> None:
    cluster.always[PODS] = Answer(how="cut")
    gap = gap_of(live(), "v1 pods")
    assert gap.fault == "unreachable"
    assert "the connection broke in the middle" in gap.detail


def test_rows_before_a_gap_are_true_still(live: OpenLive, cluster: Cluster) -> None:
    source = live()
    events = []
    for event in source.read():
        events.append(event)
        if isinstance(event, RowsRead) and event.resource == "v1 pods":
            cluster.always[PODS] = Answer(500)
    ends = {event.resource: event.coverage for event in events if isinstance(event, ResourceRead)}
    assert ends["v1 pods"].gaps
    assert ends["v1 pods"].found == {"v1 pods": 5}
    assert sum(event.objects for event in events if isinstance(event, RowsRead) and event.resource == "v1 pods") == 5


def test_each_resource_ends_exactly_once(live: OpenLive) -> None:
    ends = [event.resource for event in live().read() if isinstance(event, ResourceRead)]
    assert len(ends) == len(set(ends)) == 27
    assert ends[0] == "v1 nodes"
    assert ends[-1] == "v1 pods"


def test_an_answer_in_html_is_told_as_what_it_is(live: OpenLive, cluster: Cluster) -> None:
    cluster.always["*"] = Answer(how="html")
    with pytest.raises(ClusterError, match=r"it answered HTML \(200\): that is a web page or a proxy") as caught:
        whole_inventory(live())
    assert caught.value.fault == "unreachable"


def test_a_redirect_to_a_sign_in_page_is_not_followed(live: OpenLive, cluster: Cluster) -> None:
    cluster.always["*"] = Answer(302, headers={"Location": "https://sso.example.com/login?x=1"})
    with pytest.raises(ClusterError, match=r"it sent us on to sso\.example\.com"):
        whole_inventory(live())


def test_an_expired_sign_in_says_how_to_sign_in_again(live: OpenLive, cluster: Cluster) -> None:
    cluster.token = "another"
    with pytest.raises(ClusterError, match="kubectl --context production get namespaces") as caught:
        whole_inventory(live())
    assert caught.value.fault == "forbidden"
    assert not caught.value.retryable
    assert "let-me-in" not in str(caught.value)


def test_the_server_may_give_null_for_an_empty_list(live: OpenLive, cluster: Cluster) -> None:
    path = "/apis/actions.summerwind.dev/v1alpha1/runnerdeployments"
    cluster.odd_bodies[path] = {"kind": "RunnerDeploymentList", "metadata": {}, "items": None}
    assert whole_inventory(live())[1].complete


def test_progress_says_how_many_are_left(live: OpenLive) -> None:
    told: list[Progress] = []
    whole_inventory(live(), on_progress=told.append)
    assert [(one.objects, one.remaining) for one in told if one.resource == "v1 pods"] == [
        (5, 14), (10, 9), (15, 4), (19, None),
    ]  # fmt: skip


def test_many_pods_are_read_with_one_page_in_hand(live: OpenLive, cluster: Cluster) -> None:
    import tracemalloc

    cluster.objects[PODS] = ManyPods(1_200, cluster.objects[PODS][0])
    peaks: list[int] = []

    def note(progress: Progress) -> None:
        if progress.resource == "v1 pods":
            peaks.append(tracemalloc.get_traced_memory()[0])

    tracemalloc.start()
    try:
        count = sum(
            event.objects for event in live(page_size=100).read(on_progress=note) if isinstance(event, RowsRead)
        )
    finally:
        tracemalloc.stop()
    assert count >= 1_200
    assert peaks[-1] < peaks[1] * 1.5 + 1_000_000


def test_doctor_learns_of_each_resource_what_a_list_answers(live: OpenLive, cluster: Cluster) -> None:
    cluster.forbidden.add(DEPLOYMENTS)
    checks = {check.resource: check for check in live().check_access()}
    assert checks["v1 pods"].works
    assert checks["apps/v1 deployments"].fault == "forbidden"
    assert "add to its ClusterRole" in checks["apps/v1 deployments"].detail
    assert checks["argoproj.io/v1alpha1 rollouts"].excused
    assert cluster.asked(PODS) == [{"limit": "1"}]


def test_doctor_learns_that_the_sign_in_is_refused_without_an_exception(live: OpenLive, cluster: Cluster) -> None:
    cluster.token = "another"
    (check,) = live().check_access()
    assert (check.resource, check.fault) == ("connection", "forbidden")


def test_the_time_of_the_evidence_is_when_reading_begins(live: OpenLive) -> None:
    assert live().as_of().utcoffset().total_seconds() == 0  # type: ignore[union-attr]


def test_an_answer_that_is_no_list_is_a_gap(live: OpenLive, cluster: Cluster) -> None:
    cluster.odd_bodies[DEPLOYMENTS] = {"kind": "Deployment", "metadata": {}}
    gap = gap_of(live(), "apps/v1 deployments")
    assert gap.fault == "unreachable"
    assert "its answer is not a list of objects" in gap.detail

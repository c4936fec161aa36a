"""A live cluster: read whole, page by page, and never a part taken for the whole."""

from __future__ import annotations

from resources.clusters import Progress, ResourceRead, RowsRead, StartedOver, whole_inventory
from tests.resources.clusters.api_server import Cluster
from tests.resources.clusters.conftest import ManyPods, OpenLive, gap_of

DEPLOYMENTS = "/apis/apps/v1/deployments"
PODS = "/api/v1/pods"


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


def test_each_resource_ends_exactly_once(live: OpenLive) -> None:
    ends = [event.resource for event in live().read() if isinstance(event, ResourceRead)]
    assert len(ends) == len(set(ends)) == 27
    assert ends[0] == "v1 nodes"
    assert ends[-1] == "v1 pods"


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

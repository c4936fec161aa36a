"""A live cluster that throttles, breaks, sends us on or refuses us: one clear sentence each."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry_core.errors import ClusterError
from resources.clusters import ResourceRead, RowsRead, whole_inventory
from resources.clusters.api import Patience
from tests.resources.clusters.api_server import Answer, Cluster
from tests.resources.clusters.conftest import OpenLive, Pauses, gap_of

DEPLOYMENTS = "/apis/apps/v1/deployments"
PODS = "/api/v1/pods"


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


def test_an_answer_in_html_is_told_as_what_it_is(live: OpenLive, cluster: Cluster) -> None:
    cluster.always["*"] = Answer(how="html")
    with pytest.raises(ClusterError, match=r"it answered HTML \(200\): that is a web page or a proxy") as caught:
        whole_inventory(live())
    assert caught.value.fault == "unreachable"


def test_a_redirect_to_a_sign_in_page_is_not_followed(live: OpenLive, cluster: Cluster) -> None:
    cluster.always["*"] = Answer(302, headers={"Location": "https://sso.example.com/login?x=1"})
    with pytest.raises(ClusterError, match=r"it sent us on to sso\.example\.com"):
        whole_inventory(live())


@pytest.mark.parametrize("location", ["http://[::1/x", "http://user:hunter2@elsewhere/", "", "\\\\"])
def test_a_redirect_to_nowhere_is_one_sentence(live: OpenLive, cluster: Cluster, location: str) -> None:
    cluster.always["*"] = Answer(307, headers={"Location": location})
    with pytest.raises(ClusterError, match="it sent us on to") as caught:
        whole_inventory(live())
    assert "hunter2" not in str(caught.value)


def test_an_expired_sign_in_says_how_to_sign_in_again(live: OpenLive, cluster: Cluster) -> None:
    cluster.token = "another"
    with pytest.raises(ClusterError, match="kubectl --context production get namespaces") as caught:
        whole_inventory(live())
    assert caught.value.fault == "forbidden"
    assert not caught.value.retryable
    assert "let-me-in" not in str(caught.value)


def test_an_answer_that_is_no_list_is_a_gap(live: OpenLive, cluster: Cluster) -> None:
    cluster.odd_bodies[DEPLOYMENTS] = {"kind": "Deployment", "metadata": {}}
    gap = gap_of(live(), "apps/v1 deployments")
    assert gap.fault == "unreachable"
    assert "its answer is not a list of objects" in gap.detail


def test_a_server_that_does_not_answer_in_time_is_told(live: OpenLive, cluster: Cluster) -> None:
    cluster.always[PODS] = Answer(how="slow")
    gap = gap_of(live(patience=Patience(tries=1, read=timedelta(seconds=0.1))), "v1 pods")
    assert (gap.fault, gap.excused) == ("unreachable", False)
    assert "no answer within 0.1 seconds" in gap.detail


def test_a_cluster_lost_in_the_middle_is_an_incomplete_snapshot_and_is_not_asked_with_patience_again(
    live: OpenLive, cluster: Cluster, pauses: Pauses
) -> None:
    ends = {}
    for event in live().read():
        if isinstance(event, ResourceRead):
            ends[event.resource] = event.coverage
            cluster.always["*"] = Answer(how="drop")
    assert ends["v1 nodes"].complete
    assert {gap.fault for gap in ends["v1 pods"].gaps} == {"unreachable"}
    assert not ends["batch/v1 jobs"].complete
    assert len(cluster.asked(PODS)) == 1
    assert len(pauses) == 4


def test_discovery_that_fails_is_asked_once_and_not_for_every_kind(live: OpenLive, cluster: Cluster) -> None:
    cluster.always["/apis"] = Answer(503)
    _, coverage = whole_inventory(live())
    assert coverage.complete
    assert len(cluster.asked("/apis")) == 5


def test_the_errors_of_the_http_library_end_here_and_are_chained(live: OpenLive, cluster: Cluster) -> None:
    cluster.always["*"] = Answer(how="drop")
    gap = gap_of(live(), "v1 nodes")
    assert gap.fault == "unreachable"
    assert "urllib3" not in gap.detail

"""`/_nagios_check_registry` over a socket, from evidence in a real history."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.registry_pipelines.web.service import (
    HOST,
    Service,
    Site,
    at_once,
    digest,
    failing,
    lost,
    pod,
    served,
)

WEB = f"{HOST}/shop/web:v1"
UNAVAILABLE = "ERROR: Registry check is unavailable and pod is old enough!"


def test_nothing_is_missing(site: Site, service: Service) -> None:
    site.told.everything(pod(WEB))
    response = service.get("/_nagios_check_registry")
    assert (response.status_code, response.text) == (200, "OK: No missing images anywhere\n")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_the_first_name_of_the_predecessors_check_answers_too(site: Site, service: Service) -> None:
    site.told.everything(pod(WEB))
    assert service.get("/nagios_check_registry").text == "OK: No missing images anywhere\n"


def test_critical(site: Site, service: Service) -> None:
    job, old = f"{HOST}/shop/job:v2", f"{HOST}/shop/old:v3"
    site.told.everything(
        pod(WEB), pod(WEB, "web-3", node="node2"), failing(WEB), failing(job, "job-1"), pod(old, "old-1", node="node3"),
        failing(f"{HOST}/lab/a:v5", "a-1", cluster="nonprod", namespace="production"),
        failing(f"{HOST}/shop/new:v9", "new-1", namespace="staging-shop"),
        findings=[lost("shop/old", "v3")],
    )  # fmt: skip
    assert service.check() == (
        200,
        [
            "CRITICAL: Missing images: 2 ImagePullBackOff errors in prod. Otherwise: 1 image problems in prod,"
            " 1 in staging, and 1 in other namespaces",
            f"ImagePullBackOff: {job} (and not running anywhere)",
            f"ImagePullBackOff: {WEB} (but is running on: node1, node2)",
            f"['no digest']: {old} (is running on: node3)",
            f"['ImagePullBackOff']: {HOST}/shop/new:v9 (and not running anywhere)",
            f"['ImagePullBackOff']: {HOST}/lab/a:v5 (and not running anywhere)",
        ],
    )


def test_warning(site: Site, service: Service) -> None:
    site.told.everything(pod(WEB), findings=[lost("shop/web", "v1")])
    assert service.check() == (
        200,
        [
            "WARNING: Missing images: 0 ImagePullBackOff errors in prod, 1 errors in prod, 0 in staging, and 0 in other"
            " namespaces",
            f"['no digest']: {WEB} (is running on: node1)",
        ],
    )


def test_a_lost_layer_is_told_of_those_who_use_the_image(site: Site, service: Service) -> None:
    site.told.everything(pod(WEB))
    used = {"repository": "shop/web", "digest": digest("v1"), "match": "tag", "cluster": "main", "namespace": "shop",
            "owner_kind": "Deployment", "owner_name": "web", "container": "app", "container_kind": "container",
            "reference": WEB, "environment": "production", "state": "running", "pods": 1}  # fmt: skip
    site.told.usage(used)
    site.told.health(lost("shop/web", "v1") | {"what": "layer", "digest": digest("v1"), "blob": digest("layer")})
    assert service.check()[1][1] == f"['layer missing']: {WEB} (is running on: node1)"


def test_in_a_cluster_called_nonprod_it_is_well(site: Site, service: Service) -> None:
    site.told.everything(failing(WEB, cluster="nonprod", namespace="prod"))
    assert service.check()[1] == [
        "OK: Missing images: 1 errors in non-production, non-stage namespaces",
        f"['ImagePullBackOff']: {WEB} (and not running anywhere)",
    ]


def test_a_namespace_of_another_environment_is_judged_by_that(site: Site, service: Service) -> None:
    site.told.everything(failing(WEB, namespace="staging-shop"))
    assert service.check()[1][0] == "WARNING: Missing images: 1 errors in stage and 0 in other namespaces"


def test_a_mended_image_is_well_again_at_the_next_inventory(site: Site, service: Service) -> None:
    site.told.everything(failing(WEB))
    assert service.check()[1][0].startswith("CRITICAL: Missing images: 1 ")
    site.told.inventory("main", pod(WEB, "web-2"), age=timedelta(0))
    assert service.check() == (200, ["OK: No missing images anywhere"])


def test_an_empty_history_is_an_error_once_the_service_is_old_enough(service: Service) -> None:
    status, lines = service.check()
    assert (status, lines[0]) == (503, UNAVAILABLE)
    assert "inventory of main was never read" in lines


def test_an_empty_history_is_not_available_yet_when_the_service_just_started(site: Site) -> None:
    with served(at_once(site.reader.look, uptime=timedelta(seconds=290))) as young:
        assert young.check()[0] == 200
        assert young.check()[1][0] == "OK: No registry check available yet"


def test_one_cluster_that_was_never_read_makes_it_unavailable(site: Site, service: Service) -> None:
    site.told.inventory("main", pod(WEB))
    site.told.catalog("shop/web:v1")
    site.told.usage()
    site.told.health()
    assert service.check() == (503, [UNAVAILABLE, "inventory of nonprod was never read"])


@pytest.mark.parametrize("trouble", [False, True])
def test_stale_evidence_is_never_well_and_never_certain(site: Site, service: Service, trouble: bool) -> None:
    site.told.inventory("main", failing(WEB) if trouble else pod(WEB), age=timedelta(hours=3))
    site.told.inventory("nonprod")
    site.told.catalog("shop/web:v1")
    site.told.usage()
    site.told.health()
    assert service.check() == (
        503, ["ERROR: Registry check is out of date: inventory of main is 3 hours old, older than 2 hours"]
    )  # fmt: skip


def test_a_stale_catalog_is_an_error(site: Site, service: Service) -> None:
    site.told.inventory("main", pod(WEB))
    site.told.inventory("nonprod")
    site.told.catalog("shop/web:v1", age=timedelta(hours=36))
    site.told.usage()
    site.told.health()
    assert service.check()[1] == [
        f"ERROR: Registry check is out of date: catalog of {HOST} is 36 hours old, older than 30 hours"
    ]


def test_an_incomplete_inventory_is_well_only_while_the_last_whole_one_is_young(site: Site, service: Service) -> None:
    site.told.everything(pod(WEB))
    site.told.inventory("main", age=timedelta(0), gap="pods is forbidden")
    assert service.check() == (200, ["OK: No missing images anywhere"])


def test_an_inventory_that_was_never_whole_is_an_error_that_says_why(site: Site, service: Service) -> None:
    site.told.inventory("main", gap="pods is forbidden")
    site.told.inventory("nonprod")
    site.told.catalog("shop/web:v1")
    site.told.usage()
    site.told.health()
    assert service.check() == (
        503,
        [
            "ERROR: Registry check is out of date: inventory of main was never read whole; not read: v1 pods:"
            " forbidden: pods is forbidden"
        ],
    )

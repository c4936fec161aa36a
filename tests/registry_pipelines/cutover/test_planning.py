"""A plan of a cut-over says what the clusters and the destination say, and is made only where both could be read."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from assets.taking.catalog import take_catalog
from assets.taking.cutover import MadeCutover, take_cutover_plan
from registry_core.errors import ClusterError, ConfigError, IncompleteSnapshot, PlanStale, RegistryError
from tests.image_builder import make_image, push
from tests.kubernetes import OLD_HOST, deployment
from tests.registry_pipelines.cutover.carrying_out import approved_plan, carry_out, images_of, roll_back
from tests.registry_pipelines.cutover.estate import NEW_HOST, OLD, PASSWORD, Estate


def plan(estate: Estate) -> MadeCutover:
    with estate.connections() as connections:
        return take_cutover_plan(connections, "move")


def left(estate: Estate) -> dict[str, str]:
    """Why each workload of production stays, by its name."""
    return {one.workload.name: one.why for one in plan(estate).plan.left if one.workload.cluster == "production"}


def test_the_sample_company_is_moved_but_for_what_the_destination_cannot_serve(estate: Estate) -> None:
    made = plan(estate)
    assert made.record.counted == made.plan.counted == 18
    assert set(left(estate)) == {"blog-runners", "api", "frontend", "typo"}
    assert "a layer: " in left(estate)["api"]
    assert "MANIFEST_UNKNOWN" in left(estate)["frontend"]
    assert all("@sha256:" in change.new for entry in made.plan.entries for change in entry.images)
    assert len(made.plan.pull_secrets) == 7


def test_no_secret_is_in_a_plan(estate: Estate) -> None:
    assert PASSWORD.encode() not in plan(estate).plan.to_bytes()


def test_the_plan_that_waits_and_does_the_same_stands(estate: Estate) -> None:
    first, again = plan(estate), plan(estate)
    assert (first.is_new, again.is_new) == (True, False)
    assert again.record.fingerprint == first.record.fingerprint
    estate.cluster().add(deployment("more", f"{OLD_HOST}/health/web:1.4.1"))
    third = plan(estate)
    assert third.is_new
    assert third.plan.counted == first.plan.counted + 1
    with estate.connections() as connections:
        assert connections.history.ledger.record(first.record.fingerprint).state == "superseded"


def test_a_tag_that_is_another_image_at_the_destination_stays(estate: Estate) -> None:
    push(estate.new.layout, "shop/cart", make_image([b"newer"]), "production")
    estate.configure(move={"pin": "tag"})
    assert "the tag production of shop/cart is another image at new" in left(estate)["cart"]
    # Pinned by digest, the right image is asked for whatever the tag says.
    estate.configure(move={"pin": "digest"})
    assert "cart" not in left(estate)


def test_two_sources_that_would_have_one_name_stay(estate: Estate) -> None:
    estate.configure(move={"names": {"prefix": {"health": "", "shop": ""}}})
    estate.cluster().add(deployment("other", f"{OLD_HOST}/shop/web:1"))
    told = left(estate)
    assert told["other"].startswith("`health/web`, `shop/web` would all be called `web`")
    assert told["web"] == told["other"]


def test_nodes_of_another_platform_are_served_too_or_the_workload_stays(estate: Estate) -> None:
    node: dict[str, Any] = {
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": "arm"},
        "status": {"nodeInfo": {"operatingSystem": "linux", "architecture": "arm64"}},
    }  # fmt: skip
    estate.cluster().add(node)
    told = left(estate)
    assert told["worker"].endswith("for linux/arm64: it is for linux/amd64")
    assert "web" not in told  # an index of both


def test_a_lost_registry_is_replaced_by_what_its_last_catalog_knows(estate: Estate) -> None:
    with estate.connections() as connections:
        take_catalog(connections, OLD)
    whole = plan(estate).plan
    estate.old.stop()
    failover = plan(estate).plan
    assert [entry.images for entry in failover.entries] == [entry.images for entry in whole.entries]


def test_without_any_catalog_only_what_runs_is_proof_of_which_image_it_is(estate: Estate) -> None:
    whole = {entry.workload for entry in plan(estate).plan.entries}
    estate.old.stop()
    made = plan(estate).plan
    known = {entry.workload for entry in made.entries}
    assert known < whole
    assert {"web", "queue"} <= {workload.name for workload in known}  # pods tell their digests
    sleeping = next(one for one in made.left if one.workload.name == "yearly-audit")
    assert sleeping.why.startswith("nobody can tell which image health/api:build-1003 is: old does not tell")


def test_a_destination_that_is_away_makes_no_plan(estate: Estate) -> None:
    estate.new.stop()
    with pytest.raises(RegistryError) as caught:
        plan(estate)
    assert caught.value.fault == "unreachable"


def test_a_cluster_that_is_away_or_not_read_whole_makes_no_plan(estate: Estate) -> None:
    estate.cluster().forbidden.add("/apis/apps/v1/statefulsets")
    with pytest.raises(IncompleteSnapshot, match="what was not read could go on pulling from the old registry unseen"):
        plan(estate)
    estate.cluster().forbidden.clear()
    estate.cluster().forbidden.add("/api/v1/nodes")
    with pytest.raises(IncompleteSnapshot, match="platforms of its nodes are not known"):
        plan(estate)
    estate.servers["production"].stop()
    with pytest.raises(ClusterError):
        plan(estate)


def test_dumps_are_planned_too_unless_they_are_old(estate: Estate) -> None:
    dumps = estate.root / "dumps"
    shutil.copytree(estate.root / "company" / "clusters", dumps, copy_function=shutil.copyfile)
    estate.configure(clusters={name: {"dump": str(dumps / name)} for name in ("production", "staging")})
    assert plan(estate).plan.counted == 18
    estate.configure(
        clusters={name: {"dump": str(dumps / name)} for name in ("production", "staging")},
        limits={"max_inventory_age": "0s"},
    )
    with pytest.raises(PlanStale, match="dump it anew"):
        plan(estate)


def test_a_list_that_starts_over_is_not_counted_twice(estate: Estate) -> None:
    whole = plan(estate).plan
    estate.cluster().expire_at["/apis/apps/v1/deployments"] = [2]
    token = str(estate.root / "token")
    estate.configure(
        clusters={
            name: {"server": server.url, "token": {"file": token}, "page_size": 2}
            for name, server in estate.servers.items()
        }
    )
    assert [entry.workload for entry in plan(estate).plan.entries] == [entry.workload for entry in whole.entries]


def test_an_unknown_cut_over_is_named(estate: Estate) -> None:
    with estate.connections() as connections, pytest.raises(ConfigError, match="no cut-over is called gone"):
        take_cutover_plan(connections, "gone")


def test_what_helm_manages_is_listed_with_the_lines_to_change(estate: Estate) -> None:
    web = estate.cluster().get("deployments", "health", "web")
    web["metadata"]["annotations"]["meta.helm.sh/release-name"] = "health"
    made = plan(estate).plan
    (other,) = made.elsewhere
    assert (other.manager.name, other.workload.name) == ("Helm", "web")
    assert other.images[0].new.startswith(f"{NEW_HOST}/health/web:1.4.1@sha256:")
    assert json.loads(made.to_bytes())["elsewhere"]


def test_a_workload_keeps_the_pull_secrets_of_its_service_account(estate: Estate) -> None:
    cluster = estate.cluster()
    spec = cluster.get("deployments", "health", "web")["spec"]["template"]["spec"]
    spec.pop("imagePullSecrets", None)
    spec["serviceAccountName"] = "puller"
    spec["containers"].append({"name": "side", "image": "quay.example.com/private/side:1"})
    puller = {"metadata": {"name": "puller", "namespace": "health"}, "imagePullSecrets": [{"name": "quay-pull"}]}
    cluster.objects["/api/v1/serviceaccounts"] = [puller]
    plan = approved_plan(estate)
    web = next(entry for entry in plan.entries if entry.workload.name == "web")
    assert web.secrets[0].after == ("quay-pull", "new-pull")
    before = images_of(estate)
    carry_out(estate, plan)
    assert "secret quay-pull" in images_of(estate)["production/deployments/health/web"]
    roll_back(estate, plan)
    assert images_of(estate) == before
    cluster.forbidden.add("/api/v1/serviceaccounts")
    left = approved_plan(estate).left
    assert any(one.workload.name == "web" and "its service account (puller)" in one.why for one in left)

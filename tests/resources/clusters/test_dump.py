"""Dumps: the two clusters of the quickstart, and everything that can be wrong with a folder of files."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from registry_core.coverage import Coverage
from registry_core.errors import ClusterError
from registry_core.inventory import PULL_ERRORS, ImageUse
from resources.clusters import ClusterSource, ResourceRead, RowsRead, open_cluster, whole_inventory
from resources.configuration.settings import ClusterSettings
from tests.resources.clusters.conftest import QUICKSTART, ROOT, no_secret

SHARED = ROOT.parent / "shared" / "fixtures" / "kubernetes"


def dumped(path: Path, **settings: Any) -> ClusterSource:
    return open_cluster("production", ClusterSettings(dump=str(path), **settings), resolve=no_secret)


def gaps_of(coverage: Coverage) -> dict[str, str]:
    return {gap.place: gap.detail for gap in coverage.unexcused}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(QUICKSTART / "production", tmp_path / "dump"))


@pytest.mark.parametrize(("cluster", "pods", "replicasets"), [("production", 19, 9), ("staging", 14, 8)])
def test_the_quickstart_dumps_are_whole(cluster: str, pods: int, replicasets: int) -> None:
    rows, coverage = whole_inventory(dumped(QUICKSTART / cluster))
    assert coverage.complete
    assert coverage.found["v1 pods"] == pods
    assert coverage.found["apps/v1 replicasets"] == replicasets
    assert {row.platform for row in rows if row.node} == {"linux/amd64"}


def use_of(rows: list[ImageUse], kind: str, container: str) -> ImageUse:
    return next(row for row in rows if row.kind == kind and row.container == container)


def test_the_quickstart_shows_where_images_hide() -> None:
    rows, _ = whole_inventory(dumped(QUICKSTART / "production"))
    kinds = Counter(row.container_kind for row in rows if row.kind == "Pod")
    assert kinds["init"] == 3
    assert kinds["ephemeral"] == 1
    runner = next(row for row in rows if row.kind == "RunnerDeployment")
    assert (runner.reference, runner.path, runner.container_kind, runner.replicas, runner.pull_secrets) == (
        "registry.example.com/tools/runner:1.1.3", ".spec.template.spec.image", "custom", 1, ("registry-pull",),
    )  # fmt: skip
    old = next(row for row in rows if row.name == "worker-77bfdc89c8")
    assert (old.kind, old.replicas, old.owner_kind, old.owner_name, old.tag) == (
        "ReplicaSet", 0, "Deployment", "worker", "1.0.0",
    )  # fmt: skip
    assert use_of(rows, "CronJob", "audit").replicas == 0


def test_the_quickstart_shows_what_cannot_be_pulled() -> None:
    rows, _ = whole_inventory(dumped(QUICKSTART / "production"))
    failing = {(row.owner_name, row.reason, row.registry, row.repository) for row in rows if row.reason in PULL_ERRORS}
    assert failing == {
        ("search", "ImagePullBackOff", "registry.example.com:5443", "shop/search"),
        ("typo", "InvalidImageName", "registry.example.com", None),
    }
    typo = use_of(rows, "Pod", "x")
    assert "must be lowercase" in (typo.invalid or "")
    assert "couldn't parse image" in (typo.message or "")


def test_a_status_that_names_a_bare_config_digest_keeps_both(tmp_path: Path) -> None:
    rows, _ = whole_inventory(dumped(QUICKSTART / "production"))
    api = use_of(rows, "Pod", "api")
    assert api.status_image == "sha256:8a1e2d0b7f62d830bf74a80a9a5437c3453d58b167b7f99fdfa2f378f29ad217"
    assert api.status_digest == "sha256:9e3de492804e04584de5908e8ad4408fb518456b8512e0177815ab38226fca5a"
    assert api.status_repository == "registry.example.com/health/api"


def test_one_file_is_a_dump_too() -> None:
    rows, coverage = whole_inventory(dumped(QUICKSTART / "production" / "workloads.json"))
    assert coverage.complete
    assert {row.platform for row in rows} == {None}
    assert "platforms stay unknown" in next(gap for gap in coverage.gaps if gap.place == "v1 nodes").detail


def test_gzipped_files_below_the_folder_are_read(folder: Path) -> None:
    rows, coverage = whole_inventory(dumped(folder))
    (folder / "deep").mkdir()
    (folder / "deep" / "w.json.gz").write_bytes(gzip.compress((folder / "workloads.json").read_bytes()))
    (folder / "workloads.json").unlink()
    (folder / "README.md").write_text("not a dump")
    (folder / "._workloads.json").write_bytes(b"\0\5\26\7")
    again, coverage_again = whole_inventory(dumped(folder))
    # Files are read by their age, so that the newer one wins; rows come in that order.
    assert sorted(map(str, again)) == sorted(map(str, rows))
    assert (coverage_again.found, set(coverage_again.gaps)) == (coverage.found, set(coverage.gaps))


def test_a_kind_that_every_cluster_has_and_the_dump_has_not_is_a_gap(folder: Path) -> None:
    without(folder, "CronJob")
    _, coverage = whole_inventory(dumped(folder))
    detail = gaps_of(coverage)["batch/v1 cronjobs"]
    assert "a dump cannot tell whether the cluster has none or it was not asked" in detail
    assert "kubectl get cronjobs.batch -A -o json > cronjobs.json" in detail
    assert not coverage.complete


def test_an_absent_kind_that_may_be_missing_is_excused(folder: Path) -> None:
    without(folder, "CronJob")
    assert whole_inventory(dumped(folder, may_be_missing=["batch/v1 cronjobs"]))[1].complete


def test_a_configured_custom_resource_that_the_dump_lacks_is_a_gap(folder: Path) -> None:
    custom = {"resource": "example.com/v1 pipelines", "kind": "Pipeline", "paths": [".spec.image"]}
    _, coverage = whole_inventory(dumped(folder, custom_resources=[custom]))
    assert list(gaps_of(coverage)) == ["example.com/v1 pipelines"]


def test_a_default_custom_resource_that_the_dump_lacks_is_excused(folder: Path) -> None:
    (folder / "runnerdeployments.json").unlink()
    assert whole_inventory(dumped(folder))[1].complete


def test_another_version_of_a_custom_resource_is_read_all_the_same(folder: Path) -> None:
    path = folder / "runnerdeployments.json"
    path.write_text(path.read_text().replace("dev/v1alpha1", "dev/v1beta9"))
    rows, _ = whole_inventory(dumped(folder))
    assert any(row.kind == "RunnerDeployment" for row in rows)


def test_a_cut_file_gives_its_rows_and_an_incomplete_snapshot(folder: Path) -> None:
    path = folder / "workloads.json"
    text = path.read_text()
    path.write_text(text[: text.index('"kind": "CronJob"') + 30])
    rows, coverage = whole_inventory(dumped(folder))
    gaps = gaps_of(coverage)
    assert str(path) in gaps["workloads.json"]
    assert "it ends in the middle of the JSON, so it was cut off" in gaps["workloads.json"]
    assert "kubectl get pods,deployments" in gaps["workloads.json"]
    assert "v1 pods" in gaps
    assert any(row.kind == "Pod" for row in rows)
    assert coverage.answered < coverage.asked


def test_a_broken_file_beside_a_good_one_is_a_gap_of_its_own(folder: Path) -> None:
    (folder / "error.json").write_text("error: You must be logged in to the server (Unauthorized)")
    rows, coverage = whole_inventory(dumped(folder))
    assert list(gaps_of(coverage)) == ["error.json"]
    assert next(iter(coverage.unexcused)).fault == "corrupt"
    assert len(rows) == 54


@pytest.mark.parametrize("content", ["", "not JSON", '{"kind": "List", "items": [', "apiVersion: v1\n"])
def test_a_dump_of_nothing_but_a_broken_file_ends_in_one_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "workloads.json"
    path.write_text(content)
    with pytest.raises(ClusterError, match="cannot be read whole") as caught:
        whole_inventory(dumped(tmp_path))
    assert str(path) in str(caught.value)
    assert "kubectl get pods" in str(caught.value)
    assert caught.value.fault == "corrupt"


@pytest.mark.parametrize("name", ["absent", "empty"])
def test_a_dump_that_is_not_there_says_how_to_make_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    source = dumped(tmp_path / name)
    for ask in (source.as_of, source.nodes, lambda: list(source.read())):
        with pytest.raises(ClusterError, match="make it there with `kubectl get pods") as caught:
            ask()
        assert caught.value.fault == "missing"
    (check,) = source.check_access()
    assert check.fault == "missing"


def test_kinds_without_images_are_no_problem(folder: Path) -> None:
    (folder / "more.json").write_text(json.dumps({
        "kind": "List", "apiVersion": "v1",
        "items": [{"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}}, {"kind": "Odd"}],
    }))  # fmt: skip
    rows, coverage = whole_inventory(dumped(folder))
    assert coverage.complete
    assert len(rows) == 54


def test_an_object_in_two_files_is_one_and_the_newer_file_is_believed(folder: Path) -> None:
    old = folder / "old.json"
    old.write_text((folder / "workloads.json").read_text().replace("ops/backup:1.1", "ops/backup:0.9"))
    os.utime(old, (1_700_000_000, 1_700_000_000))
    rows, coverage = whole_inventory(dumped(folder))
    assert coverage.found["v1 pods"] == 19
    assert len(rows) == 54
    assert not any(row.tag == "0.9" for row in rows)


def test_the_time_of_a_dump_is_that_of_its_oldest_file(folder: Path) -> None:
    os.utime(folder / "nodes.json", (1_700_000_000, 1_700_000_000))
    assert dumped(folder).as_of() == datetime.fromtimestamp(1_700_000_000, UTC)


def test_each_resource_ends_exactly_once_and_after_its_rows(folder: Path) -> None:
    ended: set[str] = set()
    for event in dumped(folder).read():
        if isinstance(event, RowsRead):
            assert event.resource not in ended
        elif isinstance(event, ResourceRead):
            assert event.resource not in ended
            ended.add(event.resource)
    assert len(ended) == 27


def test_a_look_at_a_dump_tells_what_it_holds(folder: Path) -> None:
    without(folder, "CronJob")
    checks = {check.resource: check for check in dumped(folder).check_access()}
    assert checks["v1 pods"].works
    assert checks["v1 pods"].detail == "19 in the dump"
    assert checks["batch/v1 cronjobs"].fault == "missing"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared fixtures are not beside this checkout")
@pytest.mark.parametrize("cluster", ["production", "staging"])
def test_deployments_alone_are_rows_and_an_incomplete_snapshot(cluster: str) -> None:
    path = SHARED / "kubectl-get-deployment" / f"{cluster}.json"
    rows, coverage = whole_inventory(dumped(path))
    assert {row.kind for row in rows} == {"Deployment"}
    assert coverage.found["apps/v1 deployments"] == len({row.name for row in rows})
    assert "v1 pods" in gaps_of(coverage)
    assert "apps/v1 deployments" not in gaps_of(coverage)


def without(folder: Path, kind: str) -> None:
    path = folder / "workloads.json"
    document = json.loads(path.read_text())
    document["items"] = [item for item in document["items"] if item["kind"] != kind]
    path.write_text(json.dumps(document))


def test_service_accounts_of_a_dump_are_known_where_it_holds_some(folder: Path) -> None:
    unknown = dumped(folder).service_accounts().unknown
    assert unknown is not None
    assert "kubectl get serviceaccounts -A -o json" in unknown
    puller = {
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "puller", "namespace": "shop"},
        "imagePullSecrets": [{"name": "quay"}],
    }  # fmt: skip
    (folder / "accounts.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [puller]}))
    accounts = dumped(folder).service_accounts()
    assert (accounts.unknown, accounts.of("shop", "puller")) == (None, ("quay",))
    (folder / "broken.json").write_text('{"kind": "List", "items": [')
    assert "cannot be read whole" in str(dumped(folder).service_accounts().unknown)

"""The whole registry looked at, used or not: what a real docker-registry and our own one show, and what they hide."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urljoin

import pandas as pd
import pytest
import requests

from assets.taking.health import examine
from assets.taking.torn_uploads import find_torn_uploads
from registry_core.errors import ClusterError
from resources.clusters.pod_commands import KEPT_LINES, CommandOutput
from resources.embedded_registry import EmbeddedRegistry
from tests.image_builder import make_image, make_multi_platform, push, push_blob
from tests.registries import DockerRegistry
from tests.registry_pipelines.eviction.estate import APP, REGISTRY, Estate

_OLD_SECONDS = 2 * 86_400


@pytest.fixture(params=["docker_registry", "embedded_registry"])
def estate(request: pytest.FixtureRequest, tmp_path: Path) -> Estate:
    """A site whose one pod uses `team/app:used`, which is fine."""
    registry: DockerRegistry | EmbeddedRegistry = request.getfixturevalue(request.param)
    return _site(tmp_path / "site", registry)


@pytest.fixture
def docker_estate(docker_registry: DockerRegistry, tmp_path: Path) -> Estate:
    return _site(tmp_path / "site", docker_registry)


def _site(root: Path, registry: DockerRegistry | EmbeddedRegistry) -> Estate:
    root.mkdir()
    estate = Estate(root, registry.url)
    estate.push("used", make_image([b"used"]), tag="used")
    estate.use(f"{APP}:used")
    estate.configure()
    return estate


def look(estate: Estate, *, everything: bool = True) -> pd.DataFrame:
    estate.survey()
    with estate.connections() as connections:
        return examine(connections, REGISTRY, everything=everything).findings


def delete(estate: Estate, repository: str, digest: str) -> None:
    requests.delete(f"{estate.url}/v2/{repository}/manifests/{digest}", timeout=10).raise_for_status()


def test_a_registry_in_order_has_no_finding(estate: Estate) -> None:
    assert look(estate).empty


def test_a_repository_with_nothing_but_untagged_manifests_is_told_once_everything_is_looked_at(estate: Estate) -> None:
    push(estate.url, "team/loose", make_image([b"loose"]))
    (finding,) = look(estate).to_dict("records")
    assert (finding["kind"], finding["what"], finding["repository"]) == ("missing", "tags", "team/loose")
    assert (finding["severity"], finding["used_by"]) == ("warning", "")
    assert look(estate, everything=False).empty


def test_a_repository_whose_images_were_all_deleted_is_told_as_long_as_the_registry_lists_it(
    docker_estate: Estate,
) -> None:
    image = make_image([b"gone"])
    push(docker_estate.url, "team/gone", image, "v1")
    delete(docker_estate, "team/gone", image.digest)
    assert list(look(docker_estate)["repository"]) == ["team/gone"]


def test_a_push_that_ended_before_its_manifest_leaves_a_repository_without_tags(docker_estate: Estate) -> None:
    with requests.Session() as session:
        push_blob(session, docker_estate.url, "team/torn", b"a layer whose manifest never came")
    (finding,) = look(docker_estate).to_dict("records")
    assert (finding["what"], finding["repository"]) == ("tags", "team/torn")
    assert "never came to its end" in finding["detail"]


def test_an_image_in_use_by_its_digest_alone_is_healthy_and_its_repository_told_to_be_without_tags(
    estate: Estate,
) -> None:
    image = make_multi_platform()
    push(estate.url, "team/pinned", image)
    estate.use(f"{APP}:used", f"team/pinned@{image.digest}")
    assert look(estate, everything=False).empty
    (finding,) = look(estate).to_dict("records")
    assert (finding["what"], finding["repository"]) == ("tags", "team/pinned")
    assert "1 of them is in use" in finding["detail"]


def test_an_image_in_use_by_digest_whose_tag_moved_on_is_looked_at_whole(docker_estate: Estate) -> None:
    before, estate = make_image([b"before"]), docker_estate
    estate.push("before", before, tag="moving")
    estate.push("after", make_image([b"after"]), tag="moving")
    estate.use(f"{APP}@{before.digest}")
    assert look(estate).empty
    _lose_blob(estate, before.layer_digests[0])
    (finding,) = look(estate).to_dict("records")
    assert (finding["kind"], finding["what"], finding["digest"]) == ("missing", "layer", before.digest)
    assert finding["used_by"] == "production shop/web (Pod)"


@pytest.mark.parametrize(("child", "severity"), [(0, "error"), (1, "warning")])
def test_a_lost_layer_is_as_grave_when_everything_is_looked_at_as_when_only_what_is_in_use_is(
    docker_estate: Estate, child: int, severity: str
) -> None:
    index = docker_estate.push("index", make_multi_platform(), tag="multi")
    docker_estate.use(f"{APP}:multi")
    lost = index.children[child].layer_digests[0]
    _lose_blob(docker_estate, lost)
    (finding,) = look(docker_estate).to_dict("records")
    assert (finding["what"], finding["blob"], finding["severity"]) == ("layer", lost, severity)
    assert finding["used_by"] == "production shop/web (Pod)"
    in_use = list(look(docker_estate, everything=False)["severity"])
    assert in_use == (["error"] if severity == "error" else [])


def test_an_image_in_use_by_digest_that_is_gone_is_missing(estate: Estate) -> None:
    image = estate.push("gone", make_image([b"gone"]), tag="gone")
    delete(estate, APP, image.digest)
    estate.use(f"{APP}@{image.digest}")
    (finding,) = look(estate).to_dict("records")
    assert (finding["kind"], finding["what"], finding["digest"]) == ("missing", "reference", image.digest)


def test_a_child_that_the_registry_lost_is_told_with_the_index_that_lists_it(docker_estate: Estate) -> None:
    index = docker_estate.push("index", make_multi_platform(), tag="multi")
    lost = index.children[1]
    delete(docker_estate, APP, lost.digest)
    findings = look(docker_estate)
    assert {(row["kind"], row["what"], row["digest"], row["blob"]) for row in findings.to_dict("records")} == {
        ("missing", "child", index.digest, lost.digest)
    }


def test_a_tag_that_resolves_to_nothing_is_told(docker_estate: Estate) -> None:
    image = docker_estate.push("lost", make_image([b"lost"]), tag="lost")
    hexadecimal = image.digest.removeprefix("sha256:")
    shutil.rmtree(_storage(docker_estate) / "repositories" / APP / "_manifests" / "revisions" / "sha256" / hexadecimal)
    (finding,) = look(docker_estate).to_dict("records")
    assert (finding["kind"], finding["what"], finding["tag"]) == ("missing", "tag", "lost")


def test_a_manifest_whose_layer_never_came_is_told(docker_estate: Estate) -> None:
    image = docker_estate.push("torn", make_image([b"torn"]), tag="torn")
    _lose_blob(docker_estate, image.layer_digests[0])
    (finding,) = look(docker_estate).to_dict("records")
    assert (finding["kind"], finding["what"], finding["blob"]) == ("missing", "layer", image.layer_digests[0])


class StorageAtHand:
    """Runs commands on the storage as the pod would."""

    def __init__(self, storage: Path) -> None:
        self._storage = storage

    def run(self, command: Sequence[str]) -> CommandOutput:
        named = [str(self._storage) if word == "/var/lib/registry" else word for word in command]
        done = subprocess.run(named, capture_output=True, text=True, check=False)
        return CommandOutput(done.returncode, tuple((done.stdout + done.stderr).splitlines()))


class Says:
    def __init__(self, *lines: str, status: int = 0) -> None:
        self._ended = CommandOutput(status, lines)

    def run(self, command: Sequence[str]) -> CommandOutput:
        return self._ended


def test_uploads_that_nobody_finished_are_found_in_the_storage_and_those_under_way_are_not(
    docker_estate: Estate,
) -> None:
    for repository in ("team/torn", "team/busy"):
        _begin_upload(docker_estate, repository)
    (started,) = (_storage(docker_estate) / "repositories" / "team/torn" / "_uploads").glob("*/startedat")
    os.utime(started, (time.time() - _OLD_SECONDS,) * 2)
    with _with_collection(docker_estate).connections() as connections:
        runs = StorageAtHand(_storage(docker_estate).parents[2])
        findings, gap = find_torn_uploads(connections, REGISTRY, runs=runs)
    assert gap is None
    assert [(one.what, one.repository) for one in findings] == [("upload", "team/torn")]


def test_a_storage_that_cannot_be_looked_into_is_told_and_not_taken_for_clean(estate: Estate) -> None:
    estate = _with_collection(estate)
    estate.survey()
    with estate.connections() as connections:
        findings, gap = find_torn_uploads(connections, REGISTRY, runs=Says("find: no such folder", status=1))
        assert (findings, gap and gap.fault) == ([], "missing")
        assert gap is not None
        assert "no such folder" in gap.detail
        found = examine(connections, REGISTRY, everything=True)  # a dump has no pod to run anything in
    assert [unseen.place for unseen in found.unseen] == [gap.place]
    assert found.coverage.complete
    assert found.coverage.gaps[-1].excused


def test_more_uploads_than_can_be_read_are_told_as_such(estate: Estate) -> None:
    line = "/docker/registry/v2/repositories/team/torn/_uploads/1/startedat"
    with _with_collection(estate).connections() as connections:
        findings, gap = find_torn_uploads(connections, REGISTRY, runs=Says(*[line] * KEPT_LINES))
    assert len(findings) == 1
    assert gap is not None
    assert "more than" in gap.detail


def test_without_a_pod_that_is_named_nothing_is_asked(estate: Estate) -> None:
    class Never:
        def run(self, command: Sequence[str]) -> CommandOutput:
            raise ClusterError("asked", fault="forbidden")

    with estate.connections() as connections:
        assert find_torn_uploads(connections, REGISTRY, runs=Never()) == ([], None)


def _with_collection(estate: Estate) -> Estate:
    estate.settings["collection"] = {"cluster": "production"}
    estate.configure()
    return estate


def _begin_upload(estate: Estate, repository: str) -> None:
    begun = requests.post(f"{estate.url}/v2/{repository}/blobs/uploads/", timeout=10)
    at = urljoin(f"{estate.url}/", begun.headers["Location"])
    headers = {"Content-Type": "application/octet-stream"}
    requests.patch(at, data=b"half of it", headers=headers, timeout=10).raise_for_status()


def _storage(estate: Estate) -> Path:
    """The storage of docker-registry, which lies beside the site."""
    return estate.root.parent / "docker-registry" / "storage" / "docker" / "registry" / "v2"


def _lose_blob(estate: Estate, digest: str) -> None:
    hexadecimal = digest.removeprefix("sha256:")
    (_storage(estate) / "blobs" / "sha256" / hexadecimal[:2] / hexadecimal / "data").unlink()

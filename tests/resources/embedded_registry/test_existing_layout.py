"""A layout that others wrote, with hosts in front of its names, and broken on purpose: served honestly."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_core.errors import ConfigError
from resources.embedded_registry import EmbeddedRegistry, Layout
from tests.image_builder import BuiltImage, canonical, digest_of, make_image, make_referrer, push
from tests.resources.embedded_registry.conftest import Api, assert_error
from tests.resources.embedded_registry.processes import REPOSITORY_ROOT

QUICKSTART = REPOSITORY_ROOT / "examples" / "quickstart"


@pytest.fixture
def company(tmp_path: Path) -> Path:
    """The layout of the quickstart company."""
    with tarfile.open(QUICKSTART / "registry.example.com.tar.gz") as tar:
        tar.extractall(tmp_path / "company", filter="data")
    return tmp_path / "company"


@pytest.fixture
def api(company: Path) -> Iterator[Api]:
    with EmbeddedRegistry(company) as registry, Api(registry.url) as session:
        yield session


def breakages() -> dict[str, dict[str, str]]:
    return {entry["image"]: entry for entry in json.loads((QUICKSTART / "breakages.json").read_bytes())}


def test_every_tag_of_the_index_is_listed_without_its_host(api: Api, company: Path) -> None:
    index = json.loads((company / "index.json").read_bytes())
    names = {entry["annotations"]["org.opencontainers.image.ref.name"] for entry in index["manifests"]}
    served = {
        f"registry.example.com/{repository}:{tag}"
        for repository in api.get("/v2/_catalog").json()["repositories"]
        for tag in api.get(f"/v2/{repository}/tags/list").json()["tags"]
    }
    assert served == names
    assert len(served) == 132


def test_a_tag_whose_manifest_is_gone_is_listed_and_answers_404(api: Api) -> None:
    gone = breakages()["legacy/importer:r3"]
    assert "r3" in api.get("/v2/legacy/importer/tags/list").json()["tags"]
    assert_error(api.get("/v2/legacy/importer/manifests/r3"), 404, "MANIFEST_UNKNOWN")
    assert api.head(f"/v2/legacy/importer/manifests/{gone['digest']}").status_code == 404


def test_a_tag_that_was_removed_is_neither_listed_nor_served(api: Api) -> None:
    assert "2026.03" not in api.get("/v2/shop/frontend/tags/list").json()["tags"]
    assert api.get("/v2/shop/frontend/manifests/2026.03").status_code == 404


def test_a_missing_layer_is_404_under_a_manifest_that_answers(api: Api) -> None:
    broken = breakages()["tools/runner:1.1.3"]
    manifest = api.get("/v2/tools/runner/manifests/1.1.3")
    assert manifest.headers["Docker-Content-Digest"] == broken["digest"]
    assert broken["blob"] in {layer["digest"] for layer in manifest.json()["layers"]}
    assert_error(api.get(f"/v2/tools/runner/blobs/{broken['blob']}"), 404, "BLOB_UNKNOWN")


def test_a_lost_child_is_404_and_its_sisters_are_served(api: Api) -> None:
    lost = breakages()["base/python:3.11"]["child"]
    children = {child["digest"] for child in api.get("/v2/base/python/manifests/3.11").json()["manifests"]}
    assert lost in children
    for digest in children - {lost}:
        assert api.get(f"/v2/base/python/manifests/{digest}").status_code == 200
    assert_error(api.get(f"/v2/base/python/manifests/{lost}"), 404, "MANIFEST_UNKNOWN")


def test_corrupt_bytes_are_served_as_they_are(api: Api) -> None:
    corrupt = breakages()["health/api:build-1002"]["blob"]
    answer = api.get(f"/v2/health/api/blobs/{corrupt}")
    assert answer.status_code == 200
    assert digest_of(answer.content) != corrupt


def test_every_other_image_is_served_whole(api: Api) -> None:
    broken = {value for entry in breakages().values() for value in entry.values()}
    for repository in api.get("/v2/_catalog").json()["repositories"]:
        for tag in api.get(f"/v2/{repository}/tags/list").json()["tags"]:
            answer = api.get(f"/v2/{repository}/manifests/{tag}")
            if f"{repository}:{tag}" == "legacy/importer:r3":
                continue
            assert digest_of(answer.content) == answer.headers["Docker-Content-Digest"]
            for blob in (answer.json().get("config"), *answer.json().get("layers", ())):
                if blob is not None and blob["digest"] not in broken:
                    assert api.head(f"/v2/{repository}/blobs/{blob['digest']}").status_code == 200


def test_a_subject_in_an_old_layout_is_found_by_the_referrers_api(api: Api) -> None:
    sbom = api.get("/v2/health/api/manifests/sbom-2.3.0")
    subject = sbom.json()["subject"]["digest"]
    (descriptor,) = api.get(f"/v2/health/api/referrers/{subject}").json()["manifests"]
    assert descriptor["digest"] == sbom.headers["Docker-Content-Digest"]


def test_serving_leaves_the_index_alone_until_a_tag_changes(company: Path) -> None:
    before = (company / "index.json").read_bytes()
    for _ in range(2):
        with Layout(company) as layout:
            assert len(layout.tags("legacy/importer")) > 1
    assert (company / "index.json").read_bytes() == before
    with Layout(company) as layout:
        listed = {name: set(layout.tags(name)) for name in layout.repositories()}
        push(layout, "health/web", make_image([b"new"]), "9.9.9")
    with Layout(company) as layout:
        listed["health/web"].add("9.9.9")
        assert {name: set(layout.tags(name)) for name in layout.repositories()} == listed


def test_a_layout_is_served_read_only_without_a_trace(company: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in company.rglob("*")}
    with Layout(company, read_only=True) as layout:
        assert layout.read_manifest("health/web", "1.0.0")
    assert {path: path.stat().st_mtime_ns for path in company.rglob("*")} == before


def write_layout(root: Path, *entries: tuple[str | None, BuiltImage]) -> None:
    """A layout as another tool writes it: no holdings, names as given."""
    folder = root / "blobs" / "sha256"
    folder.mkdir(parents=True)
    (root / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    manifests = []
    for name, image in entries:
        for content in (image.manifest_bytes, *image.blobs.values()):
            (folder / digest_of(content).partition(":")[2]).write_bytes(content)
        annotations = {"annotations": {"org.opencontainers.image.ref.name": name}} if name else {}
        manifests.append({**image.descriptor, **annotations})
    (root / "index.json").write_bytes(canonical({"schemaVersion": 2, "manifests": manifests}))


def test_hosts_with_ports_localhost_and_no_host_at_all_are_understood(tmp_path: Path) -> None:
    names = ["localhost/a:1", "localhost:5000/b:1", "registry.local:5000/c/d:1", "library/e:1", "f:1"]
    write_layout(tmp_path / "r", *[(name, make_image([name.encode()])) for name in names])
    with Layout(tmp_path / "r") as layout:
        assert layout.repositories() == ["a", "b", "c/d", "f", "library/e"]


def test_a_repository_of_ours_that_looks_like_a_host_keeps_its_name(tmp_path: Path) -> None:
    with Layout(tmp_path / "r") as layout:
        push(layout, "my.host/app", make_image(), "1.0")
    for _ in range(2):
        with Layout(tmp_path / "r") as layout:
            assert layout.repositories() == ["my.host/app"]
            push(layout, "my.host/app", make_image(), "2.0")


def test_two_hosts_with_the_same_name_and_other_content_are_refused_with_the_place(tmp_path: Path) -> None:
    one, two = make_image([b"one"]), make_image([b"two"])
    write_layout(tmp_path / "r", ("a.example/app:1", one), ("b.example/app:1", two))
    with pytest.raises(ConfigError, match=r"index\.json manifests\.1.*app:1 stands here twice"):
        Layout(tmp_path / "r")


def test_descriptors_that_name_no_repository_survive_and_keep_their_bytes(tmp_path: Path) -> None:
    nameless, bare, ours = make_image([b"nameless"]), make_image([b"bare"]), make_image([b"bare"], {"x": 1})
    write_layout(tmp_path / "r", (None, nameless), ("latest", bare), ("team/app:1", ours))
    with Layout(tmp_path / "r") as layout:
        assert layout.repositories() == ["team/app"]
        layout.delete_manifest("team/app", ours.digest)
        layout.delete_blob("team/app", digest_of(b"bare"))
        assert layout.files.size_bytes(digest_of(b"bare")) is not None  # the bare one needs it
    index = json.loads((tmp_path / "r" / "index.json").read_bytes())
    assert [entry["digest"] for entry in index["manifests"]] == [nameless.digest, bare.digest]


def test_a_referrer_whose_bytes_are_gone_is_still_listed(tmp_path: Path) -> None:
    image = make_image()
    referrer = make_referrer(image)
    with Layout(tmp_path / "r") as layout:
        push(layout, "team/app", referrer)
        layout.files.path(referrer.digest).unlink()
        assert layout.referrers("team/app", image.digest) == [referrer.descriptor]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"manifests": 1}'])
def test_an_index_that_is_none_is_refused_with_its_name(tmp_path: Path, content: str) -> None:
    write_layout(tmp_path / "r")
    (tmp_path / "r" / "index.json").write_text(content)
    with pytest.raises(ConfigError, match=r"index\.json.*cannot be read as an OCI image index"):
        Layout(tmp_path / "r")


@pytest.mark.parametrize("content", ["", "{}", '{"imageLayoutVersion": "2.0.0"}'])
def test_a_layout_of_another_kind_is_refused_with_its_name(tmp_path: Path, content: str) -> None:
    write_layout(tmp_path / "r")
    (tmp_path / "r" / "oci-layout").write_text(content)
    with pytest.raises(ConfigError, match="oci-layout"):
        Layout(tmp_path / "r")

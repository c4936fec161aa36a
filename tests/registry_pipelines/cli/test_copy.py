"""`copy` over real registries: what it says, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from resources.embedded_registry import EmbeddedRegistry
from tests.image_builder import cosign_tag, make_cosign_signature, make_image, make_multi_platform, make_referrer, push
from tests.registries import DockerRegistry
from tests.registry_pipelines.cli.calling import call

_IMAGE = make_multi_platform(attested=True)


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who is signed in nowhere and has no site."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("DOCKER_CONFIG", "XDG_RUNTIME_DIR", "REGISTRY_AUTH_FILE", "REGISTRY_PIPELINES_CONFIG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def filled(embedded_registry: EmbeddedRegistry) -> EmbeddedRegistry:
    push(embedded_registry.layout, "team/app", _IMAGE, "v1")
    push(embedded_registry.layout, "team/app", make_cosign_signature(_IMAGE), cosign_tag(_IMAGE))
    push(embedded_registry.layout, "team/app", make_referrer(_IMAGE))
    return embedded_registry


def test_one_image_is_copied_and_then_it_is_there(filled: EmbeddedRegistry, docker_registry: DockerRegistry) -> None:
    ended = call("copy", f"{filled.host}/team/app:v1", f"{docker_registry.url}/moved/app", "--json")
    assert ended.code == 0, ended.err
    (row,) = json.loads(ended.out)
    assert (row["outcome"], row["digest"], row["manifests"]) == ("copied", _IMAGE.digest, 7)
    again = call("copy", f"{filled.host}/team/app:v1", f"{docker_registry.host}/moved/app:v1", "--json")
    assert [row["outcome"] for row in json.loads(again.out)] == ["already there"]
    bare = call(
        "copy", f"{filled.host}/team/app@{_IMAGE.digest}", f"{docker_registry.host}/bare",
        "--no-referrers", "--no-signatures", "--json",
    )  # fmt: skip
    assert [row["manifests"] for row in json.loads(bare.out)] == [5]


def test_configured_names_are_known(filled: EmbeddedRegistry, docker_registry: DockerRegistry, tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(f"registries: {{old: {{url: '{filled.url}'}}, new: {{url: '{docker_registry.url}'}}}}")
    ended = call("--config", site, "copy", "old/team/app:v1", "new/team/app")
    assert ended.code == 0, ended.err
    assert "copied" in ended.out
    assert f"`registry-pipelines --config {site} catalog new` reads it again" in ended.err
    by_host = call("--config", site, "copy", "old/team/app:v1", f"{docker_registry.host}/again/app:v1")
    assert "catalog new` reads it again" in by_host.err
    assert "reads it again" not in call("--config", site, "copy", "old/team/app:v1", "new/team/app").err


@pytest.mark.parametrize(("rule", "code"), [("refuse", 3), ("keep", 0), ("overwrite", 0)])
def test_a_tag_that_points_elsewhere_ends_by_the_rule(
    filled: EmbeddedRegistry, docker_registry: DockerRegistry, rule: str, code: int
) -> None:
    push(docker_registry, "team/app", make_image([b"another"]), "v1")
    ended = call(
        "copy", f"{filled.host}/team/app:v1", f"{docker_registry.host}/team/app", "--on-conflict", rule
    )  # fmt: skip
    assert ended.code == code
    assert ("--on-conflict" in ended.err) == (code == 3)


def test_an_image_that_is_not_there_ends_with_4_and_a_registry_that_is_not_with_5(
    filled: EmbeddedRegistry, docker_registry: DockerRegistry
) -> None:
    ended = call("copy", f"{filled.host}/team/app:v9", f"{docker_registry.host}/team/app")
    assert ended.code == 4
    assert "v9" in ended.err
    assert "was not written" not in ended.err, "the destination was not asked"
    assert call("copy", f"{filled.host}/team/app:v1", "127.0.0.1:1/team/app").code == 5


@pytest.mark.parametrize(
    ("source", "destination", "said"),
    [
        ("127.0.0.1:1/App:v1", "127.0.0.1:1/app", "lower case"),
        ("http://127.0.0.1:1", "127.0.0.1:1/app", "names no image"),
        ("127.0.0.1:1/app:v1", "127.0.0.1:1/app@sha256:" + "0" * 64, "keeps the digest"),
    ],
)
def test_what_cannot_be_meant_ends_with_2(source: str, destination: str, said: str) -> None:
    ended = call("copy", source, destination)
    assert ended.code == 2
    assert said in ended.err

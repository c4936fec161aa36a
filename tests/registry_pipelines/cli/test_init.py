"""`init` writes a file that loads, from what is set up on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from registry_core.policy import read_policies
from registry_core.policy_rules import SEEN_WITHIN, KeepInUse
from registry_pipelines.cli.site_file import site_text
from registry_pipelines.cli.surroundings import guess_environment, names_for
from resources.configuration.load import load_site
from resources.configuration.registry_settings import RegistrySettings
from resources.configuration.settings import ClusterSettings
from tests.registry_pipelines.cli.calling import call


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home directory, and nothing in the environment."""
    for variable in (
        "KUBECONFIG",
        "DOCKER_CONFIG",
        "XDG_RUNTIME_DIR",
        "REGISTRY_AUTH_FILE",
        "REGISTRY_PIPELINES_CONFIG",
    ):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def set_up(home: Path) -> None:
    (home / ".kube").mkdir()
    contexts = [
        {"name": name, "context": {}} for name in ("arn:aws:eks:eu-west-1:1:cluster/prod", "admin@staging", "yes")
    ]
    (home / ".kube/config").write_text(
        yaml.safe_dump({"contexts": contexts, "users": [{"user": {"token": "hunter2"}}]})
    )
    (home / ".docker").mkdir()
    auths = {
        "https://index.docker.io/v1/": {"auth": "aHVudGVyMjpodW50ZXIy"},
        "harbor.example.com:8443": {},
        "localhost:5000": {},
    }
    (home / ".docker/config.json").write_text(json.dumps({"auths": auths}))


def test_the_file_has_the_contexts_and_the_registries_of_this_machine(home: Path) -> None:
    set_up(home)
    ended = call("init")
    assert ended.code == 0, ended.err
    site = load_site(home / "registry_pipelines.yaml").site
    assert {name: cluster.context for name, cluster in site.clusters.items()} == {
        "prod": "arn:aws:eks:eu-west-1:1:cluster/prod",
        "admin-staging": "admin@staging",
        "yes": "yes",
    }
    assert site.clusters["admin-staging"].environment == "staging"
    assert {name: registry.url for name, registry in site.registries.items()} == {
        "docker.io": "https://registry-1.docker.io",
        "harbor.example.com:8443": "https://harbor.example.com:8443",
        "localhost:5000": "http://localhost:5000",
    }
    assert site.registry_of_host("docker.io") == "docker.io"
    credentials = site.registries["docker.io"].credentials
    assert credentials is not None
    assert credentials.docker_config == str(home / ".docker/config.json")


def test_no_secret_gets_into_the_file(home: Path) -> None:
    set_up(home)
    call("init")
    text = (home / "registry_pipelines.yaml").read_text()
    assert "hunter2" not in text
    assert "aHVudGVy" not in text


def test_without_a_kubeconfig_the_examples_are_comments_and_the_file_loads(home: Path) -> None:
    ended = call("init")
    assert ended.code == 0
    assert "no context was found in the kubeconfig" in ended.err
    path = home / "registry_pipelines.yaml"
    site = load_site(path).site
    assert (site.clusters, site.registries) == ({}, {})
    assert "# production:" in path.read_text()
    assert "# Note: no docker config was found" in path.read_text()


def test_a_kubeconfig_that_cannot_be_read_is_told(home: Path) -> None:
    (home / ".kube").mkdir()
    (home / ".kube/config").write_text("contexts: [hunter2")
    ended = call("init")
    assert ended.code == 0
    assert "is no kubeconfig that can be read" in ended.err
    assert "hunter2" not in ended.err + (home / "registry_pipelines.yaml").read_text()


def test_several_kubeconfigs_are_read_as_kubectl_does(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        (home / name).write_text(yaml.safe_dump({"contexts": [{"name": name}, {"name": "both"}]}))
    monkeypatch.setenv("KUBECONFIG", f"{home}/a:{home}/absent:{home}/b")
    call("init", "site.yaml")
    assert list(load_site(home / "site.yaml").site.clusters) == ["a", "both", "b"]


def test_a_file_that_is_there_is_never_written_over_without_force(home: Path) -> None:
    path = home / "registry_pipelines.yaml"
    path.write_text("mine")
    ended = call("init")
    assert ended.code == 2
    assert "write over it with --force" in ended.err
    assert path.read_text() == "mine"
    assert call("init", "--force").code == 0
    assert "mine" not in path.read_text()


def test_the_path_is_the_one_that_other_commands_read(home: Path) -> None:
    assert call("--config", home / "elsewhere.yaml", "init").code == 0
    assert (home / "elsewhere.yaml").exists()


def test_a_folder_that_is_not_there_is_told(home: Path) -> None:
    ended = call("init", home / "nowhere/site.yaml")
    assert ended.code == 2
    assert "cannot be written: No such file or directory" in ended.err


@pytest.mark.parametrize(("model", "section"), [(ClusterSettings, "clusters"), (RegistrySettings, "registries")])
def test_every_key_in_a_comment_can_be_uncommented(tmp_path: Path, model: type, section: str) -> None:
    alternatives = {"in_cluster", "server", "dump", "token"}  # another way to reach the cluster, or part of one
    text = site_text({"production": {"context": "c"}}, {"r": {"url": "https://r.example"}})
    for key in set(model.model_fields) - alternatives:
        lines = [
            line.replace("# ", "", 1) if line.lstrip().startswith(f"# {key}: ") and line.startswith("    ") else line
            for line in text.splitlines()
        ]
        path = tmp_path / "site.yaml"
        path.write_text("\n".join(lines) + "\n")
        assert key in next(iter(load_site(path).site.model_dump(exclude_unset=True)[section].values())), key


def test_other_sections_can_be_uncommented_too(tmp_path: Path) -> None:
    lines = site_text({"c": {"context": "c"}}, {"r": {"url": "https://r.example"}}).splitlines()
    path = tmp_path / "site.yaml"
    keys = ("url:", "password:", "max_", "min_", "severity:", "policies:", "inventory:", "catalog:", "switched_on:")
    wanted = tuple(f"{indent}# {key}" for key in keys for indent in ("", "  "))
    path.write_text("\n".join(line.replace("# ", "", 1) if line.startswith(wanted) else line for line in lines))
    site = load_site(path).site
    assert site.database.password is not None
    assert site.severity == {"production": "error"}
    assert len(site.policies) == 1


def test_names_are_short_and_differ() -> None:
    assert names_for(["a/prod", "b/prod", "***"]) == {"prod": "a/prod", "prod-2": "b/prod", "cluster": "***"}


@pytest.mark.parametrize(
    ("name", "environment"),
    [
        ("prod-eu", "production"),
        ("eu-stg-1", "staging"),
        ("kind-local", "development"),
        ("qa", "testing"),
        ("x", "production"),
    ],
)
def test_what_a_cluster_is_for_is_guessed_on_the_strict_side(name: str, environment: str) -> None:
    assert guess_environment(name) == environment


def test_the_file_names_the_window_within_which_uses_count(home: Path) -> None:
    assert call("init").code == 0
    written = (home / "registry_pipelines.yaml").read_text()
    (line,) = [line for line in written.splitlines() if line.startswith("# policies:")]
    (entry,) = read_policies(yaml.safe_load(line.removeprefix("# "))["policies"]).entries
    assert entry.keep_in_use == KeepInUse(seen_within=SEEN_WITHIN)

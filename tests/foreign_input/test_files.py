"""What people write, and what other programs leave in files: the site's file, docker configs, kubeconfigs, layouts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from registry_core.errors import ConfigError
from registry_pipelines.cli.surroundings import find_contexts, find_registries
from registry_pipelines.config import choose_registry
from resources.check_endpoint import CheckEndpoint
from resources.clusters.connection import Connection
from resources.configuration.credential_helpers import _credential
from resources.configuration.docker_config import parse_docker_config, split_key
from resources.configuration.document import parse_document
from resources.configuration.load import find_site_file, load_site
from resources.configuration.paths import from_home
from resources.configuration.secrets import SecretName, read_secret
from resources.configuration.settings import ClusterSettings
from resources.embedded_registry.index_file import check_layout, read_index
from resources.embedded_registry.manifest_document import media_type_within, read_manifest_document
from tests.foreign_input import shapes
from tests.foreign_input.garbage import QUICK, SLOW, bodies, error_of, plain, spoiled, texts

COVERS: tuple[str, ...] = (
    "resources.check_endpoint",
    "resources.clusters.connection",
    "resources.configuration.credential_helpers",
    "resources.configuration.docker_config",
    "resources.configuration.document",
    "resources.configuration.load",
    "resources.configuration.paths",
    "resources.embedded_registry.index_file",
    "resources.embedded_registry.manifest_document",
    "registry_pipelines.cli.surroundings",
    "registry_pipelines.config",
)

KUBECONFIG = {
    "apiVersion": "v1", "kind": "Config", "current-context": "prod",
    "clusters": [{"name": "c", "cluster": {"server": "https://k.example.com", "proxy-url": "http://p:1",
                                           "certificate-authority-data": "e30="}}],
    "users": [{"name": "u", "user": {"token": "t", "exec": {"command": "true", "args": []}}}],
    "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
}  # fmt: skip
HELPED = {"ServerURL": "h", "Username": "u", "Secret": "s"}
LAYOUT_INDEX = {
    "schemaVersion": 2,
    "manifests": [{"mediaType": shapes.OCI_MANIFEST, "digest": "sha256:" + "0" * 64, "size": 1,
                   "annotations": {"org.opencontainers.image.ref.name": "team/app:v1"}}],
}  # fmt: skip


def test_the_shapes_are_read_when_nothing_is_spoiled(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(json.dumps(shapes.SITE))
    load_site(site)
    assert len(parse_docker_config(json.dumps(shapes.DOCKER_CONFIG).encode(), place="x").entries) == 3


@SLOW
@given(bodies(shapes.SITE))
def test_no_site_file_raises_what_is_not_ours(tmp_path_factory: pytest.TempPathFactory, body: bytes) -> None:
    """JSON is YAML, so the same garbage does for both."""
    site = tmp_path_factory.mktemp("site") / "site.yaml"
    site.write_bytes(body)
    error = error_of(lambda: load_site(site))
    assert error is None or isinstance(error, ConfigError)


@SLOW
@given(spoiled(shapes.SITE))
def test_no_site_file_in_yaml_raises_what_is_not_ours(tmp_path_factory: pytest.TempPathFactory, site: Any) -> None:
    path = tmp_path_factory.mktemp("site") / "site.yaml"
    text = yaml.safe_dump(plain(site), allow_unicode=True)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    error_of(lambda: load_site(path))


@QUICK
@given(texts)
def test_no_text_is_too_odd_for_yaml(text: str) -> None:
    for written in (text, f"a: {text}", f"- {text}", f'a: "{text}"', f"{text}: {text}", f"a: &x [*x, {text}]"):
        error_of(lambda written=written: parse_document(written, name="site.yaml"))


@QUICK
@given(bodies(shapes.DOCKER_CONFIG), st.booleans(), texts)
def test_no_docker_config_raises_what_is_not_ours(body: bytes, legacy: bool, key: str) -> None:
    split_key(key)

    def read() -> None:
        found = parse_docker_config(body, place="config.json", legacy=legacy)
        found.hosts()
        for host in ("registry.example.com", "docker.io", "a.example.com:1"):
            found.credentials_for(host, "team/app")

    assert "\n" not in str(error_of(read))


@QUICK
@given(bodies(HELPED))
def test_no_answer_of_a_credential_helper_raises_what_is_not_ours(body: bytes) -> None:
    error_of(lambda: _credential(body, command="docker-credential-x", host="h", place="config.json"))


@SLOW
@given(bodies(KUBECONFIG), texts)
def test_no_kubeconfig_raises_what_is_not_ours(
    tmp_path_factory: pytest.TempPathFactory, body: bytes, text: str
) -> None:
    path = tmp_path_factory.mktemp("kube") / "config"
    path.write_bytes(body)
    server = "https://" + "".join(one for one in text if one.isprintable())[:200]
    for settings in (
        ClusterSettings(context="prod", kubeconfig=str(path)),
        ClusterSettings(server=server, token=SecretName(env="T")),
    ):
        connection = Connection("production", settings, lambda _: "t")
        connection.describe()
        assert "\n" not in str(error_of(connection.open))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("KUBECONFIG", str(path))
        find_contexts()
        environment.setenv("DOCKER_CONFIG", str(path.parent))
        (path.parent / "config.json").write_bytes(body)
        find_registries()


@QUICK
@given(texts)
def test_no_path_and_no_address_raises_what_is_not_ours(text: str) -> None:
    error_of(lambda: from_home(text), ValueError)
    error_of(lambda: choose_registry(text, None))
    error_of(lambda: choose_registry(f"https://{text}", None))
    for url in (text, f"http://{text}"):
        error_of(lambda url=url: CheckEndpoint(url).fetch() if "://" not in url else None)
    usable = text.replace("\0", "").encode("utf-8", "replace").decode()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("REGISTRY_PIPELINES_CONFIG", usable)
        environment.setenv("KUBECONFIG", usable)
        error_of(find_site_file)
        error_of(load_site)
        find_contexts()
        connection = Connection("production", ClusterSettings(context="prod"), lambda _: "t")
        error_of(connection.open)


@QUICK
@given(texts)
def test_no_name_of_a_secret_raises_what_is_not_ours(text: str) -> None:
    for written in ({"file": text}, {"env": text}):
        try:
            name = SecretName.model_validate(written)
        except ValueError:
            continue
        error_of(lambda name=name: read_secret(name))


@QUICK
@given(bodies(*shapes.MANIFESTS), bodies(LAYOUT_INDEX), bodies({"imageLayoutVersion": "1.0.0"}))
def test_no_push_and_no_layout_raises_what_is_not_ours(
    tmp_path_factory: pytest.TempPathFactory, body: bytes, index: bytes, marker: bytes
) -> None:
    media_type_within(body)
    for media_type in (shapes.OCI_INDEX, shapes.OCI_MANIFEST, "application/vnd.docker.distribution.manifest.v2+json"):
        error_of(lambda media_type=media_type: read_manifest_document(body, media_type))
    root = tmp_path_factory.mktemp("layout")
    (root / "oci-layout").write_bytes(marker)
    (root / "index.json").write_bytes(index)
    error_of(lambda: check_layout(root))
    error_of(lambda: read_index(root, known=["team/app"]))

"""Docker configs and pull secrets: which login belongs to which registry, and that none is ever shown."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from registry_core.errors import ConfigError
from registry_core.references import DOCKER_HUB, host_of
from resources.configuration.docker_config import DockerConfig, parse_docker_config
from resources.registry.sign_in.login import BearerToken, Credential, IdentityToken, Login

VECTORS = Path(__file__).parents[4] / "shared" / "fixtures" / "dockerconfigjson_vectors.json"


def vectors(name: str) -> list[Any]:
    if not VECTORS.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason="the shared fixtures are not beside the repository"))]
    found = json.loads(VECTORS.read_text())[name]
    return list(found.items()) if isinstance(found, dict) else list(found)


def config(auths: dict[str, Any], **more: Any) -> DockerConfig:
    return parse_docker_config(json.dumps({"auths": auths, **more}).encode(), place="config.json")


def auth(text: str) -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode()}


def for_image(found: DockerConfig, image: str) -> tuple[Credential, ...]:
    host, _, repository = (
        "docker.io/" + image if host_of(image) == DOCKER_HUB and "." not in image else image
    ).partition("/")
    return found.credentials_for(host, repository)


@pytest.mark.parametrize("vector", vectors("glob_match"))
def test_keys_match_as_the_kubelet_matches_globs(vector: dict[str, Any]) -> None:
    host, _, repository = vector["target"].partition("/")
    assert bool(config({vector["pattern"]: auth("u:p")}).credentials_for(host, repository)) is vector["match"]


@pytest.mark.parametrize("vector", vectors("keyring_hit"))
def test_keys_that_the_kubelet_finds_are_found(vector: dict[str, Any]) -> None:
    assert for_image(config({vector["key"]: auth("u:p")}), vector["image"]) == (Login("u", "p"),)


@pytest.mark.parametrize("vector", vectors("keyring_miss"))
def test_keys_that_the_kubelet_does_not_find_are_not_found(vector: dict[str, Any]) -> None:
    assert for_image(config({vector["key"]: auth("u:p")}), vector["image"]) == ()


@pytest.mark.parametrize("vector", vectors("is_docker_hub"))
def test_an_image_without_a_host_is_on_docker_hub(vector: tuple[str, bool]) -> None:
    image, expected = vector
    assert (host_of(image) == DOCKER_HUB) is expected


@pytest.mark.parametrize("sample", vectors("samples"))
def test_samples_give_the_expected_login(sample: dict[str, Any]) -> None:
    legacy = sample.get("type") == "kubernetes.io/dockercfg"
    found = parse_docker_config(json.dumps(sample["config"]).encode(), place="x", legacy=legacy)
    credentials = for_image(found, sample["image"])
    if "expect_identitytoken" in sample:
        assert credentials == (IdentityToken(sample["expect_identitytoken"]),)
    elif "expect_order" in sample:
        assert credentials == tuple(Login(*pair) for pair in sample["expect_order"])
    elif sample["expect"] is None:
        assert credentials == ()
    else:
        assert credentials == (Login(*sample["expect"]),)


def test_a_path_ends_at_a_segment() -> None:
    found = config({"reg.example/team-a": auth("a:a"), "reg.example": auth("root:r")})
    assert found.credentials_for("reg.example", "team-ab/app") == (Login("root", "r"),)
    assert found.credentials_for("REG.example", "team-a/app")[0] == Login("a", "a")


@pytest.mark.parametrize("host", ["docker.io", "index.docker.io", "registry-1.docker.io", "Docker.io:443"])
@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io", "https://index.docker.io"])
def test_docker_hub_has_several_names(host: str, key: str) -> None:
    assert config({key: auth("hub:tok")}).credentials_for(host) == (Login("hub", "tok"),)


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("https://REG.example:443/v2/", "reg.example"),
        ("reg.example", "Reg.example:443"),
        ("localhost:5000", "127.0.0.1:5000"),
    ],
)
def test_a_login_is_found_under_every_spelling_of_its_host(key: str, host: str) -> None:
    assert config({key: auth("u:p")}).credentials_for(host) == (Login("u", "p"),)


def test_a_registry_with_several_keys_is_named_once() -> None:
    keys = ["ghcr.io", "https://GHCR.io:443/v2/", "localhost:5000", "127.0.0.1:5000", "registry-1.docker.io"]
    found = config({key: auth("u:p") for key in [*keys, "docker.io"]})
    assert found.hosts() == ("127.0.0.1:5000", "docker.io", "ghcr.io")


def test_a_login_for_another_port_is_not_taken() -> None:
    assert config({"reg.example:5000": auth("u:p")}).credentials_for("reg.example") == ()


def test_a_host_of_its_own_comes_before_a_pattern() -> None:
    found = config({"*.example": auth("any:1"), "reg.example": auth("own:2")})
    assert found.credentials_for("reg.example")[0] == Login("own", "2")


def test_a_registry_token_is_used_as_it_is() -> None:
    assert config({"r.example": {"registrytoken": "T"}}).credentials_for("r.example") == (BearerToken("T"),)


def test_base64_without_padding_is_read() -> None:
    found = config({"r.example": {"auth": base64.b64encode(b"u:pw").decode().rstrip("=")}})
    assert found.credentials_for("r.example") == (Login("u", "pw"),)


@pytest.mark.parametrize("broken", ["!!!", base64.b64encode(b"hunter2").decode(), base64.b64encode(b"\xff:x").decode()])
def test_a_broken_entry_is_told_without_its_content(broken: str) -> None:
    found = config({"r.example": {"auth": broken}})
    (entry,) = found.entries_for("r.example")
    assert entry.credential is None
    assert entry.broken == "its `auth` is not base64 of `user:password`"
    assert broken not in repr(found)


def test_a_broken_auth_does_not_hide_plain_fields() -> None:
    found = config({"r.example": {"auth": "!!!", "username": "u", "password": "p"}})
    assert found.credentials_for("r.example") == (Login("u", "p"),)


@pytest.mark.parametrize("content", [b"hunter2", b"[1]", b'{"auths": "hunter2"}', b"\xff", b"[" * 100_000])
def test_what_is_no_docker_config_is_told_without_quoting_it(content: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_docker_config(content, place="config.json")
    assert str(caught.value).startswith("config.json: ")
    assert "hunter2" not in f"{caught.value!r}{caught.value.__cause__!r}"


def test_hosts_are_named_once() -> None:
    found = config(
        {"https://index.docker.io/v1/": {}, "docker.io": {}, "https://quay.io/v2/": {}},
        credHelpers={"gcr.io": "gcloud"},
    )
    assert found.hosts() == ("docker.io", "gcr.io", "quay.io")


def test_no_login_is_shown_by_repr() -> None:
    shown = repr(config({"r.example": auth("u:hunter2"), "s.example": {"identitytoken": "hunter2"}}))
    assert "hunter2" not in shown

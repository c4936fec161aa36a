"""Signing in to a real docker-registry 2.8: htpasswd and tokens."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from registry_core.errors import RegistryError
from resources.registry import Login
from resources.registry.crawling.crawl import Crawl
from tests.image_builder import make_image, push
from tests.registries import DockerRegistry
from tests.resources.registry.conftest import client_of, connection_to
from tests.resources.registry.faulty_registry import FaultyRegistry
from tests.resources.registry.token_server import TokenServer

_LOGIN = Login("robot", "pass:word with ü")
_AS_OF = datetime(2026, 1, 1, tzinfo=UTC)


def _fill(url: str, login: Login) -> None:
    client = client_of(url, login)
    for number in range(3):
        built = make_image([f"app {number}".encode()])
        for digest, blob in built.blobs.items():
            client.upload_blob(f"team/app-{number}", digest, blob)
        client.put_manifest(f"team/app-{number}", "v1", built.manifest_bytes, built.media_type)


def test_a_registry_with_htpasswd_is_filled_and_crawled(tmp_path: Path) -> None:
    with DockerRegistry(tmp_path, credentials=(_LOGIN.username, _LOGIN.password)) as registry:
        _fill(registry.url, _LOGIN)
        crawl = Crawl(connection_to(registry.url, _LOGIN), _AS_OF)
        found = list(crawl)
    assert crawl.coverage.complete
    assert sorted(one.repository for one in found) == ["team/app-0", "team/app-1", "team/app-2"]
    assert all(one.manifests[0].config_read for one in found)


def test_a_registry_with_tokens_is_filled_and_crawled_with_one_token_a_repository(
    tmp_path: Path, elsewhere: FaultyRegistry
) -> None:
    tokens = TokenServer(elsewhere, tmp_path, _LOGIN.username, _LOGIN.password)
    with DockerRegistry(tmp_path / "registry", auth=tokens.auth_section) as registry:
        _fill(registry.url, _LOGIN)
        tokens.given = 0
        crawl = Crawl(connection_to(registry.url, _LOGIN), _AS_OF)
        found = list(crawl)
    assert crawl.coverage.complete
    assert sum(len(one.tags) for one in found) == 3
    assert tokens.given == 4  # the catalog, and each repository


def test_tokens_that_expire_in_the_middle_are_fetched_anew(tmp_path: Path, elsewhere: FaultyRegistry) -> None:
    tokens = TokenServer(elsewhere, tmp_path, _LOGIN.username, _LOGIN.password)
    tokens.expires_in = 1
    with DockerRegistry(tmp_path / "registry", auth=tokens.auth_section) as registry:
        _fill(registry.url, _LOGIN)
        client = client_of(registry.url, _LOGIN)
        client.tags("team/app-1")
        before = tokens.given
        time.sleep(1.1)
        assert client.tags("team/app-1") == ["v1"]
        assert tokens.given == before + 1


def test_a_repository_that_the_token_does_not_open_is_forbidden_and_not_asked_in_a_loop(
    tmp_path: Path, elsewhere: FaultyRegistry
) -> None:
    tokens = TokenServer(elsewhere, tmp_path, _LOGIN.username, _LOGIN.password)
    with DockerRegistry(tmp_path / "registry", auth=tokens.auth_section) as registry:
        client = client_of(registry.url, _LOGIN)
        with pytest.raises(RegistryError, match="may not do this") as caught:
            client.tags("secret/app")
    assert caught.value.fault == "forbidden"
    assert tokens.given <= 2


@pytest.mark.parametrize("login", [Login("robot", "wrong-password"), None])
def test_a_wrong_password_and_none_at_all_are_forbidden_with_a_sentence(
    tmp_path: Path, elsewhere: FaultyRegistry, login: Login | None
) -> None:
    tokens = TokenServer(elsewhere, tmp_path, _LOGIN.username, _LOGIN.password)
    with DockerRegistry(tmp_path / "registry", auth=tokens.auth_section) as registry:
        client = client_of(registry.url, login)
        with pytest.raises(RegistryError) as caught:
            client.tags("team/app")
    assert caught.value.fault == "forbidden"
    assert "credentials" in str(caught.value)
    assert "wrong-password" not in str(caught.value)


def test_htpasswd_refuses_with_what_to_check(tmp_path: Path) -> None:
    with DockerRegistry(tmp_path, credentials=("robot", "right")) as registry:
        with pytest.raises(RegistryError, match="refuses the user name or password") as caught:
            client_of(registry.url, Login("robot", "wrong-password")).ping()
        with pytest.raises(RegistryError, match="no credentials"):
            client_of(registry.url).ping()
    assert (caught.value.fault, caught.value.status) == ("forbidden", 401)


def test_plain_docker_registry_needs_no_sign_in(docker_registry: DockerRegistry) -> None:
    push(docker_registry, "team/app", make_image(), "v1")
    client = client_of(docker_registry.url)
    assert client.tags("team/app") == ["v1"]
    assert client.connection.sign_in_scheme == ""

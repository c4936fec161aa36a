"""Who may read."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_core.errors import ConfigError, Refused
from registry_pipelines.web.guard import is_loopback, refuse_open_door
from resources.configuration.secrets import SecretName, read_secret
from tests.registry_pipelines.web.service import Service, Site, at_once, served

TOKEN = "tok€n-of-the-service"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


@pytest.fixture
def guarded(site: Site, token_file: Path) -> Iterator[Service]:
    name = SecretName(file=str(token_file))
    with served(at_once(site.reader.look), read_token=lambda: read_secret(name)) as running:
        yield running


def bearer(token: str) -> str:
    return "Bearer " + token.encode().decode("latin-1")


def test_without_the_token_nothing_is_told(guarded: Service) -> None:
    raw = TOKEN.encode().decode("latin-1")
    for authorization in ("", "Bearer", "Bearer wrong", f"Basic {raw}", "Basic !!!", "Digest x=y", f"{raw}"):
        for path in ("/", "/metrics", "/_images.json", "/nothing", "/_nagios_check_registry"):
            response = guarded.get(path, Authorization=authorization)
            assert (path, authorization, response.status_code) == (path, authorization, 401)
            assert "Bearer" in response.headers["WWW-Authenticate"]
            assert "Basic" in response.headers["WWW-Authenticate"]
            assert TOKEN not in response.text


def test_the_token_opens(guarded: Service) -> None:
    assert guarded.get("/metrics", Authorization=bearer(TOKEN)).status_code == 200
    assert guarded.get("/metrics", authorization="bearer " + bearer(TOKEN)[7:]).status_code == 200


def test_a_browser_may_type_it_as_a_password(guarded: Service) -> None:
    typed = base64.b64encode(f"anyone:{TOKEN}".encode()).decode()
    assert guarded.get("/", Authorization=f"Basic {typed}").status_code == 200


def test_health_is_open_for_probes(guarded: Service) -> None:
    assert guarded.get("/_health").status_code == 200


def test_a_changed_token_is_asked_for_at_once(guarded: Service, token_file: Path) -> None:
    token_file.write_text("another")
    assert guarded.get("/", Authorization=bearer(TOKEN)).status_code == 401
    assert guarded.get("/", Authorization="Bearer another").status_code == 200


def test_a_token_that_cannot_be_read_closes_the_door(guarded: Service, token_file: Path) -> None:
    token_file.unlink()
    response = guarded.get("/", Authorization=bearer(TOKEN))
    assert response.status_code == 503
    assert str(token_file) not in response.text
    with pytest.raises(ConfigError):
        read_secret(SecretName(file=str(token_file)))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_loopback_needs_no_token(host: str) -> None:
    assert is_loopback(host)
    refuse_open_door(host, has_token=False, unsafe=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "localhost.example.com", "127.0.0.1.nip.io"])
def test_the_network_is_refused_without_a_token(host: str) -> None:
    with pytest.raises(Refused, match="--unsafe-no-token"):
        refuse_open_door(host, has_token=False, unsafe=False)
    refuse_open_door(host, has_token=True, unsafe=False)
    refuse_open_door(host, has_token=False, unsafe=True)

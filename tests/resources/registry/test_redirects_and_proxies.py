"""Where requests are sent on to, and what may travel along."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry_core.errors import RegistryError
from resources.configuration.settings import TlsSettings
from resources.registry import Login
from tests.resources.registry.conftest import client_of
from tests.resources.registry.faulty_registry import (
    Asked,
    FaultyRegistry,
    Reply,
    digest_of,
    error_reply,
    image,
    json_reply,
    manifest_reply,
    self_signed,
)

_LOGIN = Login("robot", "s3cret-passw0rd")
_BLOB = b"layer"
_BLOB_PATH = f"/v2/team/app/blobs/{digest_of(_BLOB)}"


def _locked(then: Reply) -> object:
    def answer(asked: Asked) -> Reply:
        return then if asked.authorization == _LOGIN.basic else error_reply(401, "X", **{"WWW-Authenticate": "Basic"})

    return answer


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_blob_on_another_host_is_fetched_without_our_credentials(
    faulty: FaultyRegistry, elsewhere: FaultyRegistry, status: int
) -> None:
    location = f"{elsewhere.url}/store/blob?X-Signature=abc"
    faulty.on("GET", _BLOB_PATH, _locked(Reply(status, b"moved", {"Location": location})))
    elsewhere.on("GET", "/store/blob", Reply(200, _BLOB))
    client = client_of(faulty.url, _LOGIN)
    assert b"".join(client.read_blob("team/app", digest_of(_BLOB))) == _BLOB
    assert client.config("team/app", digest_of(_BLOB)) == _BLOB
    assert [asked.authorization for asked in elsewhere.asked] == [None, None]
    assert elsewhere.asked[0].path.endswith("?X-Signature=abc")


def test_on_the_same_host_credentials_go_along(faulty: FaultyRegistry) -> None:
    faulty.on("GET", "/v2/team/app/manifests/v1", _locked(Reply(307, b"", {"Location": "/v2/team/new/manifests/v1"})))
    faulty.on("GET", "/v2/team/new/manifests/v1", _locked(manifest_reply(image())))
    assert client_of(faulty.url, _LOGIN).head_manifest("team/app", "v1") == digest_of(image())


def test_another_host_that_asks_for_our_password_does_not_get_it(
    faulty: FaultyRegistry, elsewhere: FaultyRegistry
) -> None:
    faulty.on("GET", _BLOB_PATH, Reply(307, b"", {"Location": f"{elsewhere.url}/x?token=abc"}))
    elsewhere.on("GET", "/x", error_reply(401, "X", **{"WWW-Authenticate": "Basic realm=give"}))
    with pytest.raises(RegistryError) as caught:
        client_of(faulty.url, _LOGIN).config("team/app", digest_of(_BLOB))
    assert caught.value.fault == "forbidden"
    assert "abc" not in str(caught.value)
    assert [asked.authorization for asked in elsewhere.asked] == [None]


def test_redirects_in_a_circle_end(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _BLOB_PATH, Reply(302, b"", {"Location": _BLOB_PATH}))
    with pytest.raises(RegistryError, match="more than 5 times"):
        client_of(faulty.url).config("team/app", digest_of(_BLOB))
    assert len(faulty.asked) == 6


@pytest.mark.parametrize("location", ["file:///etc/passwd", "gopher://127.0.0.1/"])
def test_a_redirect_out_of_the_web_is_refused(faulty: FaultyRegistry, location: str) -> None:
    faulty.on("GET", _BLOB_PATH, Reply(302, b"", {"Location": location}))
    with pytest.raises(RegistryError, match="not HTTP"):
        client_of(faulty.url).config("team/app", digest_of(_BLOB))


def test_a_manifest_is_not_fetched_in_the_clear_when_the_registry_is_https(
    tmp_path: Path, elsewhere: FaultyRegistry
) -> None:
    elsewhere.on("GET", "/m", manifest_reply(image()))
    with FaultyRegistry(certificate=self_signed(tmp_path)) as registry:
        registry.on("GET", "/v2/team/app/manifests/v1", Reply(302, b"", {"Location": f"{elsewhere.url}/m"}))
        with pytest.raises(RegistryError, match="from https to http"):
            client_of(registry.url, tls=TlsSettings(insecure=True)).manifest("team/app", "v1")
    assert elsewhere.asked == []


@pytest.fixture
def proxied(elsewhere: FaultyRegistry, monkeypatch: pytest.MonkeyPatch) -> FaultyRegistry:
    """A proxy that the environment names; it answers itself for hosts that do not exist."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", elsewhere.url)
    elsewhere.on("GET", "/v2/", json_reply({}))
    return elsewhere


def test_the_proxy_of_the_environment_is_taken(proxied: FaultyRegistry) -> None:
    client_of("http://registry.test:5000").ping()
    assert proxied.paths() == ["http://registry.test:5000/v2/"]


def test_what_needs_no_proxy_goes_without(
    proxied: FaultyRegistry, faulty: FaultyRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty.on("GET", "/v2/", json_reply({}))
    client_of(faulty.url).ping()  # loopback never takes a proxy
    monkeypatch.setenv("NO_PROXY", "example.com,.test")
    with pytest.raises(RegistryError, match="cannot be resolved"):
        client_of("http://registry.test:5000", retries=0).ping()
    assert proxied.asked == []


def test_a_proxy_password_is_in_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://user:pr0xy-secret@127.0.0.1:1")
    client = client_of("http://registry.test:5000", retries=0)
    with pytest.raises(RegistryError) as caught:
        client.ping()
    assert "pr0xy-secret" not in f"{caught.value} {client.connection!r} {client.connection._trust!r}"

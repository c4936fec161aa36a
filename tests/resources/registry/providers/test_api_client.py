"""The client of vendors' APIs: trust, limits, redirects, secrets."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

from registry_core.errors import ConfigError, RegistryError
from resources.registry.providers.api_client import ApiClient, Query
from resources.registry.providers.api_refusals import ApiAnswer, throttled_until
from resources.registry.providers.api_sign_in import TokenSignIn
from resources.registry.providers.choice import vendor_named_by
from tests.resources.registry.providers.vendor_server import Asked, Reply, VendorEmulator
from tests.resources.registry.providers.vendors import settings_of


class _Echo(VendorEmulator):
    def answer(self, asked: Asked) -> Reply:
        return Reply(200, {"authorization": asked.headers.get("authorization")})


def _client(url: str, **settings: Any) -> ApiClient:
    return ApiClient("registry test: API", url, settings_of(url, "plain", **settings), TokenSignIn(lambda: "key-4711"))


def test_what_reads_cannot_delete() -> None:
    with pytest.raises(ValueError, match="cannot DELETE"):
        _client("http://127.0.0.1:9").send("/x", Query("delete", method="DELETE"))


def test_netrc_and_bundles_of_the_environment_do_not_win_over_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "not-there.pem"))
    with _Echo() as echo:
        assert _client(echo.url).get("/", "ask").content == {"authorization": "Bearer key-4711"}


def test_an_authority_that_is_none_is_a_fault_of_the_configuration(tmp_path: Any) -> None:
    bad = tmp_path / "ca.pem"
    bad.write_text("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")
    with pytest.raises(ConfigError, match=r"tls\.ca"):
        _client("https://127.0.0.1:9", tls={"ca": str(bad)}).get("/", "ask")


def test_credentials_go_to_no_other_host() -> None:
    with _Echo() as echo, _Echo() as elsewhere:
        echo.fail(lambda asked: True, Reply(302, headers={"Location": f"{elsewhere.url}/"}), times=9)
        with pytest.raises(RegistryError, match="302"):
            _client(echo.url).get("/", "ask")
        with pytest.raises(RegistryError, match="another host"):
            _client(echo.url).get(f"{elsewhere.url}/", "ask")
        assert elsewhere.count == 0


class _Writing(ApiClient):
    methods = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_write_follows_to_a_slash_more_and_nowhere_else(method: str, status: int) -> None:
    with _Echo() as echo, _Echo() as elsewhere:
        client = _Writing("registry test: API", echo.url, settings_of(echo.url, "plain"), TokenSignIn(lambda: "k-4711"))
        for location in (
            f"{elsewhere.url}/x/",
            "/y",
            "/x",
            "/x//",
            "/x/?all=1",
            "//[::1/x",
            "http://user:hunter2@h/x/",
        ):
            echo.asked.clear()
            echo.fail(lambda asked: True, Reply(status, headers={"Location": location}))
            with pytest.raises(RegistryError, match=r"could not change it: .*redirects") as caught:
                client.send("/x", Query("change it", method=method))
            assert not caught.value.retryable
            assert "hunter2" not in str(caught.value)
            assert echo.paths(method) == ["/x"]
        assert elsewhere.count == 0
        echo.asked.clear()
        echo.fail(lambda asked: asked.path == "/x", Reply(status, headers={"Location": "/x/"}))
        if status != 303:
            assert client.send("/x", Query("change it", method=method)).status == 200
            assert echo.paths(method) == ["/x", "/x/"]


@pytest.mark.parametrize("status", [302, 307, 308])
def test_what_is_traded_for_a_token_goes_to_no_other_host(status: int) -> None:
    with _Echo() as echo, _Echo() as elsewhere:
        echo.fail(lambda asked: True, Reply(status, headers={"Location": f"{elsewhere.url}/token"}), times=9)
        with pytest.raises(RegistryError, match="nothing was sent there"):
            _client(echo.url).ask_for_token("/token", Query("get a token", method="POST", form={"secret": "s"}))
        with pytest.raises(RegistryError, match="to no place"):
            _client(echo.url).ask_for_token("http://[::1/token", Query("get a token", method="POST"))
        assert elsewhere.count == 0


def test_a_secret_that_is_echoed_is_not_repeated() -> None:
    with _Echo() as echo:
        echo.fail(lambda asked: True, Reply(400, {"message": "bad token key-4711"}), times=9)
        with pytest.raises(RegistryError) as caught:
            _client(echo.url).get("/", "ask")
    assert "key-4711" not in str(caught.value)
    assert "[secret]" in str(caught.value)


def test_what_can_pass_is_asked_again_and_what_cannot_is_not() -> None:
    with _Echo() as echo:
        echo.fail(lambda asked: asked.path == "/passing", Reply(503))
        assert _client(echo.url).get("/passing", "ask").status == 200
        echo.fail(lambda asked: asked.path == "/final", Reply(400), times=9)
        before = echo.count
        with pytest.raises(RegistryError):
            _client(echo.url).get("/final", "ask")
        assert echo.count == before + 1


def test_an_answer_without_end_is_not_read_to_it() -> None:
    with _Echo() as echo:
        echo.fail(lambda asked: True, Reply(200, body=b" " * (33 << 20)))
        with pytest.raises(RegistryError, match="larger than 32 MiB"):
            _client(echo.url, timeout=timedelta(seconds=60)).get("/", "ask")


@pytest.mark.parametrize(
    ("status", "headers", "body", "after"),
    [
        (429, {"retry-after": "30"}, None, 30),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1770000090"}, None, 90),
        (429, {"x-retry-after": "1770003600"}, None, 3600),
        (403, {}, {"message": "You have exceeded a secondary rate limit"}, 60),
        (403, {"x-ratelimit-remaining": "17", "x-ratelimit-reset": "1770000090"}, {"message": "no"}, None),
        (404, {"retry-after": "30"}, None, None),
    ],
)
def test_limits_are_read_however_they_are_told(status: int, headers: Any, body: Any, after: float | None) -> None:
    now = 1_770_000_000.0
    until = throttled_until(ApiAnswer(status, headers, b"", body, "http://x"), now=now)
    assert until == (None if after is None else now + after)


def test_while_a_limit_lasts_nobody_asks() -> None:
    with _Echo() as echo:
        limited = Reply(429, headers={"Retry-After": "3600"})
        echo.fail(lambda asked: True, limited, times=9)
        client = _client(echo.url)
        begun = time.monotonic()
        for _ in range(20):
            with pytest.raises(RegistryError, match="until"):
                client.get("/", "ask")
        assert echo.count == 1
        assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    ("url", "credentials", "vendor"),
    [
        ("https://ghcr.io", True, "ghcr"),
        ("https://ghcr.io", False, ""),
        ("https://registry-1.docker.io", False, "docker_hub"),
        ("https://quay.io", False, "quay"),
        ("https://acme.azurecr.io", True, "azure"),
        ("https://123456789012.dkr.ecr.eu-central-1.amazonaws.com", False, "ecr"),
        ("https://europe-west3-docker.pkg.dev", False, "google"),
        ("https://registry.example.com", True, ""),
    ],
)
def test_the_host_tells_the_vendor_where_its_api_can_answer(url: str, credentials: bool, vendor: str) -> None:
    login = {"credentials": {"username": "robot", "password": {"env": "X"}}} if credentials else {}
    assert vendor_named_by(settings_of(url, "auto", **login)) == vendor
    assert vendor_named_by(settings_of(url, "plain", **login)) == ""
    assert vendor_named_by(settings_of(url, "harbor", **login)) == "harbor"

"""The sign-in of one registry under all that token servers do."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import parse_qs, urlsplit

import pytest

from registry_core.errors import RegistryError
from resources.configuration.registry_settings import RegistrySettings
from resources.registry import BearerToken, Credential, IdentityToken, Login, RegistryConnection
from resources.registry.probing import Probe, probe_all
from resources.registry.sign_in.challenge import Challenge
from resources.registry.sign_in.token import TokenServer, _lifetime_seconds, token_request
from tests.resources.registry.conftest import client_of
from tests.resources.registry.faulty_registry import (
    Answering,
    Asked,
    FaultyRegistry,
    Reply,
    digest_of,
    error_reply,
    json_reply,
)

_LOGIN = Login("robot", "s3cret-passw0rd")
_TAGS = "/v2/team/app/tags/list"
_LISTED = json_reply({"name": "team/app", "tags": ["v1"]})


def _locked(registry: FaultyRegistry, challenge: str, *opens: str, then: Reply = _LISTED) -> Answering:
    """Answers `then` to those who bring one of these values, the challenge to others."""

    def answer(asked: Asked) -> Reply:
        if asked.authorization in opens:
            return then
        return error_reply(401, "UNAUTHORIZED", **{"WWW-Authenticate": challenge})

    return answer


def _query(asked: Asked) -> dict[str, list[str]]:
    return parse_qs(urlsplit(asked.path).query, keep_blank_values=True)


@pytest.mark.parametrize("key", ["token", "access_token"])
def test_both_names_of_a_token_are_read(faulty: FaultyRegistry, elsewhere: FaultyRegistry, key: str) -> None:
    faulty.on("GET", _TAGS, _locked(faulty, f'Bearer realm="{elsewhere.url}/t",service="s"', "Bearer abc"))
    elsewhere.on("GET", "/t", json_reply({key: "abc"}))
    assert client_of(faulty.url, _LOGIN).tags("team/app") == ["v1"]
    assert _query(elsewhere.asked[0]) == {
        "service": ["s"], "scope": ["repository:team/app:pull"], "account": ["robot"]
    }  # fmt: skip
    assert elsewhere.asked[0].authorization == "Basic " + b64encode(b"robot:s3cret-passw0rd").decode()


def test_somebody_without_credentials_gets_an_anonymous_token(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _TAGS, _locked(faulty, 'Bearer realm="/token",service="s"', "Bearer abc"))
    faulty.on("GET", "/token", json_reply({"token": "abc"}))  # the realm is relative
    assert client_of(faulty.url).tags("team/app") == ["v1"]
    assert [asked.authorization for asked in faulty.asked if asked.path.startswith("/token")] == [None]


def test_a_realm_keeps_the_query_of_its_own_and_every_scope_is_sent(
    faulty: FaultyRegistry, elsewhere: FaultyRegistry
) -> None:
    challenge = (
        f'Bearer realm="{elsewhere.url}/t?tenant=a%20b",service="s",'
        'scope="repository:team/app:pull,push repository:team/base:pull"'
    )
    faulty.on("GET", _TAGS, _locked(faulty, challenge, "Bearer abc"))
    elsewhere.on("GET", "/t", json_reply({"token": "abc"}))
    assert client_of(faulty.url).tags("team/app") == ["v1"]
    assert _query(elsewhere.asked[-1]) == {
        "tenant": ["a b"], "service": ["s"],
        "scope": ["repository:team/app:pull,push", "repository:team/base:pull"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("told", "seconds"),
    [(None, 60), (300, 300), ("300", 300), (10**15, 3600), (0, 60), (-5, 60), ("soon", 60), (True, 60), ([], 60)],
)
def test_an_absurd_lifetime_is_bounded(told: object, seconds: float) -> None:
    assert _lifetime_seconds(told) == seconds


def test_an_identity_token_is_exchanged_by_post(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _TAGS, _locked(faulty, 'Bearer realm="/oauth2/token",service="s"', "Bearer abc"))
    faulty.on("POST", "/oauth2/token", json_reply({"access_token": "abc"}))
    assert client_of(faulty.url, IdentityToken("refresh-me")).tags("team/app") == ["v1"]
    form = parse_qs(next(asked.body for asked in faulty.asked if asked.method == "POST").decode())
    assert form == {
        "grant_type": ["refresh_token"], "refresh_token": ["refresh-me"], "service": ["s"],
        "scope": ["repository:team/app:pull"], "client_id": ["registry-pipelines"],
    }  # fmt: skip


def test_a_bearer_token_is_used_as_it_is(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _TAGS, _locked(faulty, 'Bearer realm="/token"', "Bearer as-it-is"))
    assert client_of(faulty.url, BearerToken("as-it-is")).tags("team/app") == ["v1"]
    with pytest.raises(RegistryError, match="refuses the token") as caught:
        client_of(faulty.url, BearerToken("too-old-token")).tags("team/app")
    assert caught.value.fault == "forbidden"
    assert "too-old-token" not in str(caught.value)


def test_many_requests_that_wait_for_a_token_cause_one_request_for_it(
    faulty: FaultyRegistry, elsewhere: FaultyRegistry
) -> None:
    blobs = [digest_of(str(number).encode()) for number in range(40)]
    for digest in blobs:
        locked = _locked(faulty, f'Bearer realm="{elsewhere.url}/t"', "Bearer new", then=Reply(200, b"x"))
        faulty.on("GET", f"/v2/team/app/blobs/{digest}", locked)
    elsewhere.on("GET", "/t", json_reply({"token": "old"}), Reply(200, b'{"token":"new"}', delay_seconds=0.1))
    connection = client_of(faulty.url, connections=8).connection
    probed = list(probe_all(connection, [Probe("team/app", digest, "blob") for digest in blobs]))
    assert [one.fault for one in probed] == [None] * 40
    assert len(elsewhere.asked) == 2  # the first token, and one refresh for all that met its end


def test_a_token_that_never_helps_ends_in_forbidden(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _TAGS, _locked(faulty, 'Bearer realm="/token"'))
    faulty.on("GET", "/token", json_reply({"token": "abc"}))
    with pytest.raises(RegistryError, match="every token") as caught:
        client_of(faulty.url).tags("team/app")
    assert caught.value.fault == "forbidden"
    assert len(faulty.paths()) < 8


def test_refused_credentials_are_not_tried_again_and_again(faulty: FaultyRegistry, elsewhere: FaultyRegistry) -> None:
    faulty.on("GET", _TAGS, _locked(faulty, f'Bearer realm="{elsewhere.url}/t"'))
    elsewhere.on("GET", "/t", error_reply(401, "UNAUTHORIZED"))
    client = client_of(faulty.url, _LOGIN)
    for _ in range(5):
        with pytest.raises(RegistryError, match="check the user name or password") as caught:
            client.tags("team/app")
        assert caught.value.fault == "forbidden"
    assert len(elsewhere.asked) == 1


def test_a_rotated_password_is_read_again(faulty: FaultyRegistry) -> None:
    new = "Basic " + b64encode(b"robot:new").decode()
    faulty.on("GET", _TAGS, _locked(faulty, "Basic realm=x", new))
    passwords = iter(["old", "new", "new"])

    def read() -> Credential:
        return Login("robot", next(passwords))

    client = client_of(faulty.url)
    client.connection = RegistryConnection("test", RegistrySettings(url=faulty.url), read)
    assert client.tags("team/app") == ["v1"]


def test_a_challenge_without_a_realm_is_told_and_not_followed(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _TAGS, _locked(faulty, "Bearer"))
    with pytest.raises(RegistryError, match="does not say where") as caught:
        client_of(faulty.url, _LOGIN).tags("team/app")
    assert caught.value.fault == "forbidden"


@pytest.mark.parametrize("realm", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_realm_that_is_no_web_address_is_refused(faulty: FaultyRegistry, realm: str) -> None:
    faulty.on("GET", _TAGS, _locked(faulty, f'Bearer realm="{realm}"'))
    with pytest.raises(RegistryError, match="does not say where"):
        client_of(faulty.url, _LOGIN).tags("team/app")


def test_credentials_never_travel_to_a_token_server_in_the_clear() -> None:
    challenge = Challenge("bearer", {"realm": "http://auth.example.com/t"})
    server = TokenServer.of(challenge, "https://registry.example.com")
    for credential in (_LOGIN, IdentityToken("refresh-me")):
        with pytest.raises(RegistryError, match="in the clear"):
            token_request(server, "", credential, safe=False)
    assert token_request(server, "", None, safe=False).url == "http://auth.example.com/t"
    loopback = TokenServer.of(Challenge("bearer", {"realm": "http://127.0.0.1:5001/t"}), "https://registry.example.com")
    assert token_request(loopback, "", _LOGIN, safe=False).headers


def test_a_token_server_that_answers_with_a_web_page_is_unreachable(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _TAGS, _locked(faulty, 'Bearer realm="/token"'))
    faulty.on("GET", "/token", Reply(200, b"<html>", {"Content-Type": "text/html"}))
    with pytest.raises(RegistryError, match="without a token") as caught:
        client_of(faulty.url).tags("team/app")
    assert caught.value.fault == "unreachable"


def test_an_offer_that_we_cannot_take_is_told(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _TAGS, _locked(faulty, "Negotiate"))
    with pytest.raises(RegistryError, match="neither Basic nor Bearer") as caught:
        client_of(faulty.url, _LOGIN).tags("team/app")
    assert caught.value.fault == "forbidden"

"""A blob goes only where the registry's own answers say, on an origin that the answer to our POST named."""

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
    self_signed,
)

LOGIN = Login("robot", "s3cret-passw0rd")
BLOB = b"0123456789"
DIGEST = digest_of(BLOB)
UPLOADS = "/v2/team/app/blobs/uploads/"
CHUNK = 4


def signed_in(then: Reply) -> object:
    def answer(asked: Asked) -> Reply:
        return then if asked.authorization == LOGIN.basic else error_reply(401, "X", **{"WWW-Authenticate": "Basic"})

    return answer


def begun_at(location: str) -> object:
    return signed_in(Reply(202, b"", {"Location": location}))


def upload(url: str, *, chunk_bytes: int = 1024, **settings: object) -> str:
    return client_of(url, LOGIN, **settings).upload_blob("team/app", DIGEST, BLOB, chunk_bytes=chunk_bytes)


@pytest.mark.parametrize(
    "location", ["/up/1?state=abc", "../uploads/1", "//{here}/up/1", "HTTP://{here}/up/1", "{url}/up/1#there"]
)
def test_an_upload_goes_where_the_registry_says_on_its_own_origin(faulty: FaultyRegistry, location: str) -> None:
    place = location.replace("{here}", faulty.host).replace("{url}", faulty.url)
    faulty.on("POST", UPLOADS, begun_at(place))
    faulty.on("PUT", "/up/1", signed_in(Reply(201)))
    faulty.on("PUT", "/v2/team/app/blobs/uploads/1", signed_in(Reply(201)))
    assert upload(faulty.url) == "uploaded"
    put = next(asked for asked in faulty.asked if asked.method == "PUT")
    assert (put.body, put.authorization) == (BLOB, LOGIN.basic)
    assert put.path.endswith(f"digest={DIGEST}")


@pytest.mark.parametrize("chunk_bytes", [1024, CHUNK])
def test_another_host_that_the_answer_to_our_post_named_gets_the_blob_and_no_credentials(
    faulty: FaultyRegistry, elsewhere: FaultyRegistry, chunk_bytes: int
) -> None:
    faulty.on("POST", UPLOADS, begun_at(f"{elsewhere.url}/store/1?signature=abc"))
    elsewhere.on("PATCH", "/store/1", Reply(202, b"", {"Location": "/store/1?signature=def"}))
    elsewhere.on("PUT", "/store/1", Reply(201))
    assert upload(faulty.url, chunk_bytes=chunk_bytes) == "uploaded"
    assert b"".join(asked.body for asked in elsewhere.asked) == BLOB
    assert {asked.authorization for asked in elsewhere.asked} == {None}


def test_an_upload_may_come_back_to_the_registry(faulty: FaultyRegistry, elsewhere: FaultyRegistry) -> None:
    faulty.on("POST", UPLOADS, begun_at(f"{elsewhere.url}/store/1"))
    elsewhere.on("PATCH", "/store/1", Reply(202, b"", {"Location": f"{faulty.url}/up/1"}))
    faulty.on("PATCH", "/up/1", signed_in(Reply(202)))
    faulty.on("PUT", "/up/1", signed_in(Reply(201)))
    assert upload(faulty.url, chunk_bytes=CHUNK) == "uploaded"
    assert {asked.authorization for asked in elsewhere.asked} == {None}
    assert all(asked.authorization for asked in faulty.asked if asked.path.startswith("/up/"))


@pytest.mark.parametrize("named_by", ["the registry", "the other host"])
def test_a_later_answer_sends_the_blob_to_no_third_host(
    faulty: FaultyRegistry, elsewhere: FaultyRegistry, named_by: str
) -> None:
    with FaultyRegistry() as third:
        hop = Reply(202, b"", {"Location": f"{third.url}/steal"})
        if named_by == "the registry":
            faulty.on("POST", UPLOADS, begun_at("/up/1"))
            faulty.on("PATCH", "/up/1", signed_in(hop))
        else:
            faulty.on("POST", UPLOADS, begun_at(f"{elsewhere.url}/up/1"))
            elsewhere.on("PATCH", "/up/1", hop)
        with pytest.raises(RegistryError, match="a host that the answer to its begin did not name") as caught:
            upload(faulty.url, chunk_bytes=CHUNK)
        assert not caught.value.retryable
        assert third.asked == []
        assert len(faulty.paths("POST")) <= 2  # not begun again; the first was turned away to ask for a password


def test_an_upload_that_is_asked_how_far_it_is_follows_to_no_third_host(
    faulty: FaultyRegistry, elsewhere: FaultyRegistry
) -> None:
    faulty.on("POST", UPLOADS, begun_at("/up/1"))
    faulty.on("PATCH", "/up/1", signed_in(Reply(202)), signed_in(Reply(202)), Reply(503, b""))
    faulty.on("GET", "/up/1", Reply(307, b"", {"Location": f"{elsewhere.url}/up/1"}))
    elsewhere.on("GET", "/up/1", Reply(204, b"", {"Range": "0-3", "Location": "/steal"}))
    with pytest.raises(RegistryError, match="did not name"):
        upload(faulty.url, chunk_bytes=CHUNK)
    assert [asked.method for asked in elsewhere.asked] == ["GET"]


@pytest.mark.parametrize(
    "location",
    ["http://[::1/x", "http://user:hunter2@{there}/x", "http://x:99999/", "ftp://{there}/x", "{here}@{there}:/x//:"],
)
@pytest.mark.parametrize("of", ["POST", "PATCH"])
def test_a_place_that_is_none_is_one_sentence(
    faulty: FaultyRegistry, elsewhere: FaultyRegistry, of: str, location: str
) -> None:
    place = location.replace("{there}", elsewhere.host).replace("{here}", faulty.url)
    faulty.on("POST", UPLOADS, begun_at(place if of == "POST" else "/up/1"))
    faulty.on("PATCH", "/up/1", signed_in(Reply(202, b"", {"Location": place})))
    with pytest.raises(
        RegistryError, match=r"could not upload blob .* goes? on at no place|to go on at no place"
    ) as no:
        upload(faulty.url, chunk_bytes=CHUNK)
    assert "hunter2" not in str(no.value)
    assert "\n" not in str(no.value)
    assert elsewhere.asked == []


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_an_upload_follows_no_redirect(faulty: FaultyRegistry, elsewhere: FaultyRegistry, method: str) -> None:
    away = Reply(307, b"", {"Location": f"{elsewhere.url}/v2/"})
    faulty.on("POST", UPLOADS, signed_in(away) if method == "POST" else begun_at("/up/1"))
    faulty.on("PATCH", "/up/1", signed_in(away if method == "PATCH" else Reply(202)))
    faulty.on("PUT", "/up/1", signed_in(away if method == "PUT" else Reply(201)))
    with pytest.raises(RegistryError, match="nothing was sent there"):
        upload(faulty.url, chunk_bytes=CHUNK)
    assert elsewhere.asked == []


def test_a_blob_does_not_travel_in_the_clear_when_the_registry_is_https(
    tmp_path: Path, elsewhere: FaultyRegistry
) -> None:
    with FaultyRegistry(certificate=self_signed(tmp_path)) as registry:
        registry.on("POST", UPLOADS, begun_at(f"{elsewhere.url}/up/1"))
        with pytest.raises(RegistryError, match=r"in the clear .* X-Forwarded-Proto"):
            upload(registry.url, tls=TlsSettings(insecure=True))
    assert elsewhere.asked == []


def test_a_manifest_is_put_nowhere_else(faulty: FaultyRegistry, elsewhere: FaultyRegistry) -> None:
    faulty.on("PUT", "/v2/team/app/manifests/v1", Reply(308, b"", {"Location": f"{elsewhere.url}/v2/x"}))
    with pytest.raises(RegistryError, match="nothing was sent there"):
        client_of(faulty.url).put_manifest("team/app", "v1", b"{}", "application/json")
    assert elsewhere.asked == []

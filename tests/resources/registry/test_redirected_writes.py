"""What writes is never redirected: every method, every status, every kind of target, on real sockets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from registry_core.errors import RegistryError
from resources.registry import Login
from resources.registry.transport.messages import Answer, Request
from tests.resources.registry.conftest import connection_to
from tests.resources.registry.faulty_registry import Asked, FaultyRegistry, Reply, error_reply

LOGIN = Login("robot", "s3cret-passw0rd")
PATH = "/v2/team/app/manifests/sha256:" + "0" * 64

WRITING = ("DELETE", "PUT", "PATCH", "POST")
READING = ("GET", "HEAD")
STATUSES = (301, 302, 303, 307, 308)

#: What differs from the address asked by one slash. `{here}` is `localhost:port`, `{there}` another server.
SLASH = {
    "a slash more": PATH + "/",
    "absolute": "http://{here}" + PATH + "/",
    "protocol-relative": "//{here}" + PATH + "/",
    "host and scheme in capitals": "HTTP://{HERE}" + PATH + "/",
    "with a fragment": PATH + "/#there",
    "through dots": "/v2/team/new/../app/manifests/" + PATH.rpartition("/")[2] + "/",
}

#: Everything else, and whether a request that reads goes there.
ELSEWHERE = {
    "the same address": (PATH, True),
    "two slashes more": (PATH + "//", True),
    "another manifest": ("/v2/team/app/manifests/sha256:" + "1" * 64, True),
    "another repository, relative": ("../../other/manifests/v1", True),
    "a query more": (PATH + "/?force=true", True),
    "the name, quoted": (PATH.replace("/app/", "%2Fapp/") + "/", True),
    "capitals": (PATH.replace("team", "Team") + "/", True),
    "another port": ("http://{there}" + PATH, True),
    "another port, a slash more": ("http://{there}" + PATH + "/", True),
    "another name of the host": ("http://127.0.0.1:{port}" + PATH + "/", True),
    "protocol-relative, elsewhere": ("//{there}" + PATH + "/", True),
    "another scheme": ("https://{here}" + PATH + "/", False),  # nothing speaks TLS there
    "a user": ("http://user:hunter2@{here}" + PATH + "/", False),
    "our host as a user": ("http://{here}@{there}" + PATH + "/", False),
    "a backslash before the host": ("http://{here}\\@{there}" + PATH + "/", False),
    "half an IPv6 address": ("http://[::1/x", False),
    "a port that is none": ("http://localhost:99999" + PATH + "/", False),
    "a port in letters": ("http://localhost:http" + PATH + "/", False),
    "a file": ("file:///etc/passwd", False),
    "no host": ("http://:80/x", False),
    "a very long one": ("/" + "x" * 20_000, False),
}


@dataclass(frozen=True, slots=True)
class AnyRequest(Request):
    methods: ClassVar[frozenset[str]] = frozenset({*WRITING, *READING})


def send(registry: FaultyRegistry, method: str, *, body: bytes | None = None) -> Answer:
    connection = connection_to(named(registry), LOGIN, retries=2)
    request = AnyRequest(method, connection.url + PATH, f"{method.lower()} it", body=body)
    with connection.engine() as engine:
        try:
            return engine.run(connection.exchange(engine, request))
        finally:
            connection.close()


def named(registry: FaultyRegistry) -> str:
    return registry.url.replace("127.0.0.1", "localhost")


def written(location: str, here: FaultyRegistry, there: FaultyRegistry) -> str:
    name = named(here).removeprefix("http://")
    places = {"here": name, "HERE": name.upper(), "there": there.host, "port": name.rpartition(":")[2]}
    for key, value in places.items():
        location = location.replace("{" + key + "}", value)
    return location


def signed_in(then: Reply) -> object:
    def answer(asked: Asked) -> Reply:
        return then if asked.authorization == LOGIN.basic else error_reply(401, "X", **{"WWW-Authenticate": "Basic"})

    return answer


def sent_with(registry: FaultyRegistry, method: str) -> list[Asked]:
    """Requests of this method that were signed in: the first one is turned away to ask for a password."""
    return [asked for asked in registry.asked if asked.method == method and asked.authorization]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("method", WRITING)
def test_a_write_goes_nowhere_else(faulty: FaultyRegistry, elsewhere: FaultyRegistry, method: str, status: int) -> None:
    for kind, (location, _) in ELSEWHERE.items():
        faulty.asked.clear()
        target = written(location, faulty, elsewhere)
        faulty.on(method, PATH, signed_in(Reply(status, b"", {"Location": target})))
        with pytest.raises(RegistryError, match="could not") as caught:
            send(faulty, method, body=b"body")
        assert caught.value.fault == "unreachable", kind
        assert not caught.value.retryable, kind
        assert caught.value.status == status, kind
        assert "hunter2" not in str(caught.value), kind
        assert len(sent_with(faulty, method)) == 1, kind
        assert {asked.path for asked in faulty.asked} == {PATH}, kind
        assert elsewhere.asked == [], kind


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("method", WRITING)
def test_a_write_goes_to_the_same_path_with_a_slash_more_unchanged(
    faulty: FaultyRegistry, elsewhere: FaultyRegistry, method: str, status: int
) -> None:
    for kind, location in SLASH.items():
        faulty.asked.clear()
        faulty.on(method, PATH, signed_in(Reply(status, b"", {"Location": written(location, faulty, elsewhere)})))
        faulty.on(method, PATH + "/", signed_in(Reply(202, b"")))
        if status == 303:  # it asks for a GET instead, which would tell nothing of the write
            with pytest.raises(RegistryError, match="nothing was sent there"):
                send(faulty, method, body=b"body")
            assert {asked.path for asked in faulty.asked} == {PATH}, kind
            continue
        assert send(faulty, method, body=b"body").status == 202, kind
        assert [(asked.path, asked.body) for asked in sent_with(faulty, method)] == [
            (PATH, b"body"),
            (PATH + "/", b"body"),
        ], kind


@pytest.mark.parametrize("method", WRITING)
def test_a_write_loses_its_slash_once_and_goes_no_further(faulty: FaultyRegistry, method: str) -> None:
    faulty.on(method, PATH, Reply(308, b"", {"Location": PATH + "/"}))
    faulty.on(method, PATH + "/", Reply(308, b"", {"Location": PATH}))
    with pytest.raises(RegistryError, match="nothing was sent there"):
        send(faulty, method)
    assert [asked.path for asked in faulty.asked] == [PATH, PATH + "/"]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("method", READING)
def test_what_reads_follows_and_leaves_our_credentials_at_home(
    faulty: FaultyRegistry, elsewhere: FaultyRegistry, method: str, status: int
) -> None:
    for kind, (location, goes) in {**ELSEWHERE, **{kind: (place, True) for kind, place in SLASH.items()}}.items():
        faulty.asked.clear()
        elsewhere.asked.clear()
        target = written(location, faulty, elsewhere)
        for registry in (faulty, elsewhere):
            for path in (PATH + "/", PATH + "//", "/v2/team/other/manifests/v1", ELSEWHERE["another manifest"][0]):
                registry.on(method, path, Reply(200, b"1"))
        for path in (ELSEWHERE["the name, quoted"][0], ELSEWHERE["capitals"][0]):
            faulty.on(method, path, Reply(200, b"1"))
        elsewhere.on(method, PATH, Reply(200, b"1"))
        # The first answer asks for a password, the second redirects, the third is the document itself.
        faulty.on(
            method, PATH, error_reply(401, "X", **{"WWW-Authenticate": "Basic"}),
            Reply(status, b"", {"Location": target}), Reply(200, b"1"),
        )  # fmt: skip
        if goes:
            assert send(faulty, method).status == 200, kind
        else:
            with pytest.raises(RegistryError) as caught:
                send(faulty, method)
            assert "hunter2" not in str(caught.value), kind
        assert [asked.authorization for asked in elsewhere.asked] == [None] * len(elsewhere.asked), kind
        by_name = [asked for asked in faulty.asked if asked.headers["host"].startswith("127.0.0.1")]
        assert [asked.authorization for asked in by_name] == [None] * len(by_name), kind


@pytest.mark.parametrize("method", [*WRITING, *READING])
def test_a_redirect_without_a_place_is_one_sentence(faulty: FaultyRegistry, method: str) -> None:
    faulty.on(method, PATH, Reply(307, b""))
    with pytest.raises(RegistryError, match="it redirects to nowhere"):
        send(faulty, method)
    assert len(faulty.asked) == 1


def test_a_manifest_of_a_repository_called_blobs_is_not_read_in_the_clear() -> None:
    from resources.registry.transport.redirects import RedirectRefused, follow

    home, clear = "https://registry.test", "http://store.test/x"
    blob = f"{home}/v2/team/app/blobs/sha256:{'0' * 64}"
    assert follow("GET", blob, blob, 307, clear, hops=0) == clear
    for path in ("/v2/team/blobs/manifests/v1", "/v2/team/blobs/tags/list", f"/v2/blobs/manifests/sha256:{'0' * 64}"):
        with pytest.raises(RedirectRefused, match="from https to http"):
            follow("GET", home + path, home + path, 307, clear, hops=0)

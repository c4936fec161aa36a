"""`POST /events/NAME` on a real socket: who is believed, what is stored, what is refused and how."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from registry_core.errors import DatabaseError
from registry_pipelines.web import lingering
from registry_pipelines.web.event_door import EventDoor
from registry_pipelines.web.routes import events as route
from registry_pipelines.web.routes.events import event_routes
from resources.configuration.secrets import read_secret
from resources.database.push_events import Delivery
from tests.registries import DockerRegistry
from tests.registry_pipelines.web.service import SITE, Service, Site, at_once, served, site_in
from tests.webhooks import sample

SECRET = "s3cret-of-the-sender"
READERS_TOKEN = "token-of-readers"

EVENTS = """  other: {url: "https://other.example.com"}
events:
  harbor: {kind: harbor, registry: registry.example.com, token: {env: EVENT_SECRET}}
  github: {kind: github, registry: registry.example.com, hmac: {env: EVENT_SECRET}}
  registry: {kind: distribution, registry: registry.example.com, token: {env: EVENT_SECRET}, header: X-Event-Token}
  ecr: {kind: ecr, registry: registry.example.com, username: aws, password: {env: EVENT_SECRET}}
  hub: {kind: docker_hub, registry: registry.example.com, path_token: {env: EVENT_SECRET}}
  open: {kind: quay, registry: registry.example.com, unsigned: true}
  small: {kind: quay, registry: registry.example.com, unsigned: true, largest_bytes: 1000}
"""
PUSH = {
    "type": "PUSH_ARTIFACT", "occur_at": 1586922308,
    "event_data": {
        "resources": [{"digest": "sha256:" + "ab" * 32, "tag": "v1", "resource_url": "h/shop/web:v1"}],
        "repository": {"repo_full_name": "shop/web"},
    },
}  # fmt: skip


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("EVENT_SECRET", SECRET)
    with site_in(tmp_path, SITE + EVENTS) as opened:
        yield opened


@contextmanager
def serving(site: Site, note: Any = None) -> Iterator[Service]:
    """The service with a token for readers, which senders do not have."""
    configured = site.loaded.site
    doors = {
        name: EventDoor(name, entry, read_secret, configured.registry_of_host)
        for name, entry in configured.events.items()
    }
    events = site.connections.history.push_events
    routes = event_routes(doors, note or events.note)
    with served(at_once(site.reader.look), more=routes, read_token=lambda: READERS_TOKEN) as running:
        yield running


@pytest.fixture
def service(site: Site) -> Iterator[Service]:
    with serving(site) as running:
        yield running


def post(service: Service, path: str, body: Any, **headers: str) -> requests.Response:
    content = json.dumps(body).encode() if isinstance(body, dict | list) else body
    given = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.post(service.url + path, data=content, headers=given, timeout=30)


def signature(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def login(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def stored(site: Site) -> list[tuple[str, str, str, str | None]]:
    found = site.connections.history.push_events.newest()
    return [(event.source, event.action, event.repository, event.tag) for event in reversed(found)]


def test_a_push_is_stored_and_answered_at_once(site: Site, service: Service) -> None:
    answer = post(service, "/events/harbor", PUSH, Authorization=SECRET)
    assert (answer.status_code, answer.json()) == (202, {"events": 1, "new": 1})
    assert stored(site) == [("harbor", "push", "shop/web", "v1")]


def test_a_replay_is_believed_and_makes_no_second_row(site: Site, service: Service) -> None:
    for new in (1, 0, 0):
        assert post(service, "/events/harbor", PUSH, Authorization=f"Bearer {SECRET}").json()["new"] == new
    assert len(stored(site)) == 1


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/events/harbor", {}),
        ("/events/harbor", {"Authorization": "wrong"}),
        ("/events/harbor", {"Authorization": f"Bearer {READERS_TOKEN}"}),
        (f"/events/harbor/{SECRET}", {}),
        (f"/events/harbor/{SECRET}", {"Authorization": SECRET}),
        ("/events/github", {}),
        ("/events/github", {"X-Hub-Signature-256": signature(b"another body")}),
        ("/events/github", {"X-Hub-Signature-256": signature(json.dumps(PUSH).encode(), "wrong")}),
        ("/events/registry", {"Authorization": SECRET}),
        ("/events/registry", {"X-Event-Token": "wrong"}),
        ("/events/ecr", {"Authorization": login("aws", "wrong")}),
        ("/events/ecr", {"Authorization": login("root", SECRET)}),
        ("/events/hub", {"Authorization": SECRET}),
        ("/events/hub/wrong", {}),
        ("/events/open/anything", {}),
    ],
)
def test_who_does_not_show_the_secret_is_not_believed(
    site: Site, service: Service, path: str, headers: dict[str, str]
) -> None:
    answer = post(service, path, PUSH, **headers)
    assert answer.status_code == 401
    assert SECRET not in answer.text
    assert stored(site) == []


@pytest.mark.parametrize(
    ("path", "name", "headers"),
    [
        ("/events/harbor", "harbor_push_artifact.default.json", {"Authorization": SECRET}),
        ("/events/harbor", "harbor_push_artifact.cloudevents.json", {
            "Authorization": SECRET, "Content-Type": "application/cloudevents+json"}),
        ("/events/harbor", "harbor_delete_artifact.default.json", {"Authorization": SECRET}),
        ("/events/registry", "distribution_2.8.2_push_index.json", {
            "X-Event-Token": SECRET, "Content-Type": "application/vnd.docker.distribution.events.v1+json"}),
        ("/events/registry", "distribution_2.8.2_delete_tag.json", {"X-Event-Token": SECRET}),
        ("/events/ecr", "ecr_eventbridge_push.json", {"Authorization": login("aws", SECRET)}),
        (f"/events/hub/{SECRET}", "dockerhub_push.docs.json", {}),
        ("/events/open", "quay_repo_push.docs.json", {}),
    ],
)  # fmt: skip
def test_what_vendors_really_send_is_stored(
    site: Site, service: Service, path: str, name: str, headers: dict[str, str]
) -> None:
    answer = post(service, path, sample(name), **headers)
    assert (answer.status_code, answer.json()) == (202, {"events": 1, "new": 1})
    assert len(stored(site)) == 1


def test_github_signs_the_body_and_tells_the_delivery(site: Site, service: Service) -> None:
    body = sample("github_package_published.docker.json")
    headers = {"X_GitHub_Event": "package", "X_GitHub_Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958"}
    signed = {"X_Hub_Signature_256": signature(body), **headers}
    assert post(service, "/events/github", body, **signed).status_code == 202
    assert post(service, "/events/github", body, **signed).json() == {"events": 1, "new": 0}
    assert post(service, "/events/github", body + b" ", **signed).status_code == 401
    assert stored(site) == [("github", "push", "codertocat/hello-world", None)]


def test_an_event_of_another_registry_of_the_site_is_not_noted(site: Site, service: Service) -> None:
    def told(host: str) -> dict[str, Any]:
        return json.loads(json.dumps(PUSH).replace("h/shop/web:v1", f"{host}/shop/web:v1"))

    assert post(service, "/events/harbor", told("other.example.com"), Authorization=SECRET).json()["events"] == 0
    assert post(service, "/events/harbor", told("core.harbor.svc"), Authorization=SECRET).json()["events"] == 1
    assert len(stored(site)) == 1


def test_a_ping_and_an_unknown_action_are_taken_and_nothing_is_stored(site: Site, service: Service) -> None:
    scan = {**PUSH, "type": "SCANNING_COMPLETED"}
    assert post(service, "/events/harbor", scan, Authorization=SECRET).json() == {"events": 0, "new": 0}
    ping = b'{"zen": "Speak like a human."}'
    answer = post(service, "/events/github", ping, X_GitHub_Event="ping", X_Hub_Signature_256=signature(ping))
    assert (answer.status_code, answer.json()) == (202, {"events": 0, "new": 0})
    assert stored(site) == []


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (b"{", {}, 422, "the body is not JSON"),
        (b"[]", {}, 422, "the body is not a JSON object"),
        (b"{}", {}, 422, "this is no event of quay: it names no repository"),
        (b"{}", {"Content-Type": "text/plain"}, 415, "Content-Type: application/json"),
        (b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "Content-Type: application/json"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(
    service: Service, body: bytes, headers: dict[str, str], status: int, words: str
) -> None:
    answer = post(service, "/events/open", body, **headers)
    assert answer.status_code == status
    assert words in answer.json()["sentence"]


def spoken(service: Service, head: str, *parts: bytes) -> bytes:
    """What the service answers to a request that is written by hand, and never ended."""
    where = urlsplit(service.url)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=20) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode())
        for part in parts:
            connection.sendall(part)
        answer = b""
        while received := connection.recv(65536):
            answer += received
        return answer


_HEAD = "POST /events/open HTTP/1.1\nHost: x\nContent-Type: application/json\n"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "IDLE_SECONDS", 0.1)


@pytest.mark.usefixtures("impatient")
def test_ten_megabytes_are_refused_before_they_come(site: Site, service: Service) -> None:
    """No byte of the body is sent, and yet the answer comes."""
    answer = spoken(service, f"{_HEAD}Content-Length: 10000000\n\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"an event has at most 1,048,576 bytes here" in answer
    assert answer.lower().count(b"connection: close") == 1
    assert stored(site) == []


@pytest.mark.usefixtures("impatient")
def test_a_body_without_a_length_is_refused_where_it_grows_too_large(service: Service) -> None:
    chunk = b"400\r\n" + b" " * 1024 + b"\r\n"  # JSON may begin with any number of spaces
    head = _HEAD.replace("/open", "/small")
    answer = spoken(service, f"{head}Transfer-Encoding: chunked\n\n", chunk)
    assert answer.startswith(b"HTTP/1.1 413 ")


def pieces(size: int) -> Iterator[bytes]:
    """A body without a length, which `requests` sends in chunks."""
    for _ in range(size // 65536):
        yield b" " * 65536


@pytest.mark.parametrize("megabytes", [2, 10, 40])
@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_above_the_limit_is_413_for_a_client_that_first_sends_all_of_it(
    site: Site, service: Service, megabytes: int, chunked: bool
) -> None:
    size = megabytes * 1024 * 1024
    headers = {"Content-Type": "application/json", "Authorization": SECRET}
    body = pieces(size) if chunked else b" " * size
    answer = requests.post(service.url + "/events/harbor", data=body, headers=headers, timeout=30)
    assert answer.status_code == 413
    assert "at most 1,048,576 bytes" in answer.json()["sentence"]
    assert stored(site) == []
    assert post(service, "/events/harbor", PUSH, Authorization=SECRET).status_code == 202


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/events/harbor", {"Authorization": "wrong"}, 401),
        ("/events/nobody", {}, 404),
        ("/events/open", {"Content-Type": "text/plain"}, 415),
        ("/events/github", {"X-Hub-Signature-256": "sha256=x"}, 413),
    ],
)
def test_who_is_refused_at_the_door_hears_why_though_the_body_was_not_read(
    service: Service, path: str, headers: dict[str, str], status: int
) -> None:
    answer = post(service, path, b" " * 8_000_000, **headers)
    assert answer.status_code == status
    assert answer.json()["sentence"]


def test_a_client_that_never_ends_is_left_in_the_end(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "LONGEST_SECONDS", 0.5)
    began = time.monotonic()

    def drops() -> Iterator[bytes]:
        while time.monotonic() - began < 120:
            yield b" " * 1024
            time.sleep(0.01)

    with suppress(requests.ConnectionError):
        post(service, "/events/small", drops())
    assert time.monotonic() - began < 100  # it would have gone on
    assert post(service, "/events/small", {"repository": "shop/web", "updated_tags": ["v1"]}).status_code == 202


@pytest.mark.usefixtures("impatient")
def test_a_body_that_never_comes_is_not_waited_for(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "PATIENCE", 0.05)
    assert spoken(service, f"{_HEAD}Content-Length: 10\n\n", b"{").startswith(b"HTTP/1.1 408 ")


def test_ten_pushes_at_once_are_ten_rows(site: Site, service: Service) -> None:
    def send(number: int) -> None:
        told = json.loads(json.dumps(PUSH).replace('"v1"', f'"v{number}"'))
        answers.append(post(service, "/events/harbor", told, Authorization=SECRET).status_code)

    answers: list[int] = []
    threads = [threading.Thread(target=send, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == [202] * 10
    assert sorted(tag or "" for *_, tag in stored(site)) == [f"v{number}" for number in range(10)]


def test_a_name_that_is_not_configured_and_other_methods_find_nothing(service: Service) -> None:
    assert post(service, "/events/nobody", PUSH).status_code == 404
    assert service.get("/events/open").status_code == 401, "reading wants the token of readers"
    told = service.get("/events/open", Authorization=f"Bearer {READERS_TOKEN}")
    assert (told.status_code, told.json()["sentence"]) == (405, "events are sent here, by POST")
    assert post(service, "/versions", PUSH).status_code == 401, "the door of events opens nothing else"
    assert post(service, "/", PUSH, Authorization=f"Bearer {READERS_TOKEN}").status_code == 405


def test_a_secret_that_cannot_be_read_lets_nobody_in(
    site: Site, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EVENT_SECRET")
    for path in ("/events/harbor", "/events/hub/x"):
        assert post(service, path, PUSH, Authorization="").status_code == 503
    assert stored(site) == []


def test_a_database_that_does_not_answer_makes_the_sender_try_again(site: Site) -> None:
    def broken(delivery: Delivery) -> int:
        raise DatabaseError("it is locked", fault="throttled", retryable=True)

    with serving(site, broken) as service:
        answer = post(service, "/events/harbor", PUSH, Authorization=SECRET)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"


def test_a_registry_that_notifies_is_heard(site: Site, service: Service, tmp_path: Path) -> None:
    """distribution 2.8 itself, with notifications configured as the documentation says."""
    endpoint = {
        "name": "registry-pipelines", "url": f"{service.url}/events/registry", "headers": {"X-Event-Token": [SECRET]},
        "timeout": "5s", "threshold": 3, "backoff": "1s", "ignore": {"actions": ["pull"]},
    }  # fmt: skip
    with DockerRegistry(tmp_path / "r", settings={"notifications": {"endpoints": [endpoint]}}) as registry:
        manifest = push_image(registry.url, "shop/web", "v1")
        wait_for(lambda: ("registry", "push", "shop/web", "v1") in stored(site))
        requests.delete(f"{registry.url}/v2/shop/web/manifests/{manifest}", timeout=20).raise_for_status()
        # It tells of the image and of each tag that went with it; blobs are not events.
        wait_for(lambda: len(stored(site)) >= 3)
    assert {event[1:] for event in stored(site)} == {
        ("push", "shop/web", "v1"), ("delete", "shop/web", None), ("delete", "shop/web", "v1"),
    }  # fmt: skip


def push_image(url: str, repository: str, tag: str) -> str:
    """An image without layers; returns its digest."""
    config = b"{}"
    digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
    upload = requests.post(f"{url}/v2/{repository}/blobs/uploads/", timeout=20).headers["Location"]
    requests.put(f"{upload}&digest={digest}", data=config, timeout=20).raise_for_status()
    document = {
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [],
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(config)},
    }  # fmt: skip
    pushed = requests.put(
        f"{url}/v2/{repository}/manifests/{tag}",
        data=json.dumps(document),
        headers={"Content-Type": document["mediaType"]},
        timeout=20,
    )
    pushed.raise_for_status()
    return pushed.headers["Docker-Content-Digest"]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "nothing was heard"
        time.sleep(0.05)


def test_no_log_holds_a_secret(site: Site, service: Service, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert post(service, f"/events/hub/{SECRET}", b"{").status_code == 422
        assert post(service, f"/events/harbor?token={SECRET}", PUSH, Authorization=SECRET).status_code == 202
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("registry_pipelines")]
    assert any("POST /events/hub/… 422" in line for line in ours)
    assert not any(SECRET in line for line in ours)

"""What registries and token servers answer, on a real socket: any status, any header, any body."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.taking.catalog import take_catalog
from registry_core.copying import CopyChoice, CopyOutcome, ImageCopy
from resources.configuration.load import load_site
from resources.connections import Connections
from resources.embedded_registry import EmbeddedRegistry
from resources.registry import Login, RegistryClient
from resources.registry.copying.copier import Copier
from resources.registry.paging import Pages
from resources.registry.pull_limit import PullAllowance
from resources.registry.refusals import error_codes
from resources.registry.schema1 import payload_of
from resources.registry.sign_in.challenge import choose, parse_challenges
from resources.registry.transport.foreign_addresses import NotAnAddress, host_in, resolve
from resources.registry.transport.messages import redacted
from resources.registry.transport.retries import retry_after_seconds
from tests.foreign_input import shapes
from tests.foreign_input.garbage import DIGEST, QUICK, SLOW, TEXTS, bodies, error_of, header_values, texts
from tests.resources.registry.conftest import client_of
from tests.resources.registry.faulty_registry import Asked, FaultyRegistry, Reply, digest_of, image, json_reply

COVERS: tuple[str, ...] = (
    "resources.registry.attempts",
    "resources.registry.blobs",
    "resources.registry.copying.arrival",
    "resources.registry.copying.belongings",
    "resources.registry.paging",
    "resources.registry.pull_limit",
    "resources.registry.reading",
    "resources.registry.referrers",
    "resources.registry.refusals",
    "resources.registry.schema1",
    "resources.registry.sign_in.challenge",
    "resources.registry.sign_in.token",
    "resources.registry.transport.foreign_addresses",
    "resources.registry.transport.messages",
    "resources.registry.transport.redirects",
    "resources.registry.transport.retries",
    "resources.registry.transport.trust",
    "resources.registry.upload_location",
    "resources.registry.uploads",
)

STATUSES = st.sampled_from(
    [200, 200, 200, 200, 201, 202, 204, 206, 301, 307, 308, 400, 401, 403, 404, 405, 416, 429, 500]
)
TAGS = {"name": "team/app", "tags": ["v1", "v2"]}
CATALOG = {"repositories": ["team/app", "team/web"]}
TOKEN = {"token": "abc", "access_token": "abc", "expires_in": 300, "issued_at": shapes.TIME}
ERRORS = {"errors": [{"code": "DENIED", "message": "no", "detail": {"a": 1}}]}
PLAIN = [text for text in TEXTS if text.isascii() and text.isprintable() and "/" not in text and 0 < len(text) < 200]


@pytest.fixture(scope="module")
def registry() -> Iterator[FaultyRegistry]:
    with FaultyRegistry() as made:
        yield made


def client(registry: FaultyRegistry, *, signed: bool = True) -> RegistryClient:
    login = Login("robot", "s3cret-passw0rd") if signed else None
    quick: dict[str, Any] = {"retries": 0, "timeout": timedelta(seconds=5), "patience": timedelta(0)}
    return client_of(registry.url, login, **quick)


HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Content-Type": header_values | st.sampled_from([shapes.OCI_INDEX, shapes.OCI_MANIFEST, "application/json"]),
        "Docker-Content-Digest": header_values | st.just(DIGEST),
        "Link": header_values | header_values.map(lambda one: f'<{one}>; rel="next"'),
        "Location": header_values,
        "Range": header_values,
        "Content-Range": header_values,
        "OCI-Chunk-Min-Length": header_values,
        "OCI-Filters-Applied": header_values,
        "Retry-After": header_values,
        "Date": header_values,
        "RateLimit-Limit": header_values,
        "RateLimit-Remaining": header_values,
        "WWW-Authenticate": header_values | header_values.map(lambda one: f'Bearer realm="{one}",service="s"'),
    },
)
REPLIES = st.builds(
    Reply,
    STATUSES,
    bodies(TAGS, CATALOG, *shapes.MANIFESTS, shapes.CONFIG, ERRORS),
    HEADERS,
)


def everything(client: RegistryClient) -> Iterator[Any]:
    """Each question to a registry that there is."""
    yield client.ping
    yield client.repositories
    yield lambda: client.tags("team/app")
    yield lambda: client.manifest("team/app", "v1")
    yield lambda: client.manifest("team/app", DIGEST)
    yield lambda: client.head_manifest("team/app", "v1")
    yield lambda: client.manifest_exists("team/app", DIGEST)
    yield lambda: client.blob_exists("team/app", DIGEST)
    yield lambda: client.config("team/app", DIGEST)
    yield lambda: b"".join(client.read_blob("team/app", DIGEST))
    yield lambda: client.referrers("team/app", DIGEST)
    yield lambda: client.put_manifest("team/app", "v1", b"{}", shapes.OCI_MANIFEST)
    yield lambda: client.upload_blob("team/app", DIGEST, b"0123456789", chunk_bytes=4)


PATHS = (
    "/v2/", "/v2/_catalog", "/v2/team/app/tags/list", "/v2/team/app/manifests/v1", f"/v2/team/app/manifests/{DIGEST}",
    f"/v2/team/app/blobs/{DIGEST}", f"/v2/team/app/referrers/{DIGEST}", "/v2/team/app/blobs/uploads/", "/up/1",
    f"/v2/team/app/manifests/{DIGEST.replace(':', '-')}",
)  # fmt: skip


@SLOW
@given(st.lists(REPLIES, min_size=1, max_size=3))
def test_no_answer_of_a_registry_raises_what_is_not_ours(registry: FaultyRegistry, replies: list[Reply]) -> None:
    for path in PATHS:
        for method in ("GET", "POST", "PUT", "PATCH"):
            registry.on(method, path, *replies)
    asking = client(registry)
    for question in everything(asking):
        error = error_of(question)
        if error is not None:
            assert "\n" not in str(error)
            assert "s3cret-passw0rd" not in str(error)
    asking.connection.close()


@SLOW
@given(header_values, st.sampled_from([200, 400, 401, 500]), bodies(TOKEN), header_values)
def test_no_challenge_and_no_token_raises_what_is_not_ours(
    registry: FaultyRegistry, realm: str, status: int, body: bytes, scope: str
) -> None:
    for written in (
        realm,
        f'Bearer realm="{registry.url}/token",service="{realm}",scope="{scope}"',
        f'Bearer realm="{realm}"',
    ):
        registry.on("GET", "/v2/", Reply(401, b"", {"WWW-Authenticate": written}), Reply(200, b"{}"))
        registry.on("GET", "/token", Reply(status, body))
        asking = client(registry)
        assert "\n" not in str(error_of(asking.ping))
        asking.connection.close()


class Anything(FaultyRegistry):
    """Lists these names as its repositories and as the tags of each, and answers everything else alike."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.reply = Reply()

    def _reply_to(self, asked: Asked) -> Reply:
        path = asked.path.partition("?")[0]
        if path == "/v2/_catalog":
            return json_reply({"repositories": self.names})
        return json_reply({"tags": self.names}) if path.endswith("/tags/list") else self.reply


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Anything, Connections]]:
    folder = tmp_path_factory.mktemp("site")
    with Anything() as registry:
        main = {"url": registry.url, "retries": 0, "patience": "0s", "provider": "plain"}
        (folder / "registry_pipelines.yaml").write_text(json.dumps({"registries": {"main": main}}))
        with Connections(load_site(folder / "registry_pipelines.yaml")) as connections:
            yield registry, connections


@SLOW
@given(st.lists(texts, min_size=1, max_size=6), bodies(*shapes.MANIFESTS), HEADERS)
def test_no_name_and_no_document_ends_a_catalog(
    site: tuple[Anything, Connections], names: list[str], body: bytes, headers: dict[str, str]
) -> None:
    """Crawled and stored: what cannot be read is a gap, and the others go on."""
    registry, connections = site
    registry.names = ["team/app", *names]
    registry.reply = Reply(200, body, headers)
    assert "\n" not in str(error_of(lambda: take_catalog(connections, "main")))


@pytest.fixture(scope="module")
def destination(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRegistry]:
    with EmbeddedRegistry(tmp_path_factory.mktemp("destination"), durable=False) as made:
        yield made


@SLOW
@given(bodies(*shapes.MANIFESTS), bodies(*shapes.MANIFESTS), HEADERS)
def test_no_document_ends_the_copies_of_others(
    registry: FaultyRegistry, destination: EmbeddedRegistry, one: bytes, two: bytes, headers: dict[str, str]
) -> None:
    """One image of a list is spoiled, and what refers to it: it fails alone."""
    registry.holds("team/app", {"v1": image()})
    registry.on("GET", "/v2/team/app/manifests/v2", Reply(200, one, headers))
    registry.on("GET", f"/v2/team/app/manifests/{digest_of(one)}", Reply(200, one, headers))
    for path in (f"referrers/{digest_of(image())}", f"manifests/{digest_of(image()).replace(':', '-')}"):
        registry.on("GET", f"/v2/team/app/{path}", Reply(200, two, {"Content-Type": shapes.OCI_INDEX}))
    images = [ImageCopy("team/app", tag, "new/app", tag) for tag in ("v1", "v2")]
    source, there = client(registry), client_of(destination.url)
    copier = Copier(source.connection, there.connection, CopyChoice(on_conflict="overwrite"))
    outcomes: list[CopyOutcome] = []
    error_of(lambda: outcomes.extend(copier.copy(images)))
    assert len(outcomes) == 2
    assert len(copier.plan(images).images) == 2
    source.connection.close()
    there.connection.close()


@QUICK
@given(texts)
def test_no_header_and_no_address_raises(text: str) -> None:
    choose(parse_challenges([text, f"Bearer {text}", f'Basic realm="{text}']))
    retry_after_seconds(text, date=text)
    PullAllowance.read(text, text)
    host_in(text)
    redacted(text)
    error_of(lambda: resolve("https://registry.example.com/v2/", text), NotAnAddress)
    for line in (text, f'<{text}>; rel="next"', f"<{text}>;rel=next"):
        error_of(lambda line=line: Pages("https://h").follow([line], "https://h/v2/_catalog", news=True), ValueError)


@QUICK
@given(bodies(ERRORS, shapes.SCHEMA1))
def test_no_body_of_an_error_raises(body: bytes) -> None:
    error_codes(body)
    payload_of(body)


def test_a_resolved_address_is_read_alike_by_everybody() -> None:
    for text in TEXTS:
        try:
            address = resolve("https://registry.example.com/v2/", text)
        except NotAnAddress:
            continue
        assert address.isascii()
        assert address.startswith(("http://", "https://"))
        assert "@" not in address.split("/")[2]
        assert resolve("https://elsewhere.example.com/", address) == address

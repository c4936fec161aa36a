"""What can go wrong between us and a registry: each ends in one clear sentence and one of five words."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from registry_core.coverage import Fault
from registry_core.errors import ConfigError, RegistryError
from registry_core.media_types import DOCKER_SCHEMA1_SIGNED, MANIFEST_ACCEPT
from resources.configuration.settings import TlsSettings
from resources.registry import Login, RegistryClient
from tests.resources.registry.conftest import client_of
from tests.resources.registry.faulty_registry import (
    FaultyRegistry,
    Reply,
    digest_of,
    error_reply,
    html_reply,
    image,
    json_reply,
    manifest_reply,
    self_signed,
)

_TAGS = "/v2/team/app/tags/list"
_V1 = "/v2/team/app/manifests/v1"
_LISTED = json_reply({"name": "team/app", "tags": ["v1"]})


def _fault(ask: Callable[[], object]) -> RegistryError:
    with pytest.raises(RegistryError) as caught:
        ask()
    return caught.value


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_what_can_pass_is_asked_again(faulty: FaultyRegistry, status: int) -> None:
    faulty.on("GET", _TAGS, Reply(status), _LISTED)
    assert client_of(faulty.url).tags("team/app") == ["v1"]


def test_what_does_not_pass_is_unreachable_and_says_how_often_it_was_tried(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _TAGS, error_reply(500, "UNKNOWN", "disk on fire"))
    error = _fault(lambda: client_of(faulty.url, retries=2).tags("team/app"))
    assert (error.fault, error.status, error.codes, error.retryable) == ("unreachable", 500, ("UNKNOWN",), True)
    assert "after 3 tries" in str(error)
    assert "disk on fire" in str(error)
    assert len(faulty.asked) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 416])
def test_what_cannot_pass_is_asked_once(faulty: FaultyRegistry, status: int) -> None:
    faulty.on("GET", _V1, error_reply(status, "X"))
    error = _fault(lambda: client_of(faulty.url).manifest("team/app", "v1"))
    wanted = {404: "missing", 410: "missing", 400: "unreachable", 416: "unreachable"}.get(status, "forbidden")
    assert (error.fault, error.status, error.retryable) == (wanted, status, False)
    assert len(faulty.asked) == 1


@pytest.mark.parametrize(
    ("status", "code", "fault"),
    [
        (400, "DIGEST_INVALID", "forbidden"),
        (400, "MANIFEST_INVALID", "forbidden"),
        (400, "NAME_INVALID", "forbidden"),
        (400, "TAG_INVALID", "forbidden"),
        (400, "UNSUPPORTED", "forbidden"),
        (400, "MANIFEST_BLOB_UNKNOWN", "missing"),
        (400, "NAME_UNKNOWN", "missing"),
        (400, "SOMETHING_ELSE", "unreachable"),
        (416, "RANGE_INVALID", "forbidden"),
        (421, "X", "unreachable"),
        *(
            (status, "X", "forbidden")
            for status in (402, 406, 409, 411, 412, 414, 415, 417, 422, 423, 424, 426, 428, 431)
        ),
        (500, "DIGEST_INVALID", "forbidden"),
        (500, "UNKNOWN", "unreachable"),
        (507, "X", "unreachable"),
    ],
)
def test_a_request_that_is_refused_is_not_unreachable(
    faulty: FaultyRegistry, status: int, code: str, fault: Fault
) -> None:
    faulty.on("GET", _V1, error_reply(status, code))
    error = _fault(lambda: client_of(faulty.url, retries=0).manifest("team/app", "v1"))
    assert (error.fault, error.status) == (fault, status)
    if fault == "forbidden":
        assert not error.retryable
        assert "credentials" not in str(error)


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_web_page_with_a_status_of_refusals_is_unreachable(faulty: FaultyRegistry, status: int) -> None:
    faulty.on("GET", _V1, html_reply(status))
    assert _fault(lambda: client_of(faulty.url).manifest("team/app", "v1")).fault == "unreachable"


@pytest.mark.parametrize("as_date", [False, True])
def test_a_throttled_request_waits_as_long_as_it_is_told(faulty: FaultyRegistry, as_date: bool) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    headers = {"Retry-After": "1"}
    if as_date:
        wrong_clock = now + timedelta(days=400)  # only the difference of the server's own two dates counts
        headers = {
            "Date": format_datetime(wrong_clock, usegmt=True),
            "Retry-After": format_datetime(wrong_clock + timedelta(seconds=1), usegmt=True),
        }
    faulty.on("GET", _TAGS, error_reply(429, "TOOMANYREQUESTS", **headers), _LISTED)
    began = time.monotonic()
    assert client_of(faulty.url).tags("team/app") == ["v1"]
    assert 1.0 <= time.monotonic() - began < 3


def test_a_registry_that_wants_us_back_in_hours_is_throttled_at_once_for_everybody(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _TAGS, error_reply(429, "TOOMANYREQUESTS", **{"Retry-After": "21600"}))
    client = client_of(faulty.url)
    began = time.monotonic()
    errors = [_fault(lambda: client.tags("team/app")) for _ in range(3)]
    assert time.monotonic() - began < 1
    assert {error.fault for error in errors} == {"throttled"}
    assert "6 h" in str(errors[-1])
    assert len(faulty.asked) == 1


def test_throttling_without_end_uses_up_the_patience_and_no_more(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _TAGS, error_reply(429, "TOOMANYREQUESTS"))
    client = client_of(faulty.url, patience=timedelta(seconds=1))
    began = time.monotonic()
    assert _fault(lambda: client.tags("team/app")).fault == "throttled"
    assert time.monotonic() - began < 2
    asked = len(faulty.asked)
    assert _fault(lambda: client.tags("team/app")).fault == "throttled"
    assert len(faulty.asked) == asked  # the next one does not even ask


def test_a_connection_dropped_without_an_answer_is_tried_again(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _TAGS, Reply(drop=True), _LISTED)
    assert client_of(faulty.url).tags("team/app") == ["v1"]


def test_a_page_cut_short_is_never_half_a_list(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _TAGS, Reply(200, _LISTED.body, _LISTED.headers, cut_after=20))
    error = _fault(lambda: client_of(faulty.url).tags("team/app"))
    assert error.fault == "unreachable"
    assert "broke off" in str(error)


def test_a_page_whose_json_is_cut_is_corrupt(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _TAGS, Reply(200, _LISTED.body[:20], _LISTED.headers))
    error = _fault(lambda: client_of(faulty.url).tags("team/app"))
    assert error.fault == "corrupt"
    assert "not JSON" in str(error)


@pytest.mark.parametrize("content", [[], {"message": "hello"}, {"tags": "v1"}, {"tags": [1]}, {"tags": {"v1": 1}}, 7])
def test_json_that_is_no_list_of_tags_is_not_an_empty_repository(faulty: FaultyRegistry, content: object) -> None:
    faulty.on("GET", _TAGS, json_reply(content))
    assert _fault(lambda: client_of(faulty.url).tags("team/app")).fault == "corrupt"


def test_null_tags_are_no_tags(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _TAGS, json_reply({"name": "team/app", "tags": None}))
    assert client_of(faulty.url).tags("team/app") == []


@pytest.mark.parametrize("status", [200, 404, 502])
@pytest.mark.parametrize("verb", ["tags", "manifest", "head_manifest", "ping", "repositories"])
def test_a_web_page_is_no_answer_of_a_registry(faulty: FaultyRegistry, verb: str, status: int) -> None:
    for path in (_TAGS, _V1, "/v2/", "/v2/_catalog"):
        faulty.on("GET", path, html_reply(status))
    client = client_of(faulty.url, retries=0)
    arguments = {"tags": ("team/app",), "manifest": ("team/app", "v1"), "head_manifest": ("team/app", "v1")}
    error = _fault(lambda: getattr(client, verb)(*arguments.get(verb, ())))
    assert error.fault == "unreachable"
    assert "web page" in str(error)


def test_a_wrong_digest_is_corrupt(faulty: FaultyRegistry) -> None:
    body = image()
    wrong = digest_of(b"something else")
    faulty.on("GET", _V1, manifest_reply(body, digest=wrong))
    faulty.on("GET", f"/v2/team/app/manifests/{wrong}", manifest_reply(body, digest=wrong))
    for reference in ("v1", wrong):
        error = _fault(lambda reference=reference: client_of(faulty.url).manifest("team/app", reference))
        assert error.fault == "corrupt"
        assert digest_of(body) in str(error)


def test_a_registry_that_tells_no_digest_is_read_and_the_digest_made(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _V1, Reply(200, image(), {"Content-Type": "application/json; charset=utf-8"}))
    client = client_of(faulty.url)
    assert client.head_manifest("team/app", "v1") == digest_of(image())
    assert client.manifest("team/app", "v1").media_type == "application/json"


def test_every_manifest_type_is_asked_for(faulty: FaultyRegistry) -> None:
    faulty.holds("team/app", {"v1": image()})
    client = client_of(faulty.url)
    client.manifest("team/app", "v1")
    client.head_manifest("team/app", "v1")
    assert {asked.headers["accept"] for asked in faulty.asked} == {MANIFEST_ACCEPT}


def test_a_manifest_larger_than_any_is_not_read_to_its_end(faulty: FaultyRegistry) -> None:
    body = image(annotations={"a": "ü" * 3_000_000})
    faulty.on("GET", _V1, manifest_reply(body))
    error = _fault(lambda: client_of(faulty.url).manifest("team/app", "v1"))
    assert error.fault == "corrupt"
    assert "larger than" in str(error)


def test_enormous_unicode_annotations_below_the_limit_are_read(faulty: FaultyRegistry) -> None:
    body = json.dumps({"schemaVersion": 2, "annotations": {"a": "🦀é" * 400_000}}, ensure_ascii=False).encode()
    faulty.on("GET", _V1, manifest_reply(body))
    assert client_of(faulty.url).manifest("team/app", "v1").body == body


def test_an_enormous_error_body_is_read_to_a_limit(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _V1, Reply(404, b'{"errors":[{"code":"X' + b"x" * 5_000_000))
    error = _fault(lambda: client_of(faulty.url).manifest("team/app", "v1"))
    assert error.fault == "missing"
    assert len(str(error)) < 1000


def test_a_signed_schema1_manifest_is_proven_by_its_payload(faulty: FaultyRegistry) -> None:
    payload = b'{\n   "schemaVersion": 1,\n   "name": "old"\n}'
    protected = json.dumps({"formatLength": len(payload) - 2, "formatTail": "Cn0"})  # "\n}"
    from base64 import urlsafe_b64encode

    encoded = urlsafe_b64encode(protected.encode()).decode().rstrip("=")
    body = payload[:-2] + b',\n   "signatures": [{"protected": "' + encoded.encode() + b'"}]\n}'
    faulty.on("GET", _V1, manifest_reply(body, DOCKER_SCHEMA1_SIGNED, digest=digest_of(payload)))
    assert client_of(faulty.url).manifest("team/app", "v1").digest == digest_of(payload)


def test_a_registry_that_is_down_says_so() -> None:
    with FaultyRegistry() as registry:
        url = registry.url
    error = _fault(lambda: client_of(url).ping())
    assert (error.fault, error.retryable) == ("unreachable", True)
    assert "does not accept connections" in str(error)


def test_a_name_that_cannot_be_resolved_says_so() -> None:
    error = _fault(lambda: client_of("http://registry.invalid", retries=0).ping())
    assert error.fault == "unreachable"
    assert "cannot be resolved" in str(error)


def test_an_answer_that_takes_too_long_is_unreachable(faulty: FaultyRegistry) -> None:
    faulty.on("GET", "/v2/", Reply(200, b"{}", delay_seconds=3))
    began = time.monotonic()
    error = _fault(lambda: client_of(faulty.url, retries=0, timeout=timedelta(seconds=1)).ping())
    assert time.monotonic() - began < 2.5
    assert error.fault == "unreachable"
    assert "did not answer within 1 s" in str(error)


def test_a_registry_that_is_down_is_not_asked_for_hours() -> None:
    with FaultyRegistry() as registry:
        url = registry.url
    client = client_of(url, retries=0)
    for _ in range(5):
        _fault(lambda: client.tags("team/app"))
    sent = client.connection.sent
    error = _fault(lambda: client.tags("team/app"))
    assert client.connection.sent == sent
    assert "not asked" in str(error)
    assert error.fault == "unreachable"


def test_http_where_https_was_asked_says_so(faulty: FaultyRegistry) -> None:
    error = _fault(lambda: client_of(faulty.url.replace("http:", "https:")).ping())
    assert error.fault == "unreachable"
    assert "does not speak TLS" in str(error)
    assert f"http://{faulty.host}" in str(error)


def test_https_where_http_was_asked_says_something_useful(tmp_path: Path) -> None:
    with FaultyRegistry(certificate=self_signed(tmp_path)) as registry:
        error = _fault(lambda: client_of(registry.url.replace("https:", "http:"), retries=0).ping())
    assert error.fault == "unreachable"
    assert "https" in str(error)


def test_a_certificate_of_our_own_authority_is_trusted_when_named(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with FaultyRegistry(certificate=certificate) as registry:
        registry.on("GET", "/v2/", json_reply({}))
        error = _fault(lambda: client_of(registry.url).ping())
        assert (error.fault, error.retryable) == ("unreachable", False)
        assert "tls.ca" in str(error)
        client_of(registry.url, tls=TlsSettings(ca=str(certificate[0]))).ping()
        client_of(registry.url, tls=TlsSettings(insecure=True)).ping()


def test_a_bundle_in_the_environment_does_not_override_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(self_signed(other)[0]))
    certificate = self_signed(tmp_path)
    with FaultyRegistry(certificate=certificate) as registry:
        registry.on("GET", "/v2/", json_reply({}))
        client_of(registry.url, tls=TlsSettings(ca=str(certificate[0]))).ping()
        client_of(registry.url, tls=TlsSettings(insecure=True)).ping()


@pytest.mark.parametrize("content", [None, "no certificate at all"])
def test_a_ca_file_that_cannot_be_used_is_a_mistake_of_the_configuration(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=r"tls\.ca"):
        client_of("https://registry.example.com", tls=TlsSettings(ca=str(path)))


def test_no_error_no_repr_holds_a_secret(faulty: FaultyRegistry) -> None:
    login = Login("robot", "s3cret-passw0rd")

    def echo_secret(asked: object) -> Reply:
        return error_reply(500, "UNKNOWN", f"you sent s3cret-passw0rd and {login.basic}")

    faulty.on("GET", _TAGS, error_reply(401, "X", **{"WWW-Authenticate": "Basic realm=x"}), echo_secret)
    client = client_of(faulty.url, login)
    error = _fault(lambda: client.tags("team/app"))
    told = f"{error} {error!r} {client!r} {client.connection!r} {login!r} {client.connection._session!r}"
    assert "[secret]" in told
    assert "s3cret" not in told
    assert login.basic.removeprefix("Basic ") not in told


def test_the_bound_on_requests_a_second_holds(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _TAGS, _LISTED)
    client = client_of(faulty.url, requests_per_second=20)
    began = time.monotonic()
    for _ in range(12):
        client.tags("team/app")
    assert time.monotonic() - began >= 0.45


def test_a_client_can_be_used_again_after_it_was_closed(faulty: FaultyRegistry) -> None:
    faulty.on("GET", _TAGS, _LISTED)
    with_idle: RegistryClient = client_of(faulty.url)
    assert with_idle.tags("team/app") == ["v1"]
    with_idle.close()
    assert with_idle.tags("team/app") == ["v1"]

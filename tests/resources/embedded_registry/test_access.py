"""Basic authentication and the read-only switch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from registry_core.errors import ConfigError
from resources.embedded_registry import Credentials, EmbeddedRegistry, Layout
from tests.image_builder import digest_of, make_image, push
from tests.resources.embedded_registry.conftest import Api, assert_error

PASSWORD = "corrèct:horse"


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[EmbeddedRegistry]:
    with EmbeddedRegistry(tmp_path / "locked", credentials=("robot", PASSWORD)) as registry:
        yield registry


def test_without_credentials_every_request_is_401_and_says_how(locked: EmbeddedRegistry) -> None:
    with Api(locked.url) as api:
        for path in ("/v2/", "/v2/_catalog", "/v2/a/manifests/1"):
            answer = api.get(path)
            assert_error(answer, 401, "UNAUTHORIZED")
            assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
        assert_error(api.post("/v2/a/blobs/uploads/"), 401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    "header", ["", "Basic", "Basic !!!", "Basic cm9ib3Q6d3Jvbmc=", "Bearer abc", "Basic cm9ib3Q=", "Basic é"]
)
def test_wrong_credentials_of_any_shape_are_401(locked: EmbeddedRegistry, header: str) -> None:
    answer = requests.get(f"{locked.url}/v2/", headers={"Authorization": header.encode()}, timeout=5)
    assert_error(answer, 401, "UNAUTHORIZED")


def test_the_right_credentials_push_and_pull(locked: EmbeddedRegistry) -> None:
    image = make_image()
    auth = ("robot", PASSWORD.encode().decode("latin-1"))  # requests writes latin-1, the registry reads UTF-8
    push(locked.url, "team/app", image, "1.0", auth=auth)
    answer = requests.get(f"{locked.url}/v2/team/app/manifests/1.0", auth=auth, timeout=5)
    assert answer.content == image.manifest_bytes


def test_the_password_is_in_no_repr() -> None:
    assert PASSWORD not in repr(Credentials("robot", PASSWORD))


def test_a_read_only_registry_serves_refuses_and_leaves_no_trace(tmp_path: Path) -> None:
    image, root = make_image(), tmp_path / "r"
    with Layout(root) as layout:
        push(layout, "team/app", image, "1.0")
    before = sorted(path for path in root.rglob("*"))
    with EmbeddedRegistry(root, read_only=True) as registry, Api(registry.url) as api:
        assert api.get("/v2/team/app/manifests/1.0").content == image.manifest_bytes
        assert api.get("/v2/team/app/tags/list").json()["tags"] == ["1.0"]
        for answer in (
            api.post("/v2/team/app/blobs/uploads/"),
            api.put_manifest("team/app", "2.0", image.manifest_bytes, image.media_type),
            api.delete(f"/v2/team/app/manifests/{image.digest}"),
        ):
            assert_error(answer, 405, "UNSUPPORTED")
        with pytest.raises(ConfigError, match="read-only"):
            registry.layout.put_blob("team/app", b"x")
        with pytest.raises(ConfigError, match="read-only"):
            registry.layout.put_manifest("team/app", b"new", "application/vnd.example.unknown", tag="2.0")
        with pytest.raises(ConfigError, match="read-only"):
            registry.layout.delete_tag("team/app", "1.0")
        assert registry.layout.tags("team/app") == ["1.0"]
    assert sorted(path for path in root.rglob("*")) == before


def test_a_layout_can_be_read_while_another_process_would_write_to_it(tmp_path: Path) -> None:
    with Layout(tmp_path / "r") as writing:
        push(writing, "team/app", make_image(), "1.0")
        with Layout(tmp_path / "r", read_only=True) as reading:
            assert reading.tags("team/app") == ["1.0"]
            assert reading.has_blob("team/app", digest_of(b"layer"))
        with pytest.raises(ConfigError, match="served by another registry already"):
            Layout(tmp_path / "r")

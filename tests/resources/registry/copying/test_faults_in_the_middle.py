"""What breaks in the middle of a copy, and the second run that completes it without sending a blob twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from registry_core.copying import CopyOutcome
from resources.embedded_registry import EmbeddedRegistry
from resources.registry import Login
from resources.registry.copying import Copier, carrying
from tests.image_builder import make_image, make_multi_platform, push
from tests.registries import DockerRegistry
from tests.resources.registry.conftest import connection_to
from tests.resources.registry.copying.conftest import copy_one, manifest_at, same, tags_of
from tests.resources.registry.copying.test_whole_images import assert_there
from tests.resources.registry.copying.weir import Weir
from tests.resources.registry.faulty_registry import (
    FaultyRegistry,
    Reply,
    manifest_reply,
)
from tests.resources.registry.token_server import TokenServer

_LARGE = random.Random(5).randbytes(24_000_000)
_IMAGE = make_image([_LARGE, b"small"])
_LAYER = _IMAGE.layer_digests[0]


@pytest.fixture
def filled(embedded_registry: EmbeddedRegistry) -> EmbeddedRegistry:
    push(embedded_registry.layout, "app", _IMAGE, "v1")
    return embedded_registry


def complete(source: Any, weir: Weir, docker_registry: DockerRegistry, first: CopyOutcome) -> CopyOutcome:
    """The second run completes the first, and sends none of its blobs again."""
    closed = len(weir.uploads())
    weir.faults.clear()
    second = copy_one(source, weir, same("app", "v1"))
    assert second.word == "copied", second
    assert_there(docker_registry, "app", _IMAGE)
    assert first.sent_blobs + second.sent_blobs == len(_IMAGE.blobs)
    assert len(weir.uploads()) - closed == second.sent_blobs
    return second


def test_a_source_that_drops_the_connection_in_a_large_layer_is_asked_for_the_rest(
    filled: EmbeddedRegistry, docker_registry: DockerRegistry, other_docker_registry: DockerRegistry, weir: Weir
) -> None:
    copy_one(filled, docker_registry, same("app", "v1"))
    weir.fail("GET", _LAYER, cut_after=5_000_000, times=3)
    outcome = copy_one(weir, other_docker_registry, same("app", "v1"))
    assert outcome.word == "copied"
    assert_there(other_docker_registry, "app", _IMAGE)
    assert weir.downloaded_bytes < len(_LARGE) * 1.2, "what came before a cut is not fetched again"


def test_a_destination_that_drops_the_connection_gets_the_layer_again(
    filled: EmbeddedRegistry, docker_registry: DockerRegistry, weir: Weir
) -> None:
    weir.fail("PUT", "/blobs/uploads/", cut_after=5_000_000)
    outcome = copy_one(filled, weir, same("app", "v1"))
    assert outcome.word == "copied"
    assert_there(docker_registry, "app", _IMAGE)


def test_a_destination_that_keeps_what_came_before_a_cut_gets_the_rest_only(
    docker_registry: DockerRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "PART_BYTES", 8_000_000)
    push(docker_registry, "app", _IMAGE, "v1")
    with EmbeddedRegistry(tmp_path / "kept", durable=False) as embedded, Weir(embedded.host) as before:
        before.fail("PATCH", "/blobs/uploads/", cut_after=3_000_000)
        assert copy_one(docker_registry, before, same("app", "v1")).word == "copied"
        assert_there(embedded, "app", _IMAGE)
        assert before.uploaded_bytes < len(_LARGE) + 8_500_000, "at most the part that was cut is sent again"
        assert len([path for method, path in before.asked if method == "POST"]) == len(_IMAGE.blobs)


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD"])
def test_a_destination_that_throttles_is_waited_for(
    filled: EmbeddedRegistry, docker_registry: DockerRegistry, weir: Weir, method: str
) -> None:
    weir.fail(method, "/v2/app/", status=429, headers={"Retry-After": "1"}, times=2)
    began = time.monotonic()
    assert copy_one(filled, weir, same("app", "v1")).word == "copied"
    assert time.monotonic() - began >= 1
    assert_there(docker_registry, "app", _IMAGE)


def test_a_source_that_throttles_is_waited_for(
    filled: EmbeddedRegistry, docker_registry: DockerRegistry, other_docker_registry: DockerRegistry, weir: Weir
) -> None:
    copy_one(filled, docker_registry, same("app", "v1"))
    weir.fail("GET", "/blobs/", status=429, headers={"Retry-After": "1"}, times=2)
    assert copy_one(weir, other_docker_registry, same("app", "v1")).word == "copied"


def test_a_destination_that_fails_once_is_asked_again(
    filled: EmbeddedRegistry, docker_registry: DockerRegistry, weir: Weir
) -> None:
    weir.fail("PUT", "/blobs/uploads/", status=500, times=2)
    weir.fail("PUT", "/manifests/", status=503, times=1)
    assert copy_one(filled, weir, same("app", "v1")).word == "copied"
    assert_there(docker_registry, "app", _IMAGE)


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (413, b'{"errors":[{"code":"DENIED","message":"quota of the project is used up"}]}', "forbidden"),
        (507, b"", "unreachable"),
        (
            403,
            b'{"errors":[{"code":"DENIED","message":"exceeds the upper limit of storage"}]}',
            "forbidden",
        ),
    ],
)
def test_a_full_destination_is_told_in_its_own_words_and_completed_later(
    filled: EmbeddedRegistry, docker_registry: DockerRegistry, weir: Weir, status: int, body: bytes, fault: str
) -> None:
    weir.fail("PUT", "/blobs/uploads/", status=status, body=body, times=1000)
    first = copy_one(filled, weir, same("app", "v1"))
    assert (first.word, first.fault) == ("failed", fault)
    assert str(status) in first.detail
    assert tags_of(docker_registry, "app") == set()
    complete(filled, weir, docker_registry, first)


def test_manifests_that_are_refused_leave_blobs_that_are_not_sent_again(
    filled: EmbeddedRegistry, docker_registry: DockerRegistry, weir: Weir
) -> None:
    weir.fail("PUT", "/manifests/", status=500, times=1000)
    first = copy_one(filled, weir, same("app", "v1"))
    assert (first.word, first.retryable, first.sent_blobs) == ("failed", True, len(_IMAGE.blobs))
    assert complete(filled, weir, docker_registry, first).sent_bytes == 0


def test_a_token_that_expires_in_the_middle_is_renewed(
    tmp_path: Path, faulty: FaultyRegistry, docker_registry: DockerRegistry
) -> None:
    push(docker_registry, "app", _IMAGE, "v1")
    tokens = TokenServer(faulty, tmp_path, "robot", "password")
    tokens.expires_in = 1
    with DockerRegistry(tmp_path / "signed", auth=tokens.auth_section) as signed, Weir(signed.host) as before:
        before.fail(
            "PUT", "/manifests/", status=401, times=1,
            headers={"WWW-Authenticate": f'Bearer realm="{faulty.url}/token",service="registry.test"'},
        )  # fmt: skip
        copier = Copier(connection_to(docker_registry.url), connection_to(before.url, Login("robot", "password")))
        (outcome,) = copier.copy([same("app", "v1")])
        assert outcome.word == "copied", outcome
        assert tokens.given > 1


def test_a_layer_that_is_corrupt_at_the_source_never_arrives(
    faulty: FaultyRegistry, docker_registry: DockerRegistry
) -> None:
    spoilt = bytes([_LARGE[0] ^ 1]) + _LARGE[1:]
    faulty.holds("app", {"v1": _IMAGE.manifest_bytes})
    for digest, blob in _IMAGE.blobs.items():
        faulty.on("GET", f"/v2/app/blobs/{digest}", Reply(200, spoilt if digest == _LAYER else blob))
    outcome = copy_one(faulty, docker_registry, same("app", "v1"))
    assert (outcome.word, outcome.fault) == ("failed", "corrupt")
    assert _LAYER in outcome.detail
    assert tags_of(docker_registry, "app") == set()


def test_an_index_with_a_child_that_the_source_lost_is_not_copied_in_part(
    faulty: FaultyRegistry, docker_registry: DockerRegistry
) -> None:
    index = make_multi_platform()
    faulty.on("GET", "/v2/app/manifests/v1", manifest_reply(index.manifest_bytes, index.media_type))
    outcome = copy_one(faulty, docker_registry, same("app", "v1"))
    assert (outcome.word, outcome.fault) == ("failed", "missing")
    assert tags_of(docker_registry, "app") == set()


def test_a_copy_that_is_killed_is_completed_by_the_next(
    filled: EmbeddedRegistry, docker_registry: DockerRegistry, weir: Weir
) -> None:
    command = [sys.executable, "-m", "registry_pipelines.cli", "copy", f"{filled.url}/app:v1", f"{weir.url}/app:v1"]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[4], env={**os.environ, "HOME": "/nonexistent"})
    while weir.uploaded_bytes < 2_000_000 and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert tags_of(docker_registry, "app") == set()
    before = [path for path in weir.uploads() if _LAYER.split(":")[1] not in path]
    second = copy_one(filled, weir, same("app", "v1"))
    assert second.word == "copied"
    assert_there(docker_registry, "app", _IMAGE)
    small = [path for path in weir.uploads() if _LAYER.split(":")[1] not in path]
    assert len(small) == len(_IMAGE.blobs) - 1
    assert len(before) <= len(small)


def test_a_copy_left_early_writes_no_tag(filled: EmbeddedRegistry, docker_registry: DockerRegistry, weir: Weir) -> None:
    def leave(_progress: object) -> None:
        if weir.uploaded_bytes:
            raise KeyboardInterrupt

    weir.fail("PUT", "/manifests/", status=429, headers={"Retry-After": "9"}, times=1)
    copying = Copier(connection_to(filled.url), connection_to(weir.url)).copy([same("app", "v1")], leave)
    with pytest.raises(KeyboardInterrupt):
        list(copying)
    assert tags_of(docker_registry, "app") == set()


def test_what_should_not_happen_is_raised_and_not_an_outcome(
    filled: EmbeddedRegistry, docker_registry: DockerRegistry
) -> None:
    def broken(_digest: str) -> tuple[str, ...]:
        raise ZeroDivisionError

    copying = Copier(connection_to(filled.url), connection_to(docker_registry.url), holders=broken)
    with pytest.raises(ZeroDivisionError):
        list(copying.copy([same("app", "v1")]))
    assert manifest_at(docker_registry, "app", "v1") is None

"""kill -9 at the worst moments: nothing torn, no manifest without its blobs, nothing lost that was promised."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from resources.embedded_registry import Layout
from tests.image_builder import BuiltImage, digest_of, make_multi_platform, push, push_blob
from tests.resources.embedded_registry.conftest import Api
from tests.resources.embedded_registry.processes import RegistryProcess
from tests.resources.embedded_registry.wholeness import assert_whole


def test_a_kill_in_the_middle_of_a_blob_leaves_no_blob(tmp_path: Path) -> None:
    root = tmp_path / "r"
    blob = b"x" * 3_000_000
    with RegistryProcess(root) as process:
        with Api(process.url) as api:
            location = api.start_upload("team/app")
        address = urlsplit(process.url)
        with socket.create_connection((address.hostname, address.port)) as pushing:
            head = f"PUT {location}?digest={digest_of(blob)} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(blob)}\r\n\r\n"
            pushing.sendall(head.encode() + blob[:2_500_000])
            deadline = time.monotonic() + 10
            while not any(path.stat().st_size for path in (root / "uploads").iterdir()):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            process.kill()
    with RegistryProcess(root) as process, Api(process.url) as api:
        assert api.head(f"/v2/team/app/blobs/{digest_of(blob)}").status_code == 404
        assert api.get(location).status_code == 404
        assert not (root / "uploads").exists()
        assert push_blob(api, api.url, "team/app", blob) == digest_of(blob)


def test_a_kill_between_blobs_and_manifest_keeps_the_blobs_and_no_manifest(tmp_path: Path) -> None:
    index = make_multi_platform()
    image = index.children[0]
    with RegistryProcess(tmp_path / "r") as process, Api(process.url) as api:
        for blob in image.blobs.values():
            push_blob(api, api.url, "team/app", blob)
        process.kill()
    with RegistryProcess(tmp_path / "r") as process, Api(process.url) as api:
        for digest in image.blobs:
            assert api.head(f"/v2/team/app/blobs/{digest}").status_code == 200
        assert api.head(f"/v2/team/app/manifests/{image.digest}").status_code == 404
        assert api.get("/v2/_catalog").json() == {"repositories": []}
        push(api.url, "team/app", index, "1.0")
        process.kill()
    with Layout(tmp_path / "r") as layout:
        assert layout.tags("team/app") == ["1.0"]
        assert assert_whole(layout) == 4


@pytest.mark.parametrize("pushes_before_the_kill", [1, 7, 40])
def test_a_kill_in_a_storm_of_pushes_loses_nothing_that_was_answered(
    tmp_path: Path, pushes_before_the_kill: int
) -> None:
    answered: list[tuple[str, BuiltImage]] = []
    enough = threading.Event()

    def push_until_it_dies(url: str, worker: int) -> None:
        for number in range(1000):
            tag = f"w{worker}-{number}"
            image = make_multi_platform(content=tag.encode() * 1000)
            try:
                push(url, f"team/app{worker % 2}", image, tag)
            except requests.RequestException:
                return
            answered.append((f"team/app{worker % 2}:{tag}", image))
            if len(answered) >= pushes_before_the_kill:
                enough.set()

    with RegistryProcess(tmp_path / "r") as process:
        workers = [threading.Thread(target=push_until_it_dies, args=(process.url, worker)) for worker in range(4)]
        for worker in workers:
            worker.start()
        assert enough.wait(30)
        process.kill()
        for worker in workers:
            worker.join()
    with Layout(tmp_path / "r") as layout:
        for reference, image in answered:
            repository, _, tag = reference.partition(":")
            assert layout.read_manifest(repository, tag)[1] == image.manifest_bytes
        assert assert_whole(layout) >= 3 * len(answered)


def test_a_terminated_server_folds_its_journal_and_exits_with_zero(tmp_path: Path) -> None:
    with RegistryProcess(tmp_path / "r") as process:
        push(process.url, "team/app", make_multi_platform(), "1.0")
        assert process.stop() == 0
    assert (tmp_path / "r" / "journal.jsonl").read_bytes() == b""
    assert "team/app:1.0" in (tmp_path / "r" / "index.json").read_text()


def test_the_command_says_what_is_wrong_and_exits_with_two(tmp_path: Path) -> None:
    (tmp_path / "photos.txt").write_text("mine")
    with pytest.raises(AssertionError, match=r"photos\.txt"):
        RegistryProcess(tmp_path)
    with pytest.raises(AssertionError, match="name both, or neither"):
        RegistryProcess(tmp_path / "r", "--username", "robot")


def test_the_command_serves_read_only_and_with_a_password_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    Layout(tmp_path / "r").close()
    options = ("--read-only", "--username", "robot", "--password-file", str(tmp_path / "password"))
    with RegistryProcess(tmp_path / "r", *options) as process, Api(process.url) as api:
        assert api.get("/v2/").status_code == 401
        api.auth = ("robot", "secret")
        assert api.get("/v2/").status_code == 200
        assert api.post("/v2/team/app/blobs/uploads/").status_code == 405

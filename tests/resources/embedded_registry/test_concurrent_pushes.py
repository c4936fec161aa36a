"""Many clients at once: the same blob, the same tag, deletions in between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from resources.embedded_registry import EmbeddedRegistry, Layout
from tests.image_builder import digest_of, make_image, make_multi_platform, push, push_blob
from tests.resources.embedded_registry.conftest import Api
from tests.resources.embedded_registry.processes import RegistryProcess
from tests.resources.embedded_registry.wholeness import assert_whole


def at_once(*deeds: Callable[[], object]) -> list[object]:
    """Let all begin together; an exception in any of them is raised."""
    start = threading.Barrier(len(deeds))

    def begin(deed: Callable[[], object]) -> object:
        start.wait()
        return deed()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(begin, deeds))


def test_the_same_blob_pushed_by_many_at_once_is_kept_once(api: Api, embedded_registry: EmbeddedRegistry) -> None:
    blob = b"shared" * 200_000

    def deed() -> str:
        with Api(api.url) as own:
            location = own.start_upload("team/app")
            answer = own.put(f"{location}?digest={digest_of(blob)}", data=blob)
            assert answer.status_code == 201, answer.text
            return answer.headers["Docker-Content-Digest"]

    assert set(at_once(*[deed] * 8)) == {digest_of(blob)}
    assert digest_of(api.get(f"/v2/team/app/blobs/{digest_of(blob)}").content) == digest_of(blob)
    files = [path for path in embedded_registry.layout.root.rglob("blobs/*/*") if path.is_file()]
    assert len(files) == 1


def test_the_same_tag_pushed_by_many_at_once_is_one_of_them(api: Api) -> None:
    images = [make_multi_platform(content=f"image {number}".encode()) for number in range(6)]
    at_once(*[lambda image=image: push(api.url, "team/app", image, "latest") for image in images])
    digest = api.head("/v2/team/app/manifests/latest").headers["Docker-Content-Digest"]
    assert digest in {image.digest for image in images}
    assert api.get("/v2/team/app/tags/list").json()["tags"] == ["latest"]
    for image in images:
        assert api.get(f"/v2/team/app/manifests/{image.digest}").content == image.manifest_bytes


def test_chunks_of_one_upload_sent_at_once_are_taken_one_by_one(api: Api) -> None:
    location = api.start_upload("team/app")

    def deed() -> int:
        with Api(api.url) as own:
            return own.patch_chunk(location, b"0123456789" * 10_000, "0-99999").status_code

    assert sorted(at_once(*[deed] * 4)) == [202, 416, 416, 416]
    assert api.get(location).headers["Range"] == "0-99999"


def test_a_blob_pushed_while_its_last_holder_lets_go_is_there(tmp_path: Path) -> None:
    blob, digest = b"contended", digest_of(b"contended")
    with Layout(tmp_path / "r", durable=False) as layout:
        for _ in range(150):
            layout.put_blob("one", blob)
            at_once(lambda: layout.delete_blob("one", digest), lambda: layout.put_blob("two", blob))
            assert layout.has_blob("two", digest)
            layout.delete_blob("two", digest)
        assert layout.files.size_bytes(digest) is None


def test_pushes_and_deletions_at_once_leave_a_whole_registry(tmp_path: Path) -> None:
    image = make_image([b"moving"])
    with EmbeddedRegistry(tmp_path / "r", durable=False) as registry:

        def push_many() -> None:
            for number in range(30):
                push(registry.url, "team/app", image, f"t{number % 3}")

        def delete_many() -> None:
            with Api(registry.url) as api:
                for _ in range(30):
                    assert api.delete(f"/v2/team/app/manifests/{image.digest}").status_code in (202, 404)

        at_once(push_many, push_many, delete_many)
        push(registry.url, "team/app", image, "last")
        assert_whole(registry.layout)
    with Layout(tmp_path / "r") as layout:
        assert "last" in layout.tags("team/app")
        assert_whole(layout)


def test_readers_are_served_while_many_push(api: Api) -> None:
    push(api.url, "team/app", make_image(), "stable")
    stop = threading.Event()
    seen: list[int] = []

    def read() -> None:
        with Api(api.url) as own:
            while not stop.is_set():
                seen.append(own.get("/v2/team/app/tags/list?n=5").status_code)
                seen.append(own.head("/v2/team/app/manifests/stable").status_code)
                seen.append(own.get("/v2/_catalog").status_code)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        at_once(
            *[
                lambda worker=worker: [
                    push(api.url, f"team/app{number % 3}", make_image([b"%d" % number]), f"w{worker}-{number}")
                    for number in range(15)
                ]
                for worker in range(3)
            ]
        )
    finally:
        stop.set()
        reader.join()
    assert seen
    assert set(seen) == {200}


def test_a_large_blob_is_taken_and_served_in_little_memory(tmp_path: Path) -> None:
    piece, pieces = b"m" * 1_000_000, 300
    with RegistryProcess(tmp_path / "r") as process, Api(process.url) as api:
        location = api.start_upload("team/app")
        api.patch(location, data=(piece for _ in range(pieces)))
        digest = digest_of(piece * pieces)
        assert api.put(f"{location}?digest={digest}").status_code == 201
        with api.get(f"/v2/team/app/blobs/{digest}", stream=True) as answer:
            came = sum(len(part) for part in answer.iter_content(1_000_000))
        assert came == len(piece) * pieces
        status = Path(f"/proc/{process.process.pid}/status").read_text()
        peak_kilobytes = int(status.partition("VmHWM:")[2].split()[0])
        assert peak_kilobytes < 150_000
        assert push_blob(api, api.url, "team/app", b"and it lives") is not None

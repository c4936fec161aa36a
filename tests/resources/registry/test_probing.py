"""Probes: there or not, told for each."""

from __future__ import annotations

from collections.abc import Iterator

from resources.registry.probing import Probe, probe_all
from tests.image_builder import make_image, make_multi_platform, push
from tests.registries import DockerRegistry
from tests.resources.registry.conftest import connection_to
from tests.resources.registry.faulty_registry import (
    FaultyRegistry,
    Reply,
    digest_of,
    error_reply,
    html_reply,
    image,
    manifest_reply,
)


def test_what_is_there_is_there_with_its_size(docker_registry: DockerRegistry) -> None:
    plain, multi = make_image([b"a", b"b"]), make_multi_platform()
    push(docker_registry, "team/app", plain, "v1")
    push(docker_registry, "team/app", multi, "v2")
    probes = [Probe("team/app", digest, "blob", len(blob)) for digest, blob in plain.blobs.items()]
    probes += [Probe("team/app", one.digest, "manifest", len(one.manifest_bytes)) for one in (plain, multi)]
    probes += [Probe("team/app", plain.config_digest, "blob", read=True)]
    found = {one.probe: one for one in probe_all(connection_to(docker_registry.url), probes)}
    assert set(found) == set(probes)
    assert {one.fault for one in found.values()} == {None}
    assert all(one.size_bytes == one.probe.size_bytes for one in found.values() if one.probe.size_bytes)


def test_each_fault_has_its_own_word(faulty: FaultyRegistry) -> None:
    replies = {
        "missing": error_reply(404, "BLOB_UNKNOWN"),
        "forbidden": error_reply(403, "DENIED"),
        "unreachable": error_reply(500, "UNKNOWN"),
        "throttled": error_reply(429, "TOOMANYREQUESTS", **{"Retry-After": "9999"}),
        "corrupt": Reply(200, b"four"),
    }
    for word, reply in replies.items():
        faulty.on("GET", f"/v2/team/{word}/blobs/{digest_of(b'five!')}", reply)
    probes = [Probe(f"team/{word}", digest_of(b"five!"), "blob", 5) for word in replies]
    probed = {one.probe.repository: one for one in probe_all(connection_to(faulty.url, connections=1), probes)}
    for word in replies:
        one = probed[f"team/{word}"]
        assert one.fault == word or (word == "corrupt" and one.fault == "throttled")  # nobody asks after "later"
        assert one.detail


def test_a_body_of_the_right_size_and_the_wrong_bytes_is_corrupt_when_read(faulty: FaultyRegistry) -> None:
    digest = digest_of(b"right")
    faulty.on("GET", f"/v2/team/app/blobs/{digest}", Reply(200, b"wrong"))
    seen = Probe("team/app", digest, "blob", 5)
    read = Probe("team/app", digest, "blob", 5, read=True)
    found = {one.probe: one.fault for one in probe_all(connection_to(faulty.url), [seen, read])}
    assert found == {seen: None, read: "corrupt"}


def test_a_manifest_is_proven_when_read_and_a_web_page_is_none(faulty: FaultyRegistry) -> None:
    faulty.on("GET", f"/v2/a/manifests/{digest_of(image())}", manifest_reply(image()))
    faulty.on("GET", f"/v2/b/manifests/{digest_of(image())}", html_reply())
    probes = [
        Probe(name, digest_of(image()), "manifest", len(image()), read=read) for name in "ab" for read in (True, False)
    ]
    found = {(one.probe.repository, one.probe.read): one.fault for one in probe_all(connection_to(faulty.url), probes)}
    assert found == {("a", True): None, ("a", False): None, ("b", True): "unreachable", ("b", False): "unreachable"}


def test_probes_are_taken_as_there_is_room(faulty: FaultyRegistry) -> None:
    taken = 0

    def endless() -> Iterator[Probe]:
        nonlocal taken
        while True:
            taken += 1
            yield Probe("team/app", digest_of(b"%d" % taken), "blob")

    answers = probe_all(connection_to(faulty.url, connections=4), endless())
    for _ in range(20):
        assert next(answers).fault == "missing"
    answers.close()
    assert taken < 60


def test_of_no_probes_there_are_no_answers(faulty: FaultyRegistry) -> None:
    assert list(probe_all(connection_to(faulty.url), [])) == []
    assert faulty.asked == []

"""The crawl of real registries: everything found, and the second time by one HEAD a tag."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.crawl import server
from registry_core.catalog import RepositoryCrawled
from resources.embedded_registry import EmbeddedRegistry
from resources.registry.crawling.crawl import Crawl, CrawlProgress
from tests.image_builder import (
    OCI_CONFIG,
    blob_descriptor,
    canonical,
    cosign_tag,
    make_cosign_signature,
    make_image,
    make_index,
    make_multi_platform,
    make_referrer,
    push,
)
from tests.registries import DockerRegistry
from tests.resources.registry.conftest import client_of, connection_to
from tests.resources.registry.kept import Kept

_AS_OF = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(params=["docker_registry", "embedded_registry"])
def registry(request: pytest.FixtureRequest) -> DockerRegistry | EmbeddedRegistry:
    found: DockerRegistry | EmbeddedRegistry = request.getfixturevalue(request.param)
    return found


def _by_name(found: list[RepositoryCrawled]) -> dict[str, RepositoryCrawled]:
    return {one.repository: one for one in found}


def test_everything_of_a_registry_is_found(registry: DockerRegistry) -> None:
    plain, multi = make_image([b"plain"]), make_multi_platform(attested=True)
    for tag in ("v1", "v2", "latest"):
        push(registry, "team/app", plain, tag)
    push(registry, "team/multi", multi, "v1")
    push(registry, "team/multi", plain, "plain")
    crawl = Crawl(connection_to(registry.url), _AS_OF)
    found = _by_name(list(crawl))

    app, multi_found = found["team/app"], found["team/multi"]
    assert {tag.tag: tag.digest for tag in app.tags} == dict.fromkeys(("v1", "v2", "latest"), plain.digest)
    assert [(image.digest, image.found_by) for image in app.images] == [(plain.digest, "tag")]
    (facts,) = app.manifests
    assert (facts.os, facts.architecture, facts.config_read) == ("linux", "amd64", True)
    assert facts.created_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert facts.document == plain.manifest_bytes

    children = {child.digest for child in multi.children}
    assert {image.digest for image in multi_found.images if image.found_by == "child"} == children
    index = next(facts for facts in multi_found.manifests if facts.digest == multi.digest)
    assert set(index.children) == children
    assert crawl.coverage.complete
    assert (crawl.coverage.found["repositories"], crawl.coverage.found["tags"]) == (2, 5)
    assert crawl.coverage.asked == crawl.coverage.answered == 3
    assert all(one.gap is None for one in found.values())


def test_a_second_crawl_reads_no_manifest_and_costs_one_head_a_tag(registry: DockerRegistry) -> None:
    for number in range(5):
        push(registry, "team/app", make_image([b"app %d" % number]), f"v{number}")
    push(registry, "team/multi", make_multi_platform(attested=True), "v1")
    kept, connection = Kept(), connection_to(registry.url)
    first = kept.keep(Crawl(connection, _AS_OF, remembered=kept))
    sent = connection.sent
    second = kept.keep(Crawl(connection, _AS_OF + timedelta(days=1), remembered=kept))
    # the catalog, two lists of tags, six tags, and the one question whether there is a referrers API
    assert connection.sent - sent <= 1 + 2 + 6 + 1
    assert all(one.manifests == () for one in second)
    for before, after in zip(
        *(sorted(found, key=lambda one: one.repository) for found in (first, second)), strict=True
    ):
        assert sorted(before.tags, key=str) == sorted(after.tags, key=str)
        assert {image.digest for image in before.images} == {image.digest for image in after.images}


def test_what_changed_is_read_and_nothing_else(embedded_registry: EmbeddedRegistry) -> None:
    old, new = make_image([b"old"]), make_image([b"new"])
    for tag in ("v1", "latest"):
        push(embedded_registry, "team/app", old, tag)
    kept, connection = Kept(), connection_to(embedded_registry.url)
    kept.keep(Crawl(connection, _AS_OF, remembered=kept))
    push(embedded_registry, "team/app", new, "latest")
    push(embedded_registry, "team/app", old, "v1.0")
    (second,) = kept.keep(Crawl(connection, _AS_OF, remembered=kept))
    assert {tag.tag: tag.digest for tag in second.tags} == {
        "v1": old.digest, "v1.0": old.digest, "latest": new.digest
    }  # fmt: skip
    assert [facts.digest for facts in second.manifests] == [new.digest]


def test_a_config_that_many_images_share_is_read_once(docker_registry: DockerRegistry) -> None:
    config = canonical({"os": "linux", "architecture": "amd64", "created": "2026-01-01T00:00:00Z"})
    descriptor = blob_descriptor(config, OCI_CONFIG)
    for number in range(6):
        built = make_image([b"layer %d" % number])
        manifest = canonical({**built.document, "config": descriptor})
        blobs = {**built.blobs, descriptor["digest"]: config}
        push(docker_registry, f"team/app-{number}", type(built)(manifest, built.media_type, blobs), "v1")
    connection = connection_to(docker_registry.url, connections=1)
    found = list(Crawl(connection, _AS_OF))
    assert all(one.manifests[0].architecture == "amd64" for one in found)
    assert connection.sent == 1 + 6 + 6 + 1 + 1  # catalog, lists, manifests, one config, the referrers API


def test_referrers_are_found_by_the_api_and_recalled_until_it_is_time_to_ask_again(
    embedded_registry: EmbeddedRegistry,
) -> None:
    subject = make_image()
    sbom = make_referrer(subject)
    signature_of_sbom = make_referrer(sbom, "application/vnd.example.signature.v1", content=b"signature")
    push(embedded_registry, "team/app", subject, "v1")
    push(embedded_registry, "team/app", sbom)
    push(embedded_registry, "team/app", signature_of_sbom)
    kept, connection = Kept(), connection_to(embedded_registry.url)

    def crawl(day: int) -> tuple[RepositoryCrawled, int]:
        sent = connection.sent
        (found,) = kept.keep(Crawl(connection, _AS_OF + timedelta(days=day), remembered=kept))
        return found, connection.sent - sent

    (first, _), (second, requests), (third, more) = crawl(0), crawl(3), crawl(8)
    everything = {subject.digest: "tag", sbom.digest: "referrer", signature_of_sbom.digest: "referrer"}
    for found in (first, second, third):
        assert {image.digest: image.found_by for image in found.images} == everything
    assert {image.referrers_read_at for image in first.images} == {_AS_OF}
    assert {image.referrers_read_at for image in second.images} == {None}
    assert {image.referrers_read_at for image in third.images} == {_AS_OF + timedelta(days=8)}
    assert requests == 3  # catalog, tags, one HEAD
    assert more == 6
    push(embedded_registry, "team/app", make_referrer(subject, content=b"newer"))
    assert len(crawl(20)[0].images) == 4


def test_what_a_fallback_tag_lists_are_referrers(docker_registry: DockerRegistry) -> None:
    subject, signature = make_image(), make_cosign_signature(make_image())
    sbom = make_referrer(subject)
    push(docker_registry, "team/app", subject, "v1")
    push(docker_registry, "team/app", make_index([sbom]), subject.digest.replace(":", "-"))
    push(docker_registry, "team/app", signature, cosign_tag(subject))
    (found,) = list(Crawl(connection_to(docker_registry.url), _AS_OF))
    how = {image.digest: image.found_by for image in found.images}
    assert (how[sbom.digest], how[signature.digest]) == ("referrer", "tag")
    assert next(facts.subject for facts in found.manifests if facts.digest == sbom.digest) == subject.digest


def test_only_chosen_repositories_are_read(embedded_registry: EmbeddedRegistry) -> None:
    for name in ("team/app", "team/deep/app", "sandbox/app", "other"):
        push(embedded_registry, name, make_image(), "v1")
    connection = connection_to(embedded_registry.url, include=("team/**", "sandbox/**"), exclude=("sandbox/*",))
    assert sorted(_by_name(list(Crawl(connection, _AS_OF)))) == ["team/app", "team/deep/app"]


def test_a_repository_that_lost_all_its_tags_is_an_answer(docker_registry: DockerRegistry) -> None:
    push(docker_registry, "team/app", make_image(), "v1")
    push(docker_registry, "team/empty", make_image())  # blobs and a manifest, never a tag
    crawl = Crawl(connection_to(docker_registry.url), _AS_OF)
    found = _by_name(list(crawl))
    assert found["team/empty"] == RepositoryCrawled("team/empty", requests=1)
    assert crawl.coverage.complete


def test_progress_is_told_and_ends_at_the_whole(embedded_registry: EmbeddedRegistry) -> None:
    for number in range(4):
        push(embedded_registry, f"team/app-{number}", make_image(), "v1")
    told: list[CrawlProgress] = []
    list(Crawl(connection_to(embedded_registry.url), _AS_OF, on_progress=told.append))
    assert (told[-1].repositories, told[-1].of_repositories, told[-1].tags) == (4, 4, 4)


def test_ten_thousand_tags_of_one_repository_are_all_listed_by_docker_registry(docker_registry: DockerRegistry) -> None:
    built = make_image()
    push(docker_registry, "team/app", built, "first")
    tags = docker_registry.storage / "docker" / "registry" / "v2" / "repositories" / "team/app" / "_manifests" / "tags"
    for number in range(9_999):
        (tags / f"t{number}").mkdir()
    assert len(client_of(docker_registry.url).tags("team/app")) == 10_000


def test_ten_thousand_tags_of_one_repository_are_all_read() -> None:
    with server(tags=10_000, repositories=1, latency_seconds=0) as address:
        crawl = Crawl(connection_to(address), _AS_OF)
        (found,) = list(crawl)
    assert len(found.tags) == len({tag.tag for tag in found.tags}) == 10_000
    assert all(tag.digest for tag in found.tags)
    assert {tag.digest for tag in found.tags} <= {image.digest for image in found.images}
    assert crawl.coverage.complete


def test_a_crawl_that_nobody_listens_to_any_more_is_not_complete(embedded_registry: EmbeddedRegistry) -> None:
    for number in range(30):
        push(embedded_registry, f"team/app-{number}", make_image(), "v1")
    crawl = Crawl(connection_to(embedded_registry.url, connections=2), _AS_OF)
    for _ in crawl:
        break
    assert not crawl.coverage.complete

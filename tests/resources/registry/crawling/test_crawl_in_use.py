"""Images that no tag names and that workloads use: no registry lists them, so the crawl asks for them by digest."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import requests

from registry_core.catalog import RepositoryCrawled
from resources.embedded_registry import EmbeddedRegistry
from resources.registry.crawling.crawl import Crawl
from tests.image_builder import make_image, make_multi_platform, push
from tests.registries import DockerRegistry
from tests.resources.registry.conftest import connection_to
from tests.resources.registry.kept import Kept

_AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
_NOWHERE = "sha256:" + "0" * 64


@pytest.fixture(params=["docker_registry", "embedded_registry"])
def registry(request: pytest.FixtureRequest) -> DockerRegistry | EmbeddedRegistry:
    found: DockerRegistry | EmbeddedRegistry = request.getfixturevalue(request.param)
    return found


def crawl_one(registry: DockerRegistry, in_use: set[str], kept: Kept | None = None) -> RepositoryCrawled:
    kept = kept or Kept()
    (found,) = kept.keep(Crawl(connection_to(registry.url), _AS_OF, remembered=kept, in_use={"team/app": in_use}))
    assert found.gap is None
    return found


def test_an_image_whose_tag_moved_on_is_read_where_a_workload_still_uses_it(registry: DockerRegistry) -> None:
    before, after = make_multi_platform(), make_image([b"after"])
    push(registry, "team/app", before, "v1")
    push(registry, "team/app", after, "v1")
    found = crawl_one(registry, {before.digest, after.digest})
    expected = {after.digest: "tag", before.digest: "digest"} | {child.digest: "child" for child in before.children}
    assert {image.digest: image.found_by for image in found.images} == expected
    assert all(image.fault is None for image in found.images)


def test_it_is_read_where_no_tag_is_left_at_all(registry: DockerRegistry) -> None:
    image = make_image([b"by digest"])
    push(registry, "team/app", image, image.digest)
    found = crawl_one(registry, {image.digest})
    assert (found.tags, [one.digest for one in found.images]) == ((), [image.digest])


def test_a_digest_in_use_that_is_not_there_is_no_image(registry: DockerRegistry) -> None:
    image = make_image([b"there"])
    push(registry, "team/app", image, "v1")
    found = crawl_one(registry, {image.digest, _NOWHERE})
    assert [one.digest for one in found.images] == [image.digest]


def test_an_image_in_use_that_was_deleted_since_the_last_crawl_is_not_taken_from_memory(
    registry: DockerRegistry,
) -> None:
    lost, stays = make_image([b"lost"]), make_image([b"stays"])
    push(registry, "team/app", lost, "v1")
    push(registry, "team/app", stays, "v2")
    kept = Kept()
    crawl_one(registry, {lost.digest}, kept)
    requests.delete(f"{registry.url}/v2/team/app/manifests/{lost.digest}", timeout=10).raise_for_status()
    found = crawl_one(registry, {lost.digest}, kept)
    assert [one.digest for one in found.images] == [stays.digest]

"""GHCR and Harbor with 2,000 packages each: every page read, limits met, memory flat."""

from __future__ import annotations

import gc
from collections import Counter, deque
from typing import Any

import pytest

from registry_core.coverage import Coverage
from resources.registry.crawling.crawl import Crawl
from tests.image_builder import make_image
from tests.resources.registry.providers.ghcr_emulator import GhcrEmulator, Limit
from tests.resources.registry.providers.harbor_emulator import HarborEmulator
from tests.resources.registry.providers.oci_shelf import Shelf
from tests.resources.registry.providers.vendor_server import Asked, Reply
from tests.resources.registry.providers.vendors import ROBOT, crawled

PACKAGES = 2_000


def _fill(shelf: Shelf, owner: str) -> None:
    image = make_image([b"the same everywhere"])
    for number in range(PACKAGES):
        shelf.put(f"{owner}/app-{number:04}", image, "v1")


def _crawled(crawl: Crawl) -> tuple[int, Coverage, list[int]]:
    """Repositories with a push time, the coverage, and how many objects were alive along the way."""
    timed, held = 0, []
    for number, repository in enumerate(crawl):
        timed += bool(repository.images) and all(seen.pushed_at for seen in repository.images)
        if number % 500 == 499:
            gc.collect()
            held.append(len(gc.get_objects()))
    return timed, crawl.coverage, held


@pytest.mark.parametrize("vendor", ["ghcr", "harbor"])
def test_two_thousand_packages_are_read_whole_with_flat_memory(vendor: str, github: Any, harbor: Any) -> None:
    emulator: GhcrEmulator | HarborEmulator = github if vendor == "ghcr" else harbor
    _fill(emulator.shelf, "acme")
    emulator.asked = deque(maxlen=0)  # what the emulator keeps would grow with every request
    pages: set[str] = set()
    statuses: Counter[int] = Counter()
    answer = emulator.answer

    def counted(asked: Asked) -> Reply:
        reply = answer(asked)
        statuses[reply.status] += 1
        if "100" in (asked.query.get("per_page"), asked.query.get("page_size")):
            pages.add(asked.query.get("page", "1"))
        return reply

    emulator.answer = counted  # type: ignore[method-assign]
    if isinstance(emulator, GhcrEmulator):
        emulator.limit = Limit(left=500)
        provider: object = {"ghcr": {"owner": "acme", "api": emulator.url, "token": {"env": "GITHUB_TOKEN"}}}
    else:
        provider = "harbor"
    timed, coverage, held = _crawled(crawled(emulator.url, provider, ROBOT))
    assert coverage.complete, coverage.summary()
    assert timed == PACKAGES
    assert coverage.found["repositories"] == PACKAGES
    assert {str(number) for number in range(1, 21)} <= pages
    assert (statuses[403] > 0) == (vendor == "ghcr")  # the limit was met, and waited for
    assert max(held) - held[0] < 1_500, held  # less than one object a repository

"""What the vendor protects is evidence of the plan: read by the crawl, stored, and a reason to keep in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assets.registry_catalog import describe
from assets.taking.catalog import take_catalog
from assets.taking.plan import decide_now, take_plan
from registry_pipelines.eviction.vendor_protection import VendorProtection
from tests.image_builder import make_image
from tests.registry_pipelines.eviction.estate import REGISTRY
from tests.registry_pipelines.eviction.test_vendors import APP, TOOL, at_github, at_harbor, furnished
from tests.resources.registry.providers.ghcr_emulator import GhcrEmulator
from tests.resources.registry.providers.harbor_emulator import HarborEmulator
from tests.resources.registry.providers.vendor_server import Reply


@pytest.fixture
def harbor(monkeypatch: pytest.MonkeyPatch) -> Iterator[HarborEmulator]:
    monkeypatch.setenv("HARBOR_ROBOT", "robot-secret-4711")
    with HarborEmulator() as emulator:
        yield emulator


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GhcrEmulator]:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_reader_4711")
    monkeypatch.setenv("GITHUB_JANITOR", "ghp_janitor_4711")
    with GhcrEmulator() as emulator:
        yield emulator


def test_what_harbor_protects_is_not_in_the_plan_and_the_reason_is_told(tmp_path: Path, harbor: HarborEmulator) -> None:
    estate = at_harbor(tmp_path / "site", harbor)
    harbor.immutable |= {(APP, "also-v2"), (APP, "index")}
    plan = estate.plan()
    planned = {entry.digest for entry in plan.entries}
    index, twice = estate.images["index"], estate.images["twice"]
    assert planned == {estate.images["v3"].digest, estate.images["t1"].digest}
    with estate.connections() as connections:
        decisions = decide_now(connections, REGISTRY)
        told = describe(connections.history.latest("catalog", REGISTRY), connections.history.read_catalog(REGISTRY))
    assert (told["protected by the vendor"], told["perhaps protected by the vendor"]) == (2, 0)
    assert decisions.reasons_of(APP, twice.digest) == ("Harbor: immutable tag: also-v2",)
    assert decisions.reasons_of(APP, index.digest) == ("Harbor: immutable tag: index",)
    for child in index.children:
        assert "which stays" in decisions.reasons_of(APP, child.digest)[0]


def test_protection_that_ended_lets_the_next_plan_have_it(tmp_path: Path, harbor: HarborEmulator) -> None:
    estate = at_harbor(tmp_path / "site", harbor)
    harbor.immutable.add((APP, "v3"))
    v3 = estate.images["v3"].digest
    assert v3 not in {entry.digest for entry in estate.plan().entries}
    harbor.immutable.clear()
    assert v3 in {entry.digest for entry in estate.plan().entries}


def test_what_is_protected_since_is_still_spared_at_execution(tmp_path: Path, harbor: HarborEmulator) -> None:
    estate = at_harbor(tmp_path / "site", harbor)
    plan = estate.plan()
    harbor.immutable.add((APP, "v3"))
    assert estate.execute(plan).record.state == "done"
    assert estate.journal(plan)[APP, estate.images["v3"].digest] == "spared: protected by Harbor: immutable tag: v3"


def test_a_vendor_that_was_only_guessed_and_tells_nothing_leaves_everything_kept(
    tmp_path: Path, harbor: HarborEmulator
) -> None:
    estate = at_harbor(tmp_path / "site", harbor)
    refused = Reply(403, {"errors": [{"code": "FORBIDDEN", "message": "forbidden"}]})
    harbor.fail(lambda asked: "team%252Fapp/artifacts" in asked.path, refused, times=99)
    estate.survey()
    with estate.connections() as connections:
        provider = connections.provider(REGISTRY)
        assert provider is not None
        provider.by_host = True
        assert take_catalog(connections, REGISTRY).coverage.complete
        decisions = decide_now(connections, REGISTRY)
        made = take_plan(connections, REGISTRY)
    told, *_ = decisions.reasons_of(APP, estate.images["v3"].digest)
    assert told.startswith("what Harbor protects is not known (")
    assert told.endswith("so kept")
    assert {entry.repository for entry in made.plan.entries} == {TOOL}
    assert "images are perhaps protected by the registry's vendor, so kept" in " ".join(made.summary.unusual)


def test_a_vendor_that_cannot_lock_is_not_asked_again(tmp_path: Path, github: GhcrEmulator) -> None:
    estate = at_github(tmp_path / "site", github)
    plan = estate.plan()
    github.asked.clear()
    with estate.connections() as connections:
        assert VendorProtection(connections, REGISTRY).of([APP, TOOL]) == ({}, {})
    assert not github.asked
    assert plan.entries


def test_a_plain_registry_has_no_vendor_to_protect_anything(tmp_path: Path, github: GhcrEmulator) -> None:
    estate = furnished(tmp_path / "site", github.url, github.shelf, provider="plain", repositories=[APP, TOOL])
    github.shelf.put(APP, make_image([b"another"]), "another")
    estate.survey()
    with estate.connections() as connections:
        images = connections.history.read_catalog(REGISTRY).images
    assert len(images)
    assert images["protection"].isna().all()
    assert images["protection_fault"].isna().all()

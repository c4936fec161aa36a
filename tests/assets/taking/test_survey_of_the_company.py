"""The sample company, surveyed whole: what an honest survey must find, and must not."""

from __future__ import annotations

import pytest

from assets.taking.catalog import take_catalog
from assets.taking.evidence import gather_evidence
from assets.taking.health import examine, take_health
from assets.taking.image_use import use_of_image
from assets.taking.inventory import take_inventory
from assets.taking.usage import join_evidence, take_usage
from registry_core.errors import ClusterError, ConfigError, IncompleteSnapshot, RegistryError
from tests.company import REGISTRY, Company


def test_every_breakage_of_the_sample_is_found_with_whom_it_hurts(surveyed_company: Company) -> None:
    with surveyed_company.connections() as connections:
        findings = examine(connections, REGISTRY, everything=True).findings
    for breakage in surveyed_company.breakages:
        repository, _, tag = breakage["image"].partition(":")
        told = findings[findings["repository"].eq(repository) & findings["tag"].fillna("").str.contains(tag)]
        assert len(told) == 1, breakage["what"]
        finding = told.iloc[0]
        assert finding["kind"] == ("corrupt" if "corrupt" in breakage["what"] else "missing"), breakage["what"]
        part = breakage.get("blob") or breakage.get("child")
        if part:
            assert finding["blob"] == part
        for name in breakage.get("used_by", "").removeprefix("production ").split(", "):
            assert name in finding["used_by"], breakage["what"]


def test_nothing_is_found_wrong_that_is_right(surveyed_company: Company) -> None:
    with surveyed_company.connections() as connections:
        findings = examine(connections, REGISTRY, everything=True).findings
    broken = {breakage["image"].partition(":")[0] for breakage in surveyed_company.breakages}
    others = findings[~findings["repository"].isin(broken)]
    assert sorted(others["what"]) == ["reference", "reference"]  # a typo and a tag that was never pushed
    assert "Shop/Frontend" in " ".join(others["detail"])
    assert "main-00000ff" in " ".join(others["detail"])


def test_a_child_for_a_platform_without_nodes_is_a_warning_and_a_lost_layer_in_production_an_error(
    surveyed_company: Company,
) -> None:
    with surveyed_company.connections() as connections:
        findings = examine(connections, REGISTRY).findings.set_index(["repository", "what"])
    assert findings.loc[("base/python", "child"), "severity"] == "warning"
    assert "no node" in findings.loc[("base/python", "child"), "detail"]
    assert findings.loc[("tools/runner", "layer"), "severity"] == "error"


def test_health_of_one_repository_looks_at_that_one_only(surveyed_company: Company) -> None:
    with surveyed_company.connections() as connections:
        found = examine(connections, REGISTRY, repositories=["tools/runner"])
    assert set(found.findings["repository"]) == {"tools/runner"}
    assert found.images == 2


def test_a_second_crawl_reads_no_manifest_but_what_could_not_be_read(company: Company) -> None:
    company.survey()
    with company.connections() as connections:
        again = take_catalog(connections, REGISTRY)
    assert again.coverage.found["manifests read"] == 1  # the corrupt config is tried again


def test_a_registry_that_is_down_leaves_the_last_catalog_the_newest(company: Company) -> None:
    company.survey()
    company.registry.stop()
    with company.connections() as connections:
        before = connections.history.latest("catalog", REGISTRY)
        with pytest.raises(RegistryError, match=r"nothing of registry\.example\.com could be read") as caught:
            take_catalog(connections, REGISTRY)
        assert caught.value.fault == "unreachable"
        assert caught.value.retryable
        assert connections.history.latest("catalog", REGISTRY) == before
        assert len(connections.history.read_catalog(REGISTRY).tags) == 132


def test_health_of_a_registry_that_is_down_is_unreachable_not_missing(company: Company) -> None:
    company.survey()
    company.registry.stop()
    with company.connections() as connections:
        findings = examine(connections, REGISTRY).findings
    asked = findings[findings["what"].isin(["manifest", "child", "config", "layer"]) & findings["used_by"].ne("")]
    assert set(asked["kind"]) == {"unreachable"}


def test_a_cluster_whose_dump_is_gone_has_no_inventory_and_no_half_one(company: Company) -> None:
    (company.root / "clusters" / "staging").rename(company.root / "elsewhere")
    with company.connections() as connections:
        with pytest.raises(ClusterError):
            take_inventory(connections, "staging")
        assert connections.history.latest("inventory", "staging") is None


def test_nothing_is_said_about_usage_before_every_required_cluster_was_read(company: Company) -> None:
    with company.connections() as connections:
        take_inventory(connections, "production")
        take_catalog(connections, REGISTRY)
        with pytest.raises(IncompleteSnapshot, match="cluster_inventory of staging"):
            gather_evidence(connections, REGISTRY)


def test_an_optional_cluster_that_was_never_read_is_named_and_holds_nothing_up(company: Company) -> None:
    clusters = {
        "production": {"dump": str(company.root / "clusters" / "production")},
        "lab": {"dump": str(company.root / "nowhere"), "required": False},
    }
    company.configure(clusters=clusters)
    with company.connections() as connections:
        take_inventory(connections, "production")
        take_catalog(connections, REGISTRY)
        assert gather_evidence(connections, REGISTRY).unasked == ("lab",)


def test_usage_and_findings_are_kept_with_their_basis_and_since_when(company: Company) -> None:
    company.survey()
    with company.connections() as connections:
        first, frames, evidence = take_usage(connections, REGISTRY)
        take_health(connections, REGISTRY)
        take_health(connections, REGISTRY)
        assert first.basis == evidence.basis
        stored = connections.history.read_usage(REGISTRY)
        assert len(stored) == len(frames.usage)
        findings = connections.history.read_findings(REGISTRY)
    assert (findings["last_seen_at"] > findings["first_seen_at"]).all()


def test_a_running_pod_whose_status_names_only_a_config_is_matched_by_what_it_runs(surveyed_company: Company) -> None:
    with surveyed_company.connections() as connections:
        frames = join_evidence(connections, gather_evidence(connections, REGISTRY))
    api = frames.usage[frames.usage["owner_name"].eq("api") & frames.usage["repository"].eq("health/api")]
    assert {"tag", "running digest"} <= set(api["match"])


def test_who_uses_an_image_is_told_through_its_children_too(surveyed_company: Company) -> None:
    with surveyed_company.connections() as connections:
        index = use_of_image(connections, f"{REGISTRY}/base/python:3.12")
        images = connections.history.read_catalog(REGISTRY)
        child = images.children.loc[images.children["digest"].eq(index.digests[0]), "child"].iloc[0]
        through = use_of_image(connections, f"{REGISTRY}/base/python@{child}")
    assert set(index.uses["relation"]) == {"itself"}
    assert set(through.uses["relation"]) == {"its index"}
    assert set(through.uses["owner_name"]) == set(index.uses["owner_name"])


def test_a_reference_to_a_registry_that_nobody_configured_says_which_are(surveyed_company: Company) -> None:
    with (
        surveyed_company.connections() as connections,
        pytest.raises(ConfigError, match=r"no registry is configured for ghcr\.io; known are registry\.example\.com"),
    ):
        use_of_image(connections, "ghcr.io/acme/web:1")

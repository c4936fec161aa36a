"""What a source deleted, by crawls of real registries: what was not asked is never taken for deleted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import requests

from assets.taking.catalog import take_catalog
from assets.taking.replication_deletions import MadeDeletions, take_replicated_deletions
from registry_core.approval import ApprovalRules
from registry_core.errors import IncompleteSnapshot
from registry_core.replication_status import ReplicationStatus
from resources.embedded_registry import EmbeddedRegistry
from tests.company import REGISTRY, Company
from tests.registries import DockerRegistry
from tests.registry_pipelines.replicating import COPY, RULE, approve, run, status, with_replication
from tests.registry_pipelines.test_replication_story import put_tag

EVERYTHING_MAY_GO = [{"repositories": ["**"], "keep_tags": ["never-*"]}]
NO_BRAKES = {"min_images_in_use": 1, "max_evicted_share": 1.0}


def _gone_after(company: Company, change: Callable[[dict[str, Any]], None]) -> ReplicationStatus:
    """How the rule stands after the entry of the source in the file was changed, and the source crawled by it."""
    site = json.loads(company.site_file.read_text())
    change(site["registries"][REGISTRY])
    company.site_file.write_text(json.dumps(site))
    with company.connections() as connections:
        take_catalog(connections, COPY)
        take_catalog(connections, REGISTRY)
    return status(company)


def _plan_deletions(company: Company) -> MadeDeletions:
    with company.connections() as connections:
        return take_replicated_deletions(connections, RULE, ApprovalRules())


def test_what_the_source_was_not_asked_about_is_not_deleted(
    company: Company, instance: dg.DagsterInstance, docker_registry: DockerRegistry
) -> None:
    with_replication(company, docker_registry, policies=EVERYTHING_MAY_GO, limits=NO_BRAKES)
    approve(company, instance)
    run(company, instance)
    found = _gone_after(company, lambda entry: entry.update(exclude=["health/web"]))
    assert found.gone == ()
    assert _plan_deletions(company).made is None


def test_a_source_that_is_empty_was_lost_and_has_deleted_nothing(
    company: Company, instance: dg.DagsterInstance, docker_registry: DockerRegistry, tmp_path: Path
) -> None:
    with_replication(company, docker_registry, policies=EVERYTHING_MAY_GO, limits=NO_BRAKES)
    approve(company, instance)
    run(company, instance)
    with EmbeddedRegistry(tmp_path / "empty", durable=False) as empty:
        found = _gone_after(company, lambda entry: entry.update(url=empty.url))
        assert (found.gone, found.state) == ((), "not approved"), "and it is another registry by now"
        assert "a registry that was lost looks the same" in found.unread[-1]
        with pytest.raises(IncompleteSnapshot, match="no deletions of second-copy can be planned"):
            _plan_deletions(company)


def test_a_tag_is_planned_to_go_only_where_the_source_answers_that_it_is_gone(
    company: Company, instance: dg.DagsterInstance, docker_registry: DockerRegistry
) -> None:
    ours = company.registry.url
    for tag in ("gone", "back"):
        put_tag(ours, "health/web", tag, "1.5.0")
    with_replication(company, docker_registry, policies=EVERYTHING_MAY_GO, limits=NO_BRAKES)
    approve(company, instance)
    run(company, instance)
    for tag in ("gone", "back"):
        requests.delete(f"{ours}/v2/health/web/manifests/{tag}", timeout=20).raise_for_status()
    assert {one.tag for one in _gone_after(company, lambda entry: None).gone} == {"gone", "back"}
    put_tag(ours, "health/web", "back", "1.5.0")
    found = _plan_deletions(company)
    assert (found.gone, found.left_out) == (1, ("health/web:back is at the source again",))

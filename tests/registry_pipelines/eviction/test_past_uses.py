"""Uses that have ended keep their image within `seen_within`: inventories alone know them, as on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.taking.past_usage import sightings_of
from assets.taking.plan import decide_now
from registry_core.retention_decisions import Decisions
from tests.image_builder import make_image, push
from tests.registry_pipelines.cli.calling import call
from tests.registry_pipelines.eviction.estate import APP, HOST, POLICIES, REGISTRY, TOOLS, Estate

NOW = [{**POLICIES[0], "keep_in_use": {"seen_within": "now"}}]
IN_USE = (f"{APP}:v3", f"{TOOLS}:t3")


def decided(estate: Estate) -> Decisions:
    with estate.connections() as connections:
        return decide_now(connections, REGISTRY)


def used_before(estate: Estate, *references: str) -> None:
    """A pod used these, was seen by one inventory, and is gone."""
    estate.use(*IN_USE, *references)
    estate.survey()
    estate.use(*IN_USE)
    estate.survey()


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_what_was_used_until_the_inventory_before_stays_where_no_window_is_written(
    embedded_estate: Estate, by: str
) -> None:
    second = embedded_estate.images["v2"].digest
    used_before(embedded_estate, f"{APP}:v2" if by == "tag" else f"{APP}@{second}")
    decisions = decided(embedded_estate)
    assert any(one.startswith("in use within 30d by production/shop/web") for one in decisions.reasons_of(APP, second))
    assert not decisions.is_kept(APP, embedded_estate.images["v1"].digest)
    plan = embedded_estate.plan()
    assert second not in {entry.digest for entry in plan.entries}


def test_with_the_window_now_it_goes_with_the_reason(embedded_estate: Estate) -> None:
    embedded_estate.configure(policies=NOW)
    used_before(embedded_estate, f"{APP}:v2")
    reasons = decided(embedded_estate).reasons_of(APP, embedded_estate.images["v2"].digest)
    assert reasons[0] == "not in use now"


def test_what_the_tag_named_when_it_was_used_stays_after_the_tag_has_moved(embedded_estate: Estate) -> None:
    before = embedded_estate.images["v2"].digest
    used_before(embedded_estate, f"{APP}:v2")
    push(embedded_estate.url, APP, make_image([b"another"]), "v2")
    embedded_estate.survey()
    with embedded_estate.connections() as connections:
        usage = sightings_of(connections, REGISTRY).usage.usage
    assert before in set(usage.loc[usage["repository"].eq(APP), "digest"])


def test_a_use_of_now_is_said_with_its_pods_although_the_past_knows_it_too(embedded_estate: Estate) -> None:
    used_before(embedded_estate)
    reasons = decided(embedded_estate).reasons_of(APP, embedded_estate.images["v3"].digest)
    assert "in use by production/shop/web (1 pod)" in reasons


def test_a_cluster_that_is_configured_no_more_is_remembered_within_the_window(embedded_estate: Estate) -> None:
    used_before(embedded_estate, f"{APP}:v2")
    site = embedded_estate.site_file.read_text()
    embedded_estate.site_file.write_text(site.replace('"production"', '"successor"'))
    with embedded_estate.connections() as connections:
        from assets.taking.inventory import take_inventory

        take_inventory(connections, "successor")
    reasons = decided(embedded_estate).reasons_of(APP, embedded_estate.images["v2"].digest)
    assert any(one.startswith("in use within 30d by production/shop/web") for one in reasons)


def test_a_backtest_knows_uses_that_only_inventories_saw_and_names_the_window(
    embedded_estate: Estate, tmp_path: Path
) -> None:
    embedded_estate.survey()
    used_before(embedded_estate, f"{APP}:v2")
    with embedded_estate.connections() as connections:
        usage = sightings_of(connections, REGISTRY).usage.usage
    assert embedded_estate.images["v2"].digest in set(usage["digest"])
    policy = tmp_path / "policy.yaml"
    policy.write_text("- {repositories: ['team/app'], keep_last: 1, keep_in_use: {seen_within: now}}\n"
                      "- {repositories: ['**'], keep_last: 1}\n")  # fmt: skip
    ended = call("--config", embedded_estate.site_file, "plan", "backtest", "--policy", policy, "--days", "1")
    assert "uses count within `seen_within` of each entry: policies[0] now, policies[1] 30d" in ended.err


def test_explain_names_the_window(embedded_estate: Estate) -> None:
    used_before(embedded_estate, f"{APP}:v2")
    ended = call("--config", embedded_estate.site_file, "plan", "explain", f"{HOST}/{APP}:v2")
    assert ended.code == 0, ended.err
    assert "  - in use within 30d by production/shop/web (last seen " in ended.out
    gone = call("--config", embedded_estate.site_file, "plan", "explain", f"{HOST}/{APP}:v1")
    assert "  - not in use within 30d" in gone.out

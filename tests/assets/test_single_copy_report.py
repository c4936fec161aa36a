"""`single_copy_report` in a real Dagster instance: metadata that a person reads, and numbers that plot."""

from __future__ import annotations

from typing import Any

import dagster as dg

from assets import single_copy_report
from assets.presentation import MAX_ROWS
from registry_core.single_copies import CopiesReport, Judgement, UsedImage
from registry_pipelines.definitions import build_definitions
from registry_pipelines.jobs import REFRESH_SINGLE_COPIES
from tests.company import Company

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def materialize(company: Company) -> tuple[bool, dict[str, Any], str]:
    """Success, metadata, and what went wrong."""
    with dg.DagsterInstance.ephemeral() as instance:
        job = build_definitions(company.loaded).resolve_job_def(REFRESH_SINGLE_COPIES)
        result = job.execute_in_process(_QUIET, instance=instance, raise_on_error=False)
        made = instance.get_latest_materialization_event(single_copy_report.KEY)
        failures = [
            str(event.step_failure_data.user_failure_data) for event in result.all_events if event.is_step_failure
        ]
        metadata = dict(made.asset_materialization.metadata) if made and made.asset_materialization else {}
        return result.success, metadata, "".join(failures)


def test_the_company_with_one_registry_has_no_copy_of_anything(surveyed_company: Company) -> None:
    success, metadata, why = materialize(surveyed_company)
    assert success, why
    numbers = {name: value.value for name, value in metadata.items() if isinstance(value, dg.IntMetadataValue)}
    assert numbers["single points of failure"] > 10
    assert numbers["in two registries or more"] == 0
    assert [record.data["cluster"] for record in metadata["by cluster"].records] == ["production", "staging"]
    assert metadata["summary"].md_str.startswith("Of ")
    assert len(metadata["summary"].md_str) < 1000
    assert not any("sha256:" in str(cell) for record in metadata["at risk"].records for cell in record.data.values())


def test_before_any_inventory_it_fails_with_what_to_do(company: Company) -> None:
    success, _, why = materialize(company)
    assert not success
    assert "Materialize cluster_inventory first" in why


def test_a_thousand_images_are_counted_whole_and_shown_in_part() -> None:
    images = tuple(
        UsedImage(f"r/app-{n}:1", None, Judgement("single", "only in r"), ("c",), ("production",), ("c: a/b",), 1, True)
        for n in range(1000)
    )
    described = single_copy_report.describe(CopiesReport(None, images, ("r was never crawled",)))
    assert described["single points of failure"] == 1000
    assert len(described["at risk"].records) == MAX_ROWS
    assert "**Not all could be read**, 1 gap" in described["summary"].md_str

"""`deployed_versions` in a real Dagster instance: metadata that a person reads, and numbers that plot."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from assets import deployed_versions
from assets.presentation import MAX_ROWS
from registry_core.deployed_versions import Available, Deployed, Product, VersionsReport
from registry_pipelines.definitions import build_definitions
from registry_pipelines.jobs import REFRESH_VERSIONS
from tests.company import Company

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def materialize(company: Company) -> tuple[bool, dict[str, Any], str]:
    """Success, metadata, and what went wrong."""
    with dg.DagsterInstance.ephemeral() as instance:
        job = build_definitions(company.loaded).resolve_job_def(REFRESH_VERSIONS)
        result = job.execute_in_process(_QUIET, instance=instance, raise_on_error=False)
        made = instance.get_latest_materialization_event(deployed_versions.KEY)
        failures = [
            str(event.step_failure_data.user_failure_data) for event in result.all_events if event.is_step_failure
        ]
        metadata = dict(made.asset_materialization.metadata) if made and made.asset_materialization else {}
        return result.success, metadata, "".join(failures)


@pytest.fixture(scope="module")
def metadata(surveyed_company: Company) -> dict[str, Any]:
    success, found, why = materialize(surveyed_company)
    assert success, why
    return found


def test_the_numbers_plot(metadata: dict[str, Any]) -> None:
    numbers = {name: value.value for name, value in metadata.items() if isinstance(value, dg.IntMetadataValue)}
    assert numbers["repositories deployed"] == 12
    assert numbers["repositories behind"] == 7
    assert numbers["environments differ"] == 7
    assert numbers["versions gone from the registry"] == 2
    assert numbers["not fully known"] == 1


def test_the_table_is_short_and_names_no_digest(metadata: dict[str, Any]) -> None:
    records = metadata["versions"].records
    columns = [column.name for column in metadata["versions"].schema.columns]
    assert columns == ["repository", "production", "staging", "newest"]
    assert len(records) == 12
    assert not any("sha256:" in str(cell) for record in records for cell in record.data.values())


def test_what_deserves_a_look_is_said_in_words(metadata: dict[str, Any]) -> None:
    assert "**health/web**: 1.4.2 is a newer patch of 1.4.1, deployed in production" in (
        metadata["deserves a look"].md_str
    )
    assert metadata["summary"].md_str.startswith("12 of 12 repositories are deployed: 7 behind")


def test_before_any_inventory_it_fails_with_what_to_do(company: Company) -> None:
    success, _, why = materialize(company)
    assert not success
    assert "Materialize cluster_inventory first" in why


def test_a_thousand_repositories_are_counted_whole_and_shown_in_part() -> None:
    def product(number: int) -> Product:
        one = Deployed(
            "prod", "prod", "production", "r", "x", "1", "1", None, None, "nowhere", 1, (), None, 1, False, "image"
        )
        return Product(f"app-{number}", ("r",), "time", (Available("2", None, None),), (one,), ())

    described = deployed_versions.describe(VersionsReport(None, ("prod",), tuple(map(product, range(1000)))))
    assert described["repositories behind"] == 1000
    assert len(described["versions"].records) == MAX_ROWS
    assert len(described["summary"].md_str) < 1500

"""Fixtures that every test may ask for by name, and the rule that continuous integration skips nothing."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.company import company, surveyed_company
from tests.registries import docker_registry, embedded_registry

__all__ = ["company", "docker_registry", "embedded_registry", "surveyed_company"]

# A law is no race: on a busy machine an example may take long, to be made and to be tried.
settings.register_profile("without a deadline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("without a deadline")

#: Set where everything is installed that a test may ask for: there a skipped test is a failed one.
NO_SKIPS = "REGISTRY_PIPELINES_NO_SKIPS"

#: Fixtures and modules that start programs of others, by the marker that leaves them out.
BROWSERS = {"browser", "clicked"}
SERVERS = {"docker_registry", "postgresql_server", "postgresql_url", "podman", "skopeo", "protected_registry"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what opens a browser or starts servers of others by the fixtures that it asks for, directly or not."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & BROWSERS or "clicked_through" in item.nodeid:
            item.add_marker(pytest.mark.browser)
        if fixtures & SERVERS:
            item.add_marker(pytest.mark.servers)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and os.environ.get(NO_SKIPS) and not hasattr(report, "wasxfail"):
        reason: Any = report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped although {NO_SKIPS} is set: {reason[2] if isinstance(reason, tuple) else reason}"
    return report

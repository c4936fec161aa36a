"""The code location by its name. Without Dagster, because the quickstart writes it before Dagster is imported."""

from __future__ import annotations

#: As `workspace.yaml` has it; also taken for runs that no web server or daemon launched.
LOCATION = "registry_pipelines"

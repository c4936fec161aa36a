"""Look at the Dagster instance that DAGSTER_HOME names: which run coordinator do its runs pass?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from registry_pipelines.cli.diagnosis import Diagnosis
from resources.configuration.load import LoadedSite

_SUBJECT = "dagster"
_TRIED = "run coordinator"

#: `module` and `class` of the coordinator that ships, as dagster.yaml names it.
COORDINATOR = ("registry_pipelines.coordinator", "SignedInRunCoordinator")
_WHY = (
    "so anyone who reaches the Dagster UI can type the run tag dagster-k8s/config, which chooses service account,"
    " secrets and image of a pod, and can be made to launch a run by another page"
)
_SET_IT = f"set {'.'.join(COORDINATOR)} as `run_coordinator` there (docs/approval.md)"


def diagnose_dagster(loaded: LoadedSite) -> Iterator[Diagnosis]:
    """Whether the coordinator that ships is configured, with the header that the approvals rely on."""
    home = os.environ.get("DAGSTER_HOME")
    if not home:
        told = "DAGSTER_HOME is not set, so it is not known; set it as for the web server and run `doctor` again"
        yield Diagnosis(_SUBJECT, _TRIED, "note", told)
        return
    file = Path(home) / "dagster.yaml"
    try:
        document = yaml.safe_load(file.read_text()) if file.exists() else None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        told = f"{file} cannot be read ({type(error).__name__}); correct it, and run `doctor` again"
        yield Diagnosis(_SUBJECT, _TRIED, "warning", told)
        return
    yield _judged(file, document.get("run_coordinator") if isinstance(document, Mapping) else None, loaded)


def _judged(file: Path, found: Any, loaded: LoadedSite) -> Diagnosis:
    if found is None:
        return Diagnosis(_SUBJECT, _TRIED, "warning", f"{file} configures none, {_WHY}; {_SET_IT}")
    named = (found.get("module"), found.get("class")) if isinstance(found, Mapping) else (None, None)
    if named != COORDINATOR:
        other = ".".join(str(one) for one in named if one) or "another one"
        return Diagnosis(_SUBJECT, _TRIED, "warning", f"{file} configures {other}, {_WHY}; {_SET_IT}")
    header, wanted = (found.get("config") or {}).get("header"), loaded.site.approvals.sign_in_header
    if wanted is not None and str(header or "").lower() != wanted.lower():
        told = (
            f"approvals.sign_in_header is {wanted}, and the run coordinator in {file} reads {header or 'no header'}, so"
            f" that no approval can be given; set `header: {wanted}` there"
        )
        return Diagnosis(_SUBJECT, _TRIED, "fails", told)
    return Diagnosis(_SUBJECT, _TRIED, "ok", f"{'.'.join(COORDINATOR)} in {file}")

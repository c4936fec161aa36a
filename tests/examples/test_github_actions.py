"""The workflow for GitHub Actions: well formed, careful with secrets, and its steps do what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from resources.configuration.load import load_site
from tests.company import Company

WORKFLOW = Path(__file__).resolve().parents[2] / "examples" / "github-actions" / "deployed-versions.yml"
COMMANDS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def workflow() -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text())
    return found


def step(workflow: dict[Any, Any], name: str) -> dict[str, Any]:
    [found] = [one for one in workflow["jobs"]["report"]["steps"] if one["name"] == name]
    assert isinstance(found, dict)
    return found


def run_step(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """As a runner does it: `bash -e`, with what the step's `env` would hold."""
    environment = {"PATH": f"{COMMANDS}:{folder / 'bin'}:/usr/bin:/bin", "HOME": str(folder), **variables}
    return subprocess.run(
        ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_it_runs_on_the_press_of_a_button_and_may_do_nothing_else(workflow: dict[Any, Any]) -> None:
    assert set(workflow[True]) == {"workflow_dispatch"}  # YAML reads the key `on` as true
    assert workflow["permissions"] == {}


def test_every_action_is_pinned_to_one_version(workflow: dict[Any, Any]) -> None:
    used = [one["uses"] for one in workflow["jobs"]["report"]["steps"] if "uses" in one]
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", action) for action in used)


def test_nothing_that_a_person_types_or_a_secret_stands_in_a_script(workflow: dict[Any, Any]) -> None:
    scripts = [one["run"] for one in workflow["jobs"]["report"]["steps"] if "run" in one]
    assert not any("${{" in script for script in scripts)


def test_secrets_are_given_only_to_the_steps_that_need_them(workflow: dict[Any, Any]) -> None:
    job = workflow["jobs"]["report"]
    holding = {one["name"] for one in job["steps"] if "secrets." in str(one.get("env", ""))}
    assert holding == {"Write the site's file", "Read clusters and registry"}
    assert "secrets." not in str(job["env"])


def test_the_site_file_that_it_writes_is_one(workflow: dict[Any, Any], tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    kubectl = tmp_path / "bin" / "kubectl"
    kubectl.write_text("#!/bin/sh\necho the-context\n")  # what `kubectl config current-context` prints
    kubectl.chmod(0o755)
    done = run_step(
        step(workflow, "Write the site's file")["run"],
        tmp_path,
        PRODUCTION_KUBECONFIG="apiVersion: v1",
        STAGING_KUBECONFIG="apiVersion: v1",
        REGISTRY_USER="robot",
        REGISTRY_REPOSITORIES="[acme/web, acme/api]",
    )
    assert done.returncode == 0, done.stderr
    site = load_site(tmp_path / "site" / "registry_pipelines.yaml").site
    assert site.registries["ghcr.io"].repositories == ("acme/web", "acme/api")
    assert site.clusters["production"].context == "the-context"
    kubeconfig = Path(site.clusters["staging"].kubeconfig or "")
    assert kubeconfig.read_text() == "apiVersion: v1"
    assert oct(kubeconfig.stat().st_mode & 0o777) == "0o600"


@pytest.mark.skipif(not (COMMANDS / "registry-pipelines").exists(), reason="install the project to run this")
def test_the_report_goes_into_the_summary_of_the_run(
    workflow: dict[Any, Any], surveyed_company: Company, tmp_path: Path
) -> None:
    summary = tmp_path / "summary.md"
    done = run_step(
        step(workflow, "Report")["run"],
        tmp_path,
        REGISTRY_PIPELINES_CONFIG=str(surveyed_company.site_file),
        GITHUB_STEP_SUMMARY=str(summary),
        REPOSITORY="health/*",
        DRIFT="--drift",
    )
    assert done.returncode == 0, done.stderr
    text = summary.read_text()
    assert text.startswith("# Deployed and available versions")
    assert "| health/web | 1.4.1 (-2 minor) | 1.5.0 |" in text
    assert "shop/cart" not in text
    assert (tmp_path / "versions.html").stat().st_size > 5000


@pytest.mark.skipif(not (COMMANDS / "registry-pipelines").exists(), reason="install the project to run this")
def test_a_report_that_is_not_complete_is_printed_and_fails_the_run(
    workflow: dict[Any, Any], company: Company, tmp_path: Path
) -> None:
    variables = {"REGISTRY_PIPELINES_CONFIG": str(company.site_file), "REGISTRY_TOKEN": "x"}
    company.configure(url="http://127.0.0.1:9")
    read = run_step(step(workflow, "Read clusters and registry")["run"], tmp_path, **variables)
    assert read.returncode == 0, read.stderr
    summary = tmp_path / "summary.md"
    done = run_step(
        step(workflow, "Report")["run"],
        tmp_path,
        **variables,
        GITHUB_STEP_SUMMARY=str(summary),
        REPOSITORY="**",
        DRIFT="",
    )
    assert done.returncode == 5
    assert "Not all could be read" in summary.read_text()
    assert os.path.getsize(tmp_path / "versions.html") > 5000

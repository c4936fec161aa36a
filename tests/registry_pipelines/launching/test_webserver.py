"""A running Dagster web server: what a browser, a forged request and a client of the API can launch in it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import requests
import yaml
from dagster_k8s.job import get_user_defined_k8s_config

from registry_pipelines.coordinator import NOT_SIGNED_IN
from resources.processes import Processes, free_port
from tests.registry_pipelines.launching.launches import HEADER, TYPED_POD

ROOT = Path(__file__).parents[3]
ALICE = {HEADER: "alice@example.com"}

_LAUNCH = """
mutation($job: String!, $config: RunConfigData, $tags: [ExecutionTag!]) {
  launchRun(executionParams: {
    selector: {repositoryLocationName: "registry_pipelines", repositoryName: "__repository__", jobName: $job},
    runConfigData: $config, executionMetadata: {tags: $tags}
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
       ... on RunConfigValidationInvalid { errors { message } } }
}
"""
_AGAIN = """
mutation($run: String!) {
  launchRunReexecution(reexecutionParams: {parentRunId: $run, strategy: ALL_STEPS}) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  }
}
"""


@dataclass(frozen=True)
class Server:
    """A Dagster web server and its instance; nothing executes what is queued."""

    address: str
    home: Path

    def post(self, query: str, variables: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        sent = {"query": query, "variables": variables}
        answer = requests.post(f"{self.address}/graphql", json=sent, headers=headers, timeout=60)
        (told,) = answer.json()["data"].values()
        return dict(told)

    def launch(
        self, job: str, headers: dict[str, str], tags: dict[str, str] | None = None, config: str = "{}"
    ) -> dict[str, Any]:
        typed = [{"key": key, "value": value} for key, value in (tags or {}).items()]
        return self.post(_LAUNCH, {"job": job, "config": config, "tags": typed}, headers)

    def runs(self) -> list[dg.DagsterRun]:
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            return list(instance.get_runs())

    def run(self, run_id: str) -> dg.DagsterRun:
        return next(run for run in self.runs() if run.run_id == run_id)


@pytest.fixture(scope="module")
def server(site_of_everything: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A web server as `deploy/dagster.yaml` sets it up, with a header of a sign-in proxy."""
    home = tmp_path_factory.mktemp("webserver")
    written = yaml.safe_load((ROOT / "deploy" / "dagster.yaml").read_text())
    written["run_coordinator"]["config"] = {"header": HEADER}
    (home / "dagster.yaml").write_text(yaml.safe_dump(written))
    shutil.copy(ROOT / "workspace.yaml", home / "workspace.yaml")
    address = f"http://127.0.0.1:{free_port(0)}"
    environment = {"DAGSTER_HOME": str(home), "REGISTRY_PIPELINES_CONFIG": str(site_of_everything)}
    command = [sys.executable, "-m", "dagster_webserver", "-w", str(ROOT / "workspace.yaml")]
    with Processes(home / "logs") as processes:
        processes.start("web", [*command, "-h", "127.0.0.1", "-p", address[17:]], environment=environment)
        processes.wait_for(f"{address}/server_info", seconds=300)
        yield Server(address, home)


def test_the_ui_launches_in_the_name_of_the_person_with_the_pod_of_the_job(server: Server) -> None:
    own_page = {**ALICE, "Origin": server.address, "Sec-Fetch-Site": "same-origin"}
    for job, account in (("execute_eviction_plan", "registry-deleter"), ("refresh_catalog", None)):
        config = "ops: {execute: {config: {plan: abc}}}" if account else "{}"
        typed = {"dagster-k8s/config": TYPED_POD, "user": "bob", "dagster/partition": "registry.example.com"}
        told = server.launch(job, own_page, typed, config)
        assert told["__typename"] == "LaunchRunSuccess", told
        run = server.run(told["run"]["runId"])
        assert (run.status, run.tags["user"]) == (dg.DagsterRunStatus.QUEUED, "alice@example.com")
        pod = get_user_defined_k8s_config(dict(run.tags))
        assert pod.pod_spec_config.get("service_account_name") == account
        assert "image" not in pod.container_config


def test_a_client_of_the_api_may_launch_without_the_headers_of_a_browser(server: Server) -> None:
    told = server.launch("refresh_versions", {})
    assert told["__typename"] == "LaunchRunSuccess"
    again = server.post(_AGAIN, {"run": told["run"]["runId"]}, ALICE)
    assert again["__typename"] == "LaunchRunSuccess"
    assert server.run(again["run"]["runId"]).tags["user"] == "alice@example.com"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_page_launches_nothing(server: Server, headers: dict[str, str]) -> None:
    before = len(server.runs())
    told = server.launch("refresh_versions", {**ALICE, **headers})
    assert told["__typename"] == "PythonError"
    assert "launch the run" in told["message"]
    newest = server.runs()[0]
    assert len(server.runs()) == before + 1
    assert newest.status == dg.DagsterRunStatus.FAILURE
    assert newest.tags.get("user") in (None, NOT_SIGNED_IN)


def test_a_link_a_form_and_a_request_without_preflight_launch_nothing(server: Server) -> None:
    """Dagster takes mutations by GET, and by POST in a query string or with a content type that needs no preflight."""
    variables = json.dumps({"job": "refresh_versions", "config": "{}", "tags": []})
    asked = {"query": _LAUNCH, "variables": variables}
    cross = {**ALICE, "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    url, body = f"{server.address}/graphql", json.dumps({**asked, "variables": json.loads(variables)})
    answers = [
        requests.get(url, params=asked, headers=ALICE, timeout=60),
        requests.get(url, params=asked, headers={**ALICE, "Sec-Fetch-Site": "same-origin"}, timeout=60),
        requests.post(url, params=asked, headers=cross, timeout=60),
        requests.post(url, data=body, headers={**cross, "Content-Type": "text/plain; application/json"}, timeout=60),
    ]
    for answer in answers:
        (told,) = answer.json()["data"].values()
        assert told["__typename"] == "PythonError", told
    for run in server.runs()[: len(answers)]:
        assert run.status == dg.DagsterRunStatus.FAILURE


def test_a_config_that_reads_the_environment_is_refused_in_the_launchpad(server: Server) -> None:
    form = "ops: {decide: {config: {plan: a, decision: approve, images: 1, approver: a, reason: {env: HOME}}}}"
    told = server.launch("approve_eviction_plan", ALICE, config=form)
    assert told["__typename"] == "RunConfigValidationInvalid"
    told = server.launch("refresh_versions", ALICE, config="resources: {site: {config: {site_file: {env: HOME}}}}")
    assert told["__typename"] == "RunConfigValidationInvalid"
    for config in ("ops: {deployed_versions: {config: {env: HOME}}}", "execution: {config: {retries: {disabled: {}}}}"):
        told = server.launch("refresh_versions", ALICE, config=config)
        assert told["__typename"] == "PythonError", told
        assert "run config" in told["message"]

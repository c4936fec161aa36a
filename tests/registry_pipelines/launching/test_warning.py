"""Runs that are pods say in their log when nothing keeps others from choosing their pods."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from registry_pipelines.definitions import build_definitions
from resources.configuration.load import load_site

_KUBERNETES = {
    "module": "dagster_k8s",
    "class": "K8sRunLauncher",
    "config": {
        "service_account_name": "dagster",
        "instance_config_map": "dagster",
        "load_incluster_config": False,
        "kubeconfig_file": "kubeconfig",
        "job_image": "registry.example.com/registry-pipelines:1",
    },
}
_KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "c",
    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
    "users": [{"name": "c", "user": {}}],
}
_OURS = {"module": "registry_pipelines.coordinator", "class": "SignedInRunCoordinator"}


@contextmanager
def an_instance(home: Path, **sections: Any) -> Iterator[dg.DagsterInstance]:
    (home / "kubeconfig").write_text(yaml.safe_dump(_KUBECONFIG))
    (home / "dagster.yaml").write_text(yaml.safe_dump(sections))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@pytest.mark.parametrize(
    ("sections", "warned"),
    [
        ({"run_launcher": _KUBERNETES}, True),
        ({"run_launcher": _KUBERNETES, "run_coordinator": _OURS}, False),
        ({}, False),  # no pods
    ],
)
def test_a_run_that_is_a_pod_warns_of_another_coordinator(
    site_of_everything: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sections: dict[str, Any],
    warned: bool,
) -> None:
    monkeypatch.chdir(tmp_path)
    job = build_definitions(load_site(site_of_everything)).resolve_job_def("refresh_versions")
    with an_instance(tmp_path, **sections) as instance:
        ended = job.execute_in_process(instance=instance, raise_on_error=False)
        said = [log.user_message for log in instance.all_logs(ended.run_id)]
    assert any("can choose service account, secrets and image of a run's pod" in one for one in said) is warned

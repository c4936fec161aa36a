"""What the config of a run may hold: nothing of it reads the environment, in any job, whoever coordinates runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._config.config_type import ConfigType
from dagster._config.source import BoolSourceType, IntSourceType, StringSourceType
from dagster._core.definitions.events import AssetKey

from registry_core.errors import Refused
from registry_core.plain_config import refuse_what_is_not_plain
from registry_pipelines.definitions import build_definitions
from resources.configuration.load import load_site
from tests.registry_pipelines.launching.launches import Launches, request

SECRET = "open-sesame-1890"
FROM_ENVIRONMENT = {"env": "DATABASE_PASSWORD"}


@pytest.fixture
def jobs(site_of_everything: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dg.JobDefinition]:
    monkeypatch.setenv("DATABASE_PASSWORD", SECRET)
    repository = build_definitions(load_site(site_of_everything)).get_repository_def()
    return {job.name: job for job in repository.get_all_jobs()}


def leaves(kind: ConfigType, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], ConfigType]]:
    """Every place of a run config that takes a value, with the kind of it."""
    inner = [getattr(kind, name) for name in ("inner_type", "scalar_type", "non_scalar_type") if hasattr(kind, name)]
    fields = getattr(kind, "fields", None) or {}
    if isinstance(kind, (StringSourceType, IntSourceType, BoolSourceType)) or not (inner or fields):
        yield path, kind
        return
    for name, field in fields.items():
        yield from leaves(field.config_type, (*path, name))
    for one in inner:
        yield from leaves(one, path)


def filled(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    return value  # type: ignore[no-any-return]


def test_no_job_has_a_place_in_its_config_that_dagster_reads_from_the_environment(
    jobs: dict[str, dg.JobDefinition],
) -> None:
    assert len(jobs) > 20
    for name, job in jobs.items():
        read = [".".join(path) for path, kind in leaves(job.run_config_schema.config_type) if "Source" in kind.key]
        assert not read, f"{name}: {read}"


def test_a_secret_that_is_named_anywhere_in_a_config_shows_nowhere(
    jobs: dict[str, dg.JobDefinition], tmp_path: Path
) -> None:
    """Every job and asset, really run with the default coordinator, with the variable named at every place there is."""
    (tmp_path / "dagster.yaml").touch()
    shown = StringIO()
    tried: set[tuple[tuple[str, ...], str]] = set()  # what all jobs have is tried in one of them
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance, redirect_stdout(shown), redirect_stderr(shown):
        for job in jobs.values():
            places = {(path, kind.key) for path, kind in leaves(job.run_config_schema.config_type)}
            places |= {(("resources", "site", "config", "site_file"), ""), (("resources", "io_manager", "config"), "")}
            places |= {(("ops", node.name, "config"), job.name) for node in job.nodes[:2]}
            for place in sorted(places - tried):
                tried.add(place)
                try:
                    ended = job.execute_in_process(
                        filled(place[0], FROM_ENVIRONMENT), instance=instance, raise_on_error=False
                    )
                except dg.DagsterError as error:  # the config is not valid, or a partition is missing
                    shown.write(str(error))
                else:
                    assert not ended.success, (job.name, place)
                    shown.writelines(str(event) for event in ended.all_events)
        for record in instance.get_run_records():
            shown.writelines(str(event) for event in instance.all_logs(record.dagster_run.run_id))
    assert len(tried) > 60
    assert all(any(key == name for _, key in tried) for name in jobs)
    assert SECRET not in shown.getvalue()
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file
    assert SECRET not in " ".join(str(file) for file in tmp_path.rglob("*")), "no folder has its name"


@pytest.mark.parametrize(
    "config",
    [
        {"ops": {"decide": {"config": {"reason": FROM_ENVIRONMENT}}}},
        {"ops": {"restore": {"config": {"images": ["a", FROM_ENVIRONMENT]}}}},
        {"ops": {"a": {"ops": {"b": {"config": {"c": {"d": [[FROM_ENVIRONMENT]]}}}}}}},
        {"ops": {"a": {"inputs": {"b": {"value": FROM_ENVIRONMENT}}}}},
        {"loggers": {"console": {"config": {"name": FROM_ENVIRONMENT}}}},
        {"resources": {"site": {"config": {"site_file": "another.yaml"}}}},
        {"resources": {"io_manager": {"config": {"base_dir": "/tmp"}}}},
        {"execution": {"config": {"job_image": "evil"}}},
        {"inputs": {"a": FROM_ENVIRONMENT}},
        {"ops": FROM_ENVIRONMENT},
    ],
)
def test_a_config_that_is_not_plain_is_refused_before_the_run_is_queued(
    launches: Launches, config: dict[str, Any]
) -> None:
    for source in (None, request()):
        with pytest.raises(Refused) as caught:
            launches.launch("refresh_catalog", run_config=config, source=source)
        assert "\n" not in str(caught.value)
        assert launches.newest().status == dg.DagsterRunStatus.FAILURE


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"ops": {}, "resources": {}, "execution": {}, "loggers": None},
        {"ops": {"decide": {"config": {"reason": "the env of team a", "images": 3, "code": ""}}}},
        {"loggers": {"console": {"config": {"log_level": "DEBUG"}}}},
    ],
)
def test_a_plain_config_is_taken(config: dict[str, Any]) -> None:
    refuse_what_is_not_plain(config)


def test_every_asset_is_refused_a_config_of_resources_by_the_site_that_it_takes(
    jobs: dict[str, dg.JobDefinition], tmp_path: Path
) -> None:
    job = jobs["__ASSET_JOB"]
    with dg.DagsterInstance.ephemeral() as instance:
        for key in (AssetKey("deployed_versions"), AssetKey("single_copy_report")):
            ended = job.get_subset(asset_selection={key}).execute_in_process(
                {"execution": {"config": {"retries": {"disabled": {}}}}}, instance=instance, raise_on_error=False
            )
            assert not ended.success
            assert "the run config holds `execution`" in json.dumps([str(event) for event in ended.all_events])

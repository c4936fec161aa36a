"""Automation in a real Dagster instance, tick by tick: what is not required holds nothing up; what waits says so."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from assets.evidence_checks import NAME, evidence_checks
from registry_core.errors import DatabaseError
from registry_pipelines.definitions import build_definitions
from registry_pipelines.jobs import REFRESH_CATALOG, REFRESH_INVENTORY
from registry_pipelines.sensors import FOLLOW_THE_EVIDENCE
from resources.configuration.settings import Site
from resources.embedded_registry import EmbeddedRegistry
from tests.company import REGISTRY, Company

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_POLICIES = [{"repositories": ["**"], "keep_last": 3, "keep_in_use": {}}]
_OF_ONE_REGISTRY = {"image_usage", "health_report", "eviction_plan"}
_OF_THE_SITE = {"deployed_versions", "single_copy_report"}

Made = dict[str, set[str | None]]


class Automation:
    """The daemon of one instance: evaluates the conditions, and remembers between ticks."""

    def __init__(self, company: Company, instance: dg.DagsterInstance) -> None:
        self._company, self._instance = company, instance
        self._cursor: Any = None
        self._loaded: tuple[str, dg.Definitions] | None = None

    @property
    def site(self) -> Site:
        return self._company.loaded.site

    @property
    def definitions(self) -> dg.Definitions:
        """Those of the site's file as it is, as a code server has them that was reloaded when it changed."""
        text = self._company.site_file.read_text()
        if self._loaded is None or self._loaded[0] != text:
            self._loaded = text, build_definitions(self._company.loaded)
        return self._loaded[1]

    def tick(self, *, at: datetime | None = None) -> Made:
        """What one tick would make: partitions by asset."""
        found = self._evaluate(at)
        return {
            result.key.to_user_string(): set(
                result.true_subset.expensively_compute_partition_keys() if result.true_subset.is_partitioned else {None}
            )
            for result in found.results
            if isinstance(result.key, dg.AssetKey) and not result.true_subset.is_empty
        }

    def checks_asked_for(self, *, at: datetime | None = None) -> set[str]:
        """Assets of which one tick would make the check."""
        return {
            result.key.asset_key.to_user_string()
            for result in self._evaluate(at).results
            if isinstance(result.key, dg.AssetCheckKey) and not result.true_subset.is_empty
        }

    def _evaluate(self, at: datetime | None) -> Any:
        found = dg.evaluate_automation_conditions(
            self.definitions, self._instance, cursor=self._cursor, evaluation_time=at
        )
        self._cursor = found.cursor
        return found

    def run(self, job: str, partition: str | None = None) -> dg.ExecuteInProcessResult:
        return self.definitions.resolve_job_def(job).execute_in_process(
            _QUIET, instance=self._instance, partition_key=partition, raise_on_error=False
        )

    def make(self, made: Made) -> dg.ExecuteInProcessResult:
        """Carry a tick out, all assets of one partition in one run."""
        (partition,) = {partition for of in made.values() for partition in of}
        return self.once(dg.define_asset_job("by_automation", selection=dg.AssetSelection.assets(*made)), partition)

    def read(self, *clusters: str, registries: tuple[str, ...] = ()) -> None:
        for cluster in clusters:
            assert self.run(REFRESH_INVENTORY, cluster).success
        for registry in registries:
            assert self.run(REFRESH_CATALOG, registry).success

    def hang(self, source: str, *, asset: str = "cluster_inventory", job: str = REFRESH_INVENTORY) -> None:
        """A run that reads a source, and never ends."""
        self._instance.create_run_for_job(
            self.definitions.resolve_job_def(job),
            tags={"dagster/partition": source},
            status=dg.DagsterRunStatus.STARTED,
            asset_selection=frozenset({dg.AssetKey(asset)}),
        )

    def checks(self) -> dict[str, dg.AssetCheckEvaluation]:
        """*Required evidence is there*, by asset."""
        job = dg.define_asset_job("by_automation", selection=dg.AssetSelection.checks(*evidence_checks(self.site)))
        result = self.once(job)
        return {
            found.asset_key.to_user_string(): found
            for found in result.get_asset_check_evaluations()
            if found.check_name == NAME
        }

    def once(self, job: Any, partition: str | None = None) -> dg.ExecuteInProcessResult:
        definitions = dg.Definitions.merge(self.definitions, dg.Definitions(jobs=[job]))
        return definitions.resolve_job_def(job.name).execute_in_process(
            _QUIET, instance=self._instance, partition_key=partition, raise_on_error=False
        )


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def of(assets: set[str], partitions: set[str | None]) -> Made:
    return {asset: set(partitions) for asset in assets}


def clusters(company: Company, **more: dict[str, Any]) -> dict[str, Any]:
    known = {
        name: {"dump": str(company.root / "clusters" / name), "environment": name} for name in ("production", "staging")
    }
    return {**known, **more}


def week_old(company: Company, cluster: str) -> None:
    """A dump says when its cluster was read by the time of its files."""
    then = time.time() - timedelta(days=7, minutes=5).total_seconds()
    for path in (company.root / "clusters" / cluster).glob("*.json"):
        os.utime(path, (then, then))


def week_old_no_more(company: Company, cluster: str) -> None:
    for path in (company.root / "clusters" / cluster).glob("*.json"):
        os.utime(path)


def registries(company: Company, *more: str, url: str = "http://127.0.0.1:1") -> dict[str, Any]:
    known = {REGISTRY: {"url": company.registry.url, "hosts": [REGISTRY], "retries": 0}}
    return {**known, **{name: {"url": url, "hosts": [name], "retries": 0} for name in more}}


def cluster_out_of_reach(**more: Any) -> dict[str, Any]:
    return {"dump": "/nowhere/at/all", "environment": "testing", **more}


def test_an_optional_cluster_that_was_never_read_holds_nothing_up(
    company: Company, instance: dg.DagsterInstance
) -> None:
    company.configure(policies=_POLICIES, clusters=clusters(company, lab=cluster_out_of_reach(required=False)))
    automation = Automation(company, instance)
    automation.tick()
    automation.read("production", "staging", registries=(REGISTRY,))
    made = automation.tick()
    assert made == of(_OF_ONE_REGISTRY, {REGISTRY}) | of(_OF_THE_SITE, {None})
    assert automation.make({name: made[name] for name in _OF_ONE_REGISTRY}).success
    assert all(check.passed for check in automation.checks().values())
    assert automation.tick() == {}


def test_a_new_required_cluster_holds_up_what_requires_it_and_nothing_else(
    company: Company, instance: dg.DagsterInstance
) -> None:
    company.configure(policies=_POLICIES, clusters=clusters(company, new=cluster_out_of_reach()))
    automation = Automation(company, instance)
    automation.tick()
    week_old(company, "production")
    automation.read("production", "staging", registries=(REGISTRY,))
    assert automation.tick() == of(_OF_THE_SITE, {None})

    found = automation.checks()
    assert {name for name, check in found.items() if not check.passed} == _OF_ONE_REGISTRY
    for name in _OF_ONE_REGISTRY:
        told = str(found[name].description)
        assert f"{name} of {REGISTRY} waits since" in told
        assert "(7 days): the inventory of new was never read" in told
        assert found[name].severity == dg.AssetCheckSeverity.ERROR

    shutil.copytree(company.root / "clusters" / "staging", company.root / "clusters" / "new")
    company.configure(
        policies=_POLICIES, clusters=clusters(company, new={"dump": str(company.root / "clusters" / "new")})
    )
    week_old_no_more(company, "production")
    automation.read("new", "production")
    made = automation.tick()
    assert {name: made[name] for name in _OF_ONE_REGISTRY} == of(_OF_ONE_REGISTRY, {REGISTRY})
    assert automation.make({name: made[name] for name in _OF_ONE_REGISTRY}).success
    assert all(check.passed for check in automation.checks().values())


def test_a_cluster_that_is_removed_is_no_longer_waited_for(company: Company, instance: dg.DagsterInstance) -> None:
    company.configure(policies=_POLICIES, clusters=clusters(company, new=cluster_out_of_reach()))
    automation = Automation(company, instance)
    automation.tick()
    automation.read("production", "staging", registries=(REGISTRY,))
    assert not _OF_ONE_REGISTRY & automation.tick().keys()
    company.configure(policies=_POLICIES)
    made = automation.tick()
    assert made == of(_OF_ONE_REGISTRY, {REGISTRY})
    assert automation.make(made).success
    company.configure(policies=_POLICIES, clusters={"production": clusters(company)["production"]})
    assert automation.tick() == {}
    automation.read("production")
    assert automation.tick().keys() >= _OF_ONE_REGISTRY


def test_a_required_cluster_that_is_broken_for_a_week_stops_plans_alone_and_a_check_says_so(
    company: Company, instance: dg.DagsterInstance
) -> None:
    company.configure(policies=_POLICIES)
    automation = Automation(company, instance)
    automation.tick()
    week_old(company, "staging")
    automation.read("production", "staging", registries=(REGISTRY,))
    (company.root / "clusters" / "staging").rename(company.root / "away")
    assert not automation.run(REFRESH_INVENTORY, "staging").success
    made = automation.tick()
    assert made == of(_OF_ONE_REGISTRY - {"eviction_plan"}, {REGISTRY}) | of(_OF_THE_SITE, {None})
    assert automation.make({name: made[name] for name in ("image_usage", "health_report")}).success
    found = automation.checks()
    assert {name for name, check in found.items() if not check.passed} == {"eviction_plan"}
    told = str(found["eviction_plan"].description)
    assert "the inventory of staging is 7 days old and limits.max_inventory_age is 2h" in told
    assert automation.tick() == {}

    (company.root / "away").rename(company.root / "clusters" / "staging")
    week_old_no_more(company, "staging")
    automation.read("staging")
    assert automation.tick()["eviction_plan"] == {REGISTRY}


def test_an_optional_cluster_that_is_broken_for_a_week_or_read_in_part_stops_no_plan(
    company: Company, instance: dg.DagsterInstance
) -> None:
    known = clusters(company)
    known["staging"]["required"] = False
    company.configure(policies=_POLICIES, clusters=known)
    automation = Automation(company, instance)
    automation.tick()
    week_old(company, "staging")
    automation.read("production", "staging", registries=(REGISTRY,))
    (company.root / "clusters" / "staging" / "workloads.json").write_text('{"kind": "List", "items": [{"kind": "Po')
    assert not automation.run(REFRESH_INVENTORY, "staging").success
    made = automation.tick()
    assert made["eviction_plan"] == {REGISTRY}
    assert automation.make({name: made[name] for name in _OF_ONE_REGISTRY}).success
    assert all(check.passed for check in automation.checks().values())


def test_a_registry_that_was_never_crawled_stops_nothing_of_the_one_beside_it(
    company: Company, instance: dg.DagsterInstance
) -> None:
    company.configure(policies=_POLICIES, registries=registries(company, "down.example.com"))
    automation = Automation(company, instance)
    automation.tick()
    automation.read("production", "staging", registries=(REGISTRY,))
    made = automation.tick()
    assert made == of(_OF_ONE_REGISTRY, {REGISTRY}) | of(_OF_THE_SITE, {None})
    told = str(automation.checks()["image_usage"].description)
    assert "image_usage of down.example.com waits since" in told
    assert "the catalog of down.example.com was never read" in told


def test_a_registry_that_is_added_is_made_once_it_was_read(
    company: Company, instance: dg.DagsterInstance, embedded_registry: EmbeddedRegistry
) -> None:
    company.configure(policies=_POLICIES)
    automation = Automation(company, instance)
    automation.tick()
    automation.read("production", "staging", registries=(REGISTRY,))
    assert automation.make(
        {name: where for name, where in automation.tick().items() if name in _OF_ONE_REGISTRY}
    ).success
    company.configure(
        policies=_POLICIES, registries=registries(company, "second.example.com", url=embedded_registry.url)
    )
    assert automation.tick() == {}
    automation.read(registries=("second.example.com",))
    made = automation.tick()
    assert {name: made[name] for name in _OF_ONE_REGISTRY} == of(_OF_ONE_REGISTRY, {"second.example.com"})


def test_what_the_command_line_read_is_not_waited_for(company: Company, instance: dg.DagsterInstance) -> None:
    company.configure(policies=_POLICIES)
    automation = Automation(company, instance)
    automation.tick()
    company.survey()
    automation.read("production")
    assert automation.tick().keys() == _OF_ONE_REGISTRY | _OF_THE_SITE


def test_a_reading_that_hangs_holds_nothing_up_for_long_and_an_optional_one_not_at_all(
    company: Company, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.configure(policies=_POLICIES, clusters=clusters(company, lab=cluster_out_of_reach(required=False)))
    automation = Automation(company, instance)
    automation.tick()
    automation.read("production", "staging", registries=(REGISTRY,))
    automation.hang("lab")
    assert automation.tick().keys() == _OF_ONE_REGISTRY | _OF_THE_SITE
    assert automation.tick() == {}
    automation.hang("production")
    automation.read("staging")
    assert automation.tick() == {}
    monkeypatch.setattr("assets.automation.LONGEST_READING", timedelta(0))
    assert automation.tick().keys() >= {"image_usage", "eviction_plan"} | _OF_THE_SITE


def test_the_sensor_asks_for_runs(company: Company, instance: dg.DagsterInstance) -> None:
    company.configure(policies=_POLICIES, clusters=clusters(company, lab=cluster_out_of_reach(required=False)))
    automation = Automation(company, instance)
    definitions = automation.definitions
    sensor = definitions.resolve_sensor_def(FOLLOW_THE_EVIDENCE)
    repository = definitions.get_repository_def()
    first = sensor.evaluate_tick(dg.build_sensor_context(instance=instance, definitions=definitions))
    assert first.run_requests == []
    automation.read("production", "staging", registries=(REGISTRY,))
    context = dg.build_sensor_context(instance=instance, repository_def=repository, cursor=first.cursor)
    asked = sensor.evaluate_tick(context).run_requests
    assert {(request.partition_key, *sorted(key.to_user_string() for key in request.asset_selection or ()))
            for request in asked} == {(REGISTRY, *sorted(_OF_ONE_REGISTRY)), (None, *sorted(_OF_THE_SITE))}  # fmt: skip


def test_the_check_of_what_waits_is_made_every_15_minutes(company: Company, instance: dg.DagsterInstance) -> None:
    company.configure(policies=_POLICIES)
    automation = Automation(company, instance)
    noon = datetime(2030, 1, 1, 12, 0, 30, tzinfo=UTC)
    everything = {*_OF_ONE_REGISTRY, *_OF_THE_SITE}
    assert automation.checks_asked_for(at=noon) == set()
    assert automation.checks_asked_for(at=noon + timedelta(minutes=14)) == set()
    assert automation.checks_asked_for(at=noon + timedelta(minutes=15)) == everything


def test_the_sensor_evaluates_the_checks_too(company: Company) -> None:
    company.configure(policies=_POLICIES)
    definitions = build_definitions(company.loaded)
    graph = definitions.resolve_asset_graph()
    selection = definitions.resolve_sensor_def(FOLLOW_THE_EVIDENCE).asset_selection
    assert selection is not None
    assert selection.resolve_checks(graph) >= set(evidence_checks(company.loaded.site))


def test_a_tick_that_cannot_look_up_what_waits_fails_and_makes_it_up(
    company: Company, instance: dg.DagsterInstance
) -> None:
    company.configure(policies=_POLICIES)
    automation = Automation(company, instance)
    automation.tick()
    automation.read("production", "staging", registries=(REGISTRY,))
    history = company.root / "registry_pipelines.sqlite"
    history.rename(company.root / "away")
    history.mkdir()
    with pytest.raises(Exception, match="Error while evaluating conditions") as failed:
        automation.tick()
    assert isinstance(failed.value.__cause__, DatabaseError)
    history.rmdir()
    (company.root / "away").rename(history)
    assert automation.tick().keys() == _OF_ONE_REGISTRY | _OF_THE_SITE


def test_a_catalog_that_is_being_read_holds_up_its_own_registry_alone(
    company: Company, instance: dg.DagsterInstance
) -> None:
    company.configure(policies=_POLICIES)
    automation = Automation(company, instance)
    automation.tick()
    automation.read("production", "staging", registries=(REGISTRY,))
    automation.hang(REGISTRY, asset="registry_catalog", job=REFRESH_CATALOG)
    assert automation.tick() == of(_OF_THE_SITE, {None})


def test_what_dagster_knows_and_the_history_lost_is_not_waited_for_in_silence(
    company: Company, instance: dg.DagsterInstance
) -> None:
    company.configure(policies=_POLICIES)
    automation = Automation(company, instance)
    automation.tick()
    automation.read("production", "staging", registries=(REGISTRY,))
    for path in company.root.glob("registry_pipelines.sqlite*"):
        path.unlink()
    made = automation.tick()
    assert made.keys() == _OF_ONE_REGISTRY | _OF_THE_SITE
    assert not automation.make({name: made[name] for name in _OF_ONE_REGISTRY}).success

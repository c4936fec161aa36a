"""Runs launched through a real workspace and the run coordinator of a real instance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from starlette.requests import Request

from tests.company import REGISTRY, Company

HEADER = "X-Forwarded-Email"
LOCATION = "registry_pipelines"
UI = "https://dagster.example.com"

#: The pod of the jobs that delete, as a site names it.
DELETER = {"service_account": "registry-deleter", "secrets": ["registry-deleter"]}

COLLECTION = {"cluster": "production", "namespace": "registry", "command": ["registry", "garbage-collect", "/c.yml"]}

#: What a person types who wants more than their job has.
TYPED_POD = (
    '{"pod_spec_config": {"service_account_name": "registry-deleter"}, "container_config": {"image": "evil",'
    ' "command": ["sh"], "env_from": [{"secret_ref": {"name": "registry-deleter"}}]}}'
)


def whole_site(company: Company) -> None:
    """Configure one of everything, with pods of their own where the configuration knows them."""
    other = {"url": "http://new.example.com", "hosts": ["new.example.com"]}
    company.configure(
        registries={
            REGISTRY: {"url": company.registry.url, "hosts": [REGISTRY], "collection": COLLECTION},
            "new": other,
        },
        policies=[{"repositories": ["**"], "keep_last": 3}],
        migrations={"move": {"from": REGISTRY, "to": "new", "what": {"all": True}}},
        replications={"keep": {"from": REGISTRY, "to": "new", "what": {"newest": 3}}},
        clusters={"production": {"context": "production"}},
        cutovers={"point": {"clusters": ["production"], "from": REGISTRY, "to": "new"}},
        eviction={"pod": DELETER},
    )


@contextmanager
def an_instance(home: Path, **config: Any) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance with our coordinator; what it has queued stays queued, as no daemon runs."""
    home.mkdir(exist_ok=True)
    coordinator = {
        "module": "registry_pipelines.coordinator",
        "class": "SignedInRunCoordinator",
        "config": {"header": HEADER, **config},
    }
    (home / "dagster.yaml").write_text(yaml.safe_dump({"run_coordinator": coordinator}))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def request(method: str = "POST", **headers: str) -> Request:
    """A request as the web server has it; names of headers with `_` for `-`."""
    named = {
        "host": "dagster.example.com",
        **{name.replace("_", "-").lower(): value for name, value in headers.items()},
    }
    pairs = [(name.encode(), value.encode()) for name, value in named.items()]
    return Request({"type": "http", "method": method, "path": "/graphql", "query_string": b"", "headers": pairs})


@dataclass(frozen=True)
class Launches:
    """Launches runs of one code location."""

    instance: dg.DagsterInstance
    process: WorkspaceProcessContext

    @classmethod
    @contextmanager
    def of_module(cls, instance: dg.DagsterInstance, module: str) -> Iterator[Launches]:
        origin = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name=module), location_name=LOCATION)
        with WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget(origin)) as process:
            yield cls(instance, process)

    @property
    def jobs(self) -> dict[str, Any]:
        context = self.process.create_request_context()
        (repository,) = context.get_code_location(LOCATION).get_repositories().values()
        return {job.name: job for job in repository.get_all_jobs()}

    def launch(
        self,
        job: str,
        *,
        tags: Mapping[str, str] | None = None,
        run_config: Mapping[str, Any] | None = None,
        source: object | None = None,
        workspace: WorkspaceProcessContext | None = None,
        **other: Any,
    ) -> dg.DagsterRun:
        """Create a run as the web server does, with what was typed, and submit it. Raises what the coordinator raises.

        `source` is the web request; None is a launch by the daemon. `workspace` is what is loaded when it is submitted.
        """
        found = self.jobs[job]
        run = self.instance.create_run(
            job_name=job,
            run_id=None,
            run_config=run_config or {},
            status=dg.DagsterRunStatus.NOT_STARTED,
            tags={**found.tags, **(tags or {})},
            job_snapshot=found.job_snapshot,
            execution_plan_snapshot=None,
            parent_job_snapshot=None,
            remote_job_origin=found.get_remote_origin(),
            job_code_origin=found.get_python_origin(),
            asset_graph=None,
            **{
                "root_run_id": None, "parent_run_id": None, "step_keys_to_execute": None, "op_selection": None,
                "resolved_op_selection": None, "asset_selection": None, "asset_check_selection": None, **other,
            },
        )  # fmt: skip
        self.instance.submit_run(run.run_id, (workspace or self.process).create_request_context(source))
        return self.stored(run.run_id)

    def stored(self, run_id: str) -> dg.DagsterRun:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def newest(self) -> dg.DagsterRun:
        return self.instance.get_runs(limit=1)[0]

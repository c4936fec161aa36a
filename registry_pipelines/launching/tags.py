"""Run tags that choose where and as what a run is executed: they are of the job's definition, never typed.

`K8sRunLauncher` takes service account, secrets, command and image of the pod of a run from its tag
`dagster-k8s/config`, which anyone may type in the Launchpad. The UI, a re-execution, a backfill, a sensor or a schedule
each leave other tags on a run (asset jobs lose theirs, dagster#19599), so these are set here for all of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from dagster import DagsterRun
from dagster._core.workspace.context import BaseWorkspaceRequestContext

from registry_core.errors import Refused

#: The tags that dagster-k8s reads of a run. Importing it takes half a second, and this is loaded by every process.
_KUBERNETES = "dagster-k8s/"
POD_CONFIG = f"{_KUBERNETES}config"
POD_RESOURCES = f"{_KUBERNETES}resource_requirements"

#: Tags of other launchers and executors that choose a task, an image or a queue with other rights.
_OTHERS = ("dagster-celery/", "dagster-celery-k8s/", "dagster-docker/", "dagster-aws/", "ecs/")

#: What such a launcher writes itself, and a re-execution repeats.
_WRITTEN_BY_LAUNCHERS = ("ecs/cluster", "ecs/task_arn")


def tags_of_definition(run: DagsterRun, workspace: BaseWorkspaceRequestContext) -> dict[str, str]:
    """The tags of the definition of a run's job, as the code location has it now.

    Raises Refused where it cannot be loaded: what the definition says is then not known.
    """
    origin = run.remote_job_origin
    if origin is None:
        raise Refused(f"the run of {run.job_name} names no code location, so its pod is not known; launch it in the UI")
    location, repository = origin.location_name, origin.repository_origin.repository_name
    try:
        job = workspace.get_code_location(location).get_repository(repository).get_full_job(run.job_name)
        return {**job.tags, **job.run_tags}
    except Exception as error:
        raise Refused(
            f"the definition of {run.job_name} cannot be loaded from the code location {location}"
            f" ({type(error).__name__}), so that its pod is not known; reload the code location and launch it again"
        ) from error


def set_by_definition(typed: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """What has to be written over the tags of a run, so that those which choose its pod are those of its definition.

    A tag cannot be taken away from a run: one that the definition does not have becomes empty.
    """
    wanted = {key: value for key, value in own.items() if key.startswith((_KUBERNETES, *_OTHERS))}
    for key in typed:
        if key.startswith(_KUBERNETES) and key not in own:
            wanted[key] = _nothing(key, own)
    return {key: value for key, value in wanted.items() if typed.get(key) != value}


def refuse_tags_of_other_launchers(typed: Mapping[str, str], own: Mapping[str, str]) -> None:
    """Raises Refused for a tag of another launcher that the definition does not set: no value of it is known to mean
    nothing, so that it cannot be written over."""
    for key, value in typed.items():
        if key.startswith(_OTHERS) and key not in _WRITTEN_BY_LAUNCHERS and own.get(key) != value:
            raise Refused(
                f"the tag {key} chooses how a run is executed, and only the job's definition may set it; launch the"
                " run without it"
            )


def _nothing(key: str, own: Mapping[str, str]) -> str:
    """The value of a Kubernetes tag that changes nothing."""
    if key != POD_RESOURCES:
        return "{}"
    # It replaces the resources of the config, so that the empty value would take those of the definition away.
    config = json.loads(own.get(POD_CONFIG, "{}"))
    return json.dumps(config.get("container_config", {}).get("resources") or {})

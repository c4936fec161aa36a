"""Look for torn uploads where the registry's storage can be looked into: in the pod that `collection` names."""

from __future__ import annotations

from datetime import timedelta

from registry_core.coverage import Gap
from registry_core.errors import ClusterError
from registry_core.findings import Finding
from registry_core.findings_uploads import judge_uploads
from resources.clusters.pod_commands import KEPT_LINES, PodCommands, PodPlace, RunsCommands
from resources.configuration.eviction_settings import CollectionSettings
from resources.connections import Connections

#: A younger upload may still be under way.
OLD_AFTER = timedelta(days=1)

_PLACE = "uploads that were never finished"


def find_torn_uploads(
    connections: Connections, registry: str, *, runs: RunsCommands | None = None
) -> tuple[list[Finding], Gap | None]:
    """Findings, and the gap where a storage was to be looked into and could not be, or not whole.

    The gap is excused: these take room and hurt nobody, and the rest of a report is worth having without them.
    Where no `collection` is configured nothing is asked and nothing is said.
    """
    settings = connections.registry_settings(registry).collection
    if settings is None or settings.cluster is None:
        return [], None
    commands = runs or _in_the_pod(connections, settings)
    try:
        ended = commands.run(_command(settings))
    except ClusterError as error:
        return [], Gap(_PLACE, error.fault, str(error), excused=True)
    if ended.status:
        last = ended.lines[-1] if ended.lines else "it wrote nothing"
        why = f"`find` in {settings.storage} ended with status {ended.status}: {last}; look at `collection.storage`"
        return [], Gap(_PLACE, "missing", why, excused=True)
    findings = judge_uploads(ended.lines, older_than="a day")
    if len(ended.lines) < KEPT_LINES:
        return findings, None
    return findings, Gap(_PLACE, "missing", f"there are more than the {KEPT_LINES:,} that were read", excused=True)


def _in_the_pod(connections: Connections, settings: CollectionSettings) -> PodCommands:
    place = PodPlace(settings.namespace, settings.pod_selector, settings.container)
    assert settings.cluster is not None
    return PodCommands(connections.cluster_connection(settings.cluster), place)


def _command(settings: CollectionSettings) -> tuple[str, ...]:
    """For the `find` of BusyBox too, which is what the registry's own image has."""
    minutes = int(OLD_AFTER.total_seconds() // 60)
    return ("find", settings.storage, "-path", "*/_uploads/*", "-name", "startedat", "-mmin", f"+{minutes}")

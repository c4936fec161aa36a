"""Try each cluster as the inventory will: a little of every kind of object that it reads."""

from __future__ import annotations

from collections.abc import Iterator

from registry_core.errors import ConfigError, RegistryPipelinesError
from registry_pipelines.cli.diagnosis import Diagnosis, State
from resources.clusters.opening import open_cluster
from resources.clusters.source import AccessCheck, ClusterSource, RowsRead
from resources.configuration.load import LoadedSite
from resources.configuration.secrets import read_secret
from resources.configuration.settings import ClusterSettings, Site

Hosts = dict[str, set[str]]
"""Host of a registry → clusters whose workloads name it."""


def diagnose_cluster(name: str, settings: ClusterSettings, *, hosts: Hosts | None = None) -> Iterator[Diagnosis]:
    """Every kind of object of one cluster. Where it works, `hosts` learns which registries its workloads name."""
    subject = f"cluster {name}"
    try:
        source = open_cluster(name, settings, resolve=read_secret)
        checks = source.check_access()
    except RegistryPipelinesError as error:
        required = settings.required or isinstance(error, ConfigError)
        yield Diagnosis(subject, "connect", "fails" if required else "warning", str(error))
        return
    readable = [check.resource for check in checks if check.works]
    if readable:
        told = f"{source.describe()}: {len(readable)} kinds can be listed ({', '.join(readable)})"
        yield Diagnosis(subject, "list", "ok", told)
    if excused := [check for check in checks if check.excused and not check.works]:
        yield Diagnosis(subject, "list", "note", _excused(excused))
    for check in checks:
        if not check.works and not check.excused:
            yield _unreadable(subject, check, settings)
    if hosts is not None and readable:
        yield from _note_hosts(subject, source, hosts)


def unknown_hosts(site: Site, hosts: Hosts) -> Iterator[Diagnosis]:
    """Registries that workloads name and the configuration does not know."""
    for host, clusters in sorted(hosts.items()):
        if site.registry_of_host(host) is None:
            yield Diagnosis(
                "configuration",
                f"registry {host}",
                "warning",
                f"workloads of {', '.join(sorted(clusters))} use images from {host}, and no registry has this host;"
                " their health is not checked. Add it to `registries`, or to the `hosts` of the one that it is",
            )
    known = sum(site.registry_of_host(host) is not None for host in hosts)
    if hosts:
        yield Diagnosis("configuration", "hosts in use", "ok", f"{known} of {len(hosts)} have a registry")


def diagnose_clusters(loaded: LoadedSite, hosts: Hosts | None) -> Iterator[Diagnosis]:
    """All clusters of the site."""
    if not loaded.site.clusters:
        yield Diagnosis("configuration", "clusters", "warning", "no cluster is configured: add one to `clusters`")
    for name, settings in loaded.site.clusters.items():
        yield from diagnose_cluster(name, settings, hosts=hosts)


def _unreadable(subject: str, check: AccessCheck, settings: ClusterSettings) -> Diagnosis:
    state: State = "fails" if settings.required else "warning"
    tried = "connect" if check.resource == "connection" else f"list {check.resource}"
    return Diagnosis(subject, tried, state, f"{check.fault}: {check.detail}")


def _excused(checks: list[AccessCheck]) -> str:
    """Kinds that may be missing, in one sentence: most clusters lack most of the custom resources."""
    by_fault: dict[str, list[str]] = {}
    for check in checks:
        by_fault.setdefault(str(check.fault), []).append(check.resource)
    told = "; ".join(f"{fault}: {', '.join(resources)}" for fault, resources in by_fault.items())
    return f"not read, which is allowed: {told}"


def _note_hosts(subject: str, source: ClusterSource, hosts: Hosts) -> Iterator[Diagnosis]:
    references = 0
    try:
        for event in source.read():
            if isinstance(event, RowsRead):
                references += len(event.rows)
                for row in event.rows:
                    if row.registry:
                        hosts.setdefault(row.registry, set()).add(source.cluster)
    except RegistryPipelinesError as error:
        yield Diagnosis(subject, "read image references", "fails", str(error))
        return
    yield Diagnosis(subject, "read image references", "ok", f"{references:,} references")
